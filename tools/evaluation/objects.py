"""Answers that are JSON objects: read strictly, compared by value, scored field by field."""

import json
import unicodedata
from collections.abc import Sequence

from jsonschema import Draft202012Validator
from pydantic import JsonValue

from tools.evaluation.intervals import Array, Indices, bootstrap, wilson
from tools.records import JsonObject, Measure, Score, Task

Pairs = Sequence[tuple[str, str]]  # (reference, answer) a row


def parse_object(text: str) -> JsonObject | None:
    """The JSON object that `text` is, strictly: nothing around it, no NaN, no key twice; None otherwise."""
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):  # the latter for an answer of a thousand brackets
        return None
    return found if isinstance(found, dict) else None


def objects_equal(a: JsonObject | None, b: JsonObject | None) -> bool:
    """Whether two answers are the same object: order of keys and white space do not matter, numbers by value,
    strings after NFC and strip. None (no object) equals nothing."""
    return a is not None and b is not None and values_equal(a, b)


def values_equal(a: JsonValue, b: JsonValue) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b  # Python counts True as 1, JSON does not
    if isinstance(a, str) and isinstance(b, str):
        return plain(a) == plain(b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(values_equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(values_equal(a[key], b[key]) for key in a)
    return a == b


def plain(text: str) -> str:
    """The normalisation of every comparison of strings: Unicode NFC, no white space at the ends."""
    return unicodedata.normalize("NFC", text).strip()


def valid_share(task: Task, answers: Sequence[str]) -> Score:
    """Answers that are an object by the task's own schema."""
    validator = Draft202012Validator(task.json_schema())
    objects = [found for answer in answers if (found := parse_object(answer)) is not None]
    return wilson(sum(validator.is_valid(found) for found in objects), len(answers))


def field_accuracy(pairs: Pairs) -> dict[str, Score]:
    """Accuracy of every field of any reference, over all rows; a field absent on both sides is right."""
    parsed = [(parse_object(reference) or {}, parse_object(answer)) for reference, answer in pairs]
    hits = dict.fromkeys((name for reference, _ in parsed for name in reference), 0)
    for reference, answer in parsed:
        for name in hits:
            if answer is not None and values_equal(reference.get(name), answer.get(name)):
                hits[name] += 1
    return {name: wilson(count, len(pairs)) for name, count in hits.items()}


def field_f1(pairs: Pairs) -> dict[str, Measure]:
    """F1 of the values found, over all fields (`F1`) and for each (`F1 of phone`); null and absent are no value.

    A value in both and equal is a hit; one that the reference lacks is a false find, one that the answer lacks a miss,
    and a wrong value is both. Fields that no reference and no answer fills have no F1.
    """
    import numpy

    parsed = [(parse_object(reference) or {}, parse_object(answer) or {}) for reference, answer in pairs]
    names = list(dict.fromkeys(name for reference, _ in parsed for name in reference))
    # (rows, fields, 2): twice the hits, and the values on both sides together
    counts = numpy.array([[_counts(a.get(name), b.get(name)) for name in names] for a, b in parsed])
    if not names:
        return {}

    def f1_of(chosen: Array) -> Measure:  # (rows, 2)
        def figure(indices: Indices) -> float:
            hits, values = chosen[indices].sum(axis=0)
            return float(hits / values) if values else 1.0  # nothing to find, nothing invented

        return bootstrap(len(chosen), figure)

    single = {f"F1 of {name}": counts[:, at] for at, name in enumerate(names) if counts[:, at, 1].any()}
    return {"F1": f1_of(counts.sum(axis=1)), **{name: f1_of(chosen) for name, chosen in single.items()}}


def _counts(reference: JsonValue, answer: JsonValue) -> tuple[int, int]:
    hit = reference is not None and values_equal(reference, answer)
    return 2 * hit, (reference is not None) + (answer is not None)


def _once(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(constant: str) -> JsonValue:
    raise ValueError(f"{constant} is not JSON")
