"""Checkpoints: a peft adapter plus what training needs to go on, complete or absent.

No pickle: tensors are safetensors, the rest JSON. A folder is written under a temporary name, sealed with a manifest of
hashes and renamed, so whatever carries the name `step-...` is whole.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.files import is_complete, need_space, seal_folder, sync_folder, write_atomic
from tools.records import Checkpoint, Run, Value, new_id

STATE_TENSORS = "training_state.safetensors"
STATE_JSON = "training_state.json"


class Position(Value):
    """Where training stands; with the seed it also says which samples come next."""

    step: int
    dev_loss: float


def trainable(model: Any) -> dict[str, Any]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def save(run_folder: Path, model: Any, optimizer: Any, position: Position) -> Path:
    """Write the checkpoint of this step and return its folder. Raises RetortError when the disk is full."""
    import torch
    from safetensors.torch import save_file

    folder = run_folder / "checkpoints" / f"step-{position.step:06d}"
    if is_complete(folder):
        return folder
    weights = trainable(model)
    size = sum(weight.numel() * weight.element_size() for weight in weights.values())
    run_folder.joinpath("checkpoints").mkdir(parents=True, exist_ok=True)
    need_space(run_folder, size * 4, f"the checkpoint of step {position.step}")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        model.save_pretrained(partial, safe_serialization=True)
        (partial / "README.md").unlink(missing_ok=True)  # peft's empty model card
        tensors = {"rng": torch.get_rng_state()}
        for name, weight in weights.items():
            for key, value in optimizer.state[weight].items():
                tensors[f"{key}/{name}"] = value.detach().cpu().contiguous().clone()
        save_file(tensors, partial / STATE_TENSORS)
    except (OSError, RuntimeError) as error:  # safetensors reports a full disk as its own RuntimeError
        shutil.rmtree(partial, ignore_errors=True)
        raise RetortError(
            f"The checkpoint of step {position.step} could not be written to {run_folder}: {error}.",
            "Free disk space, then resume the run: earlier checkpoints are intact.",
        ) from error
    write_atomic(partial / STATE_JSON, position.model_dump_json().encode())
    seal_folder(partial)
    partial.rename(folder)
    sync_folder(folder.parent)
    return folder


def complete_ones(run_folder: Path) -> list[Path]:
    """Folders of the complete checkpoints, oldest first; half-written ones are removed on the way."""
    folder = run_folder / "checkpoints"
    for partial in folder.glob(".step-*.partial"):
        shutil.rmtree(partial, ignore_errors=True)
    return [found for found in sorted(folder.glob("step-*")) if is_complete(found)]


def load(folder: Path, model: Any, optimizer: Any) -> Position:
    """Put adapter, optimizer and RNG back as they were when `folder` was written."""
    import torch
    from safetensors.torch import load_file

    position = Position.model_validate(json.loads((folder / STATE_JSON).read_bytes()))
    adapter = load_file(folder / "adapter_model.safetensors")
    tensors = load_file(folder / STATE_TENSORS)
    torch.set_rng_state(tensors["rng"])
    weights = trainable(model)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(adapter[name.replace(".default.weight", ".weight")])  # peft drops the adapter's name on disk
    for name, weight in weights.items():
        optimizer.state[weight] = {
            key.split("/")[0]: value.to(weight.device) if key.startswith("exp") else value
            for key, value in tensors.items()
            if key.endswith(f"/{name}")
        }
    return position


def record(catalog: Catalog, run: Run, folder: Path) -> Checkpoint:
    """The checkpoint's record; found again if a kill came between writing the folder and adding the record."""
    place = str(folder.relative_to(catalog.folder(run.project_id)))
    for known in catalog.find(Checkpoint, run.project_id):
        if known.folder == place:
            return known
    position = Position.model_validate(json.loads((folder / STATE_JSON).read_bytes()))
    return catalog.add(
        Checkpoint(
            id=new_id("ckpt"),
            owner=catalog.owner,
            project_id=run.project_id,
            run_id=run.id,
            step=position.step,
            folder=place,
            dev_loss=position.dev_loss,
        )
    )
