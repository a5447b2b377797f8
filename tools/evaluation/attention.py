"""Attention for decoding on a CPU: torch reads grouped keys and values in place.

transformers copies them once per query head before it calls torch, with every token of every layer: for SmolLM2 a
fifth of the time of a step. torch does without, with the same bits.
"""

from typing import Any

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
