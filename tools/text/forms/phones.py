"""Telephone numbers whose country is evident: written with + or 00 before the country's code. E.164 has no others."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_INTERNATIONAL = re.compile(r"(?:(?<![\d+])\+|(?<![0-9+])00(?=[1-9]))\s?\d(?:[\s().\-/]{0,3}\d){6,18}")
_GROUP = re.compile(r"[\s().\-/]+\d+$")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_PLUS = re.compile(r"^00")


def found(text: str) -> Iterator[str]:
    """Numbers in E.164 that the text may hold, those before the others that the country could have given out."""
    from phonenumbers import PhoneNumberFormat, format_number, is_valid_number

    for match in _INTERNATIONAL.finditer(text):
        possible = list(_possible(_PLUS.sub("+", match[0])))
        chosen = next(filter(is_valid_number, possible), possible[0] if possible else None)
        if chosen is not None:
            yield str(format_number(chosen, PhoneNumberFormat.E164))


def _possible(written: str) -> "Iterator[PhoneNumber]":
    """The number with all its groups of digits, with one less and so on: the last ones may be another number."""
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_possible_number, parse

    while True:
        try:
            number = parse(written, None)
        except NumberParseException:
            return
        if is_possible_number(number) and _E164.fullmatch(format_number(number, PhoneNumberFormat.E164)):
            yield number
        shorter = _GROUP.sub("", written)
        if shorter == written:
            return
        written = shorter


def is_written(value: str) -> bool:
    """Whether this is a number in E.164 that some country could have given out."""
    return _E164.fullmatch(value) is not None and value in found(value)
