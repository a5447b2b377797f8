"""Two more ways to attend over a whole row on a GPU: variable-length FlashAttention, FlexAttention by a block mask.

Both compute what `attention` computes in parts, without padding; `choosing` times them.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import pad

if TYPE_CHECKING:
    from tools.student.packing import Group
    from tools.training.compute.attention import Kind

PARTS, VARLEN, FLEX = "parts", "varlen", "flex"
BLOCK = 128  # tokens of a block of FlexAttention's mask; rows are padded to whole ones, so that few shapes are compiled
Varlen = Callable[..., Any]


def knows(way: str, kind: "Kind", query: Any) -> bool:
    """Whether a way can compute this attention: half precision on a GPU, and what the kernel has."""
    if way == PARTS or query.device.type != "cuda" or query.dtype not in (torch.bfloat16, torch.float16):
        return way == PARTS
    return way == FLEX or (kind.softcap is None and torch_varlen() is not None and query.shape[-1] % 8 == 0)


def torch_varlen() -> Varlen | None:
    """torch's varlen_attn by the names of the newest release; None where this torch has none (it came with 2.10)."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    known = inspect.signature(varlen_attn).parameters

    def attend(q: Any, k: Any, v: Any, *lengths: Any, window_size: tuple[int, int], scale: float | None) -> Any:
        given: dict[str, Any] = {} if scale is None else {"scale": scale}
        if "window_size" in known:
            given["window_size"] = window_size
        elif window_size == (-1, 0):
            given["is_causal"] = True
        else:
            raise NotImplementedError("this torch's varlen_attn has no windows")
        if "enable_gqa" in known:
            given["enable_gqa"] = q.shape[1] != k.shape[1]
        else:
            k, v = (part.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for part in (k, v))
        return varlen_attn(q, k, v, *lengths, **given)

    return attend


def varlen(kind: "Kind", query: Any, key: Any, value: Any, kernel: Varlen | None = None) -> Any:
    """query (L, heads, dim), key and value (L, groups, dim) -> (L, heads, dim).

    Each prefix is a sequence, each branch one whose keys are its prefix and itself; the kernel's causal mask is aligned
    at the sequences' ends, as FlashAttention's is from 2.1 on.
    """
    layout, kernel = kind.layout, kernel or torch_varlen()
    assert kernel is not None
    if VARLEN not in layout.made:
        layout.made[VARLEN] = _sequences(layout.groups, query.device)
    take, ends_q, ends_k, longest_q, longest_k = layout.made[VARLEN]
    k, v = key.index_select(0, take), value.index_select(0, take)
    window = (kind.window - 1, 0) if kind.window else (-1, 0)
    return kernel(query, k, v, ends_q, ends_k, longest_q, longest_k, window_size=window, scale=kind.scaling)


def _sequences(groups: Sequence["Group"], device: Any) -> tuple[Any, Any, Any, int, int]:
    """Where each sequence's keys stand in the row, where queries and keys end (int32), and the longest of both."""
    take: list[int] = []
    lengths: list[tuple[int, int]] = []
    for before, own in _ranges(groups):
        take += [*before, *own]
        lengths.append((len(own), len(before) + len(own)))
    ends = [list(accumulate(each, initial=0)) for each in zip(*lengths, strict=True)]
    places, ends_q, ends_k = (_moved(numbers, device) for numbers in (take, *ends))
    return places, ends_q.int(), ends_k.int(), max(q for q, _ in lengths), max(k for _, k in lengths)


def _ranges(groups: Sequence["Group"]) -> Iterator[tuple[range, range]]:
    """Of each prefix and branch, in the row's order: the prefix before it (empty for a prefix), and itself."""
    for group in groups:
        prefix = range(group.start, group.start + group.prefix)
        if group.prefix:
            yield range(0), prefix
        begin = prefix.stop
        for length in group.branches:
            yield prefix, range(begin, begin + length)
            begin += length


def flex(kind: "Kind", query: Any, key: Any, value: Any) -> Any:
    """As `varlen`, by FlexAttention: compiled on a GPU; on a CPU torch's reference, which has no backward."""
    layout, tokens = kind.layout, query.shape[0]
    whole = -(-tokens // BLOCK) * BLOCK
    name = (FLEX, kind.window)
    if name not in layout.made:
        layout.made[name] = _block_mask(layout.groups, whole, kind.window, query.device)
    q, k, v = (pad(part, (0, 0, 0, 0, 0, whole - tokens)).transpose(0, 1)[None] for part in (query, key, value))
    answer = _flex(query.device.type == "cuda")(
        q,
        k,
        v,
        score_mod=_capped(kind.softcap) if kind.softcap else None,
        block_mask=layout.made[name],
        scale=kind.scaling,
        enable_gqa=q.shape[1] != k.shape[1],
    )
    assert isinstance(answer, torch.Tensor)
    return answer[0].transpose(0, 1)[:tokens]  # (L, heads, dim)


@cache
def _flex(compiled: bool) -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False) if compiled else flex_attention


@cache
def _capped(softcap: float) -> Any:
    def capped(score: Any, *_place: Any) -> Any:
        return softcap * torch.tanh(score / softcap)

    return capped


def _block_mask(groups: Sequence["Group"], whole: int, window: int, device: Any) -> Any:
    """Token i sees j of its group's prefix, and j of its own branch up to itself; padding sees itself."""
    from torch.nn.attention.flex_attention import create_block_mask

    begins, ends, starts, places = ([*range(whole)] for _ in range(4))
    ends = [0] * whole
    for before, own in _ranges(groups):
        for token in own:
            begins[token], ends[token], starts[token] = before.start, before.stop, own.start
            places[token] = len(before) + token - own.start
    first, last, start, place = _moved([*begins, *ends, *starts, *places], device).split(whole)

    def sees(_batch: Any, _head: Any, i: Any, j: Any) -> Any:
        seen = ((j >= first[i]) & (j < last[i])) | ((j >= start[i]) & (j <= i))
        return seen & (place[i] - place[j] < window) if window else seen

    return create_block_mask(sees, None, None, whole, whole, device=device, BLOCK_SIZE=BLOCK)


def _moved(numbers: Sequence[int], device: Any) -> Any:
    held = torch.tensor(numbers)
    return held.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else held
