"""From who beat whom to a ranking with intervals: Bradley and Terry's model, ties counted as half a win each."""

from collections.abc import Sequence

from pydantic import Field

from tools.evaluation.statistics.clusters import Array
from tools.evaluation.statistics.intervals import RESAMPLES
from tools.records import Ballot, Measure, Value

ROUNDS = 50  # of Newton's method, at most; it takes about six
EXACT = 1e-9  # change of a strength's logarithm at which it ends
SEED = 17


class Ranked(Value):
    """One line of the ranking."""

    evaluation_id: str
    share: Measure = Field(description="Chance of the model to win against one of the others, drawn evenly.")
    won: int = Field(ge=0)
    lost: int = Field(ge=0)
    tied: int = Field(ge=0)


def rank(ballots: Sequence[Ballot]) -> list[Ranked]:
    """All that were judged, best first; intervals by a bootstrap over origins: a hard document counts once."""
    import numpy

    ids = sorted({id_ for one in ballots for id_ in (one.first, one.second)})
    if not ids:
        return []
    place = {id_: at for at, id_ in enumerate(ids)}
    rows = sorted({_evidence(one) for one in ballots})
    of_row = {row: at for at, row in enumerate(rows)}
    wins = numpy.zeros((len(rows), len(ids), len(ids)))  # [row, winner, loser]
    for one in ballots:
        a, b = place[one.first], place[one.second]
        if one.winner:
            winner = place[one.winner]
            wins[of_row[_evidence(one)], winner, a + b - winner] += 1
        else:
            wins[of_row[_evidence(one)], [a, b], [b, a]] += 0.5
    draws = numpy.random.default_rng(SEED).multinomial(len(rows), [1 / len(rows)] * len(rows), size=RESAMPLES)
    shares = chances(strengths(wins.sum(axis=0)[None]))[0]
    resampled = chances(strengths(numpy.tensordot(draws, wins, axes=1)))  # (resamples, candidates)
    low, high = numpy.quantile(resampled, (0.025, 0.975), axis=0)
    found = [
        Ranked(
            evaluation_id=id_,
            share=Measure(share=float(shares[at]), low=float(low[at]), high=float(high[at]), rows=len(rows)),
            won=sum(one.winner == id_ for one in ballots),
            lost=sum(bool(one.winner) and one.winner != id_ and id_ in (one.first, one.second) for one in ballots),
            tied=sum(not one.winner and id_ in (one.first, one.second) for one in ballots),
        )
        for at, id_ in enumerate(ids)
    ]
    return sorted(found, key=lambda line: -line.share.share)


def _evidence(ballot: Ballot) -> str:
    return ballot.origin or ballot.row_id


def strengths(wins: Array) -> Array:
    """Logarithms of the model's strengths for each table of `wins`, (tables, candidates, candidates), winner by loser.

    R. A. Bradley and M. E. Terry, Biometrika 39 (1952) 324-345, by Newton's method. Each candidate also ties once with
    an imagined one of strength 1, or who never lost would be infinitely strong.
    """
    import numpy

    met, won = wins + wins.transpose(0, 2, 1), wins.sum(axis=2) + 0.5
    found: Array = numpy.zeros(won.shape)
    for _ in range(ROUNDS):
        against, alone = _chance(found[:, :, None] - found[:, None, :]), _chance(found)
        slope = won - (met * against).sum(axis=2) - alone
        weights = met * against * (1 - against)
        bend = -weights
        places = numpy.arange(won.shape[1])
        bend[:, places, places] = weights.sum(axis=2) + alone * (1 - alone)
        step = numpy.linalg.solve(bend, slope[:, :, None])[:, :, 0].clip(-1, 1)  # a long one may overshoot
        found = found + step
        if abs(step).max() < EXACT:
            break
    return found


def chances(found: Array) -> Array:
    """Mean chance of each to win against another, by the logarithms of their strengths (tables, candidates)."""
    against = _chance(found[:, :, None] - found[:, None, :])
    mean: Array = (against.sum(axis=2) - 0.5) / (found.shape[1] - 1)  # against itself it is a half
    return mean


def _chance(lead: Array) -> Array:
    import numpy

    chance: Array = 1 / (1 + numpy.exp(-lead))
    return chance
