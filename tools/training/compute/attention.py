"""Attention over packed rows, in two parts: a prefix sees itself, and its branches see it and themselves.

Branches of like length form a batch, so scores are computed only where a token may look: no square mask over the row.
Index j of a branch's keys is position j of its sample, so a sliding window means here what it means for a sample alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from tools.errors import RetortError
from tools.student.packing import Group
from tools.training.compute import kernels
from tools.training.compute.products import attention

NAME = "retort_rows"
KNOWN = {"sliding_window", "softcap", "position_ids", "is_causal", "output_attentions", "use_cache"}
SHORT = 256  # tokens; up to here plain products take a third to a half of the time of torch's bf16 kernel for CPUs
SHORTEST_SHARE = 0.6  # of the longest branch of a batch: shorter ones go into the next batch rather than be padded


@dataclass(frozen=True)
class Bucket:
    """Branches of a group as a batch: `take` (branches * longest,) says which of its tokens stands in each slot."""

    prefix: int  # tokens
    branches: int
    longest: int
    tokens: int
    take: Any  # padding slots repeat the first token: nobody sees them, and no gradient leaves them
    slots: Any  # (tokens,): where each token stands


@dataclass
class Layout:
    """A row as prefixes and buckets, in its order, with their indices on the device; every layer uses the same."""

    groups: Sequence[Group]
    device: Any
    buckets: list[list[Bucket]] = field(default_factory=list)  # of each group
    way: str = "parts"  # of the kernels that attend: see `tools.training.compute.kernels`
    made: dict[Any, Any] = field(init=False, default_factory=dict)  # by whoever attends, for all layers
    _masks: dict[tuple[int, int, int, Any], Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.buckets = self.buckets or [_buckets(group, self.device) for group in self.groups]

    @property
    def indices(self) -> list[Any]:
        """All index tensors, to be moved together; `placed` takes them back in this order."""
        return [part for held in self.buckets for bucket in held for part in (bucket.take, bucket.slots)]

    def placed(self, device: Any, indices: Sequence[Any], way: str = "parts") -> "Layout":
        """The same layout with its indices on a device."""
        rest = iter(indices)
        buckets = [[replace(bucket, take=next(rest), slots=next(rest)) for bucket in held] for held in self.buckets]
        return Layout(self.groups, device, buckets, way)

    @property
    def sizes(self) -> list[int]:
        """Tokens of each prefix and each of its buckets, in the row's order."""
        both = zip(self.groups, self.buckets, strict=True)
        return [size for group, held in both for size in (group.prefix, *(bucket.tokens for bucket in held))]

    def mask(self, prefix: int, longest: int, window: int, dtype: Any) -> Any:
        """Additive (longest, prefix + longest): query i stands at position prefix + i, key j at position j."""
        key = (prefix, longest, window, dtype)
        if key not in self._masks:
            seen = torch.ones(longest, prefix + longest, dtype=torch.bool, device=self.device).tril(prefix)
            if window:
                seen &= ~torch.ones_like(seen).tril(prefix - window)
            self._masks[key] = torch.zeros_like(seen, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
        return self._masks[key]


@dataclass(frozen=True)
class Kind:
    """What a layer's attention is, beside causal."""

    layout: Layout
    window: int  # tokens that a query sees, itself included; 0 for all before it
    scaling: float | None
    softcap: float | None  # Gemma 2: cap * tanh(score / cap)

    def scored(self, prefix: int, query: Any, key: Any, value: Any) -> Any:
        """Attention of query (n, longest, heads, dim) over key, value (n, prefix + longest, groups, dim)."""
        longest = query.shape[1]
        window = self.window if self.window < prefix + longest else 0
        if query.device.type == "cpu" and query.dtype == torch.bfloat16 and longest <= SHORT and not self.softcap:
            mask = self.layout.mask(prefix, longest, window, torch.float32)
            return attention(query, key, value, mask, self.scaling or query.shape[-1] ** -0.5)
        q, k, v = (part.transpose(1, 2) for part in (query, key, value))
        grouped = q.shape[1] != k.shape[1]
        masked_on_gpu = q.device.type != "cpu" and (prefix or window)
        if grouped and (masked_on_gpu or self.softcap):  # torch's GPU kernels with a mask want all heads
            k, v = (part.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for part in (k, v))
            grouped = False
        if self.softcap:
            scores = q @ k.transpose(-1, -2) * (self.scaling or q.shape[-1] ** -0.5)
            capped = (scores / self.softcap).tanh() * self.softcap
            answer = (capped + self.layout.mask(prefix, longest, window, q.dtype)).softmax(dim=-1) @ v
        elif prefix or window:
            mask = self.layout.mask(prefix, longest, window, q.dtype)
            answer = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=self.scaling, enable_gqa=grouped)
        else:
            answer = scaled_dot_product_attention(q, k, v, is_causal=True, scale=self.scaling, enable_gqa=grouped)
        return answer.transpose(1, 2)  # (n, longest, heads, dim)


