"""Intervals and tests keep the promises that their names make: against exact sums and simulations."""

from itertools import combinations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.evaluation.statistics.intervals import mean, wilson
from tools.evaluation.statistics.paired import SIGNIFICANCE, duel, holm, mcnemar, paired_bootstrap, rows_to_separate


# Published values: R's prop.test(x, n, correct = FALSE)$conf.int, four decimals; for (1, 60) the modified lower end.
@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [(54, 60, 0.7985, 0.9534), (0, 60, 0, 0.0602), (60, 60, 0.9398, 1), (5, 10, 0.2366, 0.7634), (1, 60, 9e-4, 0.0886)],
)  # fmt: skip
def test_an_interval_of_a_share(hits: int, rows: int, low: float, high: float) -> None:
    found = wilson(hits, rows)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@given(st.integers(0, 400).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_an_interval_holds_its_share(drawn: tuple[int, int]) -> None:
    hits, rows = drawn
    found = wilson(hits, rows)
    assert 0 <= found.low <= found.high <= 1
    assert not rows or found.low <= hits / rows <= found.high


@pytest.mark.parametrize("rows", [50, 60, 100, 200, 500])
def test_intervals_cover_as_often_as_they_say(rows: int) -> None:
    """Exact coverage, summed over every outcome, at true scores from 0.1 to 99.9 %."""
    from scipy.stats import binom

    ends = [wilson(hits, rows) for hits in range(rows + 1)]
    low, high = numpy.array([one.low for one in ends]), numpy.array([one.high for one in ends])
    grid = numpy.arange(0.001, 1, 0.001)
    covered = [binom.pmf(range(rows + 1), rows, true)[(low <= true) & (true <= high)].sum() for true in grid]
    assert numpy.mean(covered) >= 0.945
    assert min(covered) >= 0.92


def test_a_mean_of_parts_is_covered() -> None:
    """Row values as F1 has them: most 1, some 0, the rest between; of 400 samples 0.925 is 2 sigma off."""
    draw = numpy.random.default_rng(4)
    kinds = draw.choice(3, p=[0.6, 0.1, 0.3], size=(400, 60))
    samples = numpy.where(kinds == 0, 1.0, numpy.where(kinds == 1, 0.0, draw.beta(4, 2, size=(400, 60))))
    true = 0.6 + 0.3 * 4 / 6
    found = [mean(list(values)) for values in samples]
    assert sum(one.low <= true <= one.high for one in found) / len(found) >= 0.925


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (3, 0, 0.25), (5, 0, 0.0625), (6, 0, 0.03125), (5, 5, 1.0), (8, 2, 0.109375)],
)
def test_mcnemar_by_hand(a: int, b: int, p: float) -> None:
    assert mcnemar(a, b) == pytest.approx(p)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_a_probability_and_symmetric(a: int, b: int) -> None:
    assert 0 <= mcnemar(a, b) <= 1
    assert mcnemar(a, b) == mcnemar(b, a)
    if a >= b:  # a further row won by the better one is further evidence
        assert mcnemar(a + 1, b) <= mcnemar(a, b)


def test_holm_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert holm({"a": 0.9, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_the_bootstrap_sees_what_is_there_and_no_more() -> None:
    draw = numpy.random.default_rng(6)
    assert paired_bootstrap(list(draw.normal(0.1, 0.2, 100))) < 0.001
    assert paired_bootstrap([0.0] * 50) == 1.0
    false = sum(paired_bootstrap(list(draw.normal(0, 0.3, 60) * draw.integers(2, size=60))) < 0.05 for _ in range(200))
    assert false <= 18  # 5 % of 200 is 10; more than 18 happens in 1 of 200 runs


def test_a_duel_takes_the_rows_that_both_answered() -> None:
    right, wrong = {str(at): 1.0 for at in range(6)}, {str(at): 0.0 for at in range(1, 8)}
    found = duel(right, wrong)
    assert (found.rows, found.only_a, found.only_b, found.p) == (5, 5, 0, 0.0625)
    parts = duel({str(at): at / 10 for at in range(9)}, {str(at): at / 20 for at in range(9)})
    assert (parts.only_a, parts.only_b) == (8, 0)
    assert parts.p < 0.05


def test_rows_to_separate_do_separate() -> None:
    """With the number told, the test finds the difference in 80 of 100 cases, as it says."""
    shares = {1.0: 0.10, -1.0: 0.05, 0.0: 0.85}
    gaps = [value for value, share in shares.items() for _ in range(round(100 * share))]
    needed = rows_to_separate(gaps)
    assert needed == 469  # Connor 1987: (1.96 sqrt(.15) + .8416 sqrt(.15 - .0025))^2 / .0025
    draw = numpy.random.default_rng(2)
    drawn = draw.multinomial(needed, [0.10, 0.05, 0.85], size=2000)
    power = numpy.mean([mcnemar(int(a), int(b)) < SIGNIFICANCE for a, b, _ in drawn])
    assert power == pytest.approx(0.8, abs=0.04)
    assert rows_to_separate([1.0, -1.0, 0.0]) is None


@pytest.mark.parametrize("chosen_on_dev", [True, False])
def test_equal_checkpoints_are_seldom_called_better(chosen_on_dev: bool) -> None:
    """8 checkpoints and a base of the same quality, 10,000 times: the best is called better than any in at most 5 %.

    Rows differ in difficulty, so that candidates agree on many of them as real ones do.
    """
    draw, trials, rows, candidates = numpy.random.default_rng(1), 10_000, 60, 9
    false = 0
    for _ in range(trials):
        right = draw.random((candidates, rows)) < draw.beta(2, 1, size=rows)
        # Without dev, the best is picked by the very rows that it is tested on.
        best = 1 if chosen_on_dev else int(right.sum(axis=1).argmax())
        pairs = [(best, other) for other in range(candidates) if other != best]
        family = pairs if chosen_on_dev else list(combinations(range(candidates), 2))
        p = holm({frozenset(pair): _p(right[pair[0]], right[pair[1]]) for pair in family})
        better = [pair for pair in pairs if right[pair[0]].sum() > right[pair[1]].sum()]
        false += any(p[frozenset(pair)] < SIGNIFICANCE for pair in better)
    assert false / trials <= 0.05


def _p(a: "numpy.ndarray", b: "numpy.ndarray") -> float:  # type: ignore[type-arg]
    return mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))
