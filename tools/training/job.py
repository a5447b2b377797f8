"""The training job: load, self-check, then steps until the plan, the clock or the user says stop."""

import math
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tools.dataset.splits import Row, read_dev, read_train
from tools.errors import RetortError
from tools.jobs import Stopped, Work
from tools.records import Dataset, Expense, Plan, Run, TrainingOrder, new_id
from tools.settings import settings
from tools.training.chat import Encoded, encode, end_token_id, load_tokenizer
from tools.training.checkpoint import Position, complete_ones, load, record, save, trainable
from tools.training.fast import fast_rows
from tools.training.monitor import Metric, append_metric, draw, forget_after
from tools.training.padded import padded_batches, padded_loss
from tools.training.rows import pack, row_loss
from tools.training.selfcheck import selfcheck
from tools.training.student import resolve, short_name

SELF_CHECK_SAMPLES = 4
GRADIENT_CLIP = 1.0  # norm; the usual bound for fine-tuning


def run(work: Work) -> str:
    """Train the run of the order; resumes from the newest complete checkpoint. Returns the closing sentence."""
    order = work.job.order
    assert isinstance(order, TrainingOrder)
    record_ = work.catalog.change(Run, order.run_id, state="training")
    started = time.monotonic()
    try:
        sentence = _Training(work, record_, order.max_minutes * 60).train()
        work.catalog.change(Run, order.run_id, state="finished")
        return sentence
    except Stopped:
        work.catalog.change(Run, order.run_id, state="stopped")
        raise
    except RetortError:
        work.catalog.change(Run, order.run_id, state="failed")
        raise
    finally:
        _spend(work, time.monotonic() - started)


def _spend(work: Work, seconds: float) -> None:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    spent = Expense(
        id=new_id("expense"),
        owner=work.catalog.owner,
        project_id=work.project.id,
        job_id=work.job.id,
        kind="compute",
        seconds=seconds,
        device=device,
        what="training",
    )
    work.catalog.add(spent)


def learning_rate(plan: Plan, step: int, steps: int) -> float:
    """Rate of step 1..steps: linear warm-up, then cosine decay to a tenth of the peak."""
    warmup = max(1, round(plan.warmup_fraction * steps))
    if step <= warmup:
        return plan.learning_rate * step / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return plan.learning_rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * share)))


def batches(samples: Sequence[Encoded], plan: Plan) -> Iterator[tuple[float, list[Encoded]]]:
    """Optimizer batches with the epoch at their end. A function of the seed alone: a resume skips and goes on.

    Every epoch is shuffled anew; its last batch may be short rather than borrow from the next.
    """
    each = math.ceil(len(samples) / plan.batch_samples)
    steps = max(1, round(each * plan.epochs))
    for step in range(steps):
        epoch, place = divmod(step, each)
        order = list(range(len(samples)))
        random.Random(f"{plan.seed}/{epoch}").shuffle(order)
        chosen = order[place * plan.batch_samples : (place + 1) * plan.batch_samples]
        yield (step + 1) / each, [samples[index] for index in chosen]


