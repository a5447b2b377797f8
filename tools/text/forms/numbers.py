"""Numbers as people write them: with groups of thousands, a comma or a point before decimals, in words."""

import itertools
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple


class Spotted(NamedTuple):
    """A number in a text; several values where it could be read in several ways (1,234)."""

    start: int
    end: int
    values: frozenset[float]


_RUN = re.compile(r"(?<!\d)[.,]?\d+(?:[.,'’\u00a0\u202f ]\d+)*")
_MARK = re.compile(r"[.,'’]")
_MANY = re.compile(
    r"\s?(thousand|millions?|mio|mln|billions?|bn)(?![A-Za-z])|(k)(?![A-Za-z\d])|([百千万亿]+)(?![克米瓦])",
    re.IGNORECASE,
)
_TIMES = {"k": 1e3, "thousand": 1e3, "million": 1e6, "mio": 1e6, "mln": 1e6, "billion": 1e9, "bn": 1e9}
_HAN = {"百": 100.0, "千": 1e3, "万": 1e4, "亿": 1e8}
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ENGLISH = re.compile(
    rf"(?<![A-Za-z])(?:(?P<tens>{'|'.join(_TENS)})(?:[- ](?P<unit>{'|'.join(_ONES[1:10])}))?"
    rf"|(?P<small>{'|'.join(_ONES)})|(?P<dozen>(?:a )?dozen))(?:\s(?P<times>hundred|thousand|million))?(?![A-Za-z])",
    re.IGNORECASE,
)
_DIGITS = "零一二三四五六七八九"
_CHINESE = re.compile(r"[零一二两三四五六七八九十][零一二两三四五六七八九十百千万]*")


def found(text: str) -> Iterator[int | float]:
    """Every value that a number in the text may have; whole ones as whole numbers."""
    for one in spotted(text):
        for value in one.values:
            yield plain(value)
            if text[: one.start].endswith(("-", "−")) and value:
                yield plain(-value)


def plain(value: float) -> int | float:
    """12.0 as 12, so that JSON has it as people write it."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value


def spotted(text: str) -> Iterator[Spotted]:
    """The numbers of a text where they stand, those in words too."""
    for run in _RUN.finditer(text):
        for one in _in_run(run[0]):
            start, end = run.start() + one.start, run.start() + one.end
            many = _MANY.match(text, end)
            yield _multiplied(Spotted(start, end, one.values), many) if many else Spotted(start, end, one.values)
    for match in _ENGLISH.finditer(text):
        yield Spotted(*match.span(), frozenset((_english(match),)))
    for match in _CHINESE.finditer(text):
        if (value := _chinese(match[0])) is not None:
            yield Spotted(*match.span(), frozenset((value,)))


def _multiplied(one: Spotted, many: re.Match[str]) -> Spotted:
    factor = 1.0
    if many[3]:
        for char in many[3]:
            factor *= _HAN[char]
    else:
        factor = _TIMES[(many[1] or many[2]).casefold().removesuffix("s")]
    return Spotted(one.start, many.end(), frozenset(round(value * factor, 6) for value in one.values))


def _in_run(run: str) -> Iterator[Spotted]:
    """Digits that marks and spaces join: one number or several. Decimals after groups of three leave no doubt."""
    if match := re.fullmatch(r"\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?P<decimals>[.,]\d+)?", run):
        whole = re.sub(r"\D", "", run.removesuffix(match["decimals"] or ""))
        yield Spotted(0, len(run), frozenset((float(f"{whole}.{(match['decimals'] or '.0')[1:]}"),)))
        if match["decimals"]:
            return
    for piece in re.finditer(r"[^\u00a0\u202f ]+", run):
        yield from _in_piece(piece[0], piece.start())


def _in_piece(piece: str, offset: int) -> Iterator[Spotted]:
    """Digits and marks without a space: 1,234.50 or 31.03.2026 or 12,5."""
    body = piece[1:] if piece[0] in ".," else piece
    offset += len(piece) - len(body)
    marks = _MARK.findall(body)
    if len(body) < len(piece) and not marks:  # a decimal without its zero, or a number after a full stop
        yield Spotted(offset, offset + len(body), frozenset((float(body), float(f".{body}"))))
        return
    if values := _values(body, marks):
        yield Spotted(offset, offset + len(body), values)
        return
    spans = [match.span() for match in re.finditer(r"\d+", body)]
    for start, end in spans:  # a list without spaces, a date, an address of a network
        yield Spotted(offset + start, offset + end, frozenset((float(body[start:end]),)))
    for (start, _), (_, end) in itertools.pairwise(spans):
        if values := _values(body[start:end], _MARK.findall(body[start:end])):
            yield Spotted(offset + start, offset + end, values)


def _values(body: str, marks: list[str]) -> frozenset[float]:
    """What digits with these marks may mean as one number; nothing where they are several."""
    parts = _MARK.split(body)
    if not marks:
        return frozenset((float(body),))
    grouped = len(parts[0]) <= 3 and all(len(one) in (2, 3) for one in parts[1:-1]) and parts[0].strip("0") != ""
    if len(set(marks)) == 1:
        thousands = grouped and len(parts[-1]) == 3
        if len(marks) > 1:
            return frozenset((float("".join(parts)),)) if thousands else frozenset()
        found = {float("".join(parts))} if thousands else set()
        return frozenset(found if marks[0] in "'’" else found | {float(".".join(parts))})
    last_only = len(set(marks[:-1])) == 1 and marks[-1] not in marks[:-1] and marks[-1] in ".,"
    thousands = grouped and len(parts[-2]) == 3
    return frozenset((float("".join(parts[:-1]) + "." + parts[-1]),)) if last_only and thousands else frozenset()


def _english(match: re.Match[str]) -> float:
    if match["dozen"]:
        value = 12
    elif match["small"]:
        value = _ONES.index(match["small"].lower())
    else:
        unit = _ONES.index(match["unit"].lower()) if match["unit"] else 0
        value = 20 + 10 * _TENS.index(match["tens"].lower()) + unit
    times = {"hundred": 100, "thousand": 1000, "million": 10**6}
    return float(value * times.get((match["times"] or "").lower(), 1))


@cache
def _chinese(text: str) -> float | None:
    """三百二十 as 320; None for signs that do not make a number."""
    if set(text) <= set(_DIGITS) and len(text) > 1:  # read out digit by digit
        return float("".join(str(_DIGITS.index(char)) for char in text))
    total, section, digit = 0, 0, -1
    for char in text.replace("两", "二"):
        if char in _DIGITS:
            digit = _DIGITS.index(char)
        elif char == "万":
            total, section, digit = total + (section + max(digit, 0)) * 10000, 0, -1
        else:
            section += (1 if digit < 0 else digit) * {"十": 10, "百": 100, "千": 1000}[char]
            digit = -1
    value = total + section + max(digit, 0)
    return float(value) if value or text == "零" else None
