"""The answer's shape, from a JSON schema or from one answer."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tools.dataset.shape import read_shape
from tools.errors import RetortError
from tools.records import Task

ORDER: dict[str, Any] = {
    "$defs": {
        "Line": {
            "title": "Line",
            "type": "object",
            "properties": {
                "sku": {"type": "string", "pattern": "^[A-Z]-\\d+$"},
                "quantity": {"type": "integer", "minimum": 1},
                "gift": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None},
            },
            "required": ["sku", "quantity"],
        }
    },
    "type": "object",
    "properties": {
        "order": {"type": "string", "description": "its number"},
        "state": {"enum": ["open", "paid"]},
        "stars": {"type": "integer", "enum": [1, 2, 3]},
        "items": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "maxItems": 9},
        "ship_to": {"type": ["object", "null"], "properties": {"city": {"type": "string"}}},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["new", "old"]}},
    },
    "required": ["order", "ship_to"],
    "additionalProperties": False,
}
ANSWER = {
    "order": "A-1",
    "state": None,
    "stars": 2,
    "items": [{"sku": "X-9", "quantity": 2, "gift": None}],
    "ship_to": {"city": "Bonn"},
    "tags": ["new"],
}


def test_a_schema_as_pydantic_writes_it_gives_nested_fields() -> None:
    fields = {field.name: field for field in read_shape(json.dumps(ORDER))}
    assert {name: field.kind for name, field in fields.items()} == {
        "order": "string",
        "state": "string",
        "stars": "integer",
        "items": "list",
        "ship_to": "object",
        "tags": "list",
    }
    assert [name for name, field in fields.items() if field.required] == ["order"]  # an address may be null
    assert fields["items"].outline == "items (sku, quantity, gift)"
    assert [field.required for field in fields["items"].fields] == [True, True, False]
    assert fields["order"].description == "its number"
    assert fields["state"].choices == ("open", "paid")
    assert fields["stars"].description == "one of: 1, 2, 3"
    assert (fields["tags"].items, fields["tags"].choices) == ("string", ("new", "old"))


def damage(**changes: Any) -> dict[str, Any]:
    return {**ANSWER, **changes}


@pytest.mark.parametrize(
    "bad",
    [
        damage(items=[{"sku": "X-9", "quantity": 2}]),  # a key is missing
        damage(items=[{"sku": "X-9", "quantity": 2, "gift": None, "more": 1}]),
        damage(items=[{"sku": "lower", "quantity": 2, "gift": None}]),
        damage(items=[{"sku": "X-9", "quantity": 0, "gift": None}]),
        damage(items=[{"sku": "X-9", "quantity": "2", "gift": None}]),
        damage(items=[ANSWER["items"][0]] * 10),  # type: ignore[index]
        damage(items={}),
        damage(state="lost"),
        damage(tags=["other"]),
        damage(ship_to={"town": "Bonn"}),
    ],
)
def test_the_schema_of_the_fields_keeps_what_the_schema_said(bad: dict[str, Any]) -> None:
    validator = Draft202012Validator(Task(kind="extraction", fields=read_shape(json.dumps(ORDER))).json_schema())
    assert validator.is_valid(ANSWER)
    assert not validator.is_valid(bad)


def test_keys_that_are_not_told_keep_their_type() -> None:
    counts = {"type": "object", "additionalProperties": {"type": "integer"}}
    task = Task(kind="extraction", fields=read_shape(json.dumps({"properties": {"counts": counts}})))
    validator = Draft202012Validator(task.json_schema())
    assert validator.is_valid({"counts": {"a": 1}})
    assert not validator.is_valid({"counts": {"a": "one"}})


def test_one_answer_is_shape_enough_and_requires_nothing() -> None:
    fields = read_shape(json.dumps({"type": "order", "items": [{"sku": "X", "price": 1.5}], "tags": ["a"], "who": {}}))
    assert [field.outline for field in fields] == ["type", "items (sku, price)", "tags", "who"]
    assert read_shape('{"order": "A-1", "items": [{"sku": "X9", "what": "lamp"}]}')[0].description == "like A-1"
    assert [field.kind for field in fields[1].fields] == ["string", "number"]
    assert fields[2].items == "string"
    assert not any(field.required for field in (*fields, *fields[1].fields))
    assert [field.is_closed for field in fields] == [True, True, True, False]


@pytest.mark.parametrize("wrapped", [{"name": "order", "schema": ORDER}, {"json_schema": {"schema": ORDER}}])
def test_a_schema_may_come_as_an_api_takes_it(wrapped: dict[str, Any]) -> None:
    assert read_shape(json.dumps(wrapped)) == read_shape(json.dumps(ORDER))


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ("{", "is not valid JSON"),
        ("[1]", "is not a JSON object"),
        ("{}", "is not a JSON object"),
        ({"properties": {}}, "no properties"),
        ({"properties": {"a": {"type": "null"}}}, "'a' has the type 'null'"),
        ({"properties": {"a": {"type": ["string", "integer"]}}}, "may have the types"),
        ({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}}, "may be any of 2 things"),
        ({"properties": {"a": {"type": "array", "items": {"type": "array"}}}}, "'a' is a list of lists"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, "not in this schema"),
        ({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}}, "not in this schema"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "form a circle"),
        ({"properties": {"a": {"type": "string", "not": {"const": "x"}}}}, "'a' uses not"),
        ({"properties": {"a": {"type": "string"}}, "minProperties": 1}, "'the top' uses minProperties"),
        (
            {"properties": {"a": {"properties": {"b": {}}, "additionalProperties": {"type": "string"}}}},
            "'a' has additionalProperties",
        ),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}}},
            "more than 8 objects deep",
        ),
    ],
)
def test_what_no_field_can_stand_for_is_said(told: Any, problem: str) -> None:
    with pytest.raises(RetortError, match=problem) as error:
        read_shape(told if isinstance(told, str) else json.dumps(told))
    assert error.value.fix
