"""Which samples to look at next, and what those that were drawn at random say about the rest."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import itemgetter
from random import SystemRandom
from typing import Literal

from sqlalchemy import ColumnElement, func, not_, or_

from tools.catalog import Catalog, Page, now
from tools.dataset.tally import COLUMNS, Sort, any_of, sorts
from tools.errors import RetortError
from tools.records import REAL, Project, Rule, Sample, Value
from tools.synthesis.check.rules import unseen
from tools.text.likeness import pieces, shared

Choice = Literal["random", "unusual", "uncertain", "coverage"]


CONFIDENCE = 0.95


class Bound(Value):
    """`bad` of `looked_at` rows drawn at random were bad, so the share of bad ones is below `share`."""

    looked_at: int
    bad: int
    share: float
    confidence: float = CONFIDENCE

    @property
    def sentence(self) -> str:
        """'40 reviewed, 0 bad, so less than 7.2 % are bad (95 % confidence)'."""
        return (
            f"{self.looked_at} reviewed, {self.bad} bad, so less than {100 * self.share:.1f} % are "
            f"bad ({100 * self.confidence:.0f} % confidence)"
        )


def bound(looked_at: int, bad: int, confidence: float = CONFIDENCE) -> Bound:
    """The one-sided upper limit of Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated
    in the case of the binomial", Biometrika 26.

    It is the largest share p with P(at most `bad` of `looked_at`) >= 1 - confidence, which is the `confidence` quantile
    of Beta(bad + 1, looked_at - bad). It is never short of its confidence, whatever the true share is.
    """
    if not 0 <= bad <= looked_at:
        raise RetortError(
            f"There cannot be {bad} bad samples among {looked_at} reviewed samples.",
            "Give numbers with 0 <= bad <= reviewed.",
        )
    from scipy.stats import beta

    share = 1.0 if bad == looked_at else float(beta.ppf(confidence, bad + 1, looked_at - bad))
    return Bound(looked_at=looked_at, bad=bad, share=share, confidence=confidence)


class Standing(Value):
    """How much of what may be trained on was looked at. Imported rows are the user's own word, and stand apart."""

    given: int = 0
    seen: int = 0
    unseen: int = 0
    drawn: int = 0
    bad: int = 0
    waiting: int = 0

    @property
    def bound(self) -> Bound | None:
        """What the random draw says of those not looked at; None while nothing was drawn, or nothing is left."""
        return bound(self.drawn, self.bad) if self.drawn and self.unseen else None

    @property
    def sentence(self) -> str:
        """'40 samples are reviewed, 434 are not. Drawn at random: 40 reviewed, 0 bad, so less than 7.2 % are ...'"""
        given = f" {self.given:,} imported rows are used as you gave them." if self.given else ""
        if not self.unseen:
            return f"You have reviewed all {self.seen:,} samples that were made.{given}" if self.seen else given.strip()
        told = f"{self.seen:,} samples are reviewed, {self.unseen:,} are not."
        if self.bound:
            return f"{told} Drawn at random: {self.bound.sentence}.{given}"
        return (
            f"{told} No random draw has been reviewed since they were made or screened, so nothing is "
            f"known about the rest.{given}"
        )


def standing(catalog: Catalog, project: Project, counted: Sequence[Sort] | None = None) -> Standing:
    """What was looked at, by what the database counts (`counted` where that is known already).

    A draw speaks of the samples that there were. So draws count only since the newest sample was made and since a rule
    last screened: a rule is made from what was found bad, and would else take the evidence away with the fault.
    """
    every = sorts(catalog, project.id) if counted is None else counted
    usable = [one for one in every if one.state in ("approved", "edited")]
    given = sum(one.number for one in usable if one.source.startswith(("import:", REAL)))
    fresh = sum(one.number for one in usable if unseen(one))
    changed = _changed(catalog, project, every)
    any_drawn = changed and any(one.drawn for one in every)
    speaking = sorts(catalog, project.id, (COLUMNS.drawn_at > changed,)) if any_drawn else []
    return Standing(
        given=given,
        seen=sum(one.number for one in usable) - given - fresh,
        unseen=fresh,
        drawn=sum(one.number for one in speaking if one.looked),
        bad=sum(one.number for one in speaking if one.looked and one.state != "approved"),
        waiting=sum(one.number for one in speaking if unseen(one)),
    )


def _changed(catalog: Catalog, project: Project, every: Sequence[Sort]) -> datetime | None:
    """When what may be drawn from last changed; only what was drawn after that counts."""
    made = [one.newest for one in every if _may_be_drawn(one)]
    if any(one.drawn for one in every):
        newest = func.max(COLUMNS.created_at).label("newest")
        made += [row.newest for row in catalog.rows(Sample, project.id, newest, where=(COLUMNS.drawn_at.is_not(None),))]
    screened = [one.enforced_at for one in catalog.find(Rule, project.id)]
    return max((one for one in (*made, *screened) if one), default=None)


def _may_be_drawn(one: Sort) -> bool:
    return one.state == "approved" and unseen(one)  # drafts are judged on their cards


