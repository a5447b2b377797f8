"""What people paste as the answer's shape: a schema in whatever wrapping is read, or refused as the schema it is."""

import json
from typing import Any

import pytest

from agent.guide.understanding import understand
from tools.dataset.shape import read_shape
from tools.errors import RetortError

CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "f", "description": "d", "parameters": CITY}


@pytest.mark.parametrize(
    "wrapped",
    [
        {"type": "function", "function": TOOL},
        TOOL,
        {"name": "f", "input_schema": CITY},
        [{"type": "function", "function": TOOL}],
        {"functionDeclarations": [TOOL]},
        {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": CITY}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": CITY}}},
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": CITY}}},
        {"generationConfig": {"responseMimeType": "application/json", "responseSchema": CITY}},
        {"model": "m", "format": CITY},
        {"openapi": "3.0.3", "components": {"schemas": {"Place": CITY}}},
        {"Place": CITY},
        {
            "type": "OBJECT",
            "properties": {"city": {"type": "STRING"}},
            "required": ["city"],
            "propertyOrdering": ["city"],
        },
        {"allOf": [CITY]},
        {"anyOf": [CITY, {"type": "null"}]},
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": CITY}},
        {"$ref": "#/$defs/a%20b", "$defs": {"a b": CITY}},
        {
            "components": {"schemas": {"Place": {"type": "object", "allOf": [{"$ref": "#/x-parts/0"}]}}},
            "x-parts": [CITY],
        },
    ],
)
def test_a_schema_is_read_in_whatever_it_is_wrapped(wrapped: Any) -> None:
    assert read_shape(json.dumps(wrapped)) == read_shape(json.dumps(CITY))


def test_properties_without_their_object_are_read() -> None:
    fields = read_shape('{"text": {"type": "string"}, "count": {"type": "integer", "minimum": 1}}')
    assert [(field.name, field.kind) for field in fields] == [("text", "string"), ("count", "integer")]


def test_all_of_joins_what_its_parts_say() -> None:
    told = {"$defs": {"Base": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}}}
    fields = read_shape(json.dumps({**told, "allOf": [{"$ref": "#/$defs/Base"}, CITY]}))
    assert [(field.name, field.required) for field in fields] == [("id", True), ("city", True)]


@pytest.mark.parametrize(
    "maybe",
    [
        {"type": "STRING", "nullable": True},
        {"anyOf": [{"type": "NULL"}, {"type": "STRING"}]},
        {"oneOf": [{"type": "string"}, {"enum": [None]}]},
        {"type": ["STRING", "NULL"]},
    ],
)
def test_what_may_be_null_is_not_required(maybe: dict[str, Any]) -> None:
    (field,) = read_shape(json.dumps({"type": "object", "properties": {"a": maybe}, "required": ["a"]}))
    assert (field.kind, field.required) == ("string", False)


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"type": "array", "items": CITY}, "top is of the type 'array'"),
        ({"type": "ARRAY", "items": {"type": "OBJECT"}}, "top is of the type 'array'"),
        ({"type": "string", "enum": ["a"]}, "top is of the type 'string'"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map with any keys"),
        ({"type": "object", "properties": {"": {"type": "string"}}}, "has no name"),
        (
            {"type": "object", "properties": {"a": {"properties": {" ": {"type": "string"}}}}},
            "A property at a has no name",
        ),
        ({"anyOf": [CITY, {"type": "object", "properties": {"x": {"type": "string"}}}]}, "any of 2 things"),
        ({"allOf": [CITY, {"properties": {"city": {"type": "integer"}}}]}, "says two things of 'type'"),
        ({"components": {"schemas": {"Place": CITY, "Order": CITY}}}, "2 schemas: Place, Order"),
        ([{"function": TOOL}, {"function": {**TOOL, "name": "g"}}], "2 schemas: f, g"),
        ({"$ref": "#/$defs/a~1c", "$defs": {"a/b": CITY}}, "not in this schema"),
    ],
)
def test_a_schema_that_cannot_be_kept_is_refused_as_one(told: Any, problem: str) -> None:
    with pytest.raises(RetortError, match=problem) as error:
        read_shape(json.dumps(told))
    assert error.value.fix


@pytest.mark.parametrize(
    "example",
    [
        {"type": "order", "items": [{"sku": "X"}]},
        {"text": "a", "format": "b", "properties": {"a": 1}},
        {"name": "Ann", "parameters": {"speed": 3}},
        {"schema": "public", "data": {"type": "lamp"}},
    ],
)
def test_an_answer_with_words_of_schemas_is_still_an_example(example: dict[str, Any]) -> None:
    assert [field.name for field in read_shape(json.dumps(example))] == list(example)


BROKEN = {
    '{"a": 1,\n "b": 2,}': ("a comma stands before the closing bracket", "line 2"),
    "{'a': 1}": ("' as a quote", "line 1, character 2"),
    '{"a": True}': ("a word of Python's", "character 7"),
    '{"a": 1}\n{"b": 2}': ("something stands behind the first object", "line 2"),
    "{“a”: 1}": ("“ as a quote", "character 2"),
    '{"a" 1}': ("expecting ':' delimiter", "character 6"),
}


@pytest.mark.parametrize("text", BROKEN)
def test_json_that_breaks_is_told_with_its_place(text: str) -> None:
    why, place = BROKEN[text]
    shape = understand(f"Extract this from letters:\n```json\n{text}\n```").answer_schema
    assert shape == text
    with pytest.raises(RetortError) as error:
        read_shape(shape)
    assert why in error.value.problem
    assert place in error.value.problem


def test_braces_that_are_no_json_are_words() -> None:
    assert understand("Rewrite letters; {name} and {place: here} stay").answer_schema in (
        "",
        "{name} and {place: here}",
    )
    assert understand("Rewrite letters that begin with {name}").answer_schema == ""


def test_a_tool_is_the_answers_shape_where_extraction_is_asked_for() -> None:
    tool = json.dumps({"type": "function", "function": TOOL})
    assert understand(f"Extract fields from letters as {tool}").answer_schema == tool
    assert understand(f"Train a model to call this function: {tool}").answer_schema == ""
    answer = '{"function": "pump", "site": "Kiel"}'
    assert understand(f"Turn notes of machines into {answer}").answer_schema == answer
