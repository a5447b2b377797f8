"""What a run's curves say, in words with the figures that say it, and what to change. By rules; no model is asked."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from pydantic import Field

from tools.records import Value
from tools.training.monitor import Metric, base_loss, dev_points

Verdict = Literal[
    "too early", "diverging", "learning rate too high", "too small a set", "overfit", "underfit", "converged"
]

ENOUGH = 3  # dev measurements for any verdict but the worst
FEW_SAMPLES = 60  # fewer cannot show what varies, whatever is trained on them
RISE = 0.03  # dev loss this far above its best is no noise
GAP = 2.0  # dev loss at so many times the training loss: learnt by heart
STILL_FALLING = 0.03  # share of the current loss that dev loses in the last third of a run
STILL_GAINING = 1 / 6  # share of all it gained that a run gained in its last third: half of what an even fall gains
NOTHING_LEFT = 0.01  # dev loss at this share of its start has nothing more to fall
LEARNT = 0.1  # a run whose dev loss fell by less than this share has not begun to learn
JUMPY = 0.25  # steps that jump up by half of their height; a good curve has next to none
FALLEN = 0.5  # a rate at most this share of its height: dev loss is about as low as it gets
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
    """The figures of a run that decide: dev at its start, best and end; train at its end; how both moved.

    While the rate stands at its height dev loss stands higher than it will at the end, and its fall with the rate says
    nothing of what more epochs would bring. So whether it is still falling is read off before the turn.
    """

    dev_first: float
    dev_begun: float = Field(description="Dev loss at the end of the run that this one goes on from; else its first.")
    goes_on: bool
    fallen: bool = Field(description="Whether the learning rate has come down from its height.")
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
    late_fall: float = Field(description="Share of the dev loss that it lost in the last third before the turn.")
    late_share: float = Field(description="Share of the whole fall of dev loss that came then.")
    finite: bool


def diagnose(metrics: Sequence[Metric], train_samples: int, begun: int = 0, begun_loss: float = 0.0) -> Diagnosis:
    """The verdict on a run so far; 'too early' while dev loss was measured less than three times and all is well.

    `begun`: the step after which the run's own stretch begins, where it goes on from another that ended at dev loss
    `begun_loss`.
    """
    curves = curves_of(metrics, begun, begun_loss)
    rules = (_diverging, _jumpy, _not_learning, _by_heart, _falling, _at_height)
    few = len([step for step, _ in dev_points(metrics) if step >= begun]) < ENOUGH
    if curves is not None:
        for rule in rules[:1] if few else rules:
            if found := rule(curves, train_samples):
                return found
    if curves is None or few:
        return Diagnosis(
            verdict="too early",
            evidence="dev loss has been measured too few times to say anything",
            advice="Ask again when the run has gone further.",
        )
    return _converged(curves)


def curves_of(metrics: Sequence[Metric], begun: int = 0, begun_loss: float = 0.0) -> Curves | None:
    dev = dev_points(metrics)
    own_dev = [point for point in dev if point[0] >= begun]
    own = [m for m in metrics if m.loss_per_token is not None and m.step > begun]
    if len(own_dev) < 2 or len(own) < 3:
        return None
    height = max(metric.learning_rate or 0 for metric in own)
    risen = next(metric.step for metric in own if (metric.learning_rate or 0) >= height)
    turn = max(metric.step for metric in own if (metric.learning_rate or 0) >= height)
    finite = all(
        math.isfinite(loss) for loss in (*(m.loss_per_token or 0 for m in metrics), *(loss for _, loss in dev))
    )
    best_step, best = min(dev, key=lambda point: point[1] if math.isfinite(point[1]) else math.inf)
    train = [m.loss_per_token for m in metrics if m.loss_per_token is not None]
    tenth = max(1, len(own) // 10)
    means = [sum(train[at : at + tenth]) / tenth for at in range(len(train) - tenth + 1)]
    after = [m.loss_per_token or 0.0 for m in own[len(own) // 10 :] if m.step >= risen]
    high = [point for point in own_dev if point[0] <= turn]
    if len(high) < 2:
        high = own_dev
    before = [loss for step, loss in high if step <= high[0][0] + (high[-1][0] - high[0][0]) * 2 / 3][-1]
    first = base_loss(metrics)
    return Curves(
        dev_first=first,
        dev_begun=begun_loss or own_dev[0][1],
        goes_on=begun > 0,
        fallen=(own[-1].learning_rate or 0) <= FALLEN * height,
        dev_best=best,
        dev_last=dev[-1][1],
        dev_worst=max(loss for _, loss in dev),
        best_step=best_step,
        last_step=own_dev[-1][0],
        train_last=means[-1],
        train_best=min((mean for mean in means if math.isfinite(mean)), default=math.inf),
        jumps=sum(later > 1.5 * earlier and later - earlier > SEEN * first for earlier, later in pairwise(after))
        / max(1, len(after) - 1),
        late_fall=(before - high[-1][1]) / before if before else 0.0,
        late_share=(before - high[-1][1]) / max(first - best, 1e-9),
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
        evidence=said if curves.finite else "the loss is no longer a number",
        advice="Say 'lower learning rate' for a plan with a third of this rate, then train again.",
    )


def _jumpy(curves: Curves, _samples: int) -> Diagnosis | None:
    worse = curves.train_last > 1.25 * curves.train_best and curves.dev_last > 1.25 * curves.dev_best
    threw_up = curves.dev_worst > 1.3 * curves.dev_first
    if curves.jumps < JUMPY and not threw_up and not (worse and curves.train_last > 0.5 * curves.dev_last):
        return None
    return Diagnosis(
        verdict="learning rate too high",
        evidence=(
            f"the training loss jumps up at {curves.jumps:.0%} of the steps and ends at "
            f"{curves.train_last:.3f}, after {curves.train_best:.3f} at its best; dev loss went as high "
            f"as {curves.dev_worst:.3f}"
        ),
        advice="Say 'lower learning rate' for a plan with a third of this rate, then train again.",
    )


def _not_learning(curves: Curves, _samples: int) -> Diagnosis | None:
    fell = 1 - curves.dev_best / curves.dev_first
    if fell >= LEARNT or curves.train_last < curves.dev_last / GAP:
        return None
    return Diagnosis(
        verdict="underfit",
        evidence=(
            f"dev loss only went from {curves.dev_first:.3f} to {curves.dev_best:.3f}, and the training "
            f"loss is {curves.train_last:.3f}"
        ),
        advice="Say 'higher learning rate' or 'train longer'; if that does not help, say 'use rank 32'.",
    )


def _by_heart(curves: Curves, samples: int) -> Diagnosis | None:
    rose = curves.dev_last / curves.dev_best - 1
    gap = curves.dev_last / max(curves.train_last, 1e-9)
    if gap < GAP or (rose < RISE and not (samples < FEW_SAMPLES and curves.late_fall < STILL_FALLING)):
        return None
    evidence = (
        f"the training loss is down to {curves.train_last:.3f}, but dev loss is "
        f"{curves.dev_last:.3f}, after {curves.dev_best:.3f} at step {curves.best_step}"
    )
    if samples < FEW_SAMPLES:
        return Diagnosis(
            verdict="too small a set",
            evidence=f"{evidence}, with only {samples} training samples",
            advice="Say 'generate 300': more samples and more varied samples help, more training does not.",
        )
    return Diagnosis(
        verdict="overfit",
        evidence=evidence,
        advice=(
            f"The checkpoint of step {curves.best_step} is kept; use that one. Next time say 'train "
            "shorter' or 'use dropout 0.1', or generate more samples."
        ),
    )


def _falling(curves: Curves, _samples: int) -> Diagnosis | None:
    gained = 1 - curves.dev_last / curves.dev_begun if curves.dev_begun else 0.0
    if (
        curves.dev_last < NOTHING_LEFT * curves.dev_first
        or curves.late_fall < (STILL_FALLING if curves.late_share < STILL_GAINING else STILL_FALLING / 3)
        or (curves.late_share < STILL_FALLING / 3 and not curves.goes_on)
        or curves.dev_last > curves.dev_best * (1 + RISE)
        or (curves.goes_on and curves.fallen and gained < STILL_FALLING)
    ):
        return None
    since = f", {gained:.0%} since the run continued" if curves.goes_on and curves.fallen else ""
    return Diagnosis(
        verdict="underfit",
        evidence=f"dev loss was still falling ({curves.late_fall:.0%} in the last third{since}), "
        f"and is {curves.dev_last:.3f}",
        advice="Say 'continue 2 more epochs' to go on from where the run stands.",
    )


def _at_height(curves: Curves, _samples: int) -> Diagnosis | None:
    """Level dev loss under a high rate is no end: it falls once more with the rate."""
    if curves.fallen:
        return None
    return Diagnosis(
        verdict="too early",
        evidence=f"dev loss is level at {curves.dev_last:.3f} while the learning rate stands at its height",
        advice="It falls once more when the rate does, over the last two fifths of the steps.",
    )


def _converged(curves: Curves) -> Diagnosis:
    more = "More epochs would change little: say 'evaluate', or make samples of what still fails."
    if not (curves.goes_on and curves.fallen):
        return Diagnosis(
            verdict="converged",
            evidence=f"dev loss fell from {curves.dev_first:.3f} to {curves.dev_last:.3f} and has levelled off "
            f"({-curves.late_fall:+.0%} in the last third)",
            advice=more,
        )
    worse = curves.dev_last > curves.dev_begun
    return Diagnosis(
        verdict="converged",
        evidence=(
            f"dev loss was {curves.dev_begun:.3f} where the run continued and is {curves.dev_last:.3f} at "
            f"its end ({curves.dev_last / max(curves.dev_begun, 1e-9) - 1:+.0%})"
        ),
        advice=f"The checkpoint of step {curves.best_step} is the best so far. {more}" if worse else more,
    )
