"""A value in its form, and how people write it: only in ways that can be read as that value and no other."""

import random
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from tools.records import Form, FormName
from tools.simulator.meanings import Meaning
from tools.text.forms import currencies
from tools.text.forms.numbers import plain
from tools.text.forms.reading import Reader, Written
from tools.text.forms.units import UNITS

_ENGLISH_DATES = (
    "{d} {B} {Y}", "{B} {d}, {Y}", "{d}{th} of {B} {Y}", "{B} {d}{th}, {Y}", "{d} {b} {Y}", "{b} {d}, {Y}",
    "{d}-{b}-{y}", "{d}/{m}/{Y}", "{m}/{d}/{Y}", "{dd}/{mm}/{Y}", "{mm}/{dd}/{y}", "{dd}.{mm}.{Y}", "{Y}-{mm}-{dd}",
    "{d} {B}, {Y}",
)  # fmt: skip
_CHINESE_DATES = (
    "{Y}年{m}月{d}日",
    "{Y}年{m}月{d}号",
    "{Y}-{mm}-{dd}",
    "{Y}/{m}/{d}",
    "{Y}.{m}.{d}",
    "{Y}年{mm}月{dd}日",
)
_OTHER_DATES = ("{dd}.{mm}.{Y}", "{d}.{m}.{Y}", "{d}.{m}.{y}", "{dd}/{mm}/{Y}", "{dd}-{mm}-{Y}", "{Y}-{mm}-{dd}")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SMALL = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ZH_SMALL = ("一", "两", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
# Mobile numbers after the country's code; # is any digit.
_MOBILES = {
    "DE": "15#########", "GB": "7#########", "FR": "6########", "US": "415#######", "CN": "13#########",
    "NL": "6########", "ES": "6########", "IT": "3#########", "PL": "5########", "SE": "7########", "CH": "7########",
    "AT": "664#######", "IE": "8########", "AU": "4########", "IN": "9#########", "BR": "119########",
    "JP": "90########", "SG": "9#######",
}  # fmt: skip
_MONEY = ("USD", "EUR", "GBP", "CNY", "JPY", "CHF", "CAD", "AUD", "INR", "PLN", "SEK")
# Of what people weigh, measure and time: the least, the most, digits after the point.
_SIZES = {
    "mass": {"kg": (1, 90, 1), "g": (20, 4000, 0), "t": (1, 30, 1), "斤": (1, 60, 0)},
    "length": {"m": (1, 60, 1), "cm": (5, 300, 0), "mm": (5, 900, 0), "km": (1, 900, 0)},
    "time": {"min": (5, 600, 0), "h": (1, 48, 1), "s": (5, 900, 0), "d": (1, 60, 0), "wk": (1, 30, 0)},
    "volume": {"l": (1, 90, 1), "ml": (50, 3000, 0)},
}


def drawn(form: Form, meaning: Meaning, language: str, rng: random.Random, money: str) -> tuple[str, Written]:
    """What stands in the text, and the value in its form; `money` is the currency of what the text tells."""
    reader = Reader(form)
    value, ways = _draw(form, meaning, language, rng, money)
    rng.shuffle(ways)
    return next((way for way in ways if reader.found(way) == {value}), str(value)), value


def currency(rng: random.Random) -> str:
    return rng.choice(_MONEY)


def _draw(form: Form, meaning: Meaning, language: str, rng: random.Random, money: str) -> tuple[Written, list[str]]:
    is_money = form.detail in currencies.MARKS
    draw: dict[FormName, Callable[[], tuple[Written, list[str]]]] = {
        "date": lambda: _date(form, language, rng),
        "phone": lambda: _phone(rng),
        "currency": lambda: (money, [money, money.lower(), *_marks(money, language)]),
        "unit": lambda: _amount(rng, language, form.detail) if is_money else _measure(form.detail, language, rng),
        "whole": lambda: _whole(meaning, language, rng),
        "number": lambda: _amount(rng, language, money) if meaning == "amount" else _decimal(rng, language),
    }
    return draw[form.name]()


def _date(form: Form, language: str, rng: random.Random) -> tuple[Written, list[str]]:
    day = date(2023, 1, 1) + timedelta(days=rng.randrange(1800))  # never "today": a seed gives one stream
    return day.strftime(form.strftime), list(_dates(day, language))


def _dates(day: date, language: str) -> Iterator[str]:
    shapes = {"en": _ENGLISH_DATES, "zh": _CHINESE_DATES}.get(language, _OTHER_DATES)
    ending = "th" if 10 < day.day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    name = _MONTHS[day.month - 1]
    parts = {"d": day.day, "m": day.month, "dd": f"{day.day:02}", "mm": f"{day.month:02}", "Y": day.year}
    for shape in shapes:
        yield shape.format(**parts, y=f"{day.year % 100:02}", B=name, b=name[:3], th=ending)


def _phone(rng: random.Random) -> tuple[Written, list[str]]:
    """A number that its country could give out, written with its country's code."""
    from phonenumbers import PhoneNumber, PhoneNumberFormat, country_code_for_region, format_number, is_valid_number

    region = rng.choice(tuple(_MOBILES))
    drawn = (int(re.sub("#", lambda _: str(rng.randrange(10)), _MOBILES[region])) for _ in range(100))
    numbers = (PhoneNumber(country_code=country_code_for_region(region), national_number=one) for one in drawn)
    number = next(filter(is_valid_number, numbers))
    full = str(format_number(number, PhoneNumberFormat.E164))
    spaced = str(format_number(number, PhoneNumberFormat.INTERNATIONAL))
    code, _, rest = spaced.partition(" ")
    ways = [spaced, full, f"00{full[1:]}", f"00{spaced[1:]}", spaced.replace(" ", "-"), f"{code} (0){rest}"]
    return full, [*ways, f"{code} {rest.replace(' ', '').replace('-', '')}", f"00{code[1:]}/{rest.replace(' ', '')}"]


def _whole(meaning: Meaning, language: str, rng: random.Random) -> tuple[Written, list[str]]:
    low, high = {"age": (18, 90), "percent": (1, 100)}.get(meaning, (1, 60 if meaning == "quantity" else 5000))
    value = rng.randint(low, high)
    words = {"en": _SMALL, "zh": _ZH_SMALL}.get(language, ())
    return value, [str(value), f"{value:,}", *([words[value - 1]] * 2 if value <= len(words) else [])]


def _decimal(rng: random.Random, language: str) -> tuple[Written, list[str]]:
    value = round(rng.uniform(0.5, 3000), rng.choice((1, 2)))
    return value, list(_figures(value, language))


def _figures(value: float, language: str) -> Iterator[str]:
    """The number with a point or a comma, with or without groups of thousands; English and Chinese take the point."""
    grouped = f"{value:,}"
    yield from (str(value), grouped)
    if language != "zh":
        swapped = grouped.replace(",", "x").replace(".", ",").replace("x", ".")
        yield from (str(value).replace(".", ","), swapped, swapped.replace(".", " "))


def _amount(rng: random.Random, language: str, money: str) -> tuple[Written, list[str]]:
    """An amount of this currency."""
    whole = rng.choice((rng.randint(2, 950), rng.randint(1, 9) * 1000 + rng.randint(0, 999)))
    value = plain(whole + rng.choice((0, 0.25, 0.49, 0.5, 0.75, 0.95, 0.99)))
    signs = [money, *_marks(money, language)]
    ways = []
    for figure in _figures(value, language):
        cents = f"{figure}0" if re.search(r"[.,]\d$", figure) else figure  # 12.5 as people write a price
        sign = rng.choice(signs)
        ways += [f"{cents} {sign}", f"{cents}{sign}" if sign[-1].isalpha() else f"{sign}{cents}", cents]
    return value, ways


def _measure(code: str, language: str, rng: random.Random) -> tuple[Written, list[str]]:
    unit = next(one for one in UNITS if one.code == code)
    low, high, digits = _SIZES.get(unit.dimension, {}).get(code, (1, 200, 0))
    value = plain(float(rng.randint(low, high)) if rng.random() < 0.4 else round(rng.uniform(low, high), digits))
    ways: list[str] = []
    for other in (one for one in UNITS if one.dimension == unit.dimension and _is_of(one.code, language)):
        told = plain(round(value * unit.size / other.size, 6))
        if 1 <= told < 10_000 and round(told, 2) == told:
            names = [name for name in other.names if _is_of(name, language)]
            figures = list(_figures(told, language))
            ways += [f"{rng.choice(figures)}{space}{name}" for name in names for space in (" ", "")]
    if unit.dimension == "time" and language == "en":
        ways += list(_hours(value * unit.size))
    return value, ways


def _marks(money: str, language: str) -> list[str]:
    return [mark for mark in currencies.MARKS[money] if _is_of(mark, language)]


def _hours(seconds: float) -> Iterator[str]:
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours and minutes:
        yield from (f"{hours} h {minutes} min", f"{hours}h{minutes:02}", f"{hours} hours and {minutes} minutes")


def _is_of(name: str, language: str) -> bool:
    """Whether people who write this language write this word: signs and abbreviations are everybody's."""
    if language == "zh":
        return not name.isascii() or len(name) <= 3
    if any(ord(letter) >= 0x2E80 for letter in name):
        return False
    german = name.isalpha() and name.istitle() and len(name) > 3  # their nouns have capitals
    return len(name) <= 3 or language == ("de" if german else "en")
