"""Answers that are JSON objects: read strictly, compared by value, scored field by field."""

from collections.abc import Iterator, Sequence

from jsonschema import Draft202012Validator
from pydantic import JsonValue

from tools.evaluation.statistics.clusters import Array
from tools.evaluation.statistics.intervals import Indices, bootstrap, share
from tools.records import JsonObject, Measure, Score, Task, TaskField
from tools.text.forms.reading import Reader, reader_of
from tools.text.plain import plain
from tools.text.strict_json import object_of, refused

Pairs = Sequence[tuple[str, str]]  # (reference, answer) a row


def parse_object(text: str) -> JsonObject | None:
    """The JSON object that `text` is, strictly: nothing around it, no NaN, no key twice; None otherwise."""
    return object_of(text, pairs=_once, constant=refused)


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


def same_value(field: TaskField | None, reference: JsonValue, answer: JsonValue, *, in_form: bool) -> bool:
    """Whether the answer's value of this field is the reference's.

    Where the field has a form, what both can only be read as decides (`tools/text/forms/`): '31 March 2026' is
    2026-03-31. With `in_form` the answer must be written in the form besides.
    """
    if field is None or not _has_form(field) or reference is None or answer is None:
        return values_equal(reference, answer)
    if isinstance(reference, list) and isinstance(answer, list):
        pairs = zip(reference, answer, strict=False)
        return len(reference) == len(answer) and all(same_value(field, *pair, in_form=in_form) for pair in pairs)
    if isinstance(reference, dict) and isinstance(answer, dict):
        return same_object(field.fields, reference, answer, in_form=in_form)
    reader = _reader(field)
    meant = reader.meant(reference) if reader else None
    if reader is None or meant is None:
        return values_equal(reference, answer)
    return values_equal(meant, reader.meant(answer)) and (not in_form or reader.is_written(answer))


def same_object(
    fields: Sequence[TaskField], reference: JsonObject | None, answer: JsonObject | None, *, in_form: bool
) -> bool:
    """Whether two answers are the same object, each field by its form; None (no object) equals nothing."""
    if reference is None or answer is None or reference.keys() != answer.keys():
        return False
    known = {field.name: field for field in fields}
    return all(same_value(known.get(key), reference[key], answer[key], in_form=in_form) for key in reference)


def forms_told(fields: Sequence[TaskField]) -> str:
    """How values in a form are compared, for whoever reads the scores; empty where no field has one."""
    told = ", ".join(_told(fields))
    rule = "Fields compare what a value can only be read as; exact match and valid JSON also ask for its form: "
    return f"{rule}{told}." if told else ""


def _told(fields: Sequence[TaskField], where: str = "") -> Iterator[str]:
    for field in fields:
        yield from _told(field.fields, f"{where}{field.name}.")
        if field.manner and not field.fields:
            yield f"{where}{field.name} {field.manner}"


def _has_form(field: TaskField) -> bool:
    return _reader(field) is not None or any(map(_has_form, field.fields))


def _reader(field: TaskField) -> Reader | None:
    """What reads the field's values in their form; most fields have none."""
    return reader_of(field) if field.form or field.choices else None


def valid_share(task: Task, answers: Sequence[str], origins: Sequence[str] = ()) -> Score:
    """Answers that are an object by the task's own schema. Leaving out a key that not every input holds is no fault:
    else rows of a user that do so would be exact and "not valid" at once."""
    validator = Draft202012Validator(task.json_schema(absent=True))
    objects = map(parse_object, answers)
    return share([found is not None and validator.is_valid(found) for found in objects], origins)


def field_accuracy(task: Task, pairs: Pairs, origins: Sequence[str] = ()) -> dict[str, Score]:
    """Accuracy of every field of any reference, over all rows; a field absent on both sides is right, and so is a
    value in another form than the field's."""
    known = {field.name: field for field in task.fields}
    parsed = [(parse_object(reference) or {}, parse_object(answer)) for reference, answer in pairs]
    names = dict.fromkeys(name for reference, _ in parsed for name in reference)

    def right(name: str) -> list[bool]:
        return [
            answer is not None and same_value(known.get(name), reference.get(name), answer.get(name), in_form=False)
            for reference, answer in parsed
        ]

    return {name: share(right(name), origins) for name in names}


def field_f1(task: Task, pairs: Pairs, origins: Sequence[str] = ()) -> dict[str, Measure]:
    """F1 of the values found, over all fields (`F1`) and for each (`F1 of phone`); null and absent are no value.

    A value in both and equal is a hit; one that the reference lacks is a false find, one that the answer lacks a miss,
    and a wrong value is both. Fields that no reference and no answer fills have no F1.
    """
    import numpy

    parsed = [(parse_object(reference) or {}, parse_object(answer) or {}) for reference, answer in pairs]
    names = list(dict.fromkeys(name for reference, _ in parsed for name in reference))
    # (rows, fields, 2): twice the hits, and the values on both sides together
    known = {field.name: field for field in task.fields}
    counts = numpy.array([[_counts(known.get(name), a.get(name), b.get(name)) for name in names] for a, b in parsed])
    if not names:
        return {}

    def f1_of(chosen: Array) -> Measure:  # (rows, 2)
        def figure(indices: Indices) -> float:
            hits, values = chosen[indices].sum(axis=0)
            return float(hits / values) if values else 1.0  # nothing to find, nothing invented

        return bootstrap(len(chosen), figure, origins)

    single = {f"F1 of {name}": counts[:, at] for at, name in enumerate(names) if counts[:, at, 1].any()}
    return {"F1": f1_of(counts.sum(axis=1)), **{name: f1_of(chosen) for name, chosen in single.items()}}


def _counts(field: TaskField | None, reference: JsonValue, answer: JsonValue) -> tuple[int, int]:
    hit = reference is not None and same_value(field, reference, answer, in_form=False)
    return 2 * hit, (reference is not None) + (answer is not None)


def _once(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found
