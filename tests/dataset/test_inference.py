"""The task guessed from imported rows."""

import json

import pytest

from tests.dataset.rows import sample
from tools.dataset.inference import infer_task
from tools.records import Message, Project, Sample, Task


def test_json_answers_are_an_extraction(project: Project) -> None:
    answers: list[dict[str, object]] = [
        {"name": "Ann", "age": 3, "price": 1, "vip": True, "tags": ["a"], "slots": {}, "note": None},
        {"name": "Bob", "age": 4, "price": 1.5, "vip": False, "tags": [], "slots": {"a": 1}, "city": "Bonn"},
    ]
    task = infer_task([sample(project, f"{a['name']} of Bonn", json.dumps(a)) for a in answers])
    assert task.kind == "extraction"
    assert {field.name: field.kind for field in task.fields} == {
        "name": "string",
        "age": "integer",
        "price": "number",
        "vip": "boolean",
        "tags": "list",
        "slots": "object",
        "note": "string",
        "city": "string",
    }
    assert [field.name for field in task.fields if not field.required] == ["note", "city"]
    assert task.missing() == []


def test_a_field_with_few_values_from_outside_the_input_lists_them(project: Project) -> None:
    rows = [("play jazz", "Play"), ("play rock", "Play"), ("rain in Bonn?", "Weather"), ("sun in Rome?", "Weather")]
    task = infer_task([sample(project, text, json.dumps({"intent": i, "what": text[-5:]})) for text, i in rows])
    assert [field.description for field in task.fields] == ["one of: Play, Weather", ""]


def test_few_short_answers_are_labels(project: Project) -> None:
    samples = [sample(project, f"text {number}", ("yes", "no")[number % 2]) for number in range(6)]
    task = infer_task(samples)
    assert (task.kind, task.labels) == ("classification", ("no", "yes"))


@pytest.mark.parametrize(
    "answers",
    [
        ["a", "b", "c", "d"],  # all differ
        ["same"] * 4,
        ["two\nlines", "b"] * 3,
        ["x" * 61, "b"] * 3,
        ['{"a": 1}', "b", "c", "d"],  # not all are objects
        ["{}"] * 4,
    ],
)
def test_anything_else_is_open(project: Project, answers: list[str]) -> None:
    task = infer_task([sample(project, f"text {number}", answer) for number, answer in enumerate(answers)])
    assert (task.kind, task.fields, task.labels) == ("open", (), ())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Where is the nearest station?", "en"),
        ("Wo ist die nächste Haltestelle und wie komme ich zu der?", "de"),
        ("Où est la gare et comment y aller pour le matin", "fr"),
        ("最近的车站在哪里？", "zh"),
        ("最寄りの駅はどこですか", "ja"),
        ("가장 가까운 역은 어디입니까", "ko"),
        ("Где ближайшая станция?", "ru"),
        ("12345", "en"),
    ],
)
def test_language_by_script(project: Project, text: str, code: str) -> None:
    assert infer_task([sample(project, text)]).language == code


def test_the_common_system_prompt_is_the_tasks(project: Project) -> None:
    def told(system: str) -> Sample:
        plain = sample(project, "a", "b")
        return plain.but(messages=(Message(role="system", content=system), *plain.messages))

    assert infer_task([told("Do it."), told("Do it.")]).system_prompt == "Do it."
    assert infer_task([told("Do it."), told("Do that.")]).system_prompt == ""
    assert infer_task([told("Do it."), sample(project, "a")]).system_prompt == ""
    assert infer_task([]) == Task()
