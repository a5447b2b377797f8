"""Numbers as people read them: durations, money, shares and ranges of each."""

from tools.records import Estimate, Measure, Score


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest:02d} s" if rest and minutes < 10 else f"{minutes} min"
    hours, rest = divmod(whole // 60, 60)
    return f"{hours} h {rest:02d} min"


def minutes_range(low: float, high: float) -> str:
    """A range of minutes in the unit that reads best; one value when both ends read the same."""
    if high < 1.5:
        return _join(f"{low * 60:.0f}", f"{high * 60:.0f}", "s")
    if high < 90:
        return _join(_short(low), _short(high), "min")
    return _join(f"{low / 60:.1f}", f"{high / 60:.1f}", "h")


def usd(amount: float) -> str:
    """US dollars; small amounts keep enough digits to be told from nothing."""
    if amount == 0:
        return "$0"
    if amount < 0.01:
        return f"${amount:.4f}"
    return f"${amount:,.2f}"


def usd_range(low: float, high: float) -> str:
    if high == 0:
        return "no money"
    return usd(high) if usd(low) == usd(high) else f"{usd(low)} to {usd(high)}"


def cost_line(estimate: Estimate) -> str:
    """Money and time of an estimate in one line: `$0.10 to $0.30 · 2 to 4 min on cpu`."""
    parts = [usd_range(estimate.usd_low, estimate.usd_high)]
    if estimate.calls_high:
        parts.append(f"{_between(estimate.calls_low, estimate.calls_high)} calls")
        parts.append(f"{_between(estimate.tokens_low, estimate.tokens_high)} tokens")
    if estimate.minutes_high > 0:
        time = minutes_range(estimate.minutes_low, estimate.minutes_high)
        parts.append(f"{time} on {estimate.device}" if estimate.device else time)
    return " · ".join(parts)


def _between(low: int, high: int) -> str:
    """`60 to 96`; large numbers by two digits: `36,000 to 92,000`."""
    shown = [f"{number:,}" if number < 1000 else f"{round(number, 2 - len(str(number))):,}" for number in (low, high)]
    return shown[0] if shown[0] == shown[1] else " to ".join(shown)


def share(score: Score | Measure) -> str:
    """`93 %`; one decimal only where rounding would claim a whole."""
    value = 100 * score.share
    exact = score.share in (0, 1)
    return f"{value:.0f} %" if exact or 0.5 <= value <= 99.4 else f"{value:.1f} %"


def interval(score: Score | Measure) -> str:
    """The 95 % interval in per cent: `84 to 97`."""
    return f"{100 * score.low:.0f} to {100 * score.high:.0f}"


def percent(part: float) -> str:
    return f"{100 * part:.0f} %"


def plural(count: int, noun: str) -> str:
    """`1 sample`, `3 samples`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _short(minutes: float) -> str:
    return f"{minutes:.1f}".removesuffix(".0") if minutes < 10 else f"{minutes:.0f}"


def _join(low: str, high: str, unit: str) -> str:
    return f"{high} {unit}" if low == high else f"{low} to {high} {unit}"
