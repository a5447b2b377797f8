"""Part 3: attention by length, compiling, recomputing activations, and batch sizes."""

from collections.abc import Callable
from statistics import median
from typing import Any

from tests.gpu.shapes import TINY_BY, Size, clear, peak_gb, plan, samples, student
from tools.student.packing import pack
from tools.training.compute.choosing import Choice, best_seconds
from tools.training.compute.fast import compile_parts
from tools.training.compute.learner import Engine
from tools.training.compute.model import save_memory

Tell = Callable[..., None]
SHAPE = "Qwen3-0.6B"
LENGTHS = (
    (0, 130, 32),
    (384, 64, 64),
    (0, 512, 16),
    (0, 2048, 4),
    (0, 8192, 1),
    (2048, 512, 8),
)  # shared, own, samples
BATCHES = (4, 16, 64)


def run(size: Size, tell: Tell) -> None:
    model = student(SHAPE, size, plan(16_384, 8))
    choice = Choice(model)
    for shared, own, count in LENGTHS:
        by = TINY_BY if size.tiny else 1
        drawn = samples(shared // by, max(4, own // by), count, model.config.vocab_size)
        row = pack(drawn, 65_536)[0]
        told = {f"{way}_ms": 1e3 * seconds for way, seconds in choice.times(row).items()}
        tell(f"attention, {shared} shared + {own} own, {count} samples", tokens=row.tokens, **told)
    del model, choice
    clear()
    for name, change in (("as it is", None), ("compiled", "compile"), ("activations recomputed", "recompute")):
        _step(name, change, 16, size, tell)
    for batch in BATCHES:
        _step(f"{batch} samples a step", None, batch, size, tell)


def _step(name: str, change: str | None, batch: int, size: Size, tell: Tell) -> None:
    """Steps of different batches, as in a run, so that a compiler meets rows of other lengths."""
    chosen = plan(8192, batch)
    engine = Engine(None, chosen, student(SHAPE, size, chosen))
    if change == "compile":
        compile_parts(engine.model, backend="aot_eager" if size.tiny else "inductor")
    if change == "recompute":
        save_memory(engine.model)
    engine.pack_rows()
    shared, own, _ = size.layout("51 shared + 130 own")
    drawn = [samples(shared, own, batch, engine.model.config.vocab_size, seed=seed) for seed in range(6)]
    losses: list[float] = []

    def step(at: int) -> Any:
        losses.append(engine.step(drawn[at], 1e-4, drawn[at + 1])[0])

    warm = best_seconds(lambda: [step(0), step(1)], size.device, repeats=1)
    clear()
    seconds = [best_seconds(lambda at=at: step(at), size.device, repeats=1) for at in (2, 3, 4)]
    engine.end()
    figures = {
        "samples_per_s": batch / median(seconds),
        "step_s": median(seconds),
        "warm_s": warm,
        "peak_gb": peak_gb(),
    }
    tell(f"step, {name}", **figures, first_loss=losses[0])
    clear()
