"""JSON as its standard has it, read the same wherever a row holds some: no NaN, and no number that overflows."""

import json
import math
import re
from typing import Any, NoReturn

_STRING_OR_SPACE = re.compile(r'"(?:[^"\\]|\\.)*"|[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]', re.DOTALL)
_ODD_SPACE = re.compile(r"[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is larger than numbers can be")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def loads(text: str) -> Any:
    """The value. Raises ValueError (JSONDecodeError for what is no JSON) and RecursionError."""
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError:
        plain = plain_spaces(text)
        if plain == text:
            raise
        return DECODER.decode(plain)


def plain_spaces(text: str) -> str:
    """The text, as long as before, with a space for each no-break or invisible one between its tokens."""
    if not _ODD_SPACE.search(text):
        return text
    return _STRING_OR_SPACE.sub(lambda match: match[0] if match[0].startswith('"') else " ", text)
