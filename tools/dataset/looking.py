"""Which samples to look at next, and what those that were drawn at random say about the rest."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from random import SystemRandom
from typing import Literal

from tools.catalog import Catalog, now
from tools.dataset.bound import Bound, bound
from tools.errors import RetortError
from tools.records import Project, Rule, Sample, Value
from tools.synthesis.rules import unseen

Choice = Literal["random", "unusual", "uncertain", "coverage"]


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
        """'6 looked at, 434 not. Drawn at random: 40 looked at, 0 bad: below 7.2 % bad at 95 %.'"""
        given = f" {self.given:,} imported rows are taken as you gave them." if self.given else ""
        if not self.unseen:
            return f"All {self.seen:,} samples that were made were looked at.{given}" if self.seen else given.strip()
        told = f"{self.seen:,} looked at, {self.unseen:,} not."
        if self.bound:
            return f"{told} Drawn at random: {self.bound.sentence}.{given}"
        return f"{told} None was drawn at random since they were made or screened, so nothing is known of them.{given}"


def standing(catalog: Catalog, project: Project) -> Standing:
    """One look at all samples.

    A draw speaks of the samples that there were. So draws count only since the newest sample was made and since a rule
    last screened: a rule is made from what was found bad, and would else take the evidence away with the fault.
    """
    every = [one for one in catalog.each(Sample, project.id) if one.drawn_at or one.state in ("approved", "edited")]
    usable = [one for one in every if one.state in ("approved", "edited")]
    given = sum(one.source.startswith("import:") for one in usable)
    fresh = sum(map(unseen, usable))
    counted = _counting(catalog, project, every)
    judged = [one for one in counted if one.looked_at]
    return Standing(
        given=given,
        seen=len(usable) - given - fresh,
        unseen=fresh,
        drawn=len(judged),
        bad=sum(one.state != "approved" for one in judged),
        waiting=sum(unseen(one) for one in counted),
    )


def _counting(catalog: Catalog, project: Project, every: Sequence[Sample]) -> list[Sample]:
    """The samples drawn at random since what may be drawn from last changed."""
    made = [one.created_at for one in every if one.drawn_at or _may_be_drawn(one)]
    screened = [one.enforced_at for one in catalog.find(Rule, project.id) if one.enforced_at]
    changed = max([*made, *screened], default=None)
    return [one for one in every if one.drawn_at and changed and one.drawn_at > changed]


def _may_be_drawn(sample: Sample) -> bool:
    return sample.state == "approved" and unseen(sample)  # drafts are judged on their cards


def needed(most_bad: float, drawn: int = 0, bad: int = 0) -> int:
    """How many more must be looked at, and found good, until the bound is at most `most_bad`."""
    more = 0
    while bound(drawn + more, bad).share > most_bad:
        more += 1
    return more


def draw_next(catalog: Catalog, project: Project, count: int, by: Choice) -> list[Sample]:
    """Up to `count` samples to look at next. Drawn at random, those that wait from an earlier draw come first:
    who could pass them over would choose what counts. Raises RetortError when nothing is left."""
    every = list(catalog.each(Sample, project.id))
    pool = [one for one in every if _may_be_drawn(one)]
    if not pool:
        raise RetortError(
            "Every sample that was generated has been looked at.", "Say 'generate 300' for more, or 'freeze'."
        )
    if by == "random":
        waiting = [one for one in _counting(catalog, project, every) if _may_be_drawn(one)][:count]
        return [*waiting, *_at_random(catalog, pool, waiting, count)]
    pick: dict[Choice, Callable[[], list[Sample]]] = {
        "unusual": lambda: sorted(pool, key=_surprise(pool), reverse=True)[:count],
        "uncertain": lambda: _uncertain(pool, [one for one in every if one.looked_at])[:count],
        "coverage": lambda: _of_each_cell(every, pool, count),
    }
    return pick[by]()


def _at_random(catalog: Catalog, pool: Sequence[Sample], waiting: Sequence[Sample], count: int) -> list[Sample]:
    known = {one.id for one in waiting}
    free = [one for one in pool if one.id not in known]
    fresh = SystemRandom().sample(free, min(count - len(waiting), len(free)))
    drawn = [one.but(drawn_at=now()) for one in fresh]
    catalog.save_all(drawn)
    return drawn


# --- what may be odd -----------------------------------------------------------------------------------------------


def _surprise(pool: Sequence[Sample]) -> Callable[[Sample], float]:
    """How rare a sample's three-letter pieces are among all, on average: bits a piece."""
    counts = Counter(piece for one in pool for piece in _pieces(one))
    whole = sum(counts.values())

    def bits(sample: Sample) -> float:
        pieces = _pieces(sample)
        return sum(math.log2(whole / counts[piece]) for piece in pieces) / max(1, len(pieces))

    return bits


def _uncertain(pool: Sequence[Sample], judged: Sequence[Sample]) -> list[Sample]:
    """Those first that are as like what the user rejected or edited as like what passed."""
    bad = [_pieces(one) for one in judged if one.state != "approved"]
    good = [_pieces(one) for one in judged if one.state == "approved"]
    if not bad or not good:
        raise RetortError(
            "What is uncertain can be told from samples that you approved and others that you rejected.",
            "Say 'review 10' and judge them first.",
        )

    def margin(sample: Sample) -> float:
        own = _pieces(sample)
        return abs(max(_likeness(own, one) for one in bad) - max(_likeness(own, one) for one in good))

    return sorted(pool, key=margin)


def _of_each_cell(every: Sequence[Sample], pool: Sequence[Sample], count: int) -> list[Sample]:
    """Always one more of the value that was looked at least, over all axes of the coverage table."""
    seen = Counter(cell for one in every if one.looked_at for cell in one.cell.items())
    left = [one for one in pool if one.cell]
    if not left:
        raise RetortError(
            "No sample that waits has a cell of the coverage table.", "Say 'review 10' for a random draw."
        )
    chosen: list[Sample] = []
    while left and len(chosen) < count:
        next_ = min(left, key=lambda one: min(seen[cell] for cell in one.cell.items()))
        chosen.append(next_)
        left.remove(next_)
        seen.update(next_.cell.items())
    return chosen


def _pieces(sample: Sample) -> frozenset[str]:
    text = f"{sample.question}\n{sample.answer}".lower()
    return frozenset(text[at : at + 3] for at in range(len(text) - 2))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))
