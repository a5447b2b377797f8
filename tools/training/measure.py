"""What advice must know: lengths, and a few real steps on this machine. In a child: its caller never loads torch."""

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import psutil
from pydantic import Field, TypeAdapter

from tools.catalog import Catalog
from tools.dataset.splits import Row, read_dev, read_train
from tools.errors import RetortError
from tools.files import write_atomic
from tools.jobs import compute_environment
from tools.machine import free_bytes
from tools.records import Dataset, Method, Plan, Value
from tools.settings import settings
from tools.training.chat import Encoded
from tools.training.padded import padded_batches
from tools.training.student import resolve, short_name
from tools.training.tokens import tokenised

if TYPE_CHECKING:
    from tools.training.engine import Engine

RANK = 16  # of the adapter in measured steps; what another rank adds is computed
BATCH = 8  # samples in a measured step
STEPS_S = 4.0  # measured steps are repeated for about so long
VERSION = 6  # of what is measured; an older answer in the cache is another key


class Wishes(Value):
    """What a plan says that changes how fast a step is and what it holds; None leaves it to the machine."""

    method: Method = "lora"
    lora_dropout: float = 0
    precision: Literal["bf16", "fp32"] | None = None


class Measured(Value):
    """Token lengths of train and dev for one student, and what real training steps took on this machine."""

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
    command = [sys.executable, "-m", "tools.training.measure"]
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


