"""What happens at which step, as functions of the plan alone: a resume computes the same and goes on."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tools.records import Plan
from tools.student.chat import Encoded

R = TypeVar("R")
DEV_SHARE = 0.08  # of a run's work may go into measuring dev loss; a forward pass is a third of a step
DEV_MOST = 20  # more marks than this show nothing new
DECAY = 0.4  # share of all steps over which the rate falls at the end; of a fifth it ended 14 % higher than a cosine
IMPROVEMENT = 0.002  # a new best is better by this share; less is noise


@dataclass(frozen=True)
class Stretch:
    """The steps of one run, `first` + 1 to `last`: from the base, or from where an earlier run stood."""

    first: int
    last: int
    rate: float = 0.0  # of step `first`
    batches: int = 0  # of the run's dataset that were done by then
    turned: int = 0  # where the rate was made to fall before its time; 0: at its time

    @property
    def steps(self) -> int:
        return self.last - self.first

    @property
    def turn(self) -> int:
        """The step after which the rate falls. Up to it a run over more epochs does the very same."""
        return self.turned or max(self.first, self.last - max(1, round(DECAY * self.last)))

    def turned_at(self, step: int) -> "Stretch":
        """The stretch with its rate falling from here on, over the same share of its steps."""
        return replace(self, turned=step, last=step + max(1, round(step * DECAY / (1 - DECAY))))


def stretch_of(
    plan: Plan, samples: int, *, first: int = 0, epoch: float = 0, rate: float = 0, done: int = 0
) -> Stretch:
    """The stretch to the plan's last epoch of a run that begins after step `first`, where `epoch` epochs were done."""
    return Stretch(first, first + steps_of(samples, plan, plan.epochs - epoch), rate, done)


def learning_rate(plan: Plan, step: int, stretch: Stretch) -> float:
    """Rate of a step: linear warm-up to the peak, level, then a linear fall to nothing over the last steps.

    Level until the fall, so that a run can be continued as if it had been planned longer (S. Hu and others, "MiniCPM",
    arXiv 2404.06395 (2024); A. Hägele and others, "Scaling laws and compute-optimal training beyond fixed training
    durations", arXiv 2405.18392 (2024)): it goes on from the turn. docs/training.md has what was measured.
    """
    warm = _warm(plan, stretch)
    if step <= warm:
        share = (step - stretch.first) / (warm - stretch.first)
        return stretch.rate + (plan.learning_rate - stretch.rate) * share
    turn = max(warm, stretch.turn)
    fallen = max(0, step - turn) / (stretch.last - turn + 1)
    return plan.learning_rate * (1 - fallen)


def risen(plan: Plan, stretch: Stretch) -> int:
    """The step from which the learning rate rises no more."""
    return _warm(plan, stretch)


def _warm(plan: Plan, stretch: Stretch) -> int:
    """The last step of the warm-up."""
    if stretch.rate >= plan.learning_rate:
        return stretch.first
    return stretch.first + max(1, round(plan.warmup_fraction * stretch.steps))


def steps_of(samples: int, plan: Plan, epochs: float) -> int:
    """Optimizer steps in so many epochs; an epoch's last batch may be short rather than borrow from the next."""
    return max(1, round(math.ceil(samples / plan.batch_samples) * epochs))


def batches(samples: Sequence[Encoded], plan: Plan, stretch: Stretch) -> Iterator[list[Encoded]]:
    """The stretch's optimizer batches. A function of seed and stretch alone; every pass over the rows is shuffled anew,
    and a pass that was begun on the same rows is ended."""
    each = math.ceil(len(samples) / plan.batch_samples)
    order: list[int] = []
    for batch in range(stretch.batches, stretch.batches + stretch.steps):
        passes, place = divmod(batch, each)
        if place == 0 or not order:
            order = list(range(len(samples)))
            random.Random(f"{plan.seed}/{passes}").shuffle(order)
        yield [samples[index] for index in order[place * plan.batch_samples : (place + 1) * plan.batch_samples]]


def part(rows: Sequence[R], plan: Plan) -> list[R]:
    """The plan's share of the rows, in their order; a smaller share is a part of every larger one."""
    drawn = list(range(len(rows)))
    random.Random(f"{plan.seed}/part").shuffle(drawn)
    return [rows[at] for at in sorted(drawn[: math.ceil(len(rows) * plan.train_share)])]


def even_steps(count: int, first: int, last: int) -> set[int]:
    """`count` steps evenly spaced in first+1..last, the last among them."""
    return {max(first + 1, first + round((last - first) * part / count)) for part in range(1, count + 1)}


def dev_measurements(plan: Plan, steps: int, dev_samples: int) -> int:
    """How often dev loss is measured in so many steps: often enough to see it turn, seldom enough to cost little."""
    cost_steps = dev_samples / 3 / plan.batch_samples
    return max(plan.checkpoints, min(DEV_MOST, steps, int(DEV_SHARE * steps / max(cost_steps, 1e-9))))


def counted(devs: Sequence[tuple[int, float]], plan: Plan, stretch: Stretch) -> list[float]:
    """Dev losses of (step, dev loss) that patience counts: those at the rate's height, or once it falls those since."""
    if devs and devs[-1][0] > stretch.turn:
        return [loss for step, loss in devs if step >= stretch.turn]
    return [loss for step, loss in devs if step >= risen(plan, stretch) or step == stretch.first == 0]


def stalled(dev_losses: Sequence[float]) -> int:
    """Measurements since the last new best."""
    best, since = math.inf, 0
    for loss in dev_losses:
        best, since = (loss, 0) if loss < best * (1 - IMPROVEMENT) else (best, since + 1)
    return since


def in_epochs(epochs: float, more: str = "") -> str:
    """The number in words: 1 epoch, 2.5 epochs, 2 more epochs."""
    return f"{epochs:g} {more}epoch{'' if epochs == 1 else 's'}"
