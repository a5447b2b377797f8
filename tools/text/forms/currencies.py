"""Currencies by the marks and words that people use; $ and ¥ are those of several."""

import re
from collections.abc import Iterator
from functools import cache

# Of the currencies that texts name by more than their code; \b does not stand beside signs and Chinese.
MARKS: dict[str, tuple[str, ...]] = {
    "USD": ("US$", "$", "US dollars", "US dollar", "dollars", "dollar", "bucks", "美元", "美金"),
    "EUR": ("€", "euros", "euro", "欧元"),
    "GBP": ("£", "pounds sterling", "British pounds", "pounds", "pound", "quid", "英镑"),
    "CNY": ("¥", "RMB", "renminbi", "yuan", "人民币", "元", "块钱", "块"),
    "JPY": ("¥", "yen", "日元", "円"),
    "CHF": ("Swiss francs", "Swiss franc", "francs", "Franken", "瑞士法郎"),
    "CAD": ("CA$", "C$", "$", "Canadian dollars", "dollars", "dollar", "加元"),
    "AUD": ("A$", "AU$", "$", "Australian dollars", "dollars", "dollar", "澳元"),
    "HKD": ("HK$", "$", "Hong Kong dollars", "dollars", "港元", "港币"),
    "SGD": ("S$", "$", "Singapore dollars", "dollars", "新元"),
    "NZD": ("NZ$", "$", "New Zealand dollars", "dollars", "dollar"),
    "MXN": ("MX$", "$", "Mexican pesos", "pesos"),
    "BRL": ("R$", "reais", "real"),
    "INR": ("₹", "Rs", "rupees", "rupee", "卢比"),
    "KRW": ("₩", "won", "韩元", "원"),
    "RUB": ("₽", "roubles", "rubles", "руб", "рублей", "卢布"),
    "TRY": ("₺", "lira", "TL"),
    "PLN": ("zł", "zloty", "zlotys", "złotych"),
    "SEK": ("Swedish kronor", "kronor", "kr"),
    "NOK": ("Norwegian kroner", "kroner", "kr"),
    "DKK": ("Danish kroner", "kroner", "kr"),
    "CZK": ("Kč", "Czech crowns", "koruna", "korun"),
    "UAH": ("₴", "hryvnia", "hryvnias"),
    "ILS": ("₪", "shekels", "shekel"),
    "THB": ("฿", "baht", "泰铢"),
    "VND": ("₫", "dong"),
    "TWD": ("NT$", "新台币"),
}


@cache
def codes() -> frozenset[str]:
    """The codes of ISO 4217 that Faker lists, with those above."""
    from faker.providers.currency import Provider

    return frozenset(code for code, _ in Provider.currencies) | frozenset(MARKS)


LETTER = "[^\\W\\d_\u2e80-\u9fff\uac00-\ud7a3]"  # of a script that parts its words: Chinese stands beside anything
_BEFORE, _AFTER = f"(?<!{LETTER})", f"(?!{LETTER})"


def found(text: str) -> Iterator[str]:
    """Codes of the currencies that the text may name."""
    for _, _, named in spotted(text):
        yield from named


def spotted(text: str) -> Iterator[tuple[int, int, frozenset[str]]]:
    """Where a mark or a code begins and ends, and which currencies it may stand for."""
    for match in _pattern().finditer(text):
        mark = match[0].casefold()
        yield match.start(), match.end(), _meaning()[mark]
    for match in re.finditer(rf"{_BEFORE}[A-Z]{{3}}{_AFTER}", text):
        if match[0] in codes():
            yield match.start(), match.end(), frozenset((match[0],))


def is_written(value: str) -> bool:
    return value in codes()


def named(text: str) -> str:
    """The code of the only currency that this word is for; empty for any other word."""
    known = _meaning().get(text.casefold(), frozenset())
    told = known or (frozenset((text.upper(),)) if text.upper() in MARKS else frozenset[str]())
    return next(iter(told)) if len(told) == 1 else "USD" if "USD" in told else ""


@cache
def _meaning() -> dict[str, frozenset[str]]:
    known: dict[str, set[str]] = {}
    for code, marks in MARKS.items():
        for mark in (*marks, code):
            known.setdefault(mark.casefold(), set()).add(code)
    return {mark: frozenset(several) for mark, several in known.items()}


@cache
def _pattern() -> re.Pattern[str]:
    """The longest mark first; words in letters end where the word does."""
    marks = sorted(_meaning(), key=len, reverse=True)
    bounded = (f"{_edge(mark[0], _BEFORE)}{re.escape(mark)}{_edge(mark[-1], _AFTER)}" for mark in marks)
    return re.compile("|".join(bounded), re.IGNORECASE)


def _edge(letter: str, border: str) -> str:
    """Signs and Chinese have no word borders."""
    return border if letter.isalpha() and ord(letter) < 0x2E80 else ""
