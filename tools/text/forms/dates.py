"""Days as people write them. Where day and month could be taken for each other there are two readings."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache

# Beginnings of the months' names, January first; the longest that fits a word says which it is.
_MONTHS = {
    "en": "jan feb mar apr may jun jul aug sep oct nov dec",
    "de": "jan|jän feb mär|maer apr mai jun jul aug sep okt nov dez",
    "fr": "janv fév|fev mars avr mai juin juil août|aout sept oct nov déc|dec",
    "es": "ene feb mar abr may jun jul ago sep|set oct nov dic",
    "it": "gen feb mar apr mag giu lug ago set ott nov dic",
    "pt": "jan fev mar abr mai jun jul ago set out nov dez",
    "nl": "jan feb maart|mrt apr mei jun jul aug sep okt nov dec",
    "pl": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "sv": "jan feb mar apr maj jun jul aug sep okt nov dec",
    "ru": "янв фев мар апр май|мая июн июл авг сен окт ноя дек",
    "uk": "січ лют берез квіт трав черв лип серп вер жовт лист груд",
    "tr": "oca şub mar nis may haz tem ağu eyl eki kas ara",
}
_DAY, _YEAR = r"(?<!\d)(?P<day>\d{1,2})", r"(?P<year>\d{4}|['’]?\d{2})(?!\d)"
_TH = r"(?:st|nd|rd|th|er|[.ºª])?"
_OF = r"[\s.,/\-]*(?:(?:of|de|del|di|do)\s+)?"
_WORD = r"(?P<word>[^\W\d_]{3,12})\.?"
_FIRST_YEAR = r"(?<!\d)(?P<year>\d{4})"
# As what may begin at a place, so that '38. put 13' does not take the day from '13 Nov 2026'.
_NUMERIC = re.compile(rf"(?={_DAY}(?P<mark>[./\-])\s?(?P<month>\d{{1,2}})(?P=mark)\s?{_YEAR})")
_YEAR_FIRST = tuple(
    map(
        re.compile,
        (
            rf"{_FIRST_YEAR}(?P<mark>[./\-])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}})(?!\d)",
            rf"{_FIRST_YEAR}\s*[年년]\s*(?P<month>\d{{1,2}})\s*[月월]\s*(?P<day>\d{{1,2}})(?!\d)",
            r"(?<![\w-])(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)(?![\w-])",
        ),
    )
)
_NAMED = tuple(
    re.compile(f"(?={pattern})")
    for pattern in (
        rf"{_DAY}{_TH}{_OF}{_WORD}{_OF}{_YEAR}",
        rf"(?<![^\W\d_]){_WORD}\s*(?P<day>\d{{1,2}}){_TH}(?:\s*,\s*|\s+|-)(?:(?:of|de|del)\s+)?{_YEAR}",
        rf"{_FIRST_YEAR}[\s,\-]+{_WORD}[\s\-]*(?P<day>\d{{1,2}}){_TH}(?!\d)",
    )
)


def found(text: str) -> Iterator[date]:
    """Days that the text may name, year included; the year of two digits lies between 1970 and 2069 (POSIX)."""
    for pattern in _YEAR_FIRST:
        for match in pattern.finditer(text):
            yield from _day(match["year"], int(match["month"]), int(match["day"]))
    for match in _NUMERIC.finditer(text):
        first, second = int(match["day"]), int(match["month"])
        yield from _day(match["year"], second, first)
        if match["mark"] != ".":  # nobody puts the month first before full stops
            yield from _day(match["year"], first, second)
    for pattern in _NAMED:
        for match in pattern.finditer(text):
            for month in _months(match["word"].casefold()):
                yield from _day(match["year"], month, int(match["day"]))


def written(text: str, order: str) -> date | None:
    """The day that is written in exactly this order of `strftime`; None for any other text."""
    try:
        day = datetime.strptime(text, order).date()
    except ValueError:
        return None
    return day if day.strftime(order) == text else None


def _day(year: str, month: int, day: int) -> Iterator[date]:
    number = int(year.lstrip("'’"))
    full = number if number >= 100 else 2000 + number if number < 70 else 1900 + number
    try:
        yield date(full, month, day)
    except ValueError:
        return  # the 31st of a short month, or no date at all


@cache
def _beginnings() -> dict[str, frozenset[int]]:
    known: dict[str, set[int]] = {}
    for names in _MONTHS.values():
        for number, beginnings in enumerate(names.split(), start=1):
            for one in beginnings.split("|"):
                known.setdefault(one, set()).add(number)
    return {one: frozenset(numbers) for one, numbers in known.items()}


def _months(word: str) -> frozenset[int]:
    fitting = [one for one in _beginnings() if word.startswith(one)]
    return _beginnings()[max(fitting, key=len)] if fitting else frozenset()
