"""Checkpoints: a peft adapter (or the whole model) plus what training needs to go on, complete or absent.

No pickle: tensors are safetensors, the rest JSON. A folder is written under a temporary name, sealed with a manifest of
hashes and renamed, so whatever carries the name `step-...` is whole.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.errors import RetortError
from tools.files import MANIFEST, is_complete, need_space, seal_folder, sync_folder, write_atomic
from tools.records import Checkpoint, Run, Value, new_id

if TYPE_CHECKING:  # what computes a step runs where only torch, transformers, peft and pydantic are
    from tools.catalog import Catalog

STATE_TENSORS = "training_state.tensors"  # not *.safetensors: a server takes all of those for weights
STATE_JSON = "training_state.json"


class Position(Value):
    """Where training stands; with the seed it also says which samples come next."""

    step: int
    dev_loss: float
    row_tokens: int = 0  # smaller than the plan's where memory ran out; 0: as planned
    turn: int = 0  # the step after which the rate falls, or fell
    turned: bool = False  # before its time


def trainable(model: Any) -> dict[str, Any]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def save(run_folder: Path, model: Any, optimizer: Any, position: Position, tokenizer_of: Path | None = None) -> Path:
    """Write the checkpoint of this step and return its folder. Raises RetortError when the disk is full.

    `tokenizer_of`: the student whose tokenizer a whole model needs beside it; an adapter finds it at its base.
    """
    import torch
    from safetensors import SafetensorError
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
        if tokenizer_of is not None:
            _copy_tokenizer(tokenizer_of, partial)
        tensors = {"rng": torch.get_rng_state()}
        if torch.cuda.is_available():
            tensors["rng_cuda"] = torch.cuda.get_rng_state()
        for name, weight in weights.items():
            for key, value in optimizer.state[weight].items():
                tensors[f"{key}/{name}"] = value.detach().cpu().contiguous().clone()
        save_file(tensors, partial / STATE_TENSORS)
    except (OSError, SafetensorError) as error:  # safetensors reports a full disk as its own error
        shutil.rmtree(partial, ignore_errors=True)
        raise RetortError(
            f"The checkpoint of step {position.step} could not be written to {run_folder}: {error}.",
            "Free disk space, then say 'resume': earlier checkpoints are intact.",
        ) from error
    write_atomic(partial / STATE_JSON, position.model_dump_json().encode())
    seal_folder(partial)
    partial.rename(folder)
    sync_folder(folder.parent)
    return folder


def _copy_tokenizer(student: Path, folder: Path) -> None:
    for path in student.iterdir():
        if path.is_file() and not path.name.startswith(("model", MANIFEST)) and not (folder / path.name).exists():
            shutil.copyfile(path, folder / path.name)


def remove(folder: Path) -> None:
    """Delete a checkpoint; a kill on the way leaves what `complete_ones` clears away."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    folder.rename(partial)
    shutil.rmtree(partial, ignore_errors=True)


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

    position = position_of(folder)
    _load_weights(folder, model)
    tensors = load_file(folder / STATE_TENSORS)
    torch.set_rng_state(tensors["rng"])
    if torch.cuda.is_available() and "rng_cuda" in tensors:
        torch.cuda.set_rng_state(tensors["rng_cuda"])
    weights = trainable(model)
    for name, weight in weights.items():
        optimizer.state[weight] = {
            key.split("/")[0]: value.to(weight.device) for key, value in tensors.items() if key.endswith(f"/{name}")
        }
    return position


def _load_weights(folder: Path, model: Any) -> None:
    from peft import PeftModel, set_peft_model_state_dict
    from safetensors.torch import load_file

    if isinstance(model, PeftModel):
        left = set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))
        unknown = left.unexpected_keys
    else:
        parts = [load_file(path) for path in folder.glob("model*.safetensors")]
        left = model.load_state_dict({name: weight for part in parts for name, weight in part.items()}, strict=False)
        unknown = left.unexpected_keys  # tied weights are stored once, so some are missing
    if unknown:
        raise RetortError(
            f"The checkpoint in {folder} has weights that this student lacks: {unknown[0]}.", "Train again."
        )


def position_of(folder: Path) -> Position:
    return Position.model_validate_json((folder / STATE_JSON).read_bytes())


def record(catalog: "Catalog", run: Run, folder: Path, dev_loss: float | None = None) -> Checkpoint:
    """The checkpoint's record; found again if a kill came between writing the folder and adding the record.

    `dev_loss`: where it was measured on other dev rows than the folder tells of.
    """
    place = str(folder.relative_to(catalog.folder(run.project_id)))
    for known in catalog.find(Checkpoint, run.project_id):
        if known.folder == place:
            return known
    position = position_of(folder)
    return catalog.add(
        Checkpoint(
            id=new_id("ckpt"),
            owner=catalog.owner,
            project_id=run.project_id,
            run_id=run.id,
            step=position.step,
            folder=place,
            dev_loss=position.dev_loss if dev_loss is None else dev_loss,
        )
    )
