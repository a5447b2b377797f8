"""A checkpoint and its base as one model: safetensors that serve without knowing of LoRA."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from tools.errors import RetortError
from tools.files import is_complete, need_space, seal_folder, sync_folder

_WEIGHTS = (".safetensors", ".safetensors.index.json")


def merge(base: Path, adapter: Path, folder: Path, precision: Literal["bf16", "fp32"] = "bf16") -> Path:
    """Write the merged model into `folder`, once; done in a child process, so that its memory comes back."""
    if is_complete(folder):
        return folder
    partial = folder.with_name(f".{folder.name}.partial")
    for leftover in (folder, partial):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    size = sum(path.stat().st_size for path in base.glob("*.safetensors"))
    need_space(partial, size * (2 if precision == "bf16" else 4), "the merged model")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tools.deployment.merging", str(base), str(adapter), str(partial), precision],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise RetortError(f"Merging {adapter} failed: {last[0]}", "Deploy it as an adapter instead.")
    seal_folder(partial)
    partial.rename(folder)
    sync_folder(folder.parent)
    return folder


def write_merged(base: Path, adapter: Path, folder: Path, precision: str) -> None:
    """Add the update in fp32 to the weights it was trained on and round once, if at all: in bf16 it would be lost."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype).float()
    merged = PeftModel.from_pretrained(model, adapter).merge_and_unload(safe_merge=True)
    merged.to(dtype).save_pretrained(folder, safe_serialization=True)
    for path in base.iterdir():  # tokenizer and chat template, byte by byte
        if path.is_file() and not path.name.endswith(_WEIGHTS) and not (folder / path.name).exists():
            shutil.copyfile(path, folder / path.name)
    (folder / "manifest.json").unlink(missing_ok=True)  # the base's; the merged model gets its own


if __name__ == "__main__":
    base_folder, adapter_folder, merged_folder, wanted = sys.argv[1:]
    write_merged(Path(base_folder), Path(adapter_folder), Path(merged_folder), wanted)
