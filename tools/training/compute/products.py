"""Attention of short branches as plain matrix products, where those are faster than torch's kernel: bf16 on a CPU.

Query heads that share keys stand below each other in one product, so keys are never repeated. Scores and their softmax
are float32, as in torch's kernel; probabilities are kept for backward in the inputs' precision.
"""

from typing import Any

import torch


def attention(query: Any, key: Any, value: Any, mask: Any, scaling: float) -> Any:
    """query (n, longest, heads, dim), key and value (n, seen, groups, dim), additive float32 mask (longest, seen)."""
    return Products.apply(query, key, value, mask, scaling)


class Products(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    """Per key head: S = Q K' + mask, P = softmax(S), O = P V; Q is (heads / groups * longest, dim)."""

    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float) -> Any:  # noqa: PLR0917
        groups = key.shape[2]
        q, k, v = _stacked(query, groups), _stacked(key, groups), _stacked(value, groups)
        scores = torch.bmm(q.float() * scaling, k.float().transpose(1, 2))  # (n * groups, rows, seen)
        scores.view(scores.shape[0], -1, *mask.shape).add_(mask)
        shares = scores.softmax(dim=-1).to(q.dtype)
        ctx.save_for_backward(q, k, v, shares)
        ctx.scaling, ctx.groups = scaling, groups
        return _unstacked(shares @ v, query.shape)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        q, k, v, shares = ctx.saved_tensors
        g = _stacked(gradient, ctx.groups)
        wanted = torch.bmm(g.float(), v.float().transpose(1, 2))  # dP, of which dS = P (dP - its mean under P)
        scores = torch._softmax_backward_data(wanted, shares.float(), -1, torch.float32)
        scores = scores.mul_(ctx.scaling).to(q.dtype)
        q_gradient, k_gradient = scores @ k, scores.transpose(1, 2) @ q
        v_gradient = shares.transpose(1, 2) @ g
        seen = (gradient.shape[0], k.shape[1], ctx.groups, k.shape[2])
        return (
            _unstacked(q_gradient, gradient.shape),
            _unstacked(k_gradient, seen),
            _unstacked(v_gradient, seen),
            None,
            None,
        )


def _stacked(heads: Any, groups: int) -> Any:
    """(n, tokens, heads, dim) -> (n * groups, heads / groups * tokens, dim)."""
    n, tokens, _, dim = heads.shape
    return heads.reshape(n, tokens, groups, -1, dim).permute(0, 2, 3, 1, 4).reshape(n * groups, -1, dim)


def _unstacked(stacked: Any, shape: Any) -> Any:
    """The way back to `shape` (n, tokens, heads, dim)."""
    n, tokens, heads, dim = shape
    groups = stacked.shape[0] // n
    return stacked.view(n, groups, heads // groups, tokens, dim).permute(0, 3, 1, 2, 4).reshape(shape)
