"""Part 1: packed rows against padded batches, in fp32 and bf16; and a step that never waits for the device."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tests.gpu.shapes import SHAPES, Size, clear, plan, samples, student
from tools.student.chat import Encoded
from tools.student.packing import pack
from tools.training.checkpoint import trainable
from tools.training.compute.fast import fast_rows
from tools.training.compute.kernels import FLEX, PARTS, VARLEN
from tools.training.compute.learner import Engine
from tools.training.compute.loading import load
from tools.training.compute.loss import row_loss
from tools.training.compute.padded import padded_loss

Tell = Callable[..., None]


def run(size: Size, tell: Tell) -> None:
    os.environ["TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"] = "0"
    for shape in SHAPES:
        for precision in ("fp32", "bf16"):
            _compare(shape, precision, size, tell)
    _never_waits(size, tell)


def _compare(shape: str, precision: str, size: Size, tell: Tell) -> None:
    """Relative differences of the summed loss and of all trainable gradients. The truth of bf16 is the fp32 result of
    the padded batch: two right computations in bf16 differ by its rounding, so both distances are told."""
    chosen = plan(8192, 8, precision)
    model = student(shape, size, chosen)
    shared, own, _ = size.layout("51 shared + 130 own")
    drawn = samples(shared, own, 8, model.config.vocab_size)
    padded_sum, padded_gradient = _backward(model, partial(_padded, model, drawn))
    ways = [PARTS] if precision == "fp32" or size.tiny else [PARTS, VARLEN, FLEX]
    for way in ways:
        try:
            with fast_rows(model):
                packed_sum, packed_gradient = _backward(model, partial(_packed, model, drawn, way))
        except (RuntimeError, TypeError, NotImplementedError) as error:
            tell(f"{shape} {precision} {way}", not_to_be_had=str(error).splitlines()[0][:200])
            continue
        distance = float((packed_gradient - padded_gradient).norm() / padded_gradient.norm())
        loss_apart = abs(packed_sum - padded_sum) / abs(padded_sum)
        tell(f"{shape} {precision} {way}", loss_apart=loss_apart, gradient_apart=distance)
    if precision == "bf16":
        model.float()
        true_sum, true_gradient = _backward(model, partial(_padded, model, drawn))
        far = float((padded_gradient - true_gradient).norm() / true_gradient.norm())
        tell(f"{shape} bf16 padded, from fp32", loss_apart=abs(padded_sum / true_sum - 1), gradient_apart=far)
    clear()


def _padded(model: Any, drawn: Sequence[Encoded]) -> list[Any]:
    return [padded_loss(model, drawn)]


def _packed(model: Any, drawn: Sequence[Encoded], way: str) -> list[Any]:
    return [row_loss(model, load(row, model.device, way)) for row in pack(drawn, 8192)]


def _backward(model: Any, losses: Callable[[], Sequence[Any]]) -> tuple[float, Any]:
    import torch

    model.zero_grad(set_to_none=True)
    total = sum(losses())
    total.backward()
    return float(total.detach()), torch.cat([weight.grad.flatten().float() for weight in trainable(model).values()])


def _never_waits(size: Size, tell: Tell) -> None:
    """Three steps, two of them with CUDA's own watch for host synchronisation set to raise; rows are made ahead."""
    import torch

    chosen = plan(8192, 8)
    engine = Engine(None, chosen, student("SmolLM2-135M", size, chosen))
    engine.pack_rows()
    shared, own, _ = size.layout("51 shared + 130 own")
    batches = [samples(shared, own, 8, engine.model.config.vocab_size, seed=seed) for seed in range(4)]
    told = [engine.queue(batches[0], 1e-4, batches[1])[0]]  # the first chooses its attention, which is timed
    if not size.tiny:
        torch.cuda.set_sync_debug_mode("error")
    try:
        told += [engine.queue(batches[at], 1e-4, batches[at + 1])[0] for at in (1, 2)]
    finally:
        if not size.tiny:
            torch.cuda.set_sync_debug_mode("default")
    losses = [each.tolist()[0] for each in told]
    engine.end()
    tell("steps without a wait for the device", watched=not size.tiny, losses=losses)
