"""A text as a JSON object. What a machine ran away with, such as a thousand brackets, is none."""

import json
from collections.abc import Callable
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
    return found if isinstance(found, dict) and not _deeper(found, MOST_LEVELS) else None


def _deeper(value: JsonValue, most: int) -> bool:
    """Whether a value has more levels, found without a call a level."""
    level = [value]
    for _ in range(most):
        inner: list[JsonValue] = []
        for one in level:
            inner += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        if not inner:
            return False
        level = inner
    return True
