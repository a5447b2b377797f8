"""What advice must know: lengths, and a few real steps on this machine. In a child: its caller never loads torch."""

import hashlib
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import Field

from tools.catalog import Catalog
from tools.dataset.splits import read_dev, read_train
from tools.errors import RetortError
from tools.files import write_atomic
from tools.jobs import compute_environment
from tools.machine import free_bytes
from tools.records import Dataset, Method, Value
from tools.settings import settings

VERSION = 8  # of what is measured; an older answer in the cache is another key


class Wishes(Value):
    """What a plan says that changes how fast a step is and what it holds; None leaves it to the machine."""

    method: Method = "lora"
    lora_dropout: float = 0
    precision: Literal["bf16", "fp32"] | None = None
    learnt: Literal["every", "last"] = "every"


class Measured(Value):
    """Token lengths of train and dev for one student, and what real training steps took on this machine."""

    template: str = Field("", description="What is done about the student's chat template, and what ends an answer.")
    samples: int
    prefix_tokens: int = Field(description="Tokens that all prompts begin with.")
    p50_tokens: int = Field(description="Median sample length, prefix included.")
    p95_tokens: int
    longest_tokens: int
    total_own_tokens: int = Field(description="Sum over train and dev of tokens beyond the shared prefix.")
    parameters: int = Field(description="Weights of the student.")
    device: str = Field(description="'cpu' or the GPU's name.")
    devices: int = Field(description="Number of GPUs; 1 on a CPU.")
    precision: Literal["bf16", "fp32"] = Field(
        description="The number format of the steps: as wished, or the faster one for this machine's matrix products."
    )
    packed: bool = Field(description="Whether steps computed packed rows, or padded batches.")
    s_per_token: float = Field(description="Seconds of a step by computed token.")
    start_s: float = Field(description="Seconds from the start of a process until its steps have their pace.")
    checkpoint_s: float = Field(description="Seconds to write a checkpoint, answer dev prompts and draw the curves.")
    room_bytes: int = Field(description="Memory that training may take: the GPU's, or what was free on this machine.")
    runtime_bytes: int = Field(description="What the process held before the student was loaded.")
    peak_bytes: int = Field(description="The most that was held, of the GPU or by the process.")
    trained: int = Field(description="Weights that trained in these steps.")
    trained_rank: int = Field(description="Rank of the adapter in these steps.")
    row_tokens: int = Field(description="Length of the rows in these steps.")
    saved_bytes_per_token: float = Field(description="What a token's forward pass keeps for backward.")


def measure(catalog: Catalog, dataset: Dataset, student: str, wishes: Wishes | None = None) -> Measured:
    """Measure once for each dataset, student and wishes; the answer is kept in the cache folder of the home."""
    wishes = wishes or Wishes()
    told = f"{student} {sorted(dataset.sha256.items())} {wishes} {_machine()} {VERSION}"
    key = hashlib.sha256(told.encode()).hexdigest()[:24]
    cached = settings().home_dir / "cache" / f"measured-{key}.json"
    if cached.is_file():
        known = Measured.model_validate_json(cached.read_bytes())
        room = free_bytes() if known.device == "cpu" else known.room_bytes
        return known.model_copy(update={"room_bytes": room})
    splits = (read_train(catalog, dataset), read_dev(catalog, dataset))
    told_rows = [[row.model_dump(mode="json") for row in rows] for rows in splits]
    asked = json.dumps({"student": student, "wishes": wishes.model_dump(), "splits": told_rows})
    command = [sys.executable, "-m", "tools.training.compute.measuring"]
    done = subprocess.run(
        command,
        input=asked,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **compute_environment()},  # as the job will have it
    )
    answer = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    if done.returncode or not answer:
        problem, fix = (
            json.loads(answer)
            if answer.startswith("[")
            else (
                done.stderr.strip()[-500:],
                "Check the student reference; 'status' shows the default for this machine.",
            )
        )
        raise RetortError(f"Student {student!r} could not be measured: {problem}", fix)
    measured = Measured.model_validate_json(answer)
    write_atomic(cached, answer.encode())
    return measured


def advised_row(batch: int, prefix: int, p95: int, longest: int, device: str) -> int:
    """Tokens of a row. On a CPU: room for a batch of long samples, so that it seldom pays for its prefix twice, up to
    the 2,048 beyond which rows fall out of its caches (SmolLM2, 2 cores: 211 tokens/s, 183 at 4,096, 196 at 1,024)."""
    row = min(2_048, prefix + batch * max(1, p95 - prefix)) if device == "cpu" else 8_192
    return max(row, longest, 64)


def _machine() -> str:
    """What the pace depends on beside the plan: a home may move to another machine, or its threads be limited."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    return f"{platform.node()} {os.cpu_count()} {settings().threads} {visible} {version('torch')}"
