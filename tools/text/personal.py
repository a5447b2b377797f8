"""Personal data out of a text before a teacher reads it, and back into what the teacher wrote.

Found by form and check digit: e-mail addresses, telephone numbers, bank and card numbers, Chinese and US identity
numbers, IP addresses. Names and postal addresses have no form to be found by, and are not masked.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from pydantic import Field

from tools.records import Value

_EMAIL = re.compile(r"[\w.+\-À-ɏ]+@[\w\-]+(?:\.[\w\-]+)+", re.ASCII)
_IP = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<!\d)(?:\d[ \-]?){12,18}\d(?!\d)")
_CHINESE_ID = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
_US_ID = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")
_CHINESE_MOBILE = re.compile(r"(?<!\d)1[3-9]\d[ \-]?\d{4}[ \-]?\d{4}(?!\d)")
_MASK = re.compile(r"\[(?:EMAIL|PHONE|IBAN|CARD|ID|IP)_\d+\]")
REGIONS = {"zh": "CN", "en": "US", "de": "DE", "fr": "FR", "es": "ES", "it": "IT", "pt": "PT", "nl": "NL", "ja": "JP"}


class Masked(Value):
    """A text with placeholders, and what each stands for."""

    text: str
    values: dict[str, str] = Field({}, description="What was there, by its placeholder.")


@lru_cache(maxsize=512)
def mask(text: str, language: str = "") -> Masked:
    """The text with its personal data replaced; one value has one placeholder throughout."""
    values: dict[str, str] = {}
    names: dict[str, str] = {}
    parts: list[str] = []
    end = 0
    for start, stop, noun in _apart(sorted(_found(text, language))):
        value = text[start:stop]
        if value not in names:
            names[value] = f"[{noun}_{len(names) + 1}]"
            values[names[value]] = value
        parts += [text[end:start], names[value]]
        end = stop
    return Masked(text="".join([*parts, text[end:]]), values=values)


def restore(text: str, masked: Masked) -> str:
    """The text with its placeholders filled in again; one that stands for nothing stays."""
    return _MASK.sub(lambda match: masked.values.get(match[0], match[0]), text)


def left_over(text: str) -> str:
    """A placeholder that nothing could be put back for, or nothing."""
    match = _MASK.search(text)
    return match[0] if match else ""


def _found(text: str, language: str) -> Iterator[tuple[int, int, str]]:
    from stdnum import iban, luhn
    from stdnum.cn import ric
    from stdnum.us import ssn

    for match in _EMAIL.finditer(text):
        yield *match.span(), "EMAIL"
    for match in _IP.finditer(text):
        yield *match.span(), "IP"
    for pattern, is_valid, noun in (
        (_IBAN, iban.is_valid, "IBAN"),
        (_CHINESE_ID, ric.is_valid, "ID"),
        (_US_ID, ssn.is_valid, "ID"),
        (_CARD, luhn.is_valid, "CARD"),
    ):
        for match in pattern.finditer(text):
            if is_valid(re.sub(r"[ \-]", "", match[0])):
                yield *match.span(), noun
    yield from _phones(text, language)


def _phones(text: str, language: str) -> Iterator[tuple[int, int, str]]:
    """Numbers that can be dialled: in international form, or in the form of the language's country."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    for match in _CHINESE_MOBILE.finditer(text):
        yield *match.span(), "PHONE"
    for found in PhoneNumberMatcher(text, REGIONS.get(language[:2], "US"), leniency=Leniency.VALID):
        yield found.start, found.end, "PHONE"


def _apart(spans: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """The spans without those that overlap an earlier or longer one."""
    end = 0
    for start, stop, noun in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= end:
            yield start, stop, noun
            end = stop
