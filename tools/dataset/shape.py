"""The shape of an answer as a user gives it: a JSON schema, or one answer as an example."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import get_args

from pydantic import JsonValue

from tools.dataset.inference import fields_of
from tools.errors import RetortError
from tools.records import FieldKind, Form, ItemKind, JsonObject, TaskField

MOST_DEPTH = 8  # of objects in objects; a schema that refers to itself never ends
LIMITS = frozenset((
    "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "minItems", "maxItems", "uniqueItems",
))  # fmt: skip
READ = frozenset((
    "type", "properties", "required", "items", "description", "enum", "const", "additionalProperties", "$defs",
    "definitions",
))  # fmt: skip
SAYS_NOTHING = frozenset((
    "$schema", "$id", "$comment", "title", "default", "examples", "example", "deprecated", "readOnly", "writeOnly",
))  # fmt: skip
_FIX = (
    'Give a JSON schema whose top is {"type": "object", "properties": {...}}, with the types string, number, integer, '
    "boolean, array and object, or one answer as an example."
)


def read_shape(text: str) -> tuple[TaskField, ...]:
    """The fields of a JSON schema, or of one example of the answer; in the latter nothing is required.

    Raises RetortError naming the part of the schema that no field can stand for.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RetortError(f"The answer's shape is not valid JSON: {error}.", _FIX) from error
    if not isinstance(found, dict) or not found:
        raise RetortError(f"The answer's shape {text[:60]!r} is not a JSON object with keys.", _FIX)
    found = _unwrapped(found)
    if _is_schema(found):
        try:
            return _Schema(found).fields()
        except RecursionError as error:
            raise RetortError("The schema's references form a circle.", _FIX) from error
    return _of_example(fields_of([found], [text]), found)


def _unwrapped(found: JsonObject) -> JsonObject:
    """The schema itself, where it came as APIs take it: {"name": ..., "schema": {...}}, also in a json_schema."""
    inner = found.get("json_schema") or found.get("schema")
    return _unwrapped(inner) if isinstance(inner, dict) and "properties" not in found else found


def _is_schema(found: JsonObject) -> bool:
    """An example may have keys called `type` or `properties` too, but not with such values."""
    told = found.get("properties")
    if isinstance(told, dict):
        return found.get("type", "object") == "object" and all(isinstance(one, dict) for one in told.values())
    return "$schema" in found or "$ref" in found


def _of_example(fields: Sequence[TaskField], found: JsonObject) -> tuple[TaskField, ...]:
    """One example says what ids look like, and nothing of what must be there."""
    made = []
    for field in fields:
        value = found[field.name]
        inner = value[0] if isinstance(value, list) and value else value
        like = isinstance(inner, str) and re.fullmatch(r"\S*\d\S*", inner) and not field.description
        told = {"required": False, "description": f"like {inner}" if like else field.description}
        if field.fields and isinstance(inner, dict):
            told["fields"] = _of_example(field.fields, inner)
        made.append(field.model_copy(update=told))
    return tuple(made)


