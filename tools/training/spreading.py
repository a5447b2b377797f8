"""From a row's tokens to a padded batch of branches and back, each way one gather, forward and backward.

torch's own backward of an index adds row by row, since an index may repeat; here each token has one slot, so the
gradient is a gather by the opposite index.
"""

from functools import cache
from typing import Any


def spread(tokens: Any, bucket: Any) -> Any:
    """tokens (tokens, heads, dim) -> (branches, longest, heads, dim); padding slots hold some token's values."""
    spread_tokens, _ = _functions()
    return spread_tokens.apply(tokens, bucket.take, bucket.slots).unflatten(0, (bucket.branches, bucket.longest))


def gather(batch: Any, bucket: Any) -> Any:
    """(branches, longest, heads, dim) -> (tokens, heads, dim); padding slots get a gradient of zero."""
    _, gather_tokens = _functions()
    return gather_tokens.apply(batch.flatten(0, 1), bucket.slots)


@cache
def _functions() -> tuple[Any, Any]:
    import torch

    class Spread(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
        @staticmethod
        def forward(ctx: Any, tokens: Any, take: Any, slots: Any) -> Any:
            ctx.save_for_backward(slots)
            return tokens.index_select(0, take)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:  # padding's gradient is zero, since `gather` leaves it out
            return gradient.index_select(0, *ctx.saved_tensors), None, None

    class Gather(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
        @staticmethod
        def forward(ctx: Any, batch: Any, slots: Any) -> Any:
            ctx.save_for_backward(slots)
            ctx.places = batch.shape[0]
            return batch.index_select(0, slots)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            whole = gradient.new_zeros(ctx.places, *gradient.shape[1:])
            return whole.index_copy_(0, *ctx.saved_tensors, gradient), None

    return Spread, Gather
