"""What curves say: thirteen made ones, and five real runs that were forced to end so."""

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.kills import word_samples
from tools.dataset.splits import Row
from tools.records import Plan, Project
from tools.student.chat import Encoded, encode, load_tokenizer
from tools.training.compute.learner import Engine
from tools.training.compute.loop import DIVERGED
from tools.training.diagnosis import diagnose
from tools.training.monitor import Metric
from tools.training.schedule import batches, learning_rate, stretch_of

Shape = Callable[[float], float]  # loss at a share of the run
LAST = 120


def made(train: Shape, dev: Shape, noise: float = 0.05, measurements: int = 10) -> list[Metric]:
    rng = random.Random(5)
    marks = {round(LAST * part / measurements) for part in range(1, measurements + 1)}
    metrics = [Metric(step=0, epoch=0, dev_loss_per_token=dev(0))]
    for step in range(1, LAST + 1):
        x = step / LAST
        loss = train(x) * (1 + rng.uniform(-noise, noise))
        shown = dev(x) if step in marks else None
        metrics.append(Metric(step=step, epoch=3 * x, loss_per_token=loss, dev_loss_per_token=shown))
    return metrics


def falls(start: float, end: float, pace: float) -> Shape:
    return lambda x: end + (start - end) * math.exp(-pace * x)


def turns(start: float, best: float, at: float, end: float) -> Shape:
    """Down to `best` at a share of the run, then up to `end`."""
    return lambda x: start + (best - start) * x / at if x < at else best + (end - best) * (x - at) / (1 - at)


CURVES: list[tuple[str, list[Metric], int, str]] = [
    ("settled early", made(falls(2, 0.2, 12), falls(2, 0.25, 12)), 500, "converged"),
    ("settled, noisy", made(falls(3, 0.6, 9), falls(3, 0.7, 9), noise=0.15), 500, "converged"),
    ("noise of almost nothing", made(falls(0.5, 0.01, 12), falls(0.5, 0.015, 12), noise=0.8), 480, "converged"),
    ("few measurements", made(falls(1.5, 0.1, 14), falls(1.5, 0.12, 14), measurements=3), 300, "converged"),
    ("still falling", made(falls(2, 0.1, 2), falls(2, 0.2, 2)), 500, "underfit"),
    ("steps too small", made(falls(2.4, 2.3, 1), falls(2.4, 2.32, 1)), 500, "underfit"),
    ("turned in the middle", made(falls(2, 0.05, 6), turns(2, 0.5, 0.4, 0.8)), 500, "overfit"),
    ("turned late", made(falls(2, 0.05, 5), turns(2, 0.4, 0.7, 0.46)), 500, "overfit"),
    ("learnt by heart", made(falls(2, 0.01, 9), falls(2, 1.1, 14)), 20, "too small a set"),
    ("by heart, and worse", made(falls(2, 0.01, 9), turns(2, 1.2, 0.3, 1.9)), 30, "too small a set"),
    ("rising", made(turns(2, 1.5, 0.2, 6), turns(2, 1.6, 0.2, 6)), 500, "diverging"),
    ("no number", [*made(falls(2, 1, 3), falls(2, 1, 3)), Metric(step=121, epoch=3, loss_per_token=math.inf)], 500,
     "diverging"),
    ("saw teeth", made(lambda x: 1.2 if round(x * LAST) % 2 else 0.5, falls(2, 0.9, 6)), 500, "learning rate too high"),
]  # fmt: skip


@pytest.mark.parametrize(("metrics", "samples", "verdict"), [c[1:] for c in CURVES], ids=[c[0] for c in CURVES])
def test_made_curves(metrics: list[Metric], samples: int, verdict: str) -> None:
    found = diagnose(metrics, samples)
    assert found.verdict == verdict, found.sentence


def test_a_verdict_needs_measurements() -> None:
    assert diagnose([], 100).verdict == "too early"
    assert diagnose(made(falls(2, 1, 3), falls(2, 1, 3), measurements=1), 100).verdict == "too early"


REAL: list[tuple[str, int, float, float, str]] = [  # name, training samples, epochs, learning rate, verdict
    ("too short", 64, 2, 3e-4, "underfit"),
    ("by heart", 10, 60, 5e-3, "too small a set"),
    ("well", 150, 16, 5e-3, "converged"),
    ("too fast", 64, 6, 0.5, "diverging"),
    ("nothing to learn but each answer", 80, 30, 5e-3, "overfit"),
]


@pytest.mark.parametrize(("count", "epochs", "rate", "verdict"), [c[1:] for c in REAL], ids=[c[0] for c in REAL])
def test_real_runs(tiny_student: Path, count: int, epochs: float, rate: float, verdict: str) -> None:
    metrics = trained(tiny_student, count, epochs, rate, at_random=verdict == "overfit")
    found = diagnose(metrics, count)
    assert found.verdict == verdict, found.sentence


def shuffled(rows: list[Row]) -> list[Row]:
    """Each question with another row's answer: nothing that is learnt of some helps with others."""
    answers = [row.messages[-1] for row in rows]
    random.Random(7).shuffle(answers)
    return [
        row.model_copy(update={"messages": (*row.messages[:-1], told)}) for row, told in zip(rows, answers, strict=True)
    ]


def trained(student: Path, count: int, epochs: float, rate: float, *, at_random: bool) -> list[Metric]:
    project = Project(id="project-1", owner="local", slug="words", name="Words")
    tokenizer = load_tokenizer(student)
    rows = [Row(id=one.id, messages=one.messages) for one in word_samples(project, 190)]
    rows = shuffled(rows) if at_random else rows
    encoded: list[Encoded] = [encode(tokenizer, row) for row in rows]
    dev, samples = encoded[:40], encoded[40 : 40 + count]
    plan = Plan(
        student=f"path:{student}",
        epochs=epochs,
        learning_rate=rate,
        batch_samples=8,
        row_tokens=1024,
        max_sample_tokens=512,
        lora_rank=8,
        lora_alpha=16,
        precision="fp32",
        method="full",  # an adapter on random weights has nothing to build on
    )
    engine = Engine(student, plan)
    engine.check(samples)
    stretch = stretch_of(plan, len(samples))
    steps = list(batches(samples, plan, stretch))
    metrics = [Metric(step=0, epoch=0, dev_loss_per_token=engine.loss(dev))]
    for step, batch in enumerate(steps, start=1):
        loss, _ = engine.step(batch, learning_rate(plan, step, stretch))
        measured = step == len(steps) or step % max(1, len(steps) // 8) == 0
        shown = engine.loss(dev) if measured else None
        epoch = step / len(steps) * epochs
        metrics.append(Metric(step=step, epoch=epoch, loss_per_token=loss, dev_loss_per_token=shown))
        if shown is not None and shown > DIVERGED * (metrics[0].dev_loss_per_token or 0):
            break  # as the job does
    engine.end()
    return metrics