class _Schema:
    """One JSON schema, whose references are looked up in itself."""

    def __init__(self, whole: JsonObject) -> None:
        self.whole = whole

    def fields(self) -> tuple[TaskField, ...]:
        top, _ = self._followed(self.whole, "the top")
        _limits(top, "the top")
        fields = self._fields(top, "", 0)
        if not fields:
            raise RetortError("The schema has no properties at its top level.", _FIX)
        return fields

    def _fields(self, schema: Mapping[str, JsonValue], where: str, depth: int) -> tuple[TaskField, ...]:
        told, needed = schema.get("properties") or {}, schema.get("required") or []
        if depth > MOST_DEPTH:
            raise RetortError(
                f"The schema is nested more than {MOST_DEPTH} objects deep at {where}.", "Make it flatter."
            )
        if not isinstance(told, dict) or not isinstance(needed, list):
            raise RetortError(f"The schema's properties at {where or 'the top'} are not an object.", _FIX)
        return tuple(self._field(name, part, name in needed, f"{where}{name}", depth) for name, part in told.items())

    def _field(self, name: str, told: JsonValue, needed: bool, where: str, depth: int) -> TaskField:
        schema, nullable = self._followed(told, where)
        kind = self._kind(schema, where)
        item = self._followed(schema.get("items"), f"{where}[]")[0] if schema.get("items") else {}
        inner = item if kind == "list" else schema
        of_objects = kind == "object" or (kind == "list" and bool(item) and self._kind(item, f"{where}[]") == "object")
        choices, told_choices = _choices(inner)
        description = str(schema.get("description") or "")
        limits = _limits(schema, where)
        if kind == "list" and (of_items := _limits(item, f"{where}[]")):
            limits["items"] = of_items
        dated = kind == "string" and limits.get("format") == "date"
        return TaskField(
            name=name,
            kind=kind,
            form=Form(name="date", detail="YYYY-MM-DD") if dated else None,
            description=" ".join(filter(None, (description, told_choices))),
            required=needed and not nullable,
            choices=choices,
            items=self._items(item, where) if kind == "list" and item and not of_objects else None,
            fields=self._fields(inner, f"{where}.", depth + 1) if of_objects else (),
            limits={word: value for word, value in limits.items() if not (dated and word == "format")},
        )

    def _items(self, item: Mapping[str, JsonValue], where: str) -> ItemKind:
        kind = self._kind(item, f"{where}[]")
        for known in get_args(ItemKind):
            if kind == known:
                return known  # type: ignore[no-any-return]  # get_args is untyped
        raise RetortError(f"{where!r} is a list of lists, which a field cannot be.", _FIX)

    def _kind(self, schema: Mapping[str, JsonValue], where: str) -> FieldKind:
        told = schema.get("type") or ("string" if "enum" in schema else "object" if "properties" in schema else None)
        kind = "list" if told == "array" else told
        for known in get_args(FieldKind):
            if kind == known:
                return known  # type: ignore[no-any-return]  # get_args is untyped
        raise RetortError(f"{where!r} has the type {told!r}, which a field cannot have.", _FIX)

    def _followed(self, told: JsonValue, where: str) -> tuple[JsonObject, bool]:
        """The part behind references and beside null, and whether it may be null."""
        if not isinstance(told, dict):
            raise RetortError(f"{where!r} is {json.dumps(told)[:60]}, not a schema.", _FIX)
        if isinstance(reference := told.get("$ref"), str):
            rest: JsonObject = {key: value for key, value in told.items() if key != "$ref"}
            found, nullable = self._followed(self._looked_up(reference, where), where)
            return {**found, **rest}, nullable
        for word in ("anyOf", "oneOf", "allOf"):
            if isinstance(several := told.get(word), list):
                others = [one for one in several if one != {"type": "null"}]
                if len(others) != 1:
                    raise RetortError(f"{where!r} may be any of {len(others)} things, which a field cannot be.", _FIX)
                found, nullable = self._followed(others[0], where)
                return {**{key: value for key, value in told.items() if key != word}, **found}, (
                    nullable or len(others) < len(several)
                )
        if isinstance(kinds := told.get("type"), list):
            others = [one for one in kinds if one != "null"]
            if len(others) != 1:
                raise RetortError(f"{where!r} may have the types {others}; a field has only one type.", _FIX)
            return {**told, "type": others[0]}, len(others) < len(kinds)
        return told, False

    def _looked_up(self, reference: str, where: str) -> JsonValue:
        """Raises RetortError for what stands in another file: nothing is fetched."""
        found: JsonValue = self.whole
        for step in reference.removeprefix("#/").split("/"):
            found = found.get(step) if isinstance(found, dict) and reference.startswith("#/") else None
        if found is None or found == {"$ref": reference}:
            raise RetortError(f"{where!r} refers to {reference!r}, which is not in this schema.", _FIX)
        return found


def _choices(schema: Mapping[str, JsonValue]) -> tuple[tuple[str, ...], str]:
    """The values of an enum or a const, null aside: texts as choices, others in words."""
    told = [schema["const"]] if "const" in schema else schema.get("enum") or []
    values = [one for one in told if one is not None] if isinstance(told, list) else [told]
    texts = tuple(one for one in values if isinstance(one, str))
    if len(texts) == len(values):
        return texts, ""
    return (), f"one of: {', '.join(json.dumps(one) for one in values)}"


def _limits(schema: Mapping[str, JsonValue], where: str) -> JsonObject:
    """What narrows the values further. Raises RetortError for what would have to be left out in silence."""
    unread = sorted(set(schema) - LIMITS - READ - SAYS_NOTHING)
    if unread:
        raise RetortError(
            f"{where!r} uses {', '.join(unread)}, which a field cannot keep.", "Leave it out of the schema."
        )
    limits: JsonObject = {word: value for word, value in schema.items() if word in LIMITS}
    if isinstance(others := schema.get("additionalProperties"), dict):  # keys that are not told, of one type
        if schema.get("properties") or "$ref" in json.dumps(others):
            raise RetortError(
                f"{where!r} has additionalProperties with a type of their own, which a field cannot keep.",
                "Name the keys, or leave additionalProperties out of the schema.",
            )
        limits["additionalProperties"] = others
    return limits
