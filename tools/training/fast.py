"""Teach a peft model packed rows for a while: attention in two parts, LoRA products fused; its weights stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tools.training.attention import register
from tools.training.lora import can_fuse, lora_linear


@contextmanager
def fast_rows(model: Any) -> Iterator[None]:
    """Within, `tools.training.rows.row_loss` works; afterwards the model computes as peft and transformers made it."""
    base = model.get_base_model()
    before = base.config._attn_implementation
    fused = [module for module in model.modules() if can_fuse(module)]
    base.set_attn_implementation(register())
    for module in fused:
        module.forward = partial(lora_linear, module)
    try:
        yield
    finally:
        for module in fused:
            del module.forward  # the class's own is seen again
        base.set_attn_implementation(before)