class _Training:
    """One process's share of a run."""

    def __init__(self, work: Work, record_: Run, limit_s: float) -> None:
        self.work, self.run, self.plan = work, record_, record_.plan
        self.folder = work.folder / record_.folder
        self.deadline = time.monotonic() + limit_s
        dataset = work.catalog.get(Dataset, record_.dataset_id)
        work.phase(f"Loading {short_name(self.plan.student)}")
        student = resolve(self.plan.student)
        tokenizer = load_tokenizer(student)
        self.train_samples, left_out = _encoded(tokenizer, read_train(work.catalog, dataset), self.plan)
        self.dev_samples, _ = _encoded(tokenizer, read_dev(work.catalog, dataset), self.plan)
        if not self.train_samples:
            raise RetortError(
                f"All {left_out} training samples are longer than {self.plan.max_sample_tokens} tokens.",
                "Raise max_sample_tokens in the plan.",
            )
        self.left_out = left_out
        self.model = lora_model(student, self.plan)
        self.packed = False

    def train(self) -> str:
        checked = self._self_check()
        with fast_rows(self.model) if self.packed else nullcontext():
            steps = self._steps()
        left_out = f" {self.left_out} samples were longer than the plan's limit and left out." if self.left_out else ""
        return f"Training finished after {steps} steps. {checked}{left_out}"

    def _steps(self) -> int:
        """All steps of the plan that are not done yet; returns how many there are in all."""
        import torch

        steps = list(batches(self.train_samples, self.plan))
        weights = list(trainable(self.model).values())
        optimizer = torch.optim.AdamW(weights, lr=self.plan.learning_rate, weight_decay=0.0, fused=True)
        done = self._resume(optimizer)
        began, before_s = time.monotonic(), forget_after(self.folder, done or -1)  # a fresh start measures step 0 anew
        dev_loss = self._dev_loss()
        if done == 0:
            append_metric(self.folder, Metric(step=0, epoch=0, dev_loss_per_token=dev_loss))
        marks = {round(len(steps) * part / self.plan.checkpoints) for part in range(1, self.plan.checkpoints + 1)}
        self.work.phase("Training")
        for step, (epoch, batch) in enumerate(steps, start=1):
            if step <= done:
                continue
            step_began = time.monotonic()
            rate = learning_rate(self.plan, step, len(steps))
            loss, tokens = self._step(optimizer, batch, rate)
            step_s = time.monotonic() - step_began
            stop = self.work.should_stop() or time.monotonic() > self.deadline
            if step in marks or stop:
                dev_loss = self._dev_loss()
            metric = Metric(
                step=step,
                epoch=epoch,
                loss_per_token=loss,
                dev_loss_per_token=dev_loss if step in marks or stop else None,
                learning_rate=rate,
                samples_per_s=len(batch) / step_s,
                tokens_per_s=tokens / step_s,
                at_s=before_s + time.monotonic() - began,
            )
            append_metric(self.folder, metric)
            if step in marks or stop:
                self._checkpoint(optimizer, Position(step=step, dev_loss=dev_loss))
            self.work.report(step, len(steps), "steps", f"loss {loss:.3f}, dev {dev_loss:.3f}")
            if stop and step < len(steps):
                self._stop(step, len(steps))
        return len(steps)

    def _step(self, optimizer: Any, batch: Sequence[Encoded], rate: float) -> tuple[float, int]:
        """One optimizer step; returns loss per answer token of the batch (nats) and the tokens computed."""
        import torch

        labels = sum(len(sample.answer_ids) for sample in batch)
        loss_sum, tokens = 0.0, 0
        for loss, computed in self._losses(batch):
            mean = loss / labels  # normalised over the whole batch, whatever the rows
            mean.backward()
            loss_sum += float(mean.detach())
            tokens += computed
        if not math.isfinite(loss_sum):
            raise RetortError(
                f"The loss became {loss_sum} at learning rate {rate:.1e}.",
                "Make a plan with a third of the learning rate, or precision fp32, and train again.",
            )
        torch.nn.utils.clip_grad_norm_(list(trainable(self.model).values()), GRADIENT_CLIP)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss_sum, tokens

    def _dev_loss(self) -> float:
        """Mean negative log-likelihood per answer token over dev, nats; train's first samples if dev is empty."""
        import torch

        samples = self.dev_samples or self.train_samples[:16]
        labels = sum(len(sample.answer_ids) for sample in samples)
        with torch.inference_mode():
            return sum(float(loss) for loss, _ in self._losses(samples)) / labels

    def _losses(self, samples: Sequence[Encoded]) -> Iterator[tuple[Any, int]]:
        """The samples' summed losses piece by piece, each with the tokens it computed."""
        if self.packed:
            for row in pack(samples, self.plan.row_tokens):
                yield row_loss(self.model, row), row.tokens
        else:
            for few in padded_batches(samples, self.plan.row_tokens):
                yield padded_loss(self.model, few), sum(sample.tokens for sample in few)

    def _self_check(self) -> str:
        self.work.phase("Checking that packed rows are exact")
        few = self.train_samples[:SELF_CHECK_SAMPLES]
        found = selfcheck(self.model, few, self.plan.row_tokens, self.plan.precision)
        self.packed = found.exact
        print(found.sentence)
        return found.sentence

    def _resume(self, optimizer: Any) -> int:
        """Steps already done, from the newest complete checkpoint; 0 for a fresh start."""
        found = complete_ones(self.folder)
        for folder in found:
            record(self.work.catalog, self.run, folder)
        if not found:
            return 0
        position = load(found[-1], self.model, optimizer)
        print(f"Resumed after step {position.step}.")
        return position.step

    def _checkpoint(self, optimizer: Any, position: Position) -> None:
        folder = save(self.folder, self.model, optimizer, position)
        record(self.work.catalog, self.run, folder)
        draw(self.folder)

    def _stop(self, step: int, steps: int) -> None:
        why = "as you asked" if self.work.should_stop() else "at the agreed minutes"
        raise Stopped(f"Training stopped {why} after step {step} of {steps}, with a checkpoint; it can be resumed.")


def _encoded(tokenizer: Any, rows: Sequence[Row], plan: Plan) -> tuple[list[Encoded], int]:
    """The rows in tokens, and how many were longer than the plan allows."""
    end = end_token_id(tokenizer)
    samples = [encode(tokenizer, row, end) for row in rows]
    fitting = [sample for sample in samples if sample.tokens <= plan.max_sample_tokens]
    return fitting, len(samples) - len(fitting)


def lora_model(student: Path, plan: Plan) -> Any:
    """The frozen base with fresh LoRA weights (float32) on all linear layers."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    if settings().threads:
        torch.set_num_threads(settings().threads)
    torch.manual_seed(plan.seed)
    dtype = torch.bfloat16 if plan.precision == "bf16" else torch.float32
    base = AutoModelForCausalLM.from_pretrained(student, dtype=dtype, attn_implementation="sdpa")
    base.to("cuda" if torch.cuda.is_available() else "cpu")
    # Dropout must be 0 for packed rows to be exact; the seed above fixes the initial weights.
    config = LoraConfig(
        r=plan.lora_rank,
        lora_alpha=plan.lora_alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(base, config)
    model.eval()  # no dropout anywhere; gradients flow all the same
    return model
