"""Two candidates on the same rows: is one better, by how many tests was that asked, and how many rows would tell."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeVar

from tools.evaluation.statistics.clusters import Array, Clusters, clusters, marks_of
from tools.records import Value

K = TypeVar("K")
SIGNIFICANCE = 0.05
RESAMPLES = 10_000
_Z_975, _Z_80 = 1.959963984540054, 0.8416212335729143  # two-sided 5 %, power 80 %
MOST_ROWS = 1_000_000  # more than anybody will label: no number is told


class Duel(Value):
    """What two candidates' values on the same rows say; a value is 0 to 1, for right or wrong 0 or 1."""

    rows: int
    only_a: int  # rows where a's value is higher
    only_b: int
    difference: float  # mean of a less mean of b
    p: float  # two-sided, of no difference
    rows_needed: int | None  # to separate the two with a power of 80 %; None where no number of rows would


def duel(a: Mapping[str, float], b: Mapping[str, float], origins: Mapping[str, str] | None = None) -> Duel:
    """Compare on the rows that both answered: McNemar's exact test for right or wrong, else the paired bootstrap.

    Where rows share origins (by row id) both tests count these instead; too few of them say nothing (p = 1).
    """
    common = sorted(a.keys() & b.keys())
    gaps = [a[row] - b[row] for row in common]
    only_a, only_b = sum(gap > 0 for gap in gaps), sum(gap < 0 for gap in gaps)
    binary = all(gap in (-1, 0, 1) for gap in gaps)
    found = clusters(marks_of(common, origins))
    if found is not None:
        p = (sign_flips(gaps, found) if binary else wild_bootstrap(gaps, found)) if found.enough else 1.0
    else:
        p = mcnemar(only_a, only_b) if binary else paired_bootstrap(gaps)
    return Duel(
        rows=len(common),
        only_a=only_a,
        only_b=only_b,
        difference=math.fsum(gaps) / max(1, len(common)),
        p=p,
        rows_needed=rows_to_separate(gaps, found),
    )


