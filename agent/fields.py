"""What is said about the answer's fields: names, kinds, descriptions, and which of them every input holds."""

import re
from collections.abc import Mapping, Sequence, Set
from typing import get_args

from agent.written import demands, noted
from tools.errors import RetortError
from tools.records import FieldKind, TaskField
from tools.text.forms.saying import HOW, read_choices, read_form


def read_field(text: str) -> TaskField:
    """'total (number): amount in euro' or 'date (YYYY-MM-DD)' as a field; kind, form and description are optional."""
    match = re.fullmatch(
        r"\s*([^:：()（）]+?)\s*(?:[(（]\s*([^()（）]+?)\s*[)）])?\s*(?:[:：]\s*(.*))?", text, re.DOTALL
    )
    kind = ((match[2] if match else None) or "string").lower()
    told = [] if kind in get_args(FieldKind) else [kind if match is None else match[2]]
    if not match or (told and not (read_form(told[0]) or read_choices(told[0]))):
        raise RetortError(
            f"The field {text!r} cannot be read.",
            f"Write 'name' or 'name (kind): description', where the kind is one of {', '.join(get_args(FieldKind))}, "
            f"or a way of writing values: {HOW}.",
        )
    field = TaskField.model_validate({"name": match[1], "kind": "string" if told else kind})
    for words in (*told, (match[3] or "").strip()):
        field = noted(field, words) if words else field
    return field


def with_required(fields: Sequence[TaskField], names: Sequence[str]) -> tuple[TaskField, ...]:
    """The fields, those of these names as ones that every input holds."""
    wanted = set(map(_key, names))
    _need_known(wanted, {_key(field.name) for field in fields}, fields)
    return tuple(
        field.model_copy(update={"required": field.required or _key(field.name) in wanted}) for field in fields
    )


def described(fields: Sequence[TaskField], notes: Sequence[str]) -> tuple[TaskField, ...]:
    """The fields, at any depth, with what 'name: description' says of some, the form of their values included."""
    known = _spellings(fields)
    told = {known.get(name, name): words for name, words in map(_note, notes)}
    _need_known(set(told), set(known.values()), fields)
    return _described(fields, told)


def notes_in(text: str, fields: Sequence[TaskField]) -> list[str]:
    """The text as 'name: description' of fields; nothing where it is none, as of a worked example that begins so.

    'date as YYYY-MM-DD and weight in kg' are two.
    """
    text = text.strip()
    if "\n" in text or "=>" in text:
        return []
    known = _spellings(fields)
    name, words = _note(text)
    if words and name in known:
        return [text]
    names = "|".join(re.escape(one).replace("_", "[_ ]") for one in sorted(known, key=len, reverse=True))
    begins = rf"(?:the\s+)?(?P<name>{names})(?:\s+|\s*(?=[^\x00-\x7f]))"
    between = r"(?:^|(?:\s*[,，、;；]\s*(?:and\s+)?|\s+and\s+|和))"
    starts = list(re.finditer(between + begins, text, re.IGNORECASE)) if names else []
    if not starts or starts[0].start() > 0:
        return []
    ends = [*(one.start() for one in starts[1:]), len(text)]
    parts = [(one["name"], text[one.end() : end]) for one, end in zip(starts, ends, strict=True)]
    if not all(demands(words) for _, words in parts):
        return []
    return [f"{name}: {words.strip()}" for name, words in parts]


def _described(fields: Sequence[TaskField], told: Mapping[str, str]) -> tuple[TaskField, ...]:
    inner = (field.model_copy(update={"fields": _described(field.fields, told)}) for field in fields)
    return tuple(noted(field, told[_key(field.name)]) if _key(field.name) in told else field for field in inner)


def _need_known(wanted: Set[str], known: Set[str], fields: Sequence[TaskField]) -> None:
    if unknown := wanted - known:
        raise RetortError(
            f"The answer has no field {', '.join(sorted(unknown))}.",
            f"Its fields are {', '.join(field.outline for field in fields) or 'not known yet'}.",
        )


def _spellings(fields: Sequence[TaskField]) -> dict[str, str]:
    """How people may write a field's name, at any depth, and its key: `date_of_delivery` is 'delivery date' too."""
    found: dict[str, str] = {}
    for field in fields:
        found |= _spellings(field.fields)
        thing, of, whose = (key := _key(field.name)).partition("_of_")
        found |= {f"{whose}_{thing}": key} if of else {}
    return {**found, **{(key := _key(field.name)): key for field in fields}}


def _note(text: str) -> tuple[str, str]:
    name, _, words = text.replace("：", ":", 1).partition(":")
    return _key(name), words.strip()


def _key(name: str) -> str:
    """People write 'Order number', or 'the order number', for `order_number`."""
    return name.strip().casefold().removeprefix("the ").replace(" ", "_")
