"""What is said about the answer's fields: names, kinds, descriptions, and which of them every input holds."""

import re
from collections.abc import Sequence
from typing import get_args

from tools.errors import RetortError
from tools.records import FieldKind, TaskField


def read_field(text: str) -> TaskField:
    """'total (number): amount in euro' as a field; kind and description are optional."""
    match = re.fullmatch(r"\s*([^:：()（）]+?)\s*(?:[(（]\s*(\w+)\s*[)）])?\s*(?:[:：]\s*(.*))?", text, re.DOTALL)
    kind = ((match[2] if match else None) or "string").lower()
    if not match or kind not in get_args(FieldKind):
        raise RetortError(
            f"The field {text!r} cannot be read.",
            f"Write 'name' or 'name (kind): description' with a kind of {', '.join(get_args(FieldKind))}.",
        )
    return TaskField.model_validate({"name": match[1], "kind": kind, "description": (match[3] or "").strip()})


def with_required(fields: Sequence[TaskField], names: Sequence[str]) -> tuple[TaskField, ...]:
    """The fields, those of these names as ones that every input holds."""
    known = {field.name.casefold() for field in fields}
    wanted = {name.strip().replace(" ", "_").casefold() for name in names} if names else set()
    if unknown := wanted - known:
        raise RetortError(
            f"The answer has no field {', '.join(sorted(unknown))}.",
            f"Its fields are {', '.join(field.name for field in fields) or 'not told yet'}.",
        )
    return tuple(
        field.model_copy(update={"required": True}) if field.name.casefold() in wanted else field for field in fields
    )


def described(fields: Sequence[TaskField], notes: Sequence[str]) -> tuple[TaskField, ...]:
    """The fields, at any depth, with what 'name: description' says of some."""
    told = dict(map(_note, notes))
    if unknown := set(told) - names_of(fields):
        raise RetortError(
            f"The answer has no field {', '.join(sorted(unknown))}.",
            f"Its fields are {', '.join(field.outline for field in fields) or 'not told yet'}.",
        )
    return tuple(
        field.model_copy(
            update={
                "description": told.get(field.name.casefold(), field.description),
                "fields": described(field.fields, [one for one in notes if describes(one, field.fields)]),
            }
        )
        for field in fields
    )


def names_of(fields: Sequence[TaskField]) -> set[str]:
    """Of all fields, those inside others too, in lower case."""
    return {field.name.casefold() for field in fields}.union(*(names_of(field.fields) for field in fields))


def describes(text: str, fields: Sequence[TaskField]) -> bool:
    """Whether the text is 'name: description' of one of the fields."""
    name, words = _note(text)
    return bool(words) and name in names_of(fields)


def _note(text: str) -> tuple[str, str]:
    name, _, words = text.replace("：", ":", 1).partition(":")
    return name.strip().casefold(), words.strip()
