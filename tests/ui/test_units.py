"""Numbers as people read them."""

import pytest

from tools.records import Estimate, Score
from ui.units import cost_line, duration, minutes_range, share, usd


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (3000, "50 min"), (7500, "2 h 05 min")],
)
def test_duration(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(0.1, 0.5, "6 to 30 s"), (4, 7.25, "4 to 7.2 min"), (5, 5, "5 min"), (90, 180, "1.5 to 3.0 h")],
)
def test_minutes_range(low: float, high: float, told: str) -> None:
    assert minutes_range(low, high) == told


def test_small_money_is_not_told_as_nothing() -> None:
    assert [usd(amount) for amount in (0, 0.0004, 1.5)] == ["$0", "$0.0004", "$1.50"]


def test_cost_line() -> None:
    estimate = Estimate(what="x", usd_low=0.1, usd_high=0.3, minutes_low=2, minutes_high=4, device="cpu")
    assert cost_line(estimate) == "$0.10 to $0.30 · 2 to 4 min on cpu"
    assert cost_line(Estimate(what="x")) == "no money"
    asked = Estimate(what="x", usd_high=1, calls_low=60, calls_high=96, tokens_low=36_400, tokens_high=92_160)
    assert cost_line(asked).endswith(" · 60 to 96 calls · 36,000 to 92,000 tokens")


def test_a_share_is_never_rounded_to_a_whole_it_is_not() -> None:
    def score(hits: int, rows: int) -> Score:
        return Score(hits=hits, rows=rows, low=0, high=1)

    assert [share(score(*pair)) for pair in ((60, 60), (56, 60), (999, 1000), (1, 1000), (0, 60))] == [
        "100 %",
        "93 %",
        "99.9 %",
        "0.1 %",
        "0 %",
    ]
