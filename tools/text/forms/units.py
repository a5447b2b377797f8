"""Amounts with a unit, read in another unit of their kind: 1200 g is 1.2 of kg, an hour and a half 90 of minutes."""

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from tools.text.forms import currencies
from tools.text.forms.numbers import Spotted, plain, spotted


class Unit(NamedTuple):
    """A unit, as a part or a multiple of its dimension's own; `names` are how people write it, the usual one first."""

    code: str
    dimension: str
    size: float
    names: tuple[str, ...]


UNITS = tuple(
    Unit(code, dimension, size, (code, *names.split("|")))
    for dimension, code, size, names in (
        ("mass", "kg", 1.0, "kgs|kilos|kilo|kilograms|kilogram|Kilo|公斤|千克"),
        ("mass", "g", 0.001, "grams|gram|gr|Gramm|克"),
        ("mass", "mg", 1e-6, "milligrams|milligram|毫克"),
        ("mass", "t", 1000.0, "tonnes|tonne|metric tons|tons|Tonnen|吨"),
        ("mass", "lb", 0.45359237, "lbs|pounds|pound|磅"),
        ("mass", "oz", 0.028349523125, "ounces|ounce|盎司"),
        ("mass", "斤", 0.5, "jin|市斤"),
        ("length", "m", 1.0, "metres|meters|metre|meter|米"),
        ("length", "cm", 0.01, "centimetres|centimeters|centimetre|centimeter|厘米|公分"),
        ("length", "mm", 0.001, "millimetres|millimeters|millimetre|millimeter|毫米"),
        ("length", "km", 1000.0, "kilometres|kilometers|kilometre|kilometer|公里|千米"),
        ("length", "in", 0.0254, "inches|inch|英寸"),
        ("length", "ft", 0.3048, "feet|foot|英尺"),
        ("length", "yd", 0.9144, "yards|yard|码"),
        ("length", "mi", 1609.344, "miles|mile|英里"),
        ("time", "s", 1.0, "sec|secs|seconds|second|Sekunden|秒|秒钟"),
        ("time", "min", 60.0, "mins|minutes|minute|Minuten|分钟|分"),
        ("time", "h", 3600.0, "hours|hour|hrs|hr|Stunden|Stunde|小时|钟头"),
        ("time", "d", 86400.0, "days|day|Tage|天|日"),
        ("time", "wk", 604800.0, "weeks|week|Wochen|周|星期|礼拜"),
        ("volume", "l", 1.0, "L|litres|liters|litre|liter|升"),
        ("volume", "ml", 0.001, "mL|millilitres|milliliters|毫升"),
        ("volume", "cl", 0.01, "cL|centilitres|centiliters"),
        ("volume", "m3", 1000.0, "m³|cubic metres|cubic meters|cbm|立方米|立方"),
        ("volume", "gal", 3.785411784, "gallons|gallon|加仑"),
        ("area", "m2", 1.0, "m²|sqm|square metres|square meters|平方米|平米|平方"),
        ("area", "ft2", 0.09290304, "ft²|sq ft|sqft|square feet|平方英尺"),
        ("area", "ha", 10000.0, "hectares|hectare|公顷"),
        ("data", "MB", 1.0, "megabytes|megabyte|兆"),
        ("data", "GB", 1000.0, "gigabytes|gigabyte"),
        ("data", "KB", 0.001, "kilobytes|kilobyte"),
        ("data", "TB", 1e6, "terabytes|terabyte"),
        ("power", "kW", 1.0, "kilowatts|kilowatt|千瓦"),
        ("power", "W", 0.001, "watts|watt|瓦"),
        ("share", "%", 1.0, "percent|per cent|pct|percentage|个百分点"),
        ("Celsius", "°C", 1.0, "degrees Celsius|Celsius|摄氏度"),
        ("Fahrenheit", "°F", 1.0, "degrees Fahrenheit|Fahrenheit|华氏度"),
    )
)
_IMPERIAL = frozenset(
    ("lb", "oz", "in", "ft", "yd", "mi", "gal", "ft2")
)  # no round number of these is one of the metric system
_AND = re.compile(r"\s*(?:and|und|et|y|e|又|零)?\s*", re.IGNORECASE)
_OR = re.compile(r"\s*(?:[-–—,/x×~、]|and|or|to|und|oder|bis|et|ou|和|或|到|至)\s*", re.IGNORECASE)
_SOME = re.compile(r"(?<![^\W\d_])(half an?|an?|半个?)(?![a-z])\s?", re.IGNORECASE)
_MINUTES = re.compile(r"([0-5]\d)(?![.,]?\d|[A-Za-z])")  # of 1h30


class Amount(NamedTuple):
    """An amount where it stands, of some unit; one of money or none has a code that is no unit's."""

    start: int
    end: int
    values: frozenset[float]
    unit: Unit | None


def unit_named(text: str) -> str:
    """The code of the unit, or of the currency, of this name; empty where there is none."""
    exact = next((unit for unit in UNITS if text in unit.names), None)
    folded = next((unit for unit in UNITS if text.casefold() in map(str.casefold, unit.names)), None)
    unit = exact or folded
    return unit.code if unit else currencies.named(text)


