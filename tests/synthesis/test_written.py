"""Fields whose value is written in a form: what checks let through, what a teacher is told, what is simulated."""

import json

import pytest
from jsonschema import Draft202012Validator

from tests.synthesis.tasks import extraction
from tools.records import Form, Message, Sample, Task, TaskField
from tools.simulator.simulator import Simulator
from tools.synthesis.check.checks import check
from tools.synthesis.request.instructions import system_prompt
from tools.synthesis.request.wording import is_strict
from tools.teacher.protocol import Drafted


def field(name: str, form: str, detail: str = "", *, kind: str = "") -> TaskField:
    made = Form.model_validate({"name": form, "detail": detail})
    typed = {"kind": kind, "items": made.kind} if kind else {"kind": made.kind}
    return TaskField.model_validate({"name": name, "form": made, **typed})


TASK = extraction(
    field("date", "date", "YYYY-MM-DD"),
    field("phone", "phone"),
    field("weight", "unit", "kg"),
    field("city", "upper"),
    field("days", "date", "DD/MM/YYYY", kind="list"),
)
CHINESE = extraction(
    TaskField(name="姓名"),
    field("日期", "date", "YYYY-MM-DD"),
    field("电话", "phone"),
    field("重量", "unit", "kg"),
    field("金额", "number"),
    field("币种", "currency"),
    language="zh",
)
MANY = extraction(
    TaskField(name="name"),
    field("date", "date", "YYYY-MM-DD"),
    field("phone", "phone"),
    field("weight", "unit", "kg"),
    field("price", "unit", "EUR"),
    field("quantity", "whole"),
    field("company", "upper"),
    field("duration", "unit", "min"),
    field("days", "date", "DD.MM.YYYY", kind="list"),
    TaskField(name="items", kind="list", fields=(TaskField(name="product"), field("cost", "number"))),
)
TEXT = "Oslo, 3 March 2026: 12,5 kg for +49 170 1234567, again on 4/13/2026"
RIGHT: dict[str, object] = {
    "date": "2026-03-03", "phone": "+491701234567", "weight": 12.5, "city": "OSLO", "days": ["13/04/2026"],
}  # fmt: skip


def sample(question: str, answer: dict[str, object] | str) -> Sample:
    told = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    turns = (Message(role="user", content=question), Message(role="assistant", content=told))
    return Sample(id="s", owner="o", project_id="p", messages=turns, source="test")


def test_a_value_is_right_when_the_input_can_be_read_as_it() -> None:
    assert check(TASK, sample(TEXT, RIGHT)) == ""
    assert check(TASK, sample(TEXT, dict.fromkeys(RIGHT))) == ""


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("date", "3 March 2026", '"3 March 2026" is not written as 2026-03-31 (YYYY-MM-DD)'),
        ("date", "2026-03-04", 'nothing in the input can be read as "2026-03-04"'),
        ("phone", "0170 1234567", '"0170 1234567" is not written as +14155550132 (E.164)'),
        ("phone", "+441701234567", 'nothing in the input can be read as "+441701234567"'),
        ("weight", "12,5 kg", '"12,5 kg" is not written as the number of kg'),
        ("weight", 13, "nothing in the input can be read as 13"),
        ("city", "Oslo", '"Oslo" is not written in capitals'),
        ("city", "BERGEN", 'nothing in the input can be read as "BERGEN"'),
        ("days", ["13/04/2026", "2026-03-03"], '"2026-03-03" is not written as 31/03/2026'),
    ],
)
def test_a_wrong_value_is_told_with_its_form(name: str, value: object, reason: str) -> None:
    found = check(TASK, sample(TEXT, {**RIGHT, name: value}))
    assert found.startswith(f"'{name}': ")
    assert reason in found


def test_a_day_without_a_year_and_a_number_without_a_country_are_not_guessed() -> None:
    text = "Oslo, 3 March, 0170 1234567, 12,5 kg"
    assert "can be read as" in check(TASK, sample(text, {**RIGHT, "phone": None, "days": None}))
    assert "can be read as" in check(TASK, sample(text, {**RIGHT, "date": None, "days": None}))
    assert check(TASK, sample(text, {**RIGHT, "date": None, "phone": None, "days": None})) == ""


def test_the_teacher_is_told_the_form_in_words_and_by_schema() -> None:
    prompt = system_prompt(TASK)
    assert "date (written as 2026-03-31 (YYYY-MM-DD))" in prompt
    assert "weight (written as the number of kg, 12.5)" in prompt
    assert "where no form is given" in prompt
    schema = TASK.json_schema()
    assert Draft202012Validator(schema).is_valid(RIGHT)
    assert not Draft202012Validator(schema).is_valid({**RIGHT, "date": "3 March 2026"})
    assert not Draft202012Validator(schema).is_valid({**RIGHT, "days": ["2026-03-03"]})
    assert not is_strict(TASK)  # not every endpoint takes patterns
    assert is_strict(extraction(field("weight", "unit", "kg")))


@pytest.mark.parametrize("task", [MANY, CHINESE], ids=["english", "chinese"])
def test_simulated_texts_write_values_as_people_do_and_answers_in_the_form(task: Task) -> None:
    simulator = Simulator(task, "seed")
    verbatim, values = 0, 0
    for number in range(150):
        one: Drafted = simulator.sample(number)
        assert check(task, sample(one.input, one.output)) == "", one
        told = {key: value for key, value in json.loads(one.output).items() if value is not None}
        in_form = [told[part.name] for part in task.fields if part.form and part.name in told and part.kind != "list"]
        values += len(in_form)
        verbatim += sum(str(value) in one.input for value in in_form)
    assert verbatim < 0.7 * values