def needed(most_bad: float, drawn: int = 0, bad: int = 0) -> int:
    """How many more must be looked at, and found good, until the bound is at most `most_bad`."""
    more = 0
    while bound(drawn + more, bad).share > most_bad:
        more += 1
    return more


def draw_next(catalog: Catalog, project: Project, count: int, by: Choice) -> list[Sample]:
    """Up to `count` samples to look at next. Drawn at random, those that wait from an earlier draw come first:
    who could pass them over would choose what counts. Raises RetortError when nothing is left."""
    every = sorts(catalog, project.id)
    pool = [one for one in every if _may_be_drawn(one)]
    if not pool:
        raise RetortError(
            "You have reviewed every sample that was generated.", "Say 'generate 300' to make more, or 'freeze'."
        )
    if by == "random":
        return _at_random(catalog, project, any_of(pool), _changed(catalog, project, every), count)
    if by == "coverage":
        return _of_each_cell(catalog, project, any_of(pool), count)
    samples = catalog.find(Sample, project.id, where=(any_of(pool),))
    if by == "unusual":
        return sorted(samples, key=_surprise(samples), reverse=True)[:count]
    return _uncertain(samples, catalog.find(Sample, project.id, where=(COLUMNS.looked.is_(True),)))[:count]


def _at_random(
    catalog: Catalog, project: Project, pool: ColumnElement[bool], changed: datetime | None, count: int
) -> list[Sample]:
    """Those of the pool that wait since an earlier draw, filled up from the rest by numbers: only what is drawn is
    read."""
    waits = COLUMNS.drawn_at > changed
    waiting = catalog.find(Sample, project.id, where=(pool, waits), page=Page(0, count))
    if len(waiting) == count:
        return waiting
    free = catalog.rows(Sample, project.id, COLUMNS.number, where=(pool, or_(COLUMNS.drawn_at.is_(None), not_(waits))))
    numbers = sorted(row.number for row in free)
    fresh = SystemRandom().sample(numbers, min(count - len(waiting), len(numbers)))
    drawn = [one.but(drawn_at=now()) for one in _numbered(catalog, project, fresh)]
    catalog.save_all(drawn)
    return [*waiting, *drawn]


def _numbered(catalog: Catalog, project: Project, numbers: Sequence[int]) -> list[Sample]:
    """The samples of these numbers of arrival, in the order of the numbers."""
    return [one for number in numbers for one in catalog.find(Sample, project.id, where=(COLUMNS.number == number,))]


# --- what may be odd -----------------------------------------------------------------------------------------------


def _surprise(pool: Sequence[Sample]) -> Callable[[Sample], float]:
    """How rare a sample's pieces are among all, on average: bits a piece."""
    counts = Counter(piece for one in pool for piece in _pieces(one))
    whole = sum(counts.values())

    def bits(sample: Sample) -> float:
        own = _pieces(sample)
        return sum(math.log2(whole / counts[piece]) for piece in own) / max(1, len(own))

    return bits


def _uncertain(pool: Sequence[Sample], judged: Sequence[Sample]) -> list[Sample]:
    """Those first that are as like what the user rejected or edited as like what passed."""
    bad = [_pieces(one) for one in judged if one.state != "approved"]
    good = [_pieces(one) for one in judged if one.state == "approved"]
    if not bad or not good:
        raise RetortError(
            "Uncertain samples can be found only after you have approved some samples and rejected others.",
            "Say 'review 10' and judge those samples first.",
        )

    def margin(sample: Sample) -> float:
        own = _pieces(sample)
        return abs(max(shared(own, one) for one in bad) - max(shared(own, one) for one in good))

    return sorted(pool, key=margin)


def _of_each_cell(catalog: Catalog, project: Project, pool: ColumnElement[bool], count: int) -> list[Sample]:
    """Always one more of the value that was looked at least, over all axes of the coverage table."""
    seen: Counter[tuple[str, str]] = Counter()
    looked = COLUMNS.looked.is_(True)
    counts = catalog.rows(
        Sample, project.id, COLUMNS.cell, func.count().label("many"), where=(looked,), by=(COLUMNS.cell,)
    )
    for row in counts:
        seen.update(dict.fromkeys(row.cell.items(), row.many))
    waiting = catalog.rows(Sample, project.id, COLUMNS.number, COLUMNS.cell, where=(pool,))
    left = sorted(((row.number, row.cell) for row in waiting if row.cell), key=itemgetter(0))
    if not left:
        raise RetortError(
            "None of the waiting samples belongs to the coverage table.", "Say 'review 10' for a random draw."
        )
    chosen: list[int] = []
    while left and len(chosen) < count:
        next_ = min(left, key=lambda one: min(seen[value] for value in one[1].items()))
        chosen.append(next_[0])
        left.remove(next_)
        seen.update(next_[1].items())
    return _numbered(catalog, project, chosen)


def _pieces(sample: Sample) -> frozenset[str]:
    return pieces(f"{sample.question}\n{sample.answer}".lower())
