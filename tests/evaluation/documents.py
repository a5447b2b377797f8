"""Documents whose rows share their difficulty, and what intervals and tests make of them, for tests and for the docs.

A document's difficulty is drawn from a Beta distribution with the intra-class correlation asked for; its rows are right
with that chance. The exact reference is the sampling distribution of the score itself, by convolution of beta-binomial
counts: no interval that is right 95 % of the time for every score can be narrower by much than its central 95 %.

    python -m tests.evaluation.documents      the table of docs/metrics.md, in about two minutes
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy

from tools.evaluation.statistics.intervals import mean, share, wilson
from tools.evaluation.statistics.paired import duel

Array = numpy.typing.NDArray[numpy.float64]
SIZES = {"3 rows each": (3,), "1 to 8 rows": (1, 2, 3, 4, 5, 6, 7, 8)}


class Drawn(NamedTuple):
    right: list[bool]
    origins: list[str]


class Found(NamedTuple):
    """Of intervals in many drawn evaluations."""

    covered: float  # how often the true score lies inside
    alone: float  # the same of the interval that takes rows as independent
    width: float  # mean, in widths of the exact reference


def rows_of(documents: int, sizes: Sequence[int]) -> list[int]:
    """Rows of each document: the sizes in turn."""
    return [sizes[at % len(sizes)] for at in range(documents)]


def draw_rows(draw: numpy.random.Generator, rows: Sequence[int], score: float, correlation: float) -> Drawn:
    whole = 1 / correlation - 1
    chance = numpy.repeat(draw.beta(score * whole, (1 - score) * whole, size=len(rows)), rows)
    origins = numpy.repeat(numpy.arange(len(rows)), rows).astype(str)
    return Drawn((draw.random(len(chance)) < chance).tolist(), origins.tolist())


def reference_width(rows: Sequence[int], score: float, correlation: float) -> float:
    """Between the 2.5 % and the 97.5 % quantile of the score that is measured, exactly."""
    from scipy.stats import betabinom

    whole, chances = 1 / correlation - 1, numpy.ones(1)
    for size in rows:
        one = betabinom.pmf(numpy.arange(size + 1), size, score * whole, (1 - score) * whole)
        chances = numpy.convolve(chances, one)
    low, high = numpy.searchsorted(numpy.cumsum(chances), (0.025, 0.975))
    return float(high - low) / sum(rows)


def shares(rows: Sequence[int], score: float, correlation: float, times: int, seed: int = 1) -> Found:
    draw = numpy.random.default_rng(seed)
    drawn = [draw_rows(draw, rows, score, correlation) for _ in range(times)]
    found = [share(*one) for one in drawn]
    alone = [wilson(sum(one.right), len(one.right)) for one in drawn]
    return Found(
        covered=float(numpy.mean([one.low <= score <= one.high for one in found])),
        alone=float(numpy.mean([one.low <= score <= one.high for one in alone])),
        width=float(numpy.mean([one.high - one.low for one in found])) / reference_width(rows, score, correlation),
    )


def measures(rows: Sequence[int], correlation: float, times: int, seed: int = 2) -> Found:
    """The same for the mean of parts of 1 (F1, ROUGE): normal, around 0.5, with a shared part a document."""
    draw = numpy.random.default_rng(seed)
    of_row = numpy.repeat(numpy.arange(len(rows)), rows)
    sizes, inside = numpy.array(rows), 0.1**2 * (1 - correlation)
    between = 0.1**2 * correlation
    error = (between * (sizes**2).sum() + inside * sizes.sum()) ** 0.5 / sizes.sum()
    both: list[tuple[bool, bool, float]] = []
    for _ in range(times):
        shared = draw.normal(0, between**0.5, len(rows))
        values = (0.5 + shared[of_row] + draw.normal(0, inside**0.5, len(of_row))).tolist()
        found, alone = mean(values, of_row.astype(str).tolist()), mean(values)
        both.append((found.low <= 0.5 <= found.high, alone.low <= 0.5 <= alone.high, found.high - found.low))
    covered, plain, width = (float(numpy.mean(column)) for column in zip(*both, strict=True))
    return Found(covered, plain, width / (2 * 1.959964 * error))


def false_alarms(rows: Sequence[int], correlation: float, times: int, seed: int = 3) -> tuple[float, float]:
    """How often two equally good candidates, each with documents of its own that suit it, are told apart at 5 %:
    with origins, and with rows taken as independent."""
    draw = numpy.random.default_rng(seed)
    with_origins = alone = 0
    for _ in range(times):
        a, b = (draw_rows(draw, rows, 0.7, correlation) for _ in range(2))
        first, second = ({str(at): float(right) for at, right in enumerate(one.right)} for one in (a, b))
        origins = {str(at): mark for at, mark in enumerate(a.origins)}
        with_origins += duel(first, second, origins).p < 0.05
        alone += duel(first, second).p < 0.05
    return with_origins / times, alone / times


def main() -> None:
    print("| documents | rows | score | correlation | covered | as if independent | width / exact |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for documents in (10, 20, 60):
        for name, sizes in SIZES.items():
            rows = rows_of(documents, sizes)
            for score in (0.6, 0.8, 0.9, 0.95):
                for correlation in (0.1, 0.3, 0.6):
                    one = shares(rows, score, correlation, 4000)
                    told = f"{one.covered:.1%} | {one.alone:.1%} | {one.width:.2f}"
                    print(f"| {documents} | {name} | {score} | {correlation} | {told} |", flush=True)
    for documents in (10, 20, 60):
        for name, sizes in SIZES.items():
            one = measures(rows_of(documents, sizes), 0.3, 400)
            told = f"{one.covered:.1%} | {one.alone:.1%} | {one.width:.2f}"
            print(f"| {documents} | {name} | a mean | 0.3 | {told} |", flush=True)
            false, alone = false_alarms(rows_of(documents, sizes), 0.3, 2000)
            print(
                f"false 'better' of equals, {documents} documents, {name}: {false:.1%}, as if independent {alone:.1%}"
            )


if __name__ == "__main__":
    main()
