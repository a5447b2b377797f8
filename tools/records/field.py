"""One field of the JSON object that an extraction task answers with, and its JSON schema."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, JsonValue

from tools.records.dialogue import JsonObject, Value
from tools.records.form import Form

FieldKind = Literal["string", "number", "integer", "boolean", "list", "object"]
ItemKind = Literal["string", "number", "integer", "boolean"]


class TaskField(Value):
    """A key of the answer; lists and objects may hold fields of their own, to any depth."""

    name: str = Field(min_length=1, description="Key in the answer's JSON object.")
    kind: FieldKind = Field("string", description="JSON type of the value.")
    description: str = Field("", description="What belongs in the field, in a few words.")
    required: bool = Field(False, description="Whether every input is expected to hold it; a missing value is null.")
    choices: tuple[str, ...] = Field((), description="The only values, of a string or of a list's items.")
    form: Form | None = Field(
        None, description="How the value, or each item of a list, is written; None: as the input has it."
    )
    items: ItemKind | None = Field(None, description="JSON type of each item of a list; None: not known.")
    fields: tuple["TaskField", ...] = Field((), description="Keys of an object, or of each object of a list.")
    limits: JsonObject = Field(
        {}, description="More of its JSON schema: pattern, minimum, maxItems ...; of a list's items under `items`."
    )

    @property
    def outline(self) -> str:
        """Its name, with those inside or its form: 'items (sku, quantity)', 'day: written as 2026-03-31 ...'."""
        if self.fields:
            return f"{self.name} ({', '.join(field.outline for field in self.fields)})"
        return f"{self.name}: {self.manner}" if self.manner else self.name

    @property
    def manner(self) -> str:
        """How its value is written, in words; empty where it is copied."""
        if self.form:
            return self.form.told
        return f"one of {' | '.join(self.choices)}" if self.choices else ""

    @property
    def is_closed(self) -> bool:
        """Whether the schema says all of the value's shape, which strict decoding asks for."""
        if self.limits or (self.form and self.form.pattern):
            return False  # not every endpoint takes them
        if self.fields:
            return all(field.is_closed for field in self.fields)
        return self.kind != "object" and (self.kind != "list" or self.items is not None)

    def json_schema(self, *, absent: bool = False) -> JsonObject:
        """The value's JSON schema; it may be null. `absent` is that of `object_schema`."""
        nullable: JsonObject = {"type": ["array" if self.kind == "list" else self.kind, "null"]}
        if self.kind == "object" and self.fields:
            nullable = {**object_schema(self.fields, absent=absent), **nullable}
        elif self.kind != "list" and self.choices:
            nullable["enum"] = [*self.choices, None]
        nullable |= self._pattern() if self.kind != "list" else {}
        nullable |= self.limits
        if self.kind == "list" and (item := self._item_schema(absent)):
            nullable["items"] = item
        said = "; ".join(filter(None, (self.description, self.form.told if self.form else "")))
        return {**nullable, **({"description": said} if said else {})}

    def _pattern(self) -> JsonObject:
        return {"pattern": self.form.pattern} if self.form and self.form.pattern else {}

    def _item_schema(self, absent: bool) -> JsonObject:
        if self.fields:
            return object_schema(self.fields, absent=absent)
        kind: JsonObject = {"type": self.items or "string"} if self.items or self.choices else {}
        limits = self.limits.get("items")
        listed: JsonObject = {"enum": list[JsonValue](self.choices)} if self.choices else {}
        return {**kind, **listed, **self._pattern(), **(limits if isinstance(limits, dict) else {})}


def object_schema(fields: Sequence[TaskField], *, absent: bool = False) -> JsonObject:
    """The schema of an object with these fields, each of which may be null; every field present, or with `absent` only
    those that every input is expected to hold."""
    return {
        "type": "object",
        "properties": {field.name: field.json_schema(absent=absent) for field in fields},
        "required": [field.name for field in fields if field.required or not absent],
        "additionalProperties": False,
    }


def in_order(fields: Sequence[TaskField], found: JsonValue) -> JsonValue:
    """An object, or a list of them, with its keys in the order of the fields; keys of no field come last."""
    if isinstance(found, list):
        return [in_order(fields, one) for one in found]
    if not isinstance(found, dict):
        return found
    known = {field.name: in_order(field.fields, found[field.name]) for field in fields if field.name in found}
    return {**known, **{name: value for name, value in found.items() if name not in known}}
