"""The steps of one run: when dev loss is measured, what is kept, and when it ends."""

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.catalog import Catalog
from tools.dataset.splits import Row, read_dev, read_train
from tools.errors import RetortError
from tools.jobs import Stopped, Work
from tools.records import Checkpoint, Dataset, Plan, Run
from tools.settings import settings
from tools.student.chat import Encoded, load_tokenizer
from tools.student.reference import resolve, short_name
from tools.student.tokens import tokenised
from tools.training.checkpoint import Position, complete_ones, position_of, record, remove, save
from tools.training.compute.learner import Engine
from tools.training.compute.model import use_threads
from tools.training.diagnosis import RISE, diagnose
from tools.training.glimpse import keep, look
from tools.training.monitor import (
    Metric,
    append_metric,
    base_loss,
    dev_points,
    draw,
    forget_after,
    read_metrics,
    standing,
)
from tools.training.schedule import (
    batches,
    counted,
    dev_measurements,
    even_steps,
    learning_rate,
    part,
    stalled,
    stretch_of,
)
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
        self.dev_rows = _unseen(self.dev_rows, work.catalog, run)
        every = self.plan.learnt == "every"
        train = part(read_train(work.catalog, dataset), self.plan)
        self.samples, self.left_out = _fitting(tokenised(self.student, train, every=every), self.plan)
        dev, _ = _fitting(tokenised(self.student, self.dev_rows, every=every), self.plan)
        if not self.samples:
            raise RetortError(
                f"All {self.left_out} training samples are longer than {self.plan.max_sample_tokens} tokens.",
                "Raise max_sample_tokens in the plan.",
            )
        self.dev = dev or self.samples[:STAND_IN_SAMPLES]
        self.stops_early = bool(dev) and self.plan.patience > 0
        self.from_epoch, rate = standing(read_metrics(self.folder), run.from_step)
        self.stretch = stretch_of(
            self.plan,
            len(self.samples),
            first=run.from_step,
            epoch=self.from_epoch,
            rate=rate,
            done=run.from_batches,
        )
        self.as_planned = self.stretch.last
        self.devs: list[tuple[int, float]] = []  # (step, dev loss)
        self.planned: set[int] = set()  # steps whose checkpoints are shown
        self.measured: set[int] = set()  # steps after which dev loss is measured
        self.saved_at = 0.0
        self.missed: dict[str, str] = {}  # what went wrong beside training, and why
        self.tracking = Tracking(run, work.project.name, self.folder)
        use_threads()
        self.engine = Engine(self.student, self.plan, cache=settings().home_dir / "cache")

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
        left_out = (
            f" {self.left_out} samples were longer than the plan's limit and were left out." if self.left_out else ""
        )
        if not self.dev_rows:
            left_out += f" There are no dev rows, so {len(self.dev)} training samples stood in for them."
        left_out += "".join(f" Note: {what} ({why})." for what, why in self.missed.items())
        found = diagnose(read_metrics(self.folder), len(self.samples), self.stretch.first, self.run.from_loss)
        return f"{ended} {found.sentence} {checked}{left_out}"

    def _steps(self) -> str:
        """From where the folder stands to the end, by step; dev loss decides when the rate falls before its time."""
        done = self._resume()
        began, before_s = time.monotonic(), forget_after(self.folder, done or -1)  # a fresh start measures step 0 anew
        self.devs = dev_points(read_metrics(self.folder))
        if done == self.stretch.first:
            self._stand()
        self.base_loss = base_loss(read_metrics(self.folder))
        self.saved_at = began
        if done > self.stretch.first and self.devs[-1][0] == done:  # killed right after it was measured
            if ended := self._ended(done):
                return ended
            self._turn_if_level(done)
        self.work.phase("Training")
        self.work.report(done, self.stretch.last, "steps")
        upcoming = self._batches(done)
        batch = next(upcoming, [])
        step = done
        while batch:
            step += 1
            following = next(upcoming, [])
            step_began = time.monotonic()
            rate = learning_rate(self.plan, step, self.stretch)
            loss, tokens = self.engine.step(batch, rate, following)
            step_s = time.monotonic() - step_began
            stop = self.work.should_stop() or time.monotonic() > self.deadline
            if look_now := step in self.measured or stop:
                self.devs.append((step, self.engine.loss(self.dev)))
            metric = Metric(
                step=step,
                epoch=self._epoch(step),
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
            ended = self._ended(step) if look_now else ""
            if look_now and not ended:
                self._turn_if_level(step)
            self._keep(step, ends=stop or bool(ended))
            last = self.stretch.last
            self.work.report(step, last, "steps", f"loss {loss:.3f}, dev {self.devs[-1][1]:.3f}")
            if ended:
                return ended
            if stop and step < last:
                self._stop(step, last)
            batch = following
        raise AssertionError("the last step is measured, and ends the run")

    def _batches(self, done: int) -> Iterator[list[Encoded]]:
        """The batches after step `done`; the stretch may become shorter on the way, never longer."""
        for step, batch in enumerate(batches(self.samples, self.plan, self.stretch), start=self.stretch.first + 1):
            if step > self.stretch.last:
                return
            if step > done:
                yield batch

    def _mark(self) -> None:
        """Set the steps whose checkpoints are shown, and those where dev loss is measured."""
        first, last = self.stretch.first, self.stretch.last
        self.planned = even_steps(self.plan.checkpoints, first, last)
        often = dev_measurements(self.plan, last - first, len(self.dev))
        self.measured = self.planned | even_steps(often, first, last) | {self.stretch.turn}

    def _ended(self, step: int) -> str:
        """The closing words where a measured step ends the run, or nothing."""
        last = self.stretch.last
        if step == last:
            self._settle()
            early = f" instead of {self.as_planned}: {self.turned_why}" if self.stretch.turned else ""
            return f"Training {'ended early, ' if early else 'finished '}after {last} steps{early}."
        if why := self._why_early():
            self._settle()
            return f"Training ended early, after step {step} of {last}: {why}."
        return ""

    def _turn_if_level(self, step: int) -> None:
        """Where dev loss is level while the rate is at its height, make the rate fall from here on.

        The checkpoint of this step says so before another step is taken: a resume goes on with the same rates.
        """
        if step >= self.stretch.turn or not self._level():
            return
        self.stretch = self.stretch.turned_at(step)
        self._mark()
        self._save(step, shown=False)
        self.work.phase(f"The learning rate falls from here on: {self.turned_why}")
        print(f"After step {step}: {self.turned_why}. {self.stretch.last} steps instead of {self.as_planned}.")

    def _keep(self, step: int, *, ends: bool) -> None:
        """A checkpoint where one is wanted: to be shown, as the best so far, to go on from, or after a while."""
        shown = step in self.planned or ends
        if (
            shown
            or step == self.stretch.turn
            or self._is_best(step)
            or time.monotonic() - self.saved_at > SAVED_EVERY_S
        ):
            self._save(step, shown=shown)
            self.saved_at = time.monotonic()

    def _stand(self) -> None:
        """Measure dev loss where the stretch begins, unless the run that it continues has."""
        first = self.stretch.first
        if not self.devs or self.devs[-1][0] != first:
            self.devs.append((first, self.engine.loss(self.dev)))
            append_metric(self.folder, Metric(step=first, epoch=self.from_epoch, dev_loss_per_token=self.devs[-1][1]))

    def _epoch(self, step: int) -> float:
        each = math.ceil(len(self.samples) / self.plan.batch_samples)
        return round(self.from_epoch + (step - self.stretch.first) / each, 6)

    def _is_best(self, step: int) -> bool:
        return self.devs[-1][0] == step and self.devs[-1][1] == min(loss for _, loss in self.devs)

    def _why_early(self) -> str:
        """Why going on would be a waste, or nothing."""
        loss = self.devs[-1][1]
        if not math.isfinite(loss) or loss > DIVERGED * self.base_loss:
            return f"dev loss rose from {self.base_loss:.3f} to {loss:.3f}, so training diverges"
        best = min(counted(self.devs, self.plan, self.stretch), default=loss)
        falls = self.devs[-1][0] > self.stretch.turn
        if self._level() and (falls or loss > best * (1 + RISE)):
            return f"dev loss had no new best in {self.plan.patience} measurements"
        return ""

    @property
    def turned_why(self) -> str:
        return f"dev loss had no new best in {self.plan.patience} measurements, so the learning rate fell at once"

    def _level(self) -> bool:
        counts = counted(self.devs, self.plan, self.stretch)
        return self.stops_early and stalled(counts) >= self.plan.patience

    def _resume(self) -> int:
        """Steps already done, from the newest complete checkpoint; 0 for a fresh start."""
        found = complete_ones(self.folder)
        if found and (newest := position_of(found[-1])).turned and newest.step > self.run.from_step:
            self.stretch = self.stretch.turned_at(newest.turn)
        self._mark()
        if not found and self.run.from_step:
            raise RetortError(
                f"The checkpoint that {self.run.id} continues from is missing or damaged.", "Say 'train' for a new run."
            )
        if not found:
            return 0
        for folder in found:
            if position_of(folder).step in self.planned:  # a kill may have come between writing and recording
                record(self.work.catalog, self.run, folder)
        position = self.engine.restore(found[-1])
        if position.step > self.run.from_step:
            print(f"Resumed after step {position.step}.")
        return position.step

    def _save(self, step: int, shown: bool) -> None:
        """Write a checkpoint. Those of the plan and the last are shown to the user; others stand by as best and newest,
        and give way to the next."""
        whole = self.student if self.plan.method == "full" else None
        position = Position(
            step=step,
            dev_loss=self.devs[-1][1],
            row_tokens=self.engine.row_tokens,
            turn=self.stretch.turn,
            turned=self.stretch.turned > 0,
        )
        folder = save(self.folder, self.engine.model, self.engine.optimizer, position, tokenizer_of=whole)
        if shown:
            record(self.work.catalog, self.run, folder)
            self._look(step)
            self._draw()
        known = {found.folder for found in self.work.catalog.find(Checkpoint, self.run.project_id)}
        for other in self.folder.joinpath("checkpoints").glob("step-*"):
            place = str(other.relative_to(self.work.folder))
            if place not in known and other not in (folder, self._best_folder(), self._folder_of(self.stretch.turn)):
                remove(other)

    def _best_folder(self) -> Path:
        return self._folder_of(min(self.devs, key=lambda point: point[1])[0])

    def _folder_of(self, step: int) -> Path:
        return self.folder / "checkpoints" / f"step-{step:06d}"

    def _settle(self) -> None:
        """At the end the best checkpoint is among those shown, whatever the plan's marks."""
        if self._best_folder().is_dir():
            record(self.work.catalog, self.run, self._best_folder(), min(loss for _, loss in self.devs))
        self._draw()

    def _look(self, step: int) -> None:
        """For the eye only, so that a failure is told and ends nothing."""
        if not self.dev_rows:
            return
        try:
            with self.engine.as_peft_made_it() as model:
                keep(self.folder, look(model, self.tokenizer, self.dev_rows, step, self.student))
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
        why = "as you asked" if self.work.should_stop() else "at the agreed time limit"
        raise Stopped(
            f"Training stopped {why} after step {step} of {last}. A checkpoint is saved; say 'resume' to "
            "continue from it."
        )


def _unseen(dev: list[Row], catalog: Catalog, run: Run) -> list[Row]:
    """The dev rows that no earlier dataset of the run trained on: a version may move a row from train to dev."""
    seen = {row.id for id_ in run.learnt for row in read_train(catalog, catalog.get(Dataset, id_))}
    return [row for row in dev if row.id not in seen]


def _fitting(samples: Sequence[Encoded], plan: Plan) -> tuple[list[Encoded], int]:
    """The samples that are not longer than the plan allows, and how many are."""
    fitting = [sample for sample in samples if sample.tokens <= plan.max_sample_tokens]
    return fitting, len(samples) - len(fitting)
