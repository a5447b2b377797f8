"""What a run's curves say, in words with the figures that say it, and what to change. By rules; no model is asked."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from pydantic import Field

from tools.records import Value
from tools.training.monitor import Metric, dev_points

Verdict = Literal[
    "too early", "diverging", "learning rate too high", "too small a set", "overfit", "underfit", "converged"
]

ENOUGH = 3  # dev measurements for any verdict but the worst
FEW_SAMPLES = 60  # fewer cannot show what varies, whatever is trained on them
RISE = 0.03  # dev loss this far above its best is no noise
GAP = 2.0  # dev loss at so many times the training loss: learnt by heart
STILL_FALLING = 0.03  # share of the current loss that dev loses in the last third of a run
NOTHING_LEFT = 0.01  # dev loss at this share of its start has nothing more to fall
LEARNT = 0.1  # a run whose dev loss fell by less than this share has not begun to learn
JUMPY = 0.25  # steps that jump up by half of their height; a good curve has next to none
SEEN = 0.05  # of the dev loss at the start: a smaller jump is the noise of batches that are almost learnt


class Diagnosis(Value):
    """What the curves say."""

    verdict: Verdict
    evidence: str = Field(description="The figures, as half a sentence.")
    advice: str = Field(description="What to change, with the words to say it.")

    @property
    def sentence(self) -> str:
        return f"{self.verdict.capitalize()}: {self.evidence}. {self.advice}"


class Curves(Value):
    """The figures of a run that decide: dev at its start, best and end; train at its end; how both moved."""

    dev_first: float
    dev_best: float
    dev_last: float
    dev_worst: float
    best_step: int
    last_step: int
    train_last: float = Field(description="Mean of the last tenth of the steps.")
    train_best: float = Field(description="Lowest mean of a tenth of the steps.")
    jumps: float = Field(
        description="Share of the steps after warm-up whose loss jumps up by half, and by SEEN of the first dev loss."
    )
    late_fall: float = Field(description="Share of the dev loss at two thirds of the run that it lost since.")
    late_share: float = Field(description="Share of the whole fall of dev loss that came in the last third.")
    finite: bool


def diagnose(metrics: Sequence[Metric], train_samples: int) -> Diagnosis:
    """The verdict on a run so far; 'too early' while dev loss was measured less than three times and all is well."""
    curves = curves_of(metrics)
    rules = (_diverging, _jumpy, _not_learning, _by_heart, _falling)
    few = len(dev_points(list(metrics))) < ENOUGH
    if curves is not None:
        for rule in rules[:1] if few else rules:
            if found := rule(curves, train_samples):
                return found
    if curves is None or few:
        return Diagnosis(
            verdict="too early",
            evidence="dev loss was measured too seldom to say anything",
            advice="Ask again when the run is further.",
        )
    return Diagnosis(
        verdict="converged",
        evidence=f"dev loss fell from {curves.dev_first:.3f} to {curves.dev_last:.3f} and has levelled off "
        f"({-curves.late_fall:+.0%} in the last third)",
        advice="More epochs would change little: say 'evaluate', or write samples of what still fails.",
    )


def curves_of(metrics: Sequence[Metric]) -> Curves | None:
    dev = dev_points(list(metrics))
    train = [metric.loss_per_token for metric in metrics if metric.loss_per_token is not None]
    if len(dev) < 2 or len(train) < 3:
        return None
    finite = all(math.isfinite(loss) for loss in (*train, *(loss for _, loss in dev)))
    best_step, best = min(dev, key=lambda point: point[1] if math.isfinite(point[1]) else math.inf)
    tenth = max(1, len(train) // 10)
    means = [sum(train[at : at + tenth]) / tenth for at in range(len(train) - tenth + 1)]
    after = train[len(train) // 10 :]
    last_step = dev[-1][0]
    before = [loss for step, loss in dev if step <= dev[0][0] + (last_step - dev[0][0]) * 2 / 3][-1]
    return Curves(
        dev_first=dev[0][1],
        dev_best=best,
        dev_last=dev[-1][1],
        dev_worst=max(loss for _, loss in dev),
        best_step=best_step,
        last_step=last_step,
        train_last=means[-1],
        train_best=min((mean for mean in means if math.isfinite(mean)), default=math.inf),
        jumps=sum(later > 1.5 * earlier and later - earlier > SEEN * dev[0][1] for earlier, later in pairwise(after))
        / max(1, len(after) - 1),
        late_fall=(before - dev[-1][1]) / before if before else 0.0,
        late_share=(before - dev[-1][1]) / max(dev[0][1] - best, 1e-9),
        finite=finite,
    )


def _diverging(curves: Curves, _samples: int) -> Diagnosis | None:
    up = curves.dev_last > 1.1 * curves.dev_first and curves.train_last > 1.1 * curves.train_best
    if curves.finite and not (up and curves.train_last > 0.8 * curves.dev_first):
        return None
    said = (
        f"dev loss rose from {curves.dev_first:.3f} to {curves.dev_last:.3f}, "
        f"and the training loss with it (now {curves.train_last:.3f})"
    )
    return Diagnosis(
        verdict="diverging",
        evidence=said if curves.finite else "the loss is no number any more",
        advice="Say 'lower learning rate' for a plan with a third of it, and train again.",
    )


def _jumpy(curves: Curves, _samples: int) -> Diagnosis | None:
    worse = curves.train_last > 1.25 * curves.train_best and curves.dev_last > 1.25 * curves.dev_best
    threw_up = curves.dev_worst > 1.3 * curves.dev_first
    if curves.jumps < JUMPY and not threw_up and not (worse and curves.train_last > 0.5 * curves.dev_last):
        return None
    return Diagnosis(
        verdict="learning rate too high",
        evidence=f"the training loss jumps up at {curves.jumps:.0%} of the steps and ends at {curves.train_last:.3f}, "
        f"after {curves.train_best:.3f} at its best; dev loss was up to {curves.dev_worst:.3f}",
        advice="Say 'lower learning rate' for a plan with a third of it, and train again.",
    )


def _not_learning(curves: Curves, _samples: int) -> Diagnosis | None:
    fell = 1 - curves.dev_best / curves.dev_first
    if fell >= LEARNT or curves.train_last < curves.dev_last / GAP:
        return None
    return Diagnosis(
        verdict="underfit",
        evidence=f"dev loss only went from {curves.dev_first:.3f} to {curves.dev_best:.3f} "
        f"and the training loss stands at {curves.train_last:.3f}",
        advice="Say 'higher learning rate' or 'train longer'; if that does not help, 'use rank 32'.",
    )


def _by_heart(curves: Curves, samples: int) -> Diagnosis | None:
    rose = curves.dev_last / curves.dev_best - 1
    gap = curves.dev_last / max(curves.train_last, 1e-9)
    if gap < GAP or (rose < RISE and not (samples < FEW_SAMPLES and curves.late_fall < STILL_FALLING)):
        return None
    evidence = (
        f"the training loss is down to {curves.train_last:.3f} while dev loss stands at {curves.dev_last:.3f}, "
        f"after {curves.dev_best:.3f} at step {curves.best_step}"
    )
    if samples < FEW_SAMPLES:
        return Diagnosis(
            verdict="too small a set",
            evidence=f"{evidence}, with only {samples} training samples",
            advice="Say 'generate 300': more and more varied samples help, more training does not.",
        )
    return Diagnosis(
        verdict="overfit",
        evidence=evidence,
        advice=f"The checkpoint of step {curves.best_step} is kept and is the one to use; "
        "next time 'train shorter', 'use dropout 0.1', or generate more samples.",
    )


def _falling(curves: Curves, _samples: int) -> Diagnosis | None:
    if (
        curves.dev_last < NOTHING_LEFT * curves.dev_first
        or curves.late_fall < STILL_FALLING
        or curves.late_share < STILL_FALLING / 3
        or curves.dev_last > curves.dev_best * (1 + RISE)
    ):
        return None
    return Diagnosis(
        verdict="underfit",
        evidence=f"dev loss was still falling at the end ({curves.late_fall:.0%} in the last third, "
        f"to {curves.dev_last:.3f})",
        advice="Say 'continue 2 more epochs': it goes on from where the run stands.",
    )
