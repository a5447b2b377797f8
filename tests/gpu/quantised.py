"""Part 5: LoRA, and QLoRA beside it where bitsandbytes is: loss and memory after the same steps."""

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from tests.gpu.shapes import Size, base, clear, peak_gb, plan, samples
from tools.errors import RetortError
from tools.training.compute.learner import Engine

Tell = Callable[..., None]
SHAPE, STEPS = "Qwen2.5-1.5B", 10


def run(size: Size, tell: Tell) -> None:
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        model = base(SHAPE, size)
        vocabulary = model.config.vocab_size
        model.save_pretrained(folder)
        del model
        for method in ("lora", "qlora"):
            _learn(folder, method, vocabulary, size, tell)


def _learn(folder: Path, method: Literal["lora", "qlora"], vocabulary: int, size: Size, tell: Tell) -> None:
    if method == "qlora" and find_spec("bitsandbytes") is None:
        tell("qlora", not_to_be_had="bitsandbytes is not here; `python -m tests.gpu.collect` brings it")
        return
    clear()
    shared, own, batch = size.layout("51 shared + 130 own")
    try:
        engine = Engine(folder, plan(8192, batch, method=method))
    except RetortError as error:
        tell(method, not_to_be_had=f"{error.problem} {error.fix}")
        return
    drawn = samples(shared, own, 4 * batch, vocabulary)
    checked = engine.check(drawn)
    before = engine.loss(drawn)
    for step in range(STEPS):
        at = step % 4 * batch
        engine.step(drawn[at : at + batch], 1e-3)
    tell(
        method, loss_before=before, loss_after=engine.loss(drawn), peak_gb=peak_gb(), packed=engine.packed, why=checked
    )
    engine.end()
