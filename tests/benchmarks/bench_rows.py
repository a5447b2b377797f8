"""Packed rows with a shared prefix against plain padded batches of transformers: same samples, same model, one run.

The model is a random Llama of six layers, large enough that matrix products dominate as they do in a real student.
"""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.tiny import make_student
from tools.training.chat import Encoded
from tools.training.fast import fast_rows
from tools.training.rows import pack, row_loss

SAMPLES = 32
LAYOUTS = {"prefix384_own64": (384, 64), "prefix51_own130": (51, 130), "no_prefix": (0, 130)}


def run() -> dict[str, float]:
    """Samples a second of packed rows over those of padded batches of 8, by layout of the samples."""
    from transformers import AutoModelForCausalLM

    with tempfile.TemporaryDirectory() as folder:
        student = make_student(Path(folder), hidden=384, layers=6)
        model = AutoModelForCausalLM.from_pretrained(student, attn_implementation="sdpa").eval()
    figures = {}
    for name, (shared, own) in LAYOUTS.items():
        samples = _samples(shared, own)
        row_tokens = max(shared + 8 * own, 512)
        packed_s = _best(lambda samples=samples, row_tokens=row_tokens: _packed(model, samples, row_tokens))
        padded_s = _best(lambda samples=samples: _padded(model, samples))
        figures[f"training.{name}.vs_padded"] = padded_s / packed_s
    return figures


def _samples(shared: int, own: int) -> list[Encoded]:
    """Own lengths vary by a half around the mean, as real ones do; a third of the own tokens is the answer."""
    rng = random.Random(own)
    prefix = tuple(rng.randrange(250) for _ in range(shared))
    made = []
    for _ in range(SAMPLES):
        length = rng.randint(own // 2, own * 3 // 2)
        ids = tuple(rng.randrange(250) for _ in range(length))
        made.append(Encoded(prompt_ids=prefix + ids[: length * 2 // 3], answer_ids=ids[length * 2 // 3 :]))
    return made


def _packed(model: Any, samples: Sequence[Encoded], row_tokens: int) -> None:
    with fast_rows(model):
        for start in range(0, len(samples), 8):
            for row in pack(samples[start : start + 8], row_tokens):
                row_loss(model, row).backward()
    model.zero_grad()


def _padded(model: Any, samples: Sequence[Encoded]) -> None:
    import torch

    for start in range(0, len(samples), 8):
        batch = samples[start : start + 8]
        longest = max(sample.tokens for sample in batch)
        ids = [[*s.prompt_ids, *s.answer_ids, *[0] * (longest - s.tokens)] for s in batch]
        mask = [[1] * s.tokens + [0] * (longest - s.tokens) for s in batch]
        labels = [[-100] * len(s.prompt_ids) + list(s.answer_ids) + [-100] * (longest - s.tokens) for s in batch]
        model(
            input_ids=torch.tensor(ids),
            attention_mask=torch.tensor(mask),
            labels=torch.tensor(labels),
            use_cache=False,
        ).loss.backward()
    model.zero_grad()


def _best(work: Callable[[], None]) -> float:
    """Seconds of the best of three; the first also warms up."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)