@cache
def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p value that a and b are equally good, from the rows on which exactly one of them is right.

    The exact (binomial) form of Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947) 153-157: under the null the discordant rows are fair coins.
    """
    n = only_a + only_b
    tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / (1 << n))


def paired_bootstrap(gaps: Sequence[float], seed: int = 17) -> float:
    """Two-sided p value that the mean gap is 0: how often a resample of the centred gaps lies as far off.

    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), algorithm 16.2: the studentised mean;
    P. Koehn, "Statistical significance tests for machine translation evaluation" (EMNLP 2004), brought it here.
    """
    import numpy

    kept = numpy.asarray(gaps, dtype=float)
    if len(kept) < 2 or not kept.any():
        return 1.0
    observed = abs(_studentised(kept[None, :])[0])
    draw = numpy.random.default_rng(seed)
    further, block = 0, max(1, 2_000_000 // len(kept))  # blocks bound the memory
    for start in range(0, RESAMPLES, block):
        size = (min(block, RESAMPLES - start), len(kept))
        drawn = (kept - kept.mean())[draw.integers(len(kept), size=size)]  # (resamples, rows)
        further += int((numpy.abs(_studentised(drawn)) >= observed).sum())
    return (further + 1) / (RESAMPLES + 1)


def sign_flips(gaps: Sequence[float], found: Clusters) -> float:
    """Two-sided p value that a and b are equally good, from what each origin adds to the difference: exact.

    Under the null the two candidates could be exchanged within any origin, so that each sum has either sign as often
    (R. A. Fisher's randomisation test, "The design of experiments", 1935; on clusters as in V. L. Durkalski et al.,
    "Analysis of clustered matched-pair data", Statistics in Medicine 22 (2003) 2417-2428). With a row an origin it is
    McNemar's exact test.
    """
    import numpy

    sums = numpy.rint(found.sums(numpy.asarray(gaps))).astype(int)
    chances = numpy.ones(1)  # of each total that signs can give, from the least to the highest
    for step in abs(sums[sums != 0]):
        longer = numpy.zeros(len(chances) + 2 * step)
        longer[: len(chances)] += chances / 2
        longer[2 * step :] += chances / 2
        chances = longer
    middle = len(chances) // 2
    far = abs(numpy.arange(len(chances)) - middle) >= abs(sums.sum())
    return min(1.0, float(chances[far].sum()))


def wild_bootstrap(gaps: Sequence[float], found: Clusters, seed: int = 17) -> float:
    """Two-sided p value that the mean gap is 0: how often random signs of the origins' sums lead as far.

    A. C. Cameron, J. B. Gelbach and D. L. Miller, "Bootstrap-based improvements for inference with clustered errors",
    Review of Economics and Statistics 90 (2008) 414-427: the studentised mean, Rademacher weights, the null imposed.
    """
    import numpy

    sums = found.sums(numpy.asarray(gaps, dtype=float))
    if not sums.any():
        return 1.0
    signs = numpy.random.default_rng(seed).choice((-1.0, 1.0), size=(RESAMPLES, len(sums)))
    drawn = abs(_clustered_t(signs * sums, found.sizes))
    observed = abs(_clustered_t(sums[None, :], found.sizes))[0]
    return (int((drawn >= observed * (1 - 1e-12)).sum()) + 1) / (RESAMPLES + 1)


def _clustered_t(sums: Array, sizes: Array) -> Array:
    """Mean over clustered standard error, but for a factor, of each line of sums (lines, clusters)."""
    import numpy

    totals = sums.sum(axis=1)
    off = sums - totals[:, None] / sizes.sum() * sizes
    with numpy.errstate(divide="ignore", invalid="ignore"):
        found: Array = numpy.nan_to_num(totals / numpy.sqrt(numpy.square(off).sum(axis=1)), nan=0.0)
    return found


def _studentised(rows: Array) -> Array:
    """Mean over standard error of each line; a line without spread counts as far off unless its mean is 0."""
    import numpy

    means, spread = rows.mean(axis=1), rows.std(axis=1, ddof=1) / math.sqrt(rows.shape[1])
    with numpy.errstate(divide="ignore", invalid="ignore"):
        found: Array = numpy.nan_to_num(means / spread, nan=0.0, posinf=math.inf, neginf=-math.inf)
    return found


def holm(p_values: Mapping[K, float]) -> dict[K, float]:
    """Adjusted p values: below 0.05 they may all be believed together, with a risk of 5 % that any is false.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    ordered = sorted(p_values, key=lambda key: p_values[key])
    adjusted: dict[K, float] = {}
    highest = 0.0
    for place, key in enumerate(ordered):
        highest = max(highest, min(1.0, p_values[key] * (len(ordered) - place)))
        adjusted[key] = highest
    return adjusted


def rows_to_separate(gaps: Sequence[float], found: Clusters | None = None) -> int | None:
    """Rows that a test at 5 % needs to see, with a power of 80 %, a difference as large as the one seen here.

    For right or wrong R. J. Connor, "Sample size for testing differences in proportions for the paired-sample design",
    Biometrics 43 (1987) 207-211; for other values the same formula with their variance (the paired z test). Rows that
    share origins as these do are worth less by their design effect; too few origins tell no number.
    """
    import numpy

    kept = numpy.asarray(gaps, dtype=float)
    if len(gaps) < 2 or (found is not None and not found.enough):
        return None
    average = math.fsum(gaps) / len(gaps)
    if average == 0:
        return None
    # Under the null; for 0 and 1 the share of discordant rows.
    square = math.fsum(gap * gap for gap in gaps) / len(gaps)
    spread = _Z_975 * math.sqrt(square) + _Z_80 * math.sqrt(max(0.0, square - average * average))
    effect = 1.0
    if found is not None and kept.std() > 0:
        effect = max(1.0, found.variance(kept) * len(kept) / float(kept.var()))
    needed = math.ceil(effect * (spread / average) ** 2)
    return needed if needed <= MOST_ROWS else None
