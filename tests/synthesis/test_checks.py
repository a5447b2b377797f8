"""The checks catch planted damage, and nothing else."""

import pytest

from tests.conftest import CONTACTS
from tests.synthesis.tasks import BANK, NESTED, ORDERS, extraction
from tools.records import Message, Passage, Sample, Task, TaskField
from tools.synthesis.check.checks import check, check_quote
from tools.synthesis.request.instructions import system_prompt
from tools.text.same_input import same_key

GOOD = '{"name": "Ann Lee", "phone": null, "address": null, "email": "ann@x.org"}'


def sample(question: str, answer: str) -> Sample:
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Sample(id="s", owner="o", project_id="p", messages=turns, source="test")


def test_a_good_sample_has_no_reason() -> None:
    assert check(CONTACTS, sample("I am Ann  Lee, ann@x.org", GOOD)) == ""


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("  ", GOOD, "the input is empty"),
        ("I am Ann Lee", "", "the answer is empty"),
        ("I am Ann Lee", GOOD, "'email': 'ann@x.org' is not in the input"),
        ("I am ann lee, ann@x.org", GOOD, "'name': 'Ann Lee' is not in the input"),
        ("I am Ann Lee", "Ann Lee", "not a JSON object"),
        ("I am Ann Lee", '["Ann Lee"]', "breaks the schema"),
        ("I am Ann Lee", '{"name": "Ann Lee"}', "'phone' is a required property"),
        ("Ann Lee ann@x.org", GOOD[:-1] + ', "age": 3}', "'age' was unexpected"),
        ("Ann Lee ann@x.org", GOOD[:-1] + ', "name": "Ann"}', "appears twice"),
        ("Ann Lee ann@x.org", GOOD.replace("null", '""', 1), "'phone' is an empty text"),
        ("Ann Lee 7 ann@x.org", GOOD.replace("null", "7", 1), "breaks the schema at phone"),
    ],
)
def test_planted_damage_is_caught(question: str, answer: str, reason: str) -> None:
    assert reason in check(CONTACTS, sample(question, answer))


def test_numbers_choices_lists_and_required_fields() -> None:
    full = (
        '{"order_number": "AB-1", "product": "lamp", "quantity": 2, "total": 1249.5, "gift": false, '
        '"priority": "high", "delivery date": null, "colors": ["red"]}'
    )
    text = "AB-1: 2 x lamp in red, total 1,249.50, it is urgent"
    assert check(ORDERS, sample(text, full)) == ""  # 'high' is a choice that the description names
    assert check(ORDERS, sample(text.replace("1,249.50", "1.249,50"), full)) == ""
    assert "2 is not in the input" in check(ORDERS, sample(text.replace("2 x", "two"), full.replace("1249.5", "null")))
    assert "'blue' is not in the input" in check(ORDERS, sample(text, full.replace("red", "blue")))
    assert "'highest' is not in the input" in check(ORDERS, sample(text, full.replace('"high"', '"highest"')))
    assert "'product' is required but null" in check(ORDERS, sample(text, full.replace('"lamp"', "null")))


LINE = '{"product": "lamp", "quantity": 2, "price": null}'
NESTED_GOOD = (
    '{"order": "AB-1", "state": "open", "tags": ["red"], "ship_to": {"name": "Ann", "city": null}, '
    f'"items": [{LINE}, {LINE.replace("lamp", "desk").replace("2", "3")}]}}'
)
NESTED_TEXT = "Order AB-1 for Ann: 2 lamp, 3 desk; it is not paid"


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ('"lamp"', '"chair"', "'items.product': 'chair' is not in the input"),
        ('"lamp"', "null", "'items.product' is required but null"),
        ('"lamp"', '" "', "'items.product' is an empty text"),
        ('"quantity": 3', '"quantity": 4', "'items.quantity': 4 is not in the input"),
        ('"Ann"', '"Bob"', "'ship_to.name': 'Bob' is not in the input"),
        ('"open"', '"paid off"', "breaks the schema at state"),
        ('"red"', '"lilac"', "'tags': 'lilac' is not in the input"),
        (', "price": null}]', "}]", "breaks the schema at items.1"),
        ('"city": null', '"city": null, "zip": "1"', "breaks the schema at ship_to"),
        ('"quantity": 2', '"quantity": "2"', "breaks the schema at items.0.quantity"),
    ],
)
def test_damage_inside_lists_and_objects_is_caught(was: str, becomes: str, reason: str) -> None:
    assert check(NESTED, sample(NESTED_TEXT, NESTED_GOOD)) == ""
    damaged = NESTED_GOOD.replace(was, becomes, 1)
    assert damaged != NESTED_GOOD
    assert reason in check(NESTED, sample(NESTED_TEXT, damaged))


def test_a_label_must_be_known() -> None:
    assert check(BANK, sample("where is my card", "card lost")) == ""
    assert "'Card lost' is not one of the labels" in check(BANK, sample("where is my card", "Card lost"))


def test_a_quote_must_stand_in_its_passage() -> None:
    passage = Passage(id="p", owner="o", project_id="p", document_id="d", position=0, text="Ship within\n two days.")
    quoted = sample("q", "a").but(quote="within two days")
    assert check_quote(quoted, passage) == ""
    assert "is not in the passage" in check_quote(quoted.but(quote="three days"), passage)
    assert "no passage is quoted" in check_quote(quoted.but(quote=" "), passage)


def test_duplicates_are_seen_through_case_width_and_punctuation() -> None:
    assert same_key("Hi,  I am ANN!") == same_key("hi i am ann")
    assert same_key("电话：１２３") == same_key("电话:123")
    assert same_key("call 12") != same_key("call 13")


def test_the_system_prompt_is_short_and_says_the_task() -> None:
    text = system_prompt(CONTACTS)
    assert len(text) < 200
    assert "name, phone, address, email" in text
    assert "card lost, balance" in system_prompt(BANK)
    field = TaskField(name="total", kind="number", description="the sum to pay")
    assert "total (number, the sum to pay)" in system_prompt(extraction(field))
    told = system_prompt(NESTED)
    assert "order (an id like AB-1234), state (one of: open, paid)" in told
    assert "items (list of: product, quantity (integer), price (number))" in told
    assert system_prompt(Task(system_prompt=" Do it. ")) == "Do it."
