"""One field of the JSON object that an extraction task answers with, and its JSON schema."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, JsonValue

from tools.records.dialogue import JsonObject, Value

FieldKind = Literal["string", "number", "integer", "boolean", "list", "object"]
ItemKind = Literal["string", "number", "integer", "boolean"]


class TaskField(Value):
    """A key of the answer; lists and objects may hold fields of their own, to any depth."""

    name: str = Field(min_length=1, description="Key in the answer's JSON object.")
    kind: FieldKind = Field("string", description="JSON type of the value.")
    description: str = Field("", description="What belongs in the field, in a few words.")
    required: bool = Field(False, description="Whether every input is expected to hold it; a missing value is null.")
    choices: tuple[str, ...] = Field((), description="The only values, of a string or of a list's items.")
    items: ItemKind | None = Field(None, description="JSON type of each item of a list; None: not known.")
    fields: tuple["TaskField", ...] = Field((), description="Keys of an object, or of each object of a list.")
    limits: JsonObject = Field(
        {}, description="More of its JSON schema: pattern, minimum, maxItems ...; of a list's items under `items`."
    )

    @property
    def outline(self) -> str:
        """Its name, and in brackets those inside: 'items (sku, quantity)'."""
        return f"{self.name} ({', '.join(field.outline for field in self.fields)})" if self.fields else self.name

    @property
    def is_closed(self) -> bool:
        """Whether the schema says all of the value's shape, which strict decoding asks for."""
        if self.limits:
            return False  # not every endpoint takes them
        if self.fields:
            return all(field.is_closed for field in self.fields)
        return self.kind != "object" and (self.kind != "list" or self.items is not None)

    def json_schema(self) -> JsonObject:
        """The value's JSON schema; it may be null."""
        nullable: JsonObject = {"type": ["array" if self.kind == "list" else self.kind, "null"]}
        if self.kind == "object" and self.fields:
            nullable = {**object_schema(self.fields), **nullable}
        elif self.kind != "list" and self.choices:
            nullable["enum"] = [*self.choices, None]
        nullable |= self.limits
        if self.kind == "list" and (item := self._item_schema()):
            nullable["items"] = item
        return {**nullable, **({"description": self.description} if self.description else {})}

    def _item_schema(self) -> JsonObject:
        if self.fields:
            return object_schema(self.fields)
        kind: JsonObject = {"type": self.items or "string"} if self.items or self.choices else {}
        limits = self.limits.get("items")
        listed: JsonObject = {"enum": list[JsonValue](self.choices)} if self.choices else {}
        return {**kind, **listed, **(limits if isinstance(limits, dict) else {})}


def object_schema(fields: Sequence[TaskField]) -> JsonObject:
    """The schema of an object with these fields: every field present, each may be null."""
    return {
        "type": "object",
        "properties": {field.name: field.json_schema() for field in fields},
        "required": [field.name for field in fields],
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
