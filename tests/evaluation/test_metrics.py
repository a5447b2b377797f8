"""Scores on answers whose worth is known."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CONTACTS
from tools.dataset.splits import Row
from tools.evaluation.metrics import objects_equal, parse_object, score, values_equal, wilson
from tools.records import Message, Task, TaskField


def row(id_: str, answer: str) -> Row:
    return Row(id=id_, messages=(Message(role="user", content="q"), Message(role="assistant", content=answer)))


def full(name: str | None = "Ann", phone: str | None = "1", address: str | None = None) -> str:
    return json.dumps({"name": name, "phone": phone, "address": address, "email": None})


# Published values: R's prop.test(x, n, correct = FALSE)$conf.int, four decimals.
@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [(57, 60, 0.8630, 0.9829), (0, 60, 0.0, 0.0602), (60, 60, 0.9398, 1.0), (5, 10, 0.2366, 0.7634)],
)
def test_wilson_interval(hits: int, rows: int, low: float, high: float) -> None:
    found = wilson(hits, rows)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@given(st.integers(0, 400).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_wilson_holds_the_share(drawn: tuple[int, int]) -> None:
    hits, rows = drawn
    found = wilson(hits, rows)
    assert 0 <= found.low <= found.high <= 1
    assert not rows or found.low <= hits / rows <= found.high


@pytest.mark.parametrize(
    "text",
    ["", "not json", "[1]", '{"a": 1', '{"a": NaN}', '{"a": 1, "a": 2}', '```json\n{"a": 1}\n```', '{"a":' * 5000],
)
def test_what_is_no_object(text: str) -> None:
    assert parse_object(text) is None


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ('{"a": 1, "b": "x"}', '{ "b" : "x ", "a": 1.0 }', True),
        ('{"a": "caf\\u00e9"}', '{"a": "cafe\\u0301"}', True),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": 1}', '{"a": "1"}', False),
        ('{"a": null}', "{}", False),
        ('{"a": ["x", "y"]}', '{"a": ["y", "x"]}', False),
        ('{"a": {"b": [1, null]}}', '{"a": {"b": [1.0, null]}}', True),
        ("no", "no", False),
    ],
)
def test_objects_equal(a: str, b: str, same: bool) -> None:
    assert objects_equal(parse_object(a), parse_object(b)) is same
    assert objects_equal(parse_object(b), parse_object(a)) is same


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_a_value_equals_its_own_round_trip(value: object) -> None:
    assert values_equal(json.loads(json.dumps(value)), json.loads(json.dumps(value, indent=2)))


def test_extraction_scores() -> None:
    rows = [row("1", full()), row("2", full()), row("3", full()), row("4", full())]
    answers = {
        "1": full(),
        "2": full(phone="2"),
        "3": '{"name": "Ann"}',  # valid JSON, but three required keys are missing
        # row 4 was not answered
    }
    found = score(CONTACTS, rows, answers)
    assert found.valid_json is not None
    assert (found.exact_match.hits, found.exact_match.rows) == (1, 4)
    assert found.valid_json.hits == 2
    assert {name: one.hits for name, one in found.fields.items()} == {"name": 3, "phone": 1, "address": 3, "email": 3}
    assert found.label_accuracy is None


def test_intent_and_slots() -> None:
    task = Task(kind="extraction", fields=(TaskField(name="intent"), TaskField(name="slots", kind="object")))
    rows = [row("1", '{"intent": "Play", "slots": {"artist": "Abba"}}'), row("2", '{"intent": "Rate", "slots": {}}')]
    answers = {"1": '{"slots": {"artist": "Queen"}, "intent": "Play"}', "2": '{"intent": "Rate", "slots": {}}'}
    found = score(task, rows, answers)
    assert found.exact_match.hits == 1
    assert found.fields["slots"].hits == 1
    assert found.label_accuracy is not None
    assert found.label_accuracy.hits == 2


def test_classification_and_open_tasks() -> None:
    labels = Task(kind="classification", labels=("Spam", "Ham"))
    found = score(labels, [row("1", "Spam"), row("2", "Ham")], {"1": " spam\n", "2": "Ham, I think"})
    assert found.label_accuracy == found.exact_match
    assert found.exact_match.hits == 1
    assert found.valid_json is None
    opened = score(Task(kind="open"), [row("1", "A  b\nc"), row("2", "A")], {"1": "A b c ", "2": "a"})
    assert opened.exact_match.hits == 1
    assert opened.label_accuracy is None