def found(text: str, code: str) -> Iterator[int | float]:
    """Every amount in the text as a number of this unit; numbers without a unit are taken for it where none has one."""
    wanted = next((unit for unit in UNITS if unit.code == code), None)
    if wanted is None:
        yield from _money(text, code)
        return
    amounts = sorted(_shared(text, list(_amounts(text))), key=lambda amount: amount.start)
    ours = [one for one in amounts if one.unit and one.unit.dimension == wanted.dimension]
    for bare in () if ours else (one for one in amounts if one.unit is None):
        yield from map(plain, bare.values)
    chain: list[Amount] = []
    for one in ours:
        if chain and not _goes_on(text, chain[-1], one):
            yield from _read(chain, wanted)
            chain = []
        chain.append(one)
    if chain:
        yield from _read(chain, wanted)


def _shared(text: str, amounts: Sequence[Amount]) -> Iterator[Amount]:
    """The amounts, of 10-12 kg and of 3, 4 and 5 kg every one with the unit that the last one has."""
    following: Amount | None = None
    for one in reversed(amounts):
        shares = one.unit is None and following and _OR.fullmatch(text, one.end, following.start)
        following = one._replace(unit=following.unit) if shares and following else one
        yield following


def _goes_on(text: str, first: Amount, second: Amount) -> bool:
    """1 h 30 min, 5 ft 11 in, an hour and twenty minutes: the second amount is less than one of the first's unit."""
    if first.unit is None or second.unit is None:
        return False
    is_rest = max(second.values) * second.unit.size < first.unit.size
    return is_rest and _AND.fullmatch(text, first.end, second.start) is not None


def _read(chain: Sequence[Amount], wanted: Unit) -> Iterator[int | float]:
    """Their sum in the wanted unit, for every way in which their numbers can be read."""
    units = [one.unit for one in chain if one.unit]
    for values in itertools.product(*(one.values for one in chain)):
        if units == [wanted]:
            yield plain(values[0])
            continue
        total = sum(value * unit.size for value, unit in zip(values, units, strict=True)) / wanted.size
        yield from _rounded(total, exact=all((unit.code in _IMPERIAL) == (wanted.code in _IMPERIAL) for unit in units))


def _rounded(value: float, *, exact: bool) -> Iterator[int | float]:
    """The value; where no round number is it, also what people would round it to, at most half a per cent off."""
    yield plain(round(value, 9))
    for digits in () if exact else range(4):
        near = round(value, digits)
        if value and abs(near - value) <= 0.005 * abs(value):
            yield plain(near)


def _amounts(text: str) -> Iterator[Amount]:
    """Numbers with the unit that follows them; money is none of ours."""
    money = [(start, end) for start, end, _ in currencies.spotted(text)]
    taken = 0  # what stood as the minutes of 1h30 is no number of its own
    for one in sorted([*spotted(text), *_unsaid(text)], key=lambda found: found.start):
        if one.start < taken:
            continue
        match = _named().match(text, one.end)
        if match:
            unit = _by_name().get(match["name"]) or _by_name()[match["name"].casefold()]
            minutes = _MINUTES.match(text, match.end()) if unit.code == "h" else None
            more = int(minutes[1]) / 60 if minutes else 0.0
            taken = minutes.end() if minutes else 0
            yield Amount(one.start, taken or match.end(), frozenset(value + more for value in one.values), unit)
        elif not any(_touch(text, one, *mark) for mark in money):
            yield Amount(one.start, one.end, one.values, None)


def _unsaid(text: str) -> Iterator[Spotted]:
    """'an hour', 'half a kilo', 半小时: a number only where a unit follows."""
    for match in _SOME.finditer(text):
        if _named().match(text, match.end()):
            yield Spotted(match.start(), match.end(), frozenset((0.5 if match[1][0] in "hH半" else 1.0,)))


def _money(text: str, code: str) -> Iterator[int | float]:
    """Amounts of this currency, and numbers that no mark of another and no unit stands beside."""
    marks = list(currencies.spotted(text))
    for one in spotted(text):
        beside = [codes for start, end, codes in marks if _touch(text, one, start, end)]
        if any(code in codes for codes in beside) or not (beside or _named().match(text, one.end)):
            yield from map(plain, one.values)


def _touch(text: str, one: Spotted, start: int, end: int) -> bool:
    """Whether the mark stands right before the number or right after it."""
    between = text[end : one.start] if end <= one.start else text[one.end : start] if start >= one.end else "x"
    return not between.strip(" \u00a0")


@cache
def _by_name() -> dict[str, Unit]:
    """Units by each name, as it is and in small letters; 'MB' and 'm' stay apart from 'mb' and 'M'."""
    exact = {name: unit for unit in UNITS for name in unit.names}
    return {**{name.casefold(): unit for name, unit in reversed(exact.items())}, **exact}


@cache
def _named() -> re.Pattern[str]:
    names = sorted(_by_name(), key=len, reverse=True)
    edged = (
        f"{re.escape(one)}(?!{currencies.LETTER})" if one[-1].isascii() and one[-1].isalpha() else re.escape(one)
        for one in names
    )
    return re.compile(rf"[ \t\u00a0-]?个?(?P<name>{'|'.join(edged)})", re.IGNORECASE)
