"""A text that is JSON with nothing around it. What a machine ran away with, such as a thousand brackets, is none."""

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import JsonValue

from tools.records.dialogue import JsonObject

MOST_LEVELS = 64  # objects and lists in each other; nobody reads, draws or compares more


def object_of(
    text: str, pairs: Callable[[list[tuple[str, JsonValue]]], JsonObject] = dict, constant: Callable[[str], Any] = float
) -> JsonObject | None:
    """The object that the text is, or None; `pairs` makes an object, `constant` a value of NaN and Infinity, and either
    may refuse with ValueError."""
    try:
        found: JsonValue = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and not too_deep(found) else None


def parse_json(text: str) -> JsonValue:
    """The value that the text is. Raises ValueError, for NaN, for 1e999 and for what nests too deeply too."""
    try:
        value: JsonValue = DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error
    if too_deep(value):
        raise ValueError("it nests too deeply")
    return value


def too_deep(value: JsonValue) -> bool:
    """Whether whoever walks through the value might not come back; found without a call a level."""
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [one for outer in level for one in _inside(outer)]
        if not level:
            return False
    return True


def refused(constant: str) -> JsonValue:
    """For `parse_constant`: NaN and Infinity are not JSON. Raises ValueError."""
    raise ValueError(f"{constant} is not JSON")


def finite(number: str) -> float:
    """For `parse_float`. Raises ValueError for a number that no float holds."""
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"the number {number[:40]} is larger than numbers can be")
    return value


def _inside(value: JsonValue) -> Iterable[JsonValue]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


DECODER = json.JSONDecoder(parse_constant=refused, parse_float=finite)
