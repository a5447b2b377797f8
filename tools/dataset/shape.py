"""The shape of an answer as a user gives it: a JSON schema, or one answer as an example."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args
from urllib.parse import unquote

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
    "propertyOrdering", "xml", "externalDocs", "strict",
))  # fmt: skip
SEVERAL = ("anyOf", "oneOf", "allOf")
TYPES = (*(kind for kind in get_args(FieldKind) if kind != "list"), "array", "null")
# Keys under which APIs take a schema: response formats, tools, settings of a generation.
_WRAPPERS = (
    *("json_schema", "jsonSchema", "schema", "response_format", "responseFormat", "text", "format", "output_format"),
    *("output_config", "response_schema", "responseSchema", "response_json_schema", "responseJsonSchema", "config"),
    *("generationConfig", "generation_config", "guided_json", "extra_body", "function", "parameters", "input_schema"),
    *("inputSchema", "components", "schemas", "tools", "functionDeclarations", "function_declarations"),
)
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
        raise _broken(text, error) from error
    if schema := _the_schema(found):
        try:
            return _Schema(schema, found).fields()
        except RecursionError as error:
            raise RetortError("The schema's references form a circle.", _FIX) from error
    if not isinstance(found, dict) or not found:
        raise RetortError(f"The answer's shape {text[:60]!r} is not a JSON object with keys.", _FIX)
    return _of_example(fields_of([found], [text]), found)


def _broken(text: str, error: Exception) -> RetortError:
    """Where the JSON breaks, and how it usually came to that."""
    if not isinstance(error, json.JSONDecodeError):
        return RetortError(f"The answer's shape is not valid JSON: {error}.", _FIX)
    before, after = text[: error.pos].rstrip(), text[error.pos :].lstrip()
    if error.msg == "Extra data":
        why, fix = "something stands behind the first object", "Give one object: the schema, or one answer."
    elif before.endswith(",") and after[:1] in ("}", "]", ""):
        why, fix = "a comma stands before the closing bracket", "Take the comma out."
    elif after[:1] in ("'", "‘", "“", "”"):
        why, fix = f'it has {after[0]} as a quote, where JSON has "', "Write double quotes, as json.dumps does."
    elif re.match(r"(?:True|False|None)\b", after):
        why, fix = "it has a word of Python's", "Write true, false and null, as json.dumps does."
    else:
        why, fix = error.msg[0].lower() + error.msg[1:], "Correct it there, and paste it again."
    near = " ".join(text[max(0, error.pos - 20) : error.pos + 20].split())
    place = f"line {error.lineno}, character {error.colno}, near “{near}”"
    return RetortError(f"The answer's shape is not valid JSON: {why} ({place}).", fix)


def _the_schema(found: JsonValue) -> JsonObject | None:
    """The one schema in it, however APIs wrap it; None for an example. Raises RetortError where it holds several."""
    schemas = dict(_schemas_in(found, ""))
    if len(schemas) > 1:
        raise RetortError(f"That holds {len(schemas)} schemas: {', '.join(schemas)}.", "Paste the one of the answer.")
    if schemas:
        return next(iter(schemas.values()))
    if isinstance(found, dict) and found and all(isinstance(one, dict) and _is_schema(one) for one in found.values()):
        return {"type": "object", "properties": found}  # the properties alone
    return None


def _schemas_in(found: JsonValue, name: str) -> Iterator[tuple[str, JsonObject]]:
    """Schemas of objects and lists by the names over them; those of bare values are somebody's properties."""
    if isinstance(found, list):
        for one in found:
            yield from _schemas_in(one, name)
    elif isinstance(found, dict) and _is_schema(found) and (not name or _is_whole(found)):
        yield name, found
    elif isinstance(found, dict) and not _is_schema(found):
        own = found.get("name")
        for key, inner in found.items():
            if key in _WRAPPERS:
                yield from _schemas_in(inner, own if isinstance(own, str) else key)
            elif isinstance(inner, dict) and {"properties", *SEVERAL} & set(inner) and _is_schema(inner):
                yield key, inner


def _is_whole(schema: JsonObject) -> bool:
    return not _is_weak(schema) or _plain_type(schema.get("type")) in ("object", "array")


def _is_schema(found: JsonObject) -> bool:
    """An example may have keys called `type`, `items` or `properties` too, but not with such values."""
    told, kind = found.get("properties"), _plain_type(found.get("type", "object"))
    if isinstance(told, dict):
        return kind == "object" and all(isinstance(one, dict) for one in told.values())
    if any(isinstance(part, dict) and _is_schema(part) for word in SEVERAL for part in _listed(found.get(word))):
        return True
    return "$schema" in found or isinstance(found.get("$ref"), str) or _is_weak(found)


def _is_weak(found: JsonObject) -> bool:
    """Whether it names a type of JSON and says nothing but what a schema says."""
    kinds = _listed(_plain_type(found.get("type")))
    known = LIMITS | READ | SAYS_NOTHING | {"nullable", *SEVERAL}
    return bool(kinds) and all(kind in TYPES for kind in kinds) and set(found) <= known


