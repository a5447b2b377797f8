"""What an answer is worth: valid JSON, exact object, each field, the label. Pure code on text, no model."""

import json
import unicodedata
from collections.abc import Mapping, Sequence

from jsonschema import Draft202012Validator
from pydantic import JsonValue

from tools.dataset.splits import Row
from tools.records import JsonObject, Score, Scores, Task

# A string field of this name holds the row's label, so its accuracy is also told as label accuracy.
LABEL_FIELDS = frozenset({"intent", "label", "category", "class", "类别", "标签", "意图"})
_Z_95 = 1.959963984540054  # standard normal quantile of 0.975


def wilson(hits: int, rows: int) -> Score:
    """The share with its 95 % score interval; no rows give (0, 1).

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927)
    209-212; it keeps its level near 0 and 1, where the normal interval does not.
    """
    if not rows:
        return Score(hits=0, rows=0, low=0, high=1)
    share, square = hits / rows, _Z_95**2
    centre = (share + square / (2 * rows)) / (1 + square / rows)
    half = _Z_95 / (1 + square / rows) * (share * (1 - share) / rows + square / (4 * rows**2)) ** 0.5
    low = 0.0 if hits == 0 else max(0.0, centre - half)  # exact ends, without a rounding error's -1e-17
    high = 1.0 if hits == rows else min(1.0, centre + half)
    return Score(hits=hits, rows=rows, low=low, high=high)


def score(task: Task, rows: Sequence[Row], answers: Mapping[str, str]) -> Scores:
    """Scores of one candidate: `answers` maps row id to answer text; a row without an answer counts as wrong."""
    pairs = [(row.answer, answers.get(row.id, "")) for row in rows]
    exact = wilson(sum(is_exact(task, reference, answer) for reference, answer in pairs), len(pairs))
    if task.kind == "extraction":
        fields = _field_scores(pairs)
        labels = [fields[name] for name in _label_fields(task) if name in fields]
        valid = wilson(_count_valid(task, [answer for _, answer in pairs]), len(pairs))
        return Scores(valid_json=valid, exact_match=exact, fields=fields, label_accuracy=labels[0] if labels else None)
    return Scores(exact_match=exact, label_accuracy=exact if task.kind == "classification" else None)


def is_exact(task: Task, reference: str, answer: str) -> bool:
    """Whether the answer is right as a whole, by the rule of the task's kind."""
    if task.kind == "extraction":
        return objects_equal(parse_object(reference), parse_object(answer))
    if task.kind == "classification":
        return _plain(answer).casefold() == _plain(reference).casefold()
    return " ".join(_plain(answer).split()) == " ".join(_plain(reference).split())


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
        return _plain(a) == _plain(b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(values_equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(values_equal(a[key], b[key]) for key in a)
    return a == b


def _field_scores(pairs: Sequence[tuple[str, str]]) -> dict[str, Score]:
    """Accuracy of every field of any reference, over all rows; a field absent on both sides is right."""
    parsed = [(parse_object(reference) or {}, parse_object(answer)) for reference, answer in pairs]
    names = list(dict.fromkeys(name for reference, _ in parsed for name in reference))
    hits = dict.fromkeys(names, 0)
    for reference, answer in parsed:
        for name in names:
            if answer is not None and values_equal(reference.get(name), answer.get(name)):
                hits[name] += 1
    return {name: wilson(count, len(pairs)) for name, count in hits.items()}


def _label_fields(task: Task) -> list[str]:
    return [field.name for field in task.fields if field.kind == "string" and field.name.casefold() in LABEL_FIELDS]


def _count_valid(task: Task, answers: Sequence[str]) -> int:
    validator = Draft202012Validator(task.json_schema())
    objects = [found for answer in answers if (found := parse_object(answer)) is not None]
    return sum(validator.is_valid(found) for found in objects)


def _once(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(constant: str) -> JsonValue:
    raise ValueError(f"{constant} is not JSON")


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