def _measure_here(student: str, splits: Sequence[Sequence[Row]], wishes: Wishes) -> Measured:
    import matplotlib.figure  # noqa: F401  what a run loads, so that its time and memory are seen here too
    import peft  # noqa: F401

    from tools.training.rows import common_prefix

    folder = resolve(student)
    samples = [sample for rows in splits for sample in tokenised(folder, rows)]
    lengths = sorted(sample.tokens for sample in samples)
    prefix = common_prefix([sample.prompt_ids for sample in samples])
    p95 = lengths[min(len(lengths) - 1, int(len(lengths) * 0.95))]
    began = time.time() - psutil.Process().create_time()
    fastest, device = fastest_precision()  # a run does not ask
    parameters = _parameters(folder)
    precision = wishes.precision or fastest
    plan = Plan(
        student=student,
        epochs=1,
        learning_rate=1e-6,
        batch_samples=BATCH,
        row_tokens=advised_row(BATCH, prefix, p95, lengths[-1], device),
        max_sample_tokens=max(32, lengths[-1]),
        lora_rank=RANK,
        lora_alpha=RANK,
        lora_dropout=wishes.lora_dropout,
        method=wishes.method,
        precision=precision,
    )
    room = _room(device)
    _need_room(parameters, plan, room)
    return Measured(
        samples=len(samples),
        prefix_tokens=prefix,
        p50_tokens=lengths[len(lengths) // 2],
        p95_tokens=p95,
        longest_tokens=lengths[-1],
        total_own_tokens=sum(lengths) - prefix * len(lengths),
        parameters=parameters,
        device=device,
        precision=precision,
        room_bytes=room,
        **_steps(folder, plan, samples, splits[1], began),
    )


def _steps(student: Path, plan: Plan, samples: Sequence[Encoded], dev: Sequence[Row], began_s: float) -> dict[str, Any]:
    """A few real steps of the plan on the samples, then a checkpoint: what they took and held."""
    import torch

    from tools.training.engine import Engine
    from tools.training.rows import pack

    runtime = 0 if torch.cuda.is_available() else psutil.Process().memory_info().rss
    started = time.monotonic()
    engine = Engine(student, plan)
    engine.check(samples)
    engine.step(samples[:2], plan.learning_rate)  # the first step is slow: kernels are made for its shapes
    start_s = began_s + time.monotonic() - started
    chosen = sorted(samples, key=lambda sample: sample.tokens)
    middle = max(0, len(chosen) // 2 - BATCH // 2)
    batch = [*chosen[middle : middle + BATCH - 1], chosen[-1]]  # usual ones, and the longest for its memory
    paces: list[float] = []
    spent = 0.0
    while len(paces) < 5 and (spent < STEPS_S or not paces):
        moment = time.monotonic()
        _, tokens = engine.step(batch, plan.learning_rate)
        taken = time.monotonic() - moment
        paces.append(taken / tokens)
        spent += taken
    longest = max(row.tokens for row in pack(batch, plan.row_tokens))
    padded = max(sum(s.tokens for s in few) for few in padded_batches(batch, plan.row_tokens))
    found = {
        "packed": engine.packed,
        "s_per_token": sorted(paces)[len(paces) // 2],
        "start_s": start_s,
        "devices": max(1, torch.cuda.device_count()),
        "runtime_bytes": runtime,
        "peak_bytes": engine.peak_bytes(),
        "trained": sum(weight.numel() for weight in engine.weights.values()),
        "trained_rank": plan.lora_rank,
        "row_tokens": longest if engine.packed else padded,
        "saved_bytes_per_token": engine.saved_bytes_per_token(batch[:4]),
        "checkpoint_s": _checkpoint_s(engine, student, dev),
    }
    engine.end()
    return found


def _checkpoint_s(engine: "Engine", student: Path, dev: Sequence[Row]) -> float:
    from tools.training.chat import load_tokenizer
    from tools.training.checkpoint import Position, save
    from tools.training.glimpse import look
    from tools.training.monitor import Metric, append_metric, draw

    tokenizer = load_tokenizer(student)
    with TemporaryDirectory(dir=settings().home_dir) as kept:  # the disk that a run writes to
        folder = Path(kept)
        append_metric(folder, Metric(step=1, epoch=1, loss_per_token=1, dev_loss_per_token=1))
        started = time.monotonic()
        if engine.plan.method != "full":  # gigabytes are not written for an estimate; beside such steps they are little
            save(folder, engine.model, engine.optimizer, Position(step=1, dev_loss=1))
        if dev:
            with engine.as_peft_made_it() as model:
                look(model, tokenizer, dev, 1)
        draw(folder)
        return time.monotonic() - started


def _room(device: str) -> int:
    import torch

    return int(free_bytes() if device == "cpu" else torch.cuda.mem_get_info()[0])


def _need_room(parameters: int, plan: Plan, room: int) -> None:
    """Refuse to load what cannot fit: better a sentence now than the kernel's kill later."""
    each = 16 if plan.method == "full" else 0.6 if plan.method == "qlora" else 2 if plan.precision == "bf16" else 4
    if parameters * each > room:
        fix = "Say 'use lora'" if plan.method == "full" else "Say 'use qlora' where there is a GPU"
        raise RetortError(
            f"{short_name(plan.student)} needs {parameters * each / 1e9:.1f} GB for its weights alone "
            f"({plan.method}, {plan.precision}); {room / 1e9:.1f} GB are free.",
            f"{fix}, or take a smaller student.",
        )


def _parameters(folder: Path) -> int:
    """Number of weights, read from the headers of the safetensors files."""
    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118  not a dict
                size = 1
                for extent in file.get_slice(name).get_shape():
                    size *= extent
                total += size
    return total


def fastest_precision() -> tuple[Literal["bf16", "fp32"], str]:
    """bf16 wins on GPUs that know it and CPUs with bf16 units; elsewhere it is emulated and slower. So it is timed."""
    import torch

    if torch.cuda.is_available():
        real = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if real else "fp32", torch.cuda.get_device_name()
    torch.set_num_threads(settings().threads or torch.get_num_threads())
    return ("bf16" if _product_s(torch.bfloat16) < _product_s(torch.float32) else "fp32"), "cpu"


def _product_s(dtype: object, size: int = 768) -> float:
    """Seconds of a square matrix product, the best of five."""
    import torch

    left = torch.ones(size, size, dtype=dtype)
    best = float("inf")
    for _ in range(6):  # the first is warm-up, and never the best
        started = time.perf_counter()
        left @ left
        best = min(best, time.perf_counter() - started)
    return best


def _main() -> int:
    asked = json.load(sys.stdin)
    splits = TypeAdapter(list[list[Row]]).validate_python(asked["splits"])
    try:
        measured = _measure_here(asked["student"], splits, Wishes.model_validate(asked["wishes"]))
    except RetortError as error:
        print(json.dumps([error.problem, error.fix]))
        return 1
    print(measured.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(_main())
