"""Is the packed computation exact on this model? One batch both ways, before any step is taken.

bf16 keeps eight bits: two right computations differ by a percent, which would hide a wrong one. So the check of a bf16
student is made in float32, where there is room for its weights, and once more in bf16 for what is coarse.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from tools.errors import RetortError
from tools.machine import free_bytes
from tools.records import Value
from tools.student.chat import Encoded
from tools.student.decode.cache import carries_state
from tools.student.packing import pack
from tools.training.checkpoint import trainable
from tools.training.compute.fast import fast_rows
from tools.training.compute.faults import is_out_of_memory
from tools.training.compute.loss import row_loss
from tools.training.compute.padded import padded_loss

# Bounds on the relative difference. float32: rounding over a few dozen layers. bf16: SmolLM2's padded and packed loss
# are each 0.5 % from float32's, its gradients 5 %; several times that is no rounding any more.
LOSS_BOUND = {"fp32": 1e-5, "bf16": 5e-2}
GRADIENT_BOUND = {"fp32": 1e-3, "bf16": 2e-1}


class SelfCheck(Value):
    loss_difference: float = 0.0  # relative
    gradient_difference: float = 0.0  # relative, norm of the difference over norm of the gradient
    exact: bool = False
    why_not: str = ""  # the student's own words, where packing could not even be tried

    @property
    def sentence(self) -> str:
        if self.why_not:
            return f"Self-check: this student cannot be packed ({self.why_not}); training in padded batches."
        figures = f"loss differs by {self.loss_difference:.1e}, gradient by {self.gradient_difference:.1e} (relative)"
        if self.exact:
            return f"Self-check: packed rows equal padded batches; {figures}."
        return (
            f"Self-check: packed rows do not equal padded batches on this model ({figures}); training in "
            "padded batches."
        )


STATE = SelfCheck(why_not="its layers hand on a state from token to token, which would reach into the next sample")
COARSE = SelfCheck(why_not="in float32 packed rows equal padded batches, but in bf16 they are far apart")


def selfcheck(model: Any, samples: Sequence[Encoded], row_tokens: int, precision: str) -> SelfCheck:
    """Compare summed loss and trainable gradient of packed rows with those of a padded batch, as peft makes them.

    Where states are handed on nothing is compared: long samples, each in a row of its own, would look exact.
    """
    if carries_state(model.config):
        return STATE
    if precision == "bf16" and _has_room(model):
        with _in_float32(model):
            exact = _compared(model, samples, row_tokens, "fp32")
        return exact if not exact.exact or _compared(model, samples, row_tokens, "bf16").exact else COARSE
    return _compared(model, samples, row_tokens, precision)


def _compared(model: Any, samples: Sequence[Encoded], row_tokens: int, precision: str) -> SelfCheck:
    def packed() -> list[Any]:
        return [row_loss(model, row) for row in pack(samples, row_tokens)]

    with _stirred(model):
        try:
            with fast_rows(model):
                packed_loss, packed_gradient = _backward(model, packed)
        except (RetortError, TypeError, AttributeError, ValueError, NotImplementedError) as error:
            return SelfCheck(why_not=str(error))  # a family whose layers know nothing of a row; padded always works
        except (RuntimeError, LookupError) as error:
            if is_out_of_memory(error):
                raise
            return SelfCheck(why_not=str(error).splitlines()[0])
        padded, padded_gradient = _backward(model, lambda: [padded_loss(model, samples)])
    loss_difference = abs(packed_loss - padded) / max(abs(padded), 1e-12)
    gradient_difference = float((packed_gradient - padded_gradient).norm() / padded_gradient.norm().clamp_min(1e-12))
    exact = loss_difference <= LOSS_BOUND[precision] and gradient_difference <= GRADIENT_BOUND[precision]
    return SelfCheck(loss_difference=loss_difference, gradient_difference=gradient_difference, exact=exact)


def _has_room(model: Any) -> bool:
    """Whether the weights fit into memory in float32, with as much again to compute in; quantised ones do not count."""
    if any(not weight.is_floating_point() for weight in model.parameters()):
        return False
    wanted = 2 * 4 * sum(weight.numel() for weight in model.parameters())
    free = torch.cuda.mem_get_info()[0] if model.device.type == "cuda" else free_bytes()
    return bool(wanted < free)


@contextmanager
def _in_float32(model: Any) -> Iterator[None]:
    """All weights in float32 for a while; what was bf16 comes back bit for bit."""
    held = [part for part in (*model.parameters(), *model.buffers()) if part.dtype == torch.bfloat16]
    for part in held:
        part.data = part.data.float()
    try:
        yield
    finally:
        for part in held:
            part.data = part.data.bfloat16()


@contextmanager
def _stirred(model: Any) -> Iterator[None]:
    """LoRA's B is born zero, which would hide half of the gradients; within, it is small and random."""
    zero = [weight for weight in trainable(model).values() if not weight.any()]
    generator = torch.Generator(device=model.device).manual_seed(0)
    with torch.no_grad():
        for weight in zero:
            weight.normal_(std=0.02, generator=generator)
    try:
        yield
    finally:
        with torch.no_grad():
            for weight in zero:
                weight.zero_()


def _backward(model: Any, losses: Callable[[], Sequence[Any]]) -> tuple[float, Any]:
    """The summed loss, and its gradient by all trainable weights (trainable weights,)."""
    model.zero_grad(set_to_none=True)
    total = sum(losses())
    total.backward()
    gradients = [weight.grad.flatten() for weight in trainable(model).values() if weight.grad is not None]
    flat = torch.cat(gradients).clone()
    model.zero_grad(set_to_none=True)
    return float(total.detach()), flat
