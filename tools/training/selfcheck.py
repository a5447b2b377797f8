"""Is the packed computation exact on this model? One batch both ways, before any step is taken."""

from collections.abc import Sequence
from typing import Any

from tools.records import Value
from tools.training.chat import Encoded
from tools.training.checkpoint import trainable
from tools.training.rows import pack, row_loss

# Bounds on the relative difference. float32: rounding over a few dozen layers. bf16: its 8-bit mantissa (2^-8 = 0.4 %)
# averaged over the labels of a batch.
LOSS_BOUND = {"fp32": 1e-5, "bf16": 1e-2}
GRADIENT_BOUND = {"fp32": 1e-3, "bf16": 1e-1}


class SelfCheck(Value):
    loss_difference: float  # relative
    gradient_difference: float  # relative, norm of the difference over norm of the gradient
    exact: bool

    @property
    def sentence(self) -> str:
        figures = f"loss differs by {self.loss_difference:.1e}, gradient by {self.gradient_difference:.1e} (relative)"
        if self.exact:
            return f"Self-check: packed rows equal single samples; {figures}."
        return f"Self-check: packed rows do not equal single samples on this model ({figures}); training them singly."


def selfcheck(model: Any, samples: Sequence[Encoded], row_tokens: int, precision: str) -> SelfCheck:
    """Compare summed loss and LoRA gradient of packed rows with those of single samples."""
    packed_loss, packed = _both(model, samples, row_tokens, share=True)
    single_loss, single = _both(model, samples, row_tokens, share=False)
    loss_difference = abs(packed_loss - single_loss) / max(abs(single_loss), 1e-12)
    gradient_difference = float((packed - single).norm() / single.norm().clamp_min(1e-12))
    exact = loss_difference <= LOSS_BOUND[precision] and gradient_difference <= GRADIENT_BOUND[precision]
    return SelfCheck(loss_difference=loss_difference, gradient_difference=gradient_difference, exact=exact)


def _both(model: Any, samples: Sequence[Encoded], row_tokens: int, *, share: bool) -> tuple[float, Any]:
    import torch

    model.zero_grad(set_to_none=True)
    total = 0.0
    for row in pack(samples, row_tokens, share=share):
        loss = row_loss(model, row)
        loss.backward()
        total += float(loss.detach())
    gradients = [weight.grad.flatten() for weight in trainable(model).values() if weight.grad is not None]
    flat = torch.cat(gradients).clone()  # (trainable weights,)
    model.zero_grad(set_to_none=True)
    return total, flat
