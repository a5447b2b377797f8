"""The steps of one run: when dev loss is measured, what is kept, and when it ends."""

import math
import time
from collections.abc import Sequence
from pathlib import Path

from tools.dataset.splits import read_dev, read_train
from tools.errors import RetortError
from tools.jobs import Stopped, Work
from tools.records import Checkpoint, Dataset, Plan, Run
from tools.training.chat import Encoded, load_tokenizer
from tools.training.checkpoint import Position, complete_ones, position_of, record, remove, save
from tools.training.diagnosis import diagnose
from tools.training.engine import Engine
from tools.training.glimpse import keep, look
from tools.training.monitor import Metric, append_metric, dev_points, draw, forget_after, read_metrics
from tools.training.schedule import batches, dev_measurements, even_steps, learning_rate, part, stalled
from tools.training.student import resolve, short_name
from tools.training.tokens import tokenised
from tools.training.trackers import Tracking

SAVED_EVERY_S = 600.0  # at least: what a kill may cost
DIVERGED = 2.0  # dev loss at so many times its start will not come back
STAND_IN_SAMPLES = 16  # of train, watched when there is no dev split


class Training:
    """A run on its way, in the process that leads it."""

    def __init__(self, work: Work, run: Run, limit_s: float) -> None:
        self.work, self.run, self.plan = work, run, run.plan
        self.folder = work.folder / run.folder
        self.deadline = time.monotonic() + limit_s
        dataset = work.catalog.get(Dataset, run.dataset_id)
        work.phase(f"Loading {short_name(self.plan.student)}")
        self.student = resolve(self.plan.student)
        self.tokenizer = load_tokenizer(self.student)
        self.dev_rows = read_dev(work.catalog, dataset)
        train = part(read_train(work.catalog, dataset), self.plan)
        self.samples, self.left_out = _fitting(tokenised(self.student, train), self.plan)
        dev, _ = _fitting(tokenised(self.student, self.dev_rows), self.plan)
        if not self.samples:
            raise RetortError(
                f"All {self.left_out} training samples are longer than {self.plan.max_sample_tokens} tokens.",
                "Raise max_sample_tokens in the plan.",
            )
        self.dev = dev or self.samples[:STAND_IN_SAMPLES]
        self.stops_early = bool(dev) and self.plan.patience > 0
        self.devs: list[tuple[int, float]] = []  # (step, dev loss)
        self.missed: dict[str, str] = {}  # what went wrong beside training, and why
        self.tracking = Tracking(run, work.project.name, self.folder)
        self.engine = Engine(self.student, self.plan)

    def train(self) -> str:
        """All steps that are not done yet; returns the closing sentences."""
        self.work.phase("Checking that packed rows are exact")
        checked = self.engine.check(self.samples)
        print(checked)
        try:
            ended = self._steps()
        finally:
            self.engine.end()
            self.tracking.close()
        left_out = f" {self.left_out} samples were longer than the plan's limit and left out." if self.left_out else ""
        if not self.dev_rows:
            left_out += f" There are no dev rows: {len(self.dev)} training samples stood in for them."
        left_out += "".join(f" Note: {what} ({why})." for what, why in self.missed.items())
        found = diagnose(read_metrics(self.folder), len(self.samples))
        return f"{ended} {found.sentence} {checked}{left_out}"

    def _steps(self) -> str:
        steps = list(batches(self.samples, self.plan))
        last, first = len(steps), self.run.from_step
        planned = even_steps(self.plan.checkpoints, first, last)
        measured = planned | even_steps(dev_measurements(self.plan, last - first, len(self.dev)), first, last)
        done = self._resume(planned)
        began, before_s = time.monotonic(), forget_after(self.folder, done or -1)  # a fresh start measures step 0 anew
        if done == 0:
            append_metric(self.folder, Metric(step=0, epoch=0, dev_loss_per_token=self.engine.loss(self.dev)))
        self.devs = dev_points(read_metrics(self.folder))
        saved_at = began
        if done and self.devs[-1][0] == done and (early := self._why_early()):  # killed while it ended
            return self._early(done, last, early)
        self.work.phase("Training")
        self.work.report(done, last, "steps")
        for step, (epoch, batch) in enumerate(steps[done:], start=done + 1):
            step_began = time.monotonic()
            rate = learning_rate(self.plan, step, last)
            loss, tokens = self.engine.step(batch, rate)
            step_s = time.monotonic() - step_began
            stop = self.work.should_stop() or time.monotonic() > self.deadline
            look_now = step in measured or stop
            if look_now:
                self.devs.append((step, self.engine.loss(self.dev)))
            metric = Metric(
                step=step,
                epoch=epoch,
                loss_per_token=loss,
                dev_loss_per_token=self.devs[-1][1] if look_now else None,
                learning_rate=rate,
                samples_per_s=len(batch) / step_s,
                tokens_per_s=tokens / step_s,
                memory_bytes=self.engine.peak_bytes(),
                at_s=before_s + time.monotonic() - began,
            )
            append_metric(self.folder, metric)
            self.tracking.log(metric)
            early = self._why_early() if look_now and step < last else ""
            ends = stop or step == last or bool(early)
            if ends or step in planned or self._is_best(step) or time.monotonic() - saved_at > SAVED_EVERY_S:
                self._save(step, shown=step in planned or ends)
                saved_at = time.monotonic()
            self.work.report(step, last, "steps", f"loss {loss:.3f}, dev {self.devs[-1][1]:.3f}")
            if early:
                return self._early(step, last, early)
            if stop and step < last:
                self._stop(step, last)
        self._settle()
        return f"Training finished after {last} steps."

    def _early(self, step: int, last: int, why: str) -> str:
        self._settle()
        return f"Training ended early, after step {step} of {last}: {why}."

    def _is_best(self, step: int) -> bool:
        return self.devs[-1][0] == step and self.devs[-1][1] == min(loss for _, loss in self.devs)

    def _why_early(self) -> str:
        """Why going on would be a waste, or nothing."""
        losses = [loss for _, loss in self.devs]
        if not math.isfinite(losses[-1]) or losses[-1] > DIVERGED * losses[0]:
            return f"dev loss rose from {losses[0]:.3f} to {losses[-1]:.3f}, so it diverges"
        own = sum(step > self.run.from_step for step, _ in self.devs)  # a run that goes on starts with new patience
        if self.stops_early and min(own, stalled(losses)) >= self.plan.patience:
            return f"dev loss had no new best in {self.plan.patience} measurements"
        return ""

    def _resume(self, planned: set[int]) -> int:
        """Steps already done, from the newest complete checkpoint; 0 for a fresh start."""
        found = complete_ones(self.folder)
        if not found and self.run.from_step:
            raise RetortError(
                f"The checkpoint that {self.run.id} goes on from is gone or damaged.", "Say 'train' for a new run."
            )
        if not found:
            return 0
        for folder in found:
            if position_of(folder).step in planned:  # a kill may have come between writing and recording
                record(self.work.catalog, self.run, folder)
        position = self.engine.restore(found[-1])
        if position.step > self.run.from_step:
            print(f"Resumed after step {position.step}.")
        return position.step

    def _save(self, step: int, shown: bool) -> None:
        """Write a checkpoint. Those of the plan and the last are shown to the user; others stand by as best and newest,
        and give way to the next."""
        whole = self.student if self.plan.method == "full" else None
        position = Position(step=step, dev_loss=self.devs[-1][1], row_tokens=self.engine.row_tokens)
        folder = save(self.folder, self.engine.model, self.engine.optimizer, position, tokenizer_of=whole)
        if shown:
            record(self.work.catalog, self.run, folder)
            self._look(step)
            self._draw()
        known = {found.folder for found in self.work.catalog.find(Checkpoint, self.run.project_id)}
        for other in self.folder.joinpath("checkpoints").glob("step-*"):
            place = str(other.relative_to(self.work.folder))
            if place not in known and other not in (folder, self._best_folder()):
                remove(other)

    def _best_folder(self) -> Path:
        best = min(self.devs, key=lambda point: point[1])[0]
        return self.folder / "checkpoints" / f"step-{best:06d}"

    def _settle(self) -> None:
        """At the end the best checkpoint is among those shown, whatever the plan's marks."""
        if self._best_folder().is_dir():
            record(self.work.catalog, self.run, self._best_folder())
        self._draw()

    def _look(self, step: int) -> None:
        """For the eye only, so that a failure is told and ends nothing."""
        if not self.dev_rows:
            return
        try:
            with self.engine.as_peft_made_it() as model:
                keep(self.folder, look(model, self.tokenizer, self.dev_rows, step))
        except Exception as error:  # noqa: BLE001  the checkpoint is safe by now
            self._miss(f"the dev prompts of step {step} were not answered", error)

    def _draw(self) -> None:
        try:
            draw(self.folder)
        except Exception as error:  # noqa: BLE001  as above
            self._miss("the curves were not drawn", error)

    def _miss(self, what: str, error: Exception) -> None:
        self.missed[what] = str(error)
        print(f"Note: {what} ({error}).")  # a run that is stopped has no closing sentences

    def _stop(self, step: int, last: int) -> None:
        self._settle()
        why = "as you asked" if self.work.should_stop() else "at the agreed minutes"
        raise Stopped(f"Training stopped {why} after step {step} of {last}, with a checkpoint; it can be resumed.")


def _fitting(samples: Sequence[Encoded], plan: Plan) -> tuple[list[Encoded], int]:
    """The samples that are not longer than the plan allows, and how many are."""
    fitting = [sample for sample in samples if sample.tokens <= plan.max_sample_tokens]
    return fitting, len(samples) - len(fitting)
