"""Training that goes on beside training planned at once: the same rows, seed and epochs, in one stretch or in several.

Each way of dividing the epochs ends with a dev loss; its ratio to that of one run over as many epochs is the figure.
Beside it stands what the diagnosis says at the end of each stretch, where the truth is known: whether the next one
lowered dev loss. Stretches that begin alike are trained once.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.bench_trl import STUDENT, contacts
from tools.records import Plan
from tools.student.chat import Encoded
from tools.student.reference import resolve
from tools.training.checkpoint import Position, save
from tools.training.compute.learner import Engine
from tools.training.compute.measuring import fastest_precision
from tools.training.diagnosis import diagnose
from tools.training.monitor import Metric, dev_points, standing
from tools.training.schedule import Stretch, batches, even_steps, learning_rate, stretch_of

WAYS: tuple[tuple[float, ...], ...] = ((1, 2), (2, 1), (1, 1, 1), (0.5, 2.5), (1, 1))  # epochs of each stretch
ROWS, DEV_ROWS, BATCH = 64, 24, 8
MEASURED = 4  # dev measurements in a stretch
RATE = 2e-3  # what advice gives a student of this size
SEEDS = (17, 18)


class Standing(NamedTuple):
    """Where a run stands: its curve, its steps, and the checkpoint it can be continued from."""

    metrics: tuple[Metric, ...]
    step: int
    folder: Path

    @property
    def dev_loss(self) -> float:
        return dev_points(self.metrics)[-1][1]


def run() -> dict[str, float]:
    """Final dev loss in stretches over that at once, by way and seed, and the largest distance from 1."""
    figures: dict[str, float] = {}
    made = contacts(ROWS + DEV_ROWS)
    with tempfile.TemporaryDirectory() as kept:
        for seed in SEEDS:
            trained = Trained(made[DEV_ROWS:], made[:DEV_ROWS], seed, Path(kept) / str(seed))
            for way in WAYS:
                ratio = trained.after(way).dev_loss / trained.after((sum(way),)).dev_loss
                figures[f"going_on.{'+'.join(f'{epochs:g}' for epochs in way)}.seed{seed}"] = ratio
                print(f"seed {seed}, {way}: {ratio:.3f} of the dev loss at once", flush=True)
    figures["going_on.furthest"] = max(abs(ratio - 1) for ratio in figures.values())
    return figures


class Trained:
    """Runs on the same rows from one seed, each stretch trained once."""

    def __init__(self, train: Sequence[Encoded], dev: Sequence[Encoded], seed: int, home: Path) -> None:
        self.train, self.dev, self.seed, self.home = train, dev, seed, home
        self.known: dict[tuple[float, ...], Standing] = {}

    def after(self, way: tuple[float, ...]) -> Standing:
        if way not in self.known:
            self.known[way] = self._trained(way)
            stands = self.known[way]
            begun = self.known[way[:-1]].step if way[:-1] else 0
            found = diagnose(stands.metrics, len(self.train), begun)
            curve = [(step, round(loss, 5)) for step, loss in dev_points(stands.metrics) if step >= begun]
            told = {"seed": self.seed, "epochs": way, "dev": curve, "verdict": found.verdict, "why": found.evidence}
            print(json.dumps(told), flush=True)
        return self.known[way]

    def _trained(self, way: tuple[float, ...]) -> Standing:
        before = self.after(way[:-1]) if way[:-1] else None
        plan = self._plan(sum(way))
        engine = Engine(resolve(STUDENT), plan)
        engine.pack_rows()
        metrics: list[Metric] = []
        stretch = stretch_of(plan, len(self.train))
        if before:
            engine.restore(before.folder)
            epoch, rate = standing(before.metrics, before.step)
            at = before.step
            stretch = stretch_of(plan, len(self.train), first=at, epoch=epoch, rate=rate, done=at)
            metrics = list(before.metrics)
        else:
            metrics.append(Metric(step=0, epoch=0, dev_loss_per_token=engine.loss(self.dev)))
        metrics += self._steps(engine, plan, stretch)
        position = Position(step=stretch.last, dev_loss=dev_points(metrics)[-1][1])
        folder = save(self.home / "-".join(map(str, way)), engine.model, engine.optimizer, position)
        engine.end()
        return Standing(tuple(metrics), stretch.last, folder)

    def _steps(self, engine: Engine, plan: Plan, stretch: Stretch) -> list[Metric]:
        marks = even_steps(MEASURED, stretch.first, stretch.last)
        made = []
        for step, batch in enumerate(batches(self.train, plan, stretch), start=stretch.first + 1):
            rate = learning_rate(plan, step, stretch)
            loss, _ = engine.step(batch, rate)
            dev_loss = engine.loss(self.dev) if step in marks else None
            epoch = step * BATCH / len(self.train)
            made.append(
                Metric(step=step, epoch=epoch, loss_per_token=loss, dev_loss_per_token=dev_loss, learning_rate=rate)
            )
        return made

    def _plan(self, epochs: float) -> Plan:
        return Plan(
            student=STUDENT,
            epochs=epochs,
            seed=self.seed,
            learning_rate=RATE,
            batch_samples=BATCH,
            row_tokens=2048,
            max_sample_tokens=2048,
            lora_rank=16,
            lora_alpha=32,
            precision=fastest_precision()[0],
        )
