"""The student that learns: one optimizer step, and the loss of samples without learning. No files, no records."""

import math
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import torch

from tools.errors import RetortError
from tools.records import Plan
from tools.student.chat import Encoded
from tools.student.packing import Row, shared_out
from tools.training import checkpoint
from tools.training.checkpoint import Position, trainable
from tools.training.compute.choosing import Choice
from tools.training.compute.fast import fast_rows
from tools.training.compute.faults import is_out_of_memory, not_finite
from tools.training.compute.loading import Ahead, Loaded, Ready, load
from tools.training.compute.loss import row_loss
from tools.training.compute.model import save_memory, set_dropout, student_model
from tools.training.compute.padded import padded_batches, padded_loss
from tools.training.compute.selfcheck import SelfCheck, selfcheck
from tools.training.compute.team import Team

SELF_CHECK_SAMPLES = 4
GRADIENT_CLIP = 1.0  # norm; the usual bound for fine-tuning
T = TypeVar("T")


class Engine:
    """Model and optimizer of one process; with a team, followers do the same and gradients are summed over all."""

    def __init__(self, student: Path | None, plan: Plan, model: Any = None, cache: Path | None = None) -> None:
        """`model`: the student made ready to learn, where it is not read from the folder; `cache`: a folder that keeps
        what was timed on this device."""
        self.plan, self.row_tokens, self.packed = plan, plan.row_tokens, False
        self.team = Team()
        if model is None:
            assert student is not None
            model = student_model(student, plan)
        self.model = model
        self.weights = trainable(self.model)
        self.on_gpu = self.model.device.type == "cuda"
        self.optimizer = torch.optim.AdamW(
            list(self.weights.values()), lr=plan.learning_rate, weight_decay=0.0, fused=True
        )
        self._stack = ExitStack()
        self._choice = Choice(self.model, cache)
        self._ahead = Ahead(self._loaded)

    def check(self, samples: Sequence[Encoded]) -> str:
        """Choose packed rows or padded batches by comparing both on a few samples; the sentence tells which and why."""
        if self.plan.method == "full":
            return "All weights are trained, including the output head, so samples go in padded batches."
        if self.plan.lora_dropout:
            return (
                "LoRA dropout makes packed rows and padded batches draw different random numbers, so "
                "samples go in padded batches."
            )
        few = list(samples[:SELF_CHECK_SAMPLES])
        self.team.tell("check", few)

        def compared() -> SelfCheck:
            while len(few) > 2 and len(few) * max(sample.tokens for sample in few) > self.row_tokens:
                few.pop()  # the check must not need more memory than a row does
            return selfcheck(self.model, few, self.row_tokens, self.plan.precision)

        found = self._with_room(few, compared)
        if not self.team.any(not found.exact):
            self.pack_rows()
        return found.sentence

    def pack_rows(self) -> None:
        self.packed = True
        self._stack.enter_context(fast_rows(self.model))

    def restore(self, folder: Path) -> Position:
        """Weights, optimizer, random numbers and row size as they were at a checkpoint."""
        self.team.tell("restore", folder)
        position = checkpoint.load(folder, self.model, self.optimizer)
        self.row_tokens = position.row_tokens or self.row_tokens
        return position

    def step(
        self, batch: Sequence[Encoded], rate: float, following: Sequence[Encoded] | None = None
    ) -> tuple[float, int]:
        """One optimizer step; returns loss per answer token of the batch (nats) and the tokens computed.

        `following`: the next step's batch, whose rows are made while the device computes. The device is waited for
        once, when all is done. Raises RetortError with the cause when loss or gradient are no numbers; weights are
        then as before.
        """
        self.team.tell("step", batch, rate)
        told, tokens = self.queue(batch, rate, following)
        loss, height = told.tolist()  # the one wait for the device
        if not math.isfinite(loss):
            raise not_finite(f"The loss became {loss}", rate, self.weights, lambda: self._base_loss(batch))
        if not math.isfinite(height):
            raise not_finite(f"The gradient became {height}", rate, self.weights, lambda: self._base_loss(batch))
        return loss, tokens

    def queue(
        self, batch: Sequence[Encoded], rate: float, following: Sequence[Encoded] | None = None
    ) -> tuple[Any, int]:
        """A step without a wait for the device: the loss and the height of the gradient (2,) there, and the tokens.

        Where one of them is no number, weights and moments stay as they are.
        """
        ready = self._ahead.take(batch, self.row_tokens)
        if following is not None and self.packed and self.team.size == 1:
            self._ahead.expect(following, self.row_tokens)
        loss, tokens = self._with_room(batch, lambda: self._gradient(batch, ready))
        self.team.sum_gradients(self.weights.values())
        if self.team.size > 1:
            summed, counted = self.team.sum([float(loss), tokens])
            tokens = int(counted)
            loss = torch.tensor(summed, dtype=torch.float64, device=self.model.device)
        norm = torch.nn.utils.clip_grad_norm_(list(self.weights.values()), GRADIENT_CLIP)
        told = torch.stack([loss.double(), norm.double()])
        self.optimizer.found_inf = (~told.isfinite().all()).float()  # fused AdamW then changes nothing
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return told, tokens

    def loss(self, samples: Sequence[Encoded]) -> float:
        """Mean negative log-likelihood per answer token, nats."""
        self.team.tell("loss", samples)

        def measured() -> float:
            with torch.inference_mode():
                return sum(float(loss) for loss, _ in self._losses(samples))

        (whole,) = self.team.sum([self._with_room(samples, measured)])
        return whole / sum(len(one.answer_ids) for sample in samples for one in sample.learnt)

    @contextmanager
    def as_peft_made_it(self) -> Iterator[Any]:
        """The model without packed rows for a while, so that it generates."""
        self._stack.close()
        recomputed = [module for module in self.model.modules() if hasattr(module, "gradient_checkpointing")]
        before = [module.training for module in recomputed]
        for module in recomputed:
            module.training = False  # else transformers leaves out the cache that generation needs
        try:
            yield self.model
        finally:
            for module, was in zip(recomputed, before, strict=True):
                module.training = was
            if self.packed:
                self._stack.enter_context(fast_rows(self.model))

    def follow(self) -> None:
        """Do what the leader does until it ends."""
        while (heard := self.team.hear())[0] != "end":
            getattr(self, heard[0])(*heard[1:])
        self.team.leave()

    def end(self) -> None:
        """The model as peft made it again; followers are let go."""
        self._stack.close()
        self._ahead.end()
        self.team.tell("end")
        self.team.leave()

    def peak_bytes(self) -> int:
        """The most memory held so far: of the GPU, or of this process."""
        if self.on_gpu:
            return int(torch.cuda.max_memory_allocated())
        status = Path("/proc/self/status")  # ru_maxrss would begin with what the launching process held
        if not status.is_file():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def saved_bytes_per_token(self, samples: Sequence[Encoded]) -> float:
        """What a forward pass keeps for backward, weights apart, by computed token."""
        weights = {weight.untyped_storage().data_ptr() for weight in self.model.parameters()}
        kept: dict[int, int] = {}

        def keep(tensor: Any) -> Any:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        tokens = 0
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            losses = []
            for loss, computed in self._losses(samples):
                losses.append(loss)  # alive until all are counted, or storage would be used twice
                tokens += computed
        return sum(kept.values()) / tokens

    def _gradient(self, batch: Sequence[Encoded], ready: Ready | None = None) -> tuple[Any, int]:
        """The batch's mean loss (a scalar on the device) and the tokens computed; gradients are left in the weights."""
        self.optimizer.zero_grad(set_to_none=True)  # of an attempt that ran out of memory
        labels = sum(len(one.answer_ids) for sample in batch for one in sample.learnt)
        loss_sum, tokens = torch.zeros((), dtype=torch.float64, device=self.model.device), 0
        set_dropout(self.model, self.plan.lora_dropout > 0)
        for loss, computed in self._losses(batch, ready):
            mean = loss / labels  # normalised over the whole batch, whatever the rows and processes
            mean.backward()
            loss_sum += mean.detach()
            tokens += computed
        set_dropout(self.model, on=False)
        return loss_sum, tokens

    def _losses(self, samples: Sequence[Encoded], ready: Ready | None = None) -> Iterator[tuple[Any, int]]:
        """The samples' summed losses piece by piece, each with the tokens it computed; this process's share of them."""
        share = slice(self.team.rank, None, self.team.size)
        if self.packed and ready is not None and ready.row_tokens == self.row_tokens:
            for loaded in ready.rows():
                yield row_loss(self.model, loaded), loaded.tokens
        elif self.packed:
            for row in shared_out(samples, self.row_tokens, self.team.size)[share]:
                yield row_loss(self.model, self._loaded(row)), row.tokens
        else:
            each = math.ceil(sum(one.tokens for sample in samples for one in sample.learnt) / self.team.size)
            for few in padded_batches(samples, min(self.row_tokens, each))[share]:
                with self._autocast():
                    loss = padded_loss(self.model, few)
                yield loss, sum(sample.tokens for sample in few)

    def way(self, row: Row) -> str:
        """Which of `tools.training.compute.kernels` attends to a row."""
        return self._choice.way(row)

    def _loaded(self, row: Row) -> Loaded:
        return load(row, self.model.device, self.way(row))

    def _autocast(self) -> Any:
        """Full training keeps its weights in float32, or small steps would round away, and multiplies in bf16."""
        if self.plan.method == "full" and self.plan.precision == "bf16":
            return torch.autocast(self.model.device.type, torch.bfloat16)
        return nullcontext()

    def _with_room(self, samples: Sequence[Encoded], compute: Callable[[], T]) -> T:
        """Compute; while memory runs out, do the same in smaller rows: the batch and its gradient stay the same."""
        while True:
            found: T | None = None
            try:
                found = compute()
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
            if not self.team.any(found is None):
                assert found is not None
                return found
            self._make_room(max(sample.tokens for sample in samples))  # here the failed attempt's tensors are gone

    def _make_room(self, longest: int) -> None:
        if self.row_tokens > longest:
            self.row_tokens = max(longest, self.row_tokens // 2)
            print(f"Out of memory: rows now have at most {self.row_tokens} tokens; the optimizer batch stays the same.")
        elif save_memory(self.model):
            print("Out of memory with a single sample: activations are now recomputed in backward.")
        else:
            raise RetortError(
                f"Out of memory with a single sample of {longest} tokens.",
                f"Say 'max tokens {longest // 2}' to leave out longer samples, or choose a smaller student.",
            )
        self.optimizer.zero_grad(set_to_none=True)
        if self.on_gpu:
            torch.cuda.empty_cache()

    def _base_loss(self, batch: Sequence[Encoded]) -> float:
        """The batch's loss with what was learnt at zero; the weights are put back."""
        learnt = {name: weight for name, weight in self.weights.items() if "lora_B" in name}
        with torch.no_grad():
            kept = {name: weight.clone() for name, weight in learnt.items()}
            for weight in learnt.values():
                weight.zero_()
            loss = sum(float(loss) for loss, _ in self._losses(batch))
            for name, weight in learnt.items():
                weight.copy_(kept[name])
        return loss
