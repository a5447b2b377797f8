"""Rows on their way to the device: packed by a thread while the device computes, moved in one asynchronous copy each.

All integers of a row (tokens, positions, labels, the indices of its layout) lie in one buffer of pinned memory, so that
a copy neither waits for the device nor makes the device wait.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch

from tools.student.chat import Encoded
from tools.student.packing import Row, pack
from tools.training.compute.attention import Layout
from tools.training.compute.kernels import PARTS


@dataclass(frozen=True)
class Loaded:
    """A row's tensors on the device: (1, L), (1, L), (labels,), (labels,), and who sees whom."""

    input_ids: Any
    positions: Any
    predictors: Any
    labels: Any
    layout: Layout
    tokens: int


def load(row: Row, device: Any, way: str = PARTS) -> Loaded:
    """The row on the device, to be attended to in a `way` of `tools.training.compute.kernels`.

    On a GPU the copy is queued, and what is computed with it later waits for it there.
    """
    layout = Layout(row.groups, torch.device("cpu"))
    held = [torch.tensor(numbers) for numbers in (row.input_ids, row.positions, row.predictors, row.labels)]
    indices = layout.indices
    whole = torch.cat([*held, *indices])
    if torch.device(device).type == "cuda":
        whole = whole.pin_memory().to(device, non_blocking=True)
    parts = iter(whole.split([part.numel() for part in chain(held, indices)]))
    ids, positions, predictors, labels = (next(parts) for _ in held)
    placed = layout.placed(device, list(parts), way)
    return Loaded(ids[None], positions[None], predictors, labels, placed, row.tokens)


@dataclass(frozen=True)
class Ready:
    """A batch whose rows are made, or being made, of at most `row_tokens`."""

    batch: Sequence[Encoded]
    row_tokens: int
    rows: Callable[[], list[Loaded]]  # waits for the thread


class Ahead:
    """The next batch's rows, made by a thread while this one's are computed."""

    def __init__(self, loaded: Callable[[Row], Loaded]) -> None:
        self._loaded = loaded
        self._thread = ThreadPoolExecutor(1, "rows")
        self._coming: Ready | None = None

    @property
    def waiting(self) -> Sequence[Encoded] | None:
        """The batch that is being made ready."""
        return self._coming.batch if self._coming else None

    def expect(self, batch: Sequence[Encoded], row_tokens: int) -> None:
        made = self._thread.submit(lambda: [self._loaded(row) for row in pack(batch, row_tokens)])
        self._coming = Ready(batch, row_tokens, made.result)

    def take(self, batch: Sequence[Encoded], row_tokens: int) -> Ready | None:
        """What was expected, if it was this batch in such rows."""
        coming, self._coming = self._coming, None
        return coming if coming and coming.batch is batch and coming.row_tokens == row_tokens else None

    def end(self) -> None:
        self._thread.shutdown(cancel_futures=True)
