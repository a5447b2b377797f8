"""How much arithmetic a step executes, and how fast this device multiplies matrices.

FLOPs of a LoRA step, as executed:
    4 x (weights of the linear layers, head and embedding apart) a token: forward, and the gradient by the input; frozen
      weights need none of their own;
  + 12 x (query, key) pairs that see each other x heads x head_dim x layers: two products forward, four backward;
  + 4 x vocabulary x width a label: logits, and the gradient by the hidden state.
The adapter's own products (about 2 % at rank 16) are left out.
"""

from collections.abc import Sequence
from typing import Any

from tests.gpu.shapes import Size
from tools.student.packing import Row
from tools.training.compute.choosing import best_seconds


def flops(config: Any, rows: Sequence[Row], weights: int) -> float:
    """Of one step over packed rows; `weights` without embedding and head."""
    tokens, labels = sum(row.tokens for row in rows), sum(len(row.labels) for row in rows)
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    pairs = sum(_pairs(row) for row in rows)
    return (
        4 * weights * tokens
        + 12 * pairs * config.num_attention_heads * dim * config.num_hidden_layers
        + 4 * config.vocab_size * config.hidden_size * labels
    )


def _pairs(row: Row) -> int:
    found = 0
    for group in row.groups:
        found += group.prefix * (group.prefix + 1) // 2
        found += sum(own * group.prefix + own * (own + 1) // 2 for own in group.branches)
    return found


def linear_weights(model: Any) -> int:
    """Weights of the base but its embedding and its head."""
    return sum(
        weight.numel()
        for name, weight in model.named_parameters()
        if "lora_" not in name and "embed_tokens" not in name and "lm_head" not in name
    )


def matrix_rate(size: Size) -> float:
    """FLOP/s of a square bf16 product of 8192 (tiny: 256), the fastest of some."""
    import torch

    edge = 256 if size.tiny else 8192
    left = torch.randn(edge, edge, device=size.device).bfloat16()
    return 2 * edge**3 / best_seconds(lambda: left @ left, size.device)
