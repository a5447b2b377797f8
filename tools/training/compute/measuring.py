"""A few real steps on this machine: the child process of `tools.training.measure`, whose caller never loads torch."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import matplotlib.figure  # noqa: F401  what a run loads, so that its time and memory are seen here too
import peft  # noqa: F401
import psutil
import torch
from pydantic import TypeAdapter
from safetensors import safe_open

from tools.dataset.splits import Row
from tools.errors import RetortError
from tools.machine import free_bytes
from tools.records import Plan
from tools.settings import settings
from tools.student.chat import Encoded, load_tokenizer, probe
from tools.student.packing import common_prefix, pack
from tools.student.reference import resolve, short_name
from tools.student.tokens import tokenised
from tools.training.checkpoint import Position, save
from tools.training.compute.learner import Engine
from tools.training.compute.model import use_threads
from tools.training.compute.padded import padded_batches
from tools.training.glimpse import look
from tools.training.measure import Measured, Wishes, advised_row
from tools.training.monitor import Metric, append_metric, draw

RANK = 16  # of the adapter in measured steps; what another rank adds is computed
BATCH = 8  # samples in a measured step
STEPS_S = 4.0  # measured steps are repeated for about so long


def _measure_here(student: str, splits: Sequence[Sequence[Row]], wishes: Wishes) -> Measured:
    folder = resolve(student)
    samples = [sample for rows in splits for sample in tokenised(folder, rows, every=wishes.learnt == "every")]
    lengths = sorted(sample.tokens for sample in samples)
    prefix = common_prefix([one.prompt_ids for sample in samples for one in sample.learnt])
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
        template=probe(folder),
        samples=len(samples),
        prefix_tokens=prefix,
        p50_tokens=lengths[len(lengths) // 2],
        p95_tokens=p95,
        longest_tokens=lengths[-1],
        total_own_tokens=sum(one.tokens - prefix for sample in samples for one in sample.learnt),
        parameters=parameters,
        device=device,
        precision=precision,
        room_bytes=room,
        **_steps(folder, plan, samples, splits[1], began),
    )


def _steps(student: Path, plan: Plan, samples: Sequence[Encoded], dev: Sequence[Row], began_s: float) -> dict[str, Any]:
    """A few real steps of the plan on the samples, then a checkpoint: what they took and held."""
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
    tokenizer = load_tokenizer(student)
    with TemporaryDirectory(dir=settings().home_dir) as kept:  # the disk that a run writes to
        folder = Path(kept)
        append_metric(folder, Metric(step=1, epoch=1, loss_per_token=1, dev_loss_per_token=1))
        started = time.monotonic()
        if engine.plan.method != "full":  # gigabytes are not written for an estimate; beside such steps they are little
            save(folder, engine.model, engine.optimizer, Position(step=1, dev_loss=1))
        if dev:
            with engine.as_peft_made_it() as model:
                look(model, tokenizer, dev, 1, student)
        draw(folder)
        return time.monotonic() - started


def _room(device: str) -> int:
    return int(free_bytes() if device == "cpu" else torch.cuda.mem_get_info()[0])


def _need_room(parameters: int, plan: Plan, room: int) -> None:
    """Refuse to load what cannot fit: better a sentence now than the kernel's kill later."""
    each = 16 if plan.method == "full" else 0.6 if plan.method == "qlora" else 2 if plan.precision == "bf16" else 4
    if parameters * each > room:
        fix = "Say 'use lora'" if plan.method == "full" else "Say 'use qlora' where there is a GPU"
        raise RetortError(
            f"{short_name(plan.student)} needs {parameters * each / 1e9:.1f} GB for its weights alone "
            f"({plan.method}, {plan.precision}); {room / 1e9:.1f} GB are free.",
            f"{fix}, or choose a smaller student.",
        )


def _parameters(folder: Path) -> int:
    """Number of weights, read from the headers of the safetensors files."""
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
    if torch.cuda.is_available():
        real = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if real else "fp32", torch.cuda.get_device_name()
    use_threads()
    return ("bf16" if _product_s(torch.bfloat16) < _product_s(torch.float32) else "fp32"), "cpu"


def _product_s(dtype: object, size: int = 768) -> float:
    """Seconds of a square matrix product, the best of five."""
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
