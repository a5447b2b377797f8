"""What is said about the answer's fields: names, kinds, descriptions, and which of them every input holds."""

import re
from collections.abc import Mapping, Sequence, Set
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
    wanted = set(map(_key, names))
    _need_known(wanted, {_key(field.name) for field in fields}, fields)
    return tuple(
        field.model_copy(update={"required": field.required or _key(field.name) in wanted}) for field in fields
    )


def described(fields: Sequence[TaskField], notes: Sequence[str]) -> tuple[TaskField, ...]:
    """The fields, at any depth, with what 'name: description' says of some."""
    told = dict(map(_note, notes))
    _need_known(set(told), _keys(fields), fields)
    return _described(fields, told)


def describes(text: str, fields: Sequence[TaskField]) -> bool:
    """Whether the text is 'name: description' of one of the fields; a worked example may begin like that."""
    name, words = _note(text)
    return bool(words) and name in _keys(fields) and "\n" not in text.strip() and "=>" not in text


def _described(fields: Sequence[TaskField], told: Mapping[str, str]) -> tuple[TaskField, ...]:
    return tuple(
        field.model_copy(
            update={
                "description": told.get(_key(field.name), field.description),
                "fields": _described(field.fields, told),
            }
        )
        for field in fields
    )


def _need_known(wanted: Set[str], known: Set[str], fields: Sequence[TaskField]) -> None:
    if unknown := wanted - known:
        raise RetortError(
            f"The answer has no field {', '.join(sorted(unknown))}.",
            f"Its fields are {', '.join(field.outline for field in fields) or 'not told yet'}.",
        )


def _keys(fields: Sequence[TaskField]) -> set[str]:
    """Of all fields, those inside others too."""
    return {_key(field.name) for field in fields}.union(*(_keys(field.fields) for field in fields))


def _note(text: str) -> tuple[str, str]:
    name, _, words = text.replace("：", ":", 1).partition(":")
    return _key(name), words.strip()


def _key(name: str) -> str:
    """People write 'Order number' for `order_number`."""
    return name.strip().casefold().replace(" ", "_")