def register() -> str:
    """Make the implementation known to transformers and return its name for `set_attn_implementation`."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, _no_mask)
    return NAME


def attend(  # noqa: PLR0917  transformers' own order
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    row_layout: Layout | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: object,
) -> tuple[Any, None]:
    """transformers' interface for one row: query (1, heads, L, dim), key and value (1, groups, L, dim)."""
    strange = {name for name, given in others.items() if given is not None} - KNOWN
    if row_layout is None or dropout or attention_mask is not None or strange:
        raise RetortError(
            f"Packed rows are not possible with this attention (dropout {dropout}, "
            f"{', '.join(sorted(strange)) or 'no layout'}).",
            "Train it in padded batches: a run does so by itself when its self-check finds this.",
        )
    kind = Kind(row_layout, sliding_window or 0, scaling, softcap)
    whole = [part[0].transpose(0, 1) for part in (query, key, value)]  # (L, heads, dim)
    if row_layout.way != kernels.PARTS and kernels.knows(row_layout.way, kind, query):
        compute = kernels.varlen if row_layout.way == kernels.VARLEN else kernels.flex
        return compute(kind, *whole)[None], None
    q, k, v = (iter(part.split(row_layout.sizes)) for part in whole)
    pieces: list[Any] = []
    for group, buckets in zip(row_layout.groups, row_layout.buckets, strict=True):
        q_prefix, k_prefix, v_prefix = next(q), next(k), next(v)
        if group.prefix:
            pieces.append(kind.scored(0, q_prefix[None], k_prefix[None], v_prefix[None])[0])
        for bucket in buckets:
            q_own = spread(next(q), bucket)  # (branches, longest, heads, dim)
            k_all = _behind(k_prefix, spread(next(k), bucket))  # (branches, prefix + longest, groups, dim)
            v_all = _behind(v_prefix, spread(next(v), bucket))
            pieces.append(gather(kind.scored(group.prefix, q_own, k_all, v_all), bucket))
    return torch.cat(pieces)[None], None  # (1, L, heads, dim)


def _buckets(group: Group, device: Any) -> list[Bucket]:
    made = []
    rest = list(group.branches)  # longest first
    while rest:
        longest = rest[0]
        count = sum(length >= longest * SHORTEST_SHARE for length in rest)
        lengths = torch.tensor(rest[:count])
        place = torch.arange(longest)[None]  # (1, longest)
        real = place < lengths[:, None]  # (count, longest)
        begins = lengths.cumsum(0) - lengths
        take = torch.where(real, begins[:, None] + place, 0).flatten()
        slots = real.flatten().nonzero()[:, 0]
        made.append(Bucket(group.prefix, count, longest, int(lengths.sum()), take.to(device), slots.to(device)))
        rest = rest[count:]
    return made


def _behind(prefix: Any, own: Any) -> Any:
    """The prefix (prefix, groups, dim) before each branch of own (branches, longest, groups, dim)."""
    if not prefix.shape[0]:
        return own
    return torch.cat([prefix[None].expand(own.shape[0], *prefix.shape), own], dim=1)


def _no_mask(*_arguments: object, **_options: object) -> None:
    """The layout says who sees whom."""


# --- from a row to a padded batch of branches, and back -------------------------------------------------------------


def spread(tokens: Any, bucket: Any) -> Any:
    """tokens (tokens, heads, dim) -> (branches, longest, heads, dim); padding slots hold some token's values."""
    return Spread.apply(tokens, bucket.take, bucket.slots).unflatten(0, (bucket.branches, bucket.longest))


def gather(batch: Any, bucket: Any) -> Any:
    """(branches, longest, heads, dim) -> (tokens, heads, dim); padding slots get a gradient of zero."""
    return Gather.apply(batch.flatten(0, 1), bucket.slots)


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
