"""The script for a bare GPU machine, whole, on the CPU in tiny sizes, with nothing else to be imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu.__main__ import PARTS

ROOT = Path(__file__).parents[2]
# What our own code may import there: the four, what they bring along, and what is only used where it is.
ALLOWED = {
    "torch",
    "transformers",
    "peft",
    "pydantic",
    "safetensors",
    "tokenizers",
    "numpy",
    "psutil",
    "trl",
    "datasets",
    "flash_attn",
    "bitsandbytes",
}
BLOCKED = """
import sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top, frame = name.split(".")[0], sys._getframe(1)
        while "importlib" in frame.f_code.co_filename and frame.f_back:
            frame = frame.f_back
        ours = frame.f_code.co_filename.startswith({root!r}) and "-packages" not in frame.f_code.co_filename
        ours = ours and "gpu-site" not in frame.f_code.co_filename
        if ours and top not in {allowed} and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError("No module named " + repr(name) + " on that machine", name=name)
sys.meta_path.insert(0, Absent())
"""


@pytest.mark.slow
def test_every_part_computes_something_on_a_cpu_where_nothing_else_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        BLOCKED.format(root=str(ROOT), allowed=ALLOWED | {"tests", "tools", "prompts"})
    )
    out = tmp_path / "gpu.jsonl"
    command = [sys.executable, "-m", "tests.gpu", "--tiny", "--out", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(tmp_path), capture_output=True, text=True, check=False, timeout=550
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    found = {part: [line for line in lines if line["part"] == part and line["name"] != "end"] for part in PARTS}
    for part, told in found.items():
        assert any(isinstance(value, float) for line in told for value in line.values()), (
            f"part {part} computed nothing"
        )
    assert [line["ended"] for line in lines if line["name"] == "end"] == ["done"]
    exact = [line for line in found[1] if "fp32 parts" in line["name"]]
    assert len(exact) == 3
    assert all(line["loss_apart"] < 1e-6 and line["gradient_apart"] < 1e-5 for line in exact)
    speeds = {line["name"]: line for line in found[2]}
    for who in ("Retort", "transformers, padded", "transformers, flattened with a block mask"):
        assert speeds[f"384 shared + 64 own: {who}"]["samples_per_s"] > 0
    assert 0 < speeds["384 shared + 64 own: Retort"]["share_of_matrix_rate"] < 1
    steps = {line["name"]: line for line in found[3] if line["name"].startswith("step")}
    assert steps["step, compiled"]["first_loss"] == pytest.approx(steps["step, as it is"]["first_loss"], rel=1e-2)
    recomputed = steps["step, activations recomputed"]["first_loss"]
    assert recomputed == pytest.approx(steps["step, as it is"]["first_loss"], rel=1e-3)
    assert found[4][0]["same_answers"] > 0.8, "bf16 may choose another token where two are equal"
    assert any(line["name"] == "lora" and line["loss_after"] < line["loss_before"] for line in found[5])


def _environment(first: Path) -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": f"{first}:{ROOT}"}


def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    command = [sys.executable, "-m", "tests.gpu", "--out", str(tmp_path / "gpu.jsonl")]
    done = subprocess.run(command, cwd=ROOT, env=_environment(ROOT), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no NVIDIA GPU here" in done.stdout


def test_the_limits_are_six_minutes_in_all() -> None:
    assert sum(limit for _, limit in PARTS.values()) <= 360
