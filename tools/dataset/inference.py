"""What task do these rows teach? Guessed from the answers, so that imported rows need no questions."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from pydantic import JsonValue

from tools.dataset.rows import FileRow
from tools.records import FieldKind, ItemKind, JsonObject, Sample, Task, TaskField
from tools.text.language import likeliest_language

LONGEST_LABEL = 60  # characters
MOST_LABELS = 500


def infer_task(samples: Sequence[Sample | FileRow]) -> Task:
    """The task that these samples show. All answers JSON objects: extraction; few, short, repeated: classification."""
    if not samples:
        return Task()
    common = {sample.messages[0].content if sample.messages[0].role == "system" else "" for sample in samples}
    shared = Task(
        kind="open",
        input_description="texts",
        language=likeliest_language(sample.question for sample in samples),
        system_prompt=common.pop() if len(common) == 1 else "",
    )
    objects = [_object(sample.answer) for sample in samples]
    full = [found for found in objects if found is not None]
    if len(full) == len(samples) and any(full):
        fields = fields_of(full, [sample.question for sample in samples])
        return shared.model_copy(update={"kind": "extraction", "fields": fields})
    labels = labels_of([sample.answer.strip() for sample in samples])
    if labels:
        return shared.model_copy(update={"kind": "classification", "labels": labels})
    return shared


def _object(answer: str) -> JsonObject | None:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def fields_of(objects: Sequence[JsonObject], inputs: Sequence[str]) -> tuple[TaskField, ...]:
    """The union of the objects' keys, in order of first sight; `inputs` are the texts that they were found in."""
    fields = []
    for name in dict.fromkeys(name for found in objects for name in found if name):
        places = [place for place, found in enumerate(objects) if found.get(name) is not None]
        values, texts = [objects[place][name] for place in places], [inputs[place] for place in places]
        kind = _kind(values)
        choices = _choices(values, texts) if kind == "string" else ()
        description = f"one of: {', '.join(choices)}" if choices else ""
        required = len(values) == len(objects)
        field = TaskField(name=name, kind=kind, description=description, required=required)
        fields.append(field.model_copy(update=_inside(kind, values, texts)))
    return tuple(fields)


def _inside(kind: FieldKind, values: Sequence[JsonValue], inputs: Sequence[str]) -> dict[str, object]:
    """What lists and objects hold, where it is the same in all: one type of item, or objects with the same keys."""
    held = [
        (item, text)
        for value, text in zip(values, inputs, strict=True)
        for item in (value if isinstance(value, list) else [value])
    ]
    objects = [(item, text) for item, text in held if isinstance(item, dict)]
    if kind not in ("list", "object") or not held:
        return {}
    if objects and len(objects) == len(held) and len({frozenset(item) for item, _ in objects}) == 1:
        return {"fields": fields_of([item for item, _ in objects], [text for _, text in objects])}
    alike = _kind([item for item, _ in held])
    known = kind == "list" and alike in get_args(ItemKind) and len({_kind_of(item) for item, _ in held}) == 1
    return {"items": alike} if known else {}


def _choices(values: Sequence[JsonValue], inputs: Sequence[str]) -> tuple[str, ...]:
    """The values to choose from, where a field is a category rather than a piece of its input."""
    texts = [value for value in values if isinstance(value, str)]
    copied = all(str(value) in text for value, text in zip(values, inputs, strict=True))
    return () if copied or len(texts) < len(values) else labels_of(texts)


def _kind(values: Sequence[JsonValue]) -> FieldKind:
    """The JSON type that all values have, else the most frequent one; a field that is always null is a string."""
    kinds = Counter(_kind_of(value) for value in values)
    if not kinds:
        return "string"
    if set(kinds) == {"integer", "number"}:
        return "number"
    return kinds.most_common(1)[0][0]


def _kind_of(value: JsonValue) -> FieldKind:
    if isinstance(value, bool):  # before int: True is one
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, list):
        return "list"
    return "object" if isinstance(value, dict) else "string"


def labels_of(answers: Sequence[str]) -> tuple[str, ...]:
    """The distinct answers if they look like labels: short, on one line, and each used twice on average."""
    distinct = sorted(set(answers))
    short = all(len(answer) <= LONGEST_LABEL and "\n" not in answer for answer in distinct)
    few = 2 <= len(distinct) <= min(MOST_LABELS, len(answers) // 2)
    return tuple(distinct) if short and few else ()
