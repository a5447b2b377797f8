"""Teach a peft model packed rows for a while: attention in two parts, LoRA products fused; its weights stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear

from tools.training.compute.attention import register


@contextmanager
def fast_rows(model: Any) -> Iterator[None]:
    """Within, `loss.row_loss` works; afterwards the model computes as peft and transformers made it."""
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


def compile_parts(model: Any, backend: str = "inductor") -> None:
    """Compile what knows nothing of a row: the feed-forward blocks and the norms, for rows of any length.

    Not done by a run: it was never measured on a GPU. `tests/gpu` times it, part 3.
    """
    for name, module in list(model.named_modules()):
        if name.endswith(".mlp") or "norm" in name.rsplit(".", 1)[-1]:
            module.compile(dynamic=True, backend=backend)
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, 64)  # one function, all layers


# --- the LoRA product -----------------------------------------------------------------------------------------------


def lora_linear(module: Any, x: Any) -> Any:
    """What `peft.tuners.lora.Linear.forward` gives for one adapter without dropout; x (..., in) -> (..., out)."""
    name = module.active_adapters[0]
    base, scale = module.base_layer, module.scaling[name]
    a, b = module.lora_A[name].weight, module.lora_B[name].weight  # (r, in), (out, r)
    y = LoraLinear.apply(x.flatten(0, -2), base.weight, base.bias, a, b, scale)
    return y.unflatten(0, x.shape[:-1])


def can_fuse(module: Any) -> bool:
    """Whether a module is a plain LoRA linear layer: frozen full-precision base, one adapter, no dropout, no DoRA."""
    if type(module) is not Linear or type(module.get_base_layer()) is not torch.nn.Linear:
        return False
    (name, *more) = module.active_adapters
    return not (
        more
        or module.merged
        or module.fan_in_fan_out
        or module.get_base_layer().weight.requires_grad
        or module.lora_variant.get(name)
        or module.lora_bias.get(name)
        or not isinstance(module.lora_dropout[name], torch.nn.Identity)
    )


class LoraLinear(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    """x (L, in), weight (out, in), a (r, in), b (out, r). Products are taken in x's precision."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, bias: Any, a: Any, b: Any, scale: float) -> Any:  # noqa: PLR0917
        low = x @ a.to(x.dtype).t()  # (L, r)
        y = x @ weight.t() if bias is None else torch.addmm(bias, x, weight.t())
        y.addmm_(low, b.to(x.dtype).t(), alpha=scale)
        ctx.save_for_backward(x, weight, a, b, low)
        ctx.scale = scale
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        x, weight, a, b, low = ctx.saved_tensors
        low_gradient = (gradient @ b.to(x.dtype)).mul_(ctx.scale)  # (L, r)
        x_gradient = None
        if ctx.needs_input_grad[0]:
            x_gradient = (gradient @ weight).addmm_(low_gradient, a.to(x.dtype))
        a_gradient = (low_gradient.t() @ x).to(a.dtype)
        b_gradient = (low.t() @ gradient).t().mul(ctx.scale).to(b.dtype)
        return x_gradient, None, None, a_gradient, b_gradient, None