def _plain_type(told: JsonValue) -> JsonValue:
    """Gemini and OpenAPI's tools write OBJECT and STRING."""
    if isinstance(told, list):
        return [_plain_type(one) for one in told]
    return told.lower() if isinstance(told, str) and told.isupper() and told.lower() in TYPES else told


def _listed(told: JsonValue) -> list[JsonValue]:
    return told if isinstance(told, list) else [] if told is None else [told]


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

    def __init__(self, schema: JsonObject, whole: JsonValue = None) -> None:
        self.schema, self.whole = schema, whole  # references may begin at either's top

    def fields(self) -> tuple[TaskField, ...]:
        top, _ = self._followed(self.schema, "the top")
        if (kind := top.get("type", "object")) != "object":
            raise RetortError(
                f"The schema's top is of the type {kind!r}, but an answer is an object.",
                'Put it under a key: {"type": "object", "properties": {"items": ...}}.',
            )
        limits = _limits(top, "the top")
        fields = self._fields(top, "", 0)
        if not fields and "additionalProperties" in limits:
            raise RetortError("The schema's top is a map with any keys; an answer has keys that are known.", _FIX)
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
        if not all(name.strip() for name in told):
            raise RetortError(f"A property at {where.rstrip('.') or 'the top'} has no name.", "Give it one.")
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
        told = schema.get("type") or _implied_type(schema)
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
        if isinstance(parts := told.get("allOf"), list) and parts:
            return self._all_of(told, parts, where)
        for word in ("anyOf", "oneOf"):
            if isinstance(several := told.get(word), list):
                others = [one for one in several if not _is_null(one)]
                if len(others) != 1:
                    raise RetortError(f"{where!r} may be any of {len(others)} things, which a field cannot be.", _FIX)
                found, nullable = self._followed(others[0], where)
                return {**{key: value for key, value in told.items() if key != word}, **found}, (
                    nullable or len(others) < len(several)
                )
        may_be_null = told.get("nullable") is True  # OpenAPI 3.0
        told = {key: value for key, value in told.items() if key != "nullable"}
        if isinstance(kinds := _plain_type(told.get("type")), list):
            others = [one for one in kinds if one != "null"]
            if len(others) != 1:
                raise RetortError(f"{where!r} may have the types {others}; a field has only one type.", _FIX)
            return {**told, "type": others[0]}, may_be_null or len(others) < len(kinds)
        if told.get("format") == "enum":  # Gemini's word for what `enum` says already
            told = {key: value for key, value in told.items() if key != "format"}
        return ({**told, "type": kinds} if kinds else told), may_be_null

    def _all_of(self, told: JsonObject, parts: Sequence[JsonValue], where: str) -> tuple[JsonObject, bool]:
        """One schema that says what all of them say."""
        merged, nullable = self._followed({key: value for key, value in told.items() if key != "allOf"}, where)
        for part in parts:
            found, may_be_null = self._followed(part, where)
            nullable = nullable or (may_be_null and len(parts) == 1)
            for word, value in found.items():
                merged[word] = _both(word, merged[word], value, where) if word in merged else value
        return merged, nullable

    def _looked_up(self, reference: str, where: str) -> JsonValue:
        """Raises RetortError for what stands in another file: nothing is fetched."""
        for top in (self.schema, self.whole):
            found = _pointed_at(top, reference)
            if found is not None and found != {"$ref": reference}:
                return found
        raise RetortError(f"{where!r} refers to {reference!r}, which is not in this schema.", _FIX)


def _pointed_at(found: JsonValue, reference: str) -> JsonValue:
    """What a JSON pointer in a URI's fragment points at (RFC 6901: ~1 is a slash, ~0 a tilde); None: nothing."""
    if reference == "#":
        return found
    for step in unquote(reference).removeprefix("#/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            found = found.get(key) if isinstance(found, dict) and reference.startswith("#/") else None
    return found


def _both(word: str, one: JsonValue, other: JsonValue, where: str) -> JsonValue:
    """What two parts of an `allOf` say by the same word. Raises RetortError where they are at odds."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            **one,
            **{key: _both(key, one[key], value, where) if key in one else value for key, value in other.items()},
        }
    if word == "required" and isinstance(one, list) and isinstance(other, list):
        return [*one, *(name for name in other if name not in one)]
    if one == other or word in SAYS_NOTHING or word == "description":
        return one
    raise RetortError(f"{where!r} says two things of {word!r} in its allOf: {one!r} and {other!r}.", "Leave one out.")


def _implied_type(schema: Mapping[str, JsonValue]) -> str | None:
    """The type of a schema that names none."""
    if isinstance(schema.get("properties"), dict) or isinstance(schema.get("additionalProperties"), dict):
        return "object"
    return "array" if isinstance(schema.get("items"), dict) else "string" if "enum" in schema else None


def _is_null(told: JsonValue) -> bool:
    return isinstance(told, dict) and (_plain_type(told.get("type")) == "null" or told.get("enum") == [None])


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
