"""Whether a judge may speak for the user: how often both found the same on the same pair of answers."""

from collections.abc import Sequence

from pydantic import Field

from tools.evaluation.arena.matches import key
from tools.evaluation.statistics.intervals import Indices, bootstrap, share
from tools.records import Ballot, Measure, Score, Value

ENOUGH = 20  # ballots in common below which agreement says little
TRUSTED = 0.4  # kappa from which agreement is called moderate (Landis and Koch, Biometrics 33, 1977)


class Agreement(Value):
    same: Score = Field(description="Matches on which both said the same, of those that both judged.")
    kappa: Measure = Field(description="Cohen's kappa: 1 is always, 0 is as often as by chance.")
    sentence: str


def agreement(mine: Sequence[Ballot], theirs: Sequence[Ballot]) -> Agreement | None:
    """The user's ballots beside a judge's; None where they have no match in common."""
    import numpy

    known = {key(one): one for one in theirs}
    pairs = [(one, known[key(one)]) for one in mine if key(one) in known]
    if not pairs:
        return None
    # Sides as the user saw them: 0 the left one, 1 the right one, 2 neither.
    said = numpy.array([[_side(one, one), _side(other, one)] for one, other in pairs])

    def figure(indices: Indices) -> float:
        return kappa(said[indices, 0], said[indices, 1])

    origins = [one.origin or one.row_id for one, _ in pairs]  # several matches may be of one row
    same = share((said[:, 0] == said[:, 1]).tolist(), origins)
    found = Agreement(same=same, kappa=bootstrap(len(pairs), figure, origins), sentence="")
    return found.model_copy(update={"sentence": _sentence(found)})


def kappa(mine: Indices, theirs: Indices) -> float:
    """J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychol. Measurement 20 (1960)."""
    import numpy

    table = numpy.bincount(3 * mine + theirs, minlength=9).reshape(3, 3) / len(mine)
    chance = float(table.sum(axis=0) @ table.sum(axis=1))
    return 1.0 if chance == 1 else (float(table.trace()) - chance) / (1 - chance)


def _side(ballot: Ballot, seen: Ballot) -> int:
    return {seen.first: 0, seen.second: 1}.get(ballot.winner, 2)


def _sentence(found: Agreement) -> str:
    same, measure = found.same, found.kappa
    told = (
        f"The judge agrees with you on {same.hits} of {same.rows} pairs "
        f"({100 * same.low:.0f}-{100 * same.high:.0f} %; kappa {measure.share:.2f}, {measure.low:.2f} "
        f"to {measure.high:.2f})"
    )
    if same.rows < ENOUGH:
        return f"{told}. Vote on {ENOUGH} or more pairs to find out whether you can rely on it."
    if measure.low >= TRUSTED:
        return f"{told}: you can rely on it."
    if measure.high < TRUSTED:
        return f"{told}: do not rely on it; write a better rubric ('rubric: ...')."
    return f"{told}: these votes do not show that you can rely on it."
