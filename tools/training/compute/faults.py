"""What goes wrong in a step, told apart: no memory, and numbers that are no numbers any more."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from tools.errors import RetortError


def is_out_of_memory(error: BaseException) -> bool:
    """torch raises its own error on a GPU, a plain RuntimeError of its allocator on a CPU, Python a MemoryError."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def not_finite(what: str, rate: float, weights: Mapping[str, Any], base_loss: Callable[[], float]) -> RetortError:
    """Why a loss or gradient is NaN or infinite, found by looking: the trained weights, or the student without them.

    `base_loss` computes the same batch with the adapter's contribution at zero.
    """
    with torch.no_grad():
        largest = max(float(weight.abs().max()) for weight in weights.values())
    if not math.isfinite(largest):
        return RetortError(
            f"{what} at learning rate {rate:.1e}: trained weights are no longer numbers.",
            "Say 'lower learning rate' for a new plan, then train again; earlier checkpoints are intact.",
        )
    if math.isfinite(base_loss()):
        return RetortError(
            f"{what} at learning rate {rate:.1e}: what was learnt overflows (the largest trained "
            f"weight is {largest:.1e}), while the student without it still computes normally.",
            "Say 'lower learning rate' for a new plan, then train again; earlier checkpoints are intact.",
        )
    return RetortError(
        f"{what} on this batch even without anything that was learnt: the student's own numbers overflow.",
        "Say 'use fp32' for a new plan, or choose another student.",
    )
