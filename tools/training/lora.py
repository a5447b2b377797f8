"""The LoRA product of a frozen linear layer, y = x W' + s (x A') B', as one step of autograd.

peft computes the same in five passes over an (L, out) tensor; here the update is added where the base product stands,
and only x and x A' are kept for backward.
"""

from functools import cache
from typing import Any


def lora_linear(module: Any, x: Any) -> Any:
    """What `peft.tuners.lora.Linear.forward` gives for one adapter without dropout; x (..., in) -> (..., out)."""
    name = module.active_adapters[0]
    base, scale = module.base_layer, module.scaling[name]
    a, b = module.lora_A[name].weight, module.lora_B[name].weight  # (r, in), (out, r)
    y = _function().apply(x.flatten(0, -2), base.weight, base.bias, a, b, scale)
    return y.unflatten(0, x.shape[:-1])


def can_fuse(module: Any) -> bool:
    """Whether a module is a plain LoRA linear layer: frozen full-precision base, one adapter, no dropout, no DoRA."""
    import torch
    from peft.tuners.lora import Linear

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


@cache
def _function() -> Any:
    import torch

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

    return LoraLinear
