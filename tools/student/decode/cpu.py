"""Attention for decoding on a CPU: torch reads grouped keys and values in place.

transformers copies them once per query head before it calls torch, with every token of every layer: for SmolLM2 a
fifth of the time of a step. torch does without, with the same bits.
"""

import os
import time
from typing import Any

from tools.settings import settings

NAME = "retort_grouped_sdpa"


def grouped_attention() -> str:
    """Register the implementation and return its name for `attn_implementation`."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    return NAME


def _attend(  # noqa: PLR0917  transformers' own order
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: float | None = None, **_unused: object
) -> tuple[Any, None]:
    """transformers' interface: query (batch, heads, time, dim), key and value (batch, groups, seen, dim)."""
    from torch.nn.functional import scaled_dot_product_attention

    causal = attention_mask is None and query.shape[2] > 1 and getattr(module, "is_causal", True)
    answer = scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, scale=scaling, is_causal=causal, enable_gqa=True
    )
    return answer.transpose(1, 2).contiguous(), None  # (batch, time, heads, dim)


# --- threads --------------------------------------------------------------------------------------------------------


ROWS, WIDTH, HEIGHT, PRODUCTS = 32, 576, 1536, 30  # the shape of SmolLM2's decoding; 10 to 200 ms a trial


def use_fastest_threads() -> int:
    """Set torch's threads to the setting, or to one or all cores, whichever is faster at this moment."""
    import torch

    chosen = settings().threads
    if not chosen:
        every = len(os.sched_getaffinity(0))
        chosen = min((every, 1), key=_seconds) if every > 1 else 1
    torch.set_num_threads(chosen)
    return chosen


def _seconds(threads: int) -> float:
    import torch

    torch.set_num_threads(threads)
    left, right = torch.ones(ROWS, WIDTH), torch.ones(WIDTH, HEIGHT)
    with torch.inference_mode():
        left @ right  # wakes the threads
        started = time.perf_counter()
        for _ in range(PRODUCTS):
            left @ right
        return time.perf_counter() - started
