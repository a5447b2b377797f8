"""What happens at which step, as functions of the plan alone: a resume computes the same and goes on."""

import math
import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tools.records import Plan
from tools.training.chat import Encoded

R = TypeVar("R")
DEV_SHARE = 0.08  # of a run's work may go into measuring dev loss; a forward pass is a third of a step
DEV_MOST = 20  # more marks than this show nothing new
IMPROVEMENT = 0.002  # a new best is better by this share; less is noise


def learning_rate(plan: Plan, step: int, steps: int) -> float:
    """Rate of step 1..steps: linear warm-up, then cosine decay to a tenth of the peak."""
    warmup = max(1, round(plan.warmup_fraction * steps))
    if step <= warmup:
        return plan.learning_rate * step / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return plan.learning_rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * share)))


def steps_of(samples: int, plan: Plan, epochs: float) -> int:
    """Optimizer steps in so many epochs; an epoch's last batch may be short rather than borrow from the next."""
    return max(1, round(math.ceil(samples / plan.batch_samples) * epochs))


def batches(samples: Sequence[Encoded], plan: Plan) -> Iterator[tuple[float, list[Encoded]]]:
    """Optimizer batches with the epoch at their end. A function of the seed alone; every epoch is shuffled anew."""
    each = math.ceil(len(samples) / plan.batch_samples)
    order = list(range(len(samples)))
    for step in range(steps_of(len(samples), plan, plan.epochs)):
        epoch, place = divmod(step, each)
        if place == 0:
            order.sort()
            random.Random(f"{plan.seed}/{epoch}").shuffle(order)
        chosen = order[place * plan.batch_samples : (place + 1) * plan.batch_samples]
        yield (step + 1) / each, [samples[index] for index in chosen]


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


def stalled(dev_losses: Sequence[float]) -> int:
    """Measurements since the last new best."""
    best, since = math.inf, 0
    for loss in dev_losses:
        best, since = (loss, 0) if loss < best * (1 - IMPROVEMENT) else (best, since + 1)
    return since


def in_epochs(epochs: float, more: str = "") -> str:
    """The number in words: 1 epoch, 2.5 epochs, 2 more epochs."""
    return f"{epochs:g} {more}epoch{'' if epochs == 1 else 's'}"
