"""One definition of each written form: what a text may stand for, what is in the form, how people ask for it."""

import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.records import Form, FormName, TaskField
from tools.simulator.forms import currency, drawn
from tools.simulator.meanings import Meaning, guess
from tools.text.forms.reading import Written, reader_of
from tools.text.forms.saying import read_choices, read_form

ISO, E164 = "YYYY-MM-DD", "E.164"


def readings(form: str, text: str) -> set[Written]:
    reader = reader_of(TaskField(name="x", form=read_form(form)))
    assert reader is not None
    return set(reader.found(text))


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (ISO, "3 March 2026", {"2026-03-03"}),
        (ISO, "on the 3rd of March, 2026", {"2026-03-03"}),
        (ISO, "03/03/2026", {"2026-03-03"}),
        (ISO, "03/04/2026", {"2026-03-04", "2026-04-03"}),
        (ISO, "03.04.2026", {"2026-04-03"}),
        (ISO, "38. put 13 Nov 26", {"2026-11-13"}),
        (ISO, "2026年3月31号", {"2026-03-31"}),
        (ISO, "3. März 2026 und 1er avril 2026", {"2026-03-03", "2026-04-01"}),
        (ISO, "31 February 2026, 3 March, tomorrow, 3 of 2026", set()),
        ("DD/MM/YYYY", "March 31, 2026", {"31/03/2026"}),
        ("number", "12,5", {12.5}),
        ("number", "1.234,50 or 1,234.50 or 1 234,50", {1234.5}),
        ("number", "1,234", {1234, 1.234}),
        ("number", "2 million, 12k, 3万, twenty-five, 三百二十", {2_000_000, 12_000, 30_000, 25, 320}),
        ("whole number", "3 boxes of 4.5", {3}),
        ("kg", "12,5 kg", {12.5}),
        ("kg", "1200 g", {1.2}),
        ("kg", "half a kilo", {0.5}),
        ("kg", "5千克", {5}),
        ("kg", "12 USD", set()),
        ("kg", "40kg, 4000 g", {40, 4}),
        ("kg", "weight 12", {12}),
        ("kg", "on 4/13/2026: 10-12 kg", {10, 12}),
        ("minutes", "1 h 30 min", {90}),
        ("minutes", "an hour and 20 minutes", {80}),
        ("minutes", "1h46", {106}),
        ("euro", "12,50 €", {12.5}),
        ("euro", "$12", set()),
        (E164, "call+49 (0)170 123 4567", {"+491701234567"}),
        (E164, "0049 170 1234567, 12345", {"+491701234567"}),
        (E164, "0170 1234567", set()),
        ("currency code", "paid in euros", {"EUR"}),
        ("currency code", "币种GBP", {"GBP"}),
        ("currency code", "US$ 5", {"USD"}),
    ],
)
def test_what_a_text_can_be_read_as(form: str, text: str, expected: set[Written]) -> None:
    assert readings(form, text) == expected


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        (ISO, "2026-03-31", "31 March 2026"),
        (ISO, "2026-03-31", "2026-3-31"),
        (ISO, "2028-02-29", "2026-02-29"),
        ("number", 12.5, "12,5"),
        ("whole number", 12, 12.5),
        ("kg", 1.2, "1200 g"),
        (E164, "+491701234567", "+49 170 1234567"),
        (E164, "+491701234567", "+4"),
        ("currency code", "EUR", "€"),
        ("currency code", "EUR", "ABC"),
        ("capitals", "ANN", "Ann"),
        ("small letters", "ann", "Ann"),
    ],
)
def test_what_is_in_the_form(form: str, right: Written, wrong: Written) -> None:
    reader = reader_of(TaskField(name="x", form=read_form(form)))
    assert reader is not None
    assert reader.is_written(right)
    assert not reader.is_written(wrong)
    assert not reader.is_written(True)


def test_a_value_means_something_only_where_it_can_be_read_in_one_way() -> None:
    reader = reader_of(TaskField(name="x", form=read_form(ISO)))
    assert reader is not None
    assert reader.meant("Tuesday, 31 March 2026") == "2026-03-31"
    assert reader.meant("03/04/2026") is None
    assert reader.meant("3 or 4 March 2026") == "2026-03-04"  # the 3rd has no year
    assert reader.meant("soon") is None
    choice = reader_of(TaskField(name="x", choices=("low", "high")))
    assert choice is not None
    assert (choice.meant("LOW "), choice.meant("lowest")) == ("low", None)
    assert reader_of(TaskField(name="x")) is None


@pytest.mark.parametrize(
    ("said", "name", "detail"),
    [
        ("yyyy/mm/dd", "date", "YYYY/MM/DD"),
        ("an ISO date", "date", ISO),
        ("day.month.year", "date", "DD.MM.YYYY"),
        ("31/12/2026", "date", "DD/MM/YYYY"),
        ("YYYY年MM月DD日", "date", "YYYY年MM月DD日"),
        ("a plain number", "number", ""),
        ("整数", "whole", ""),
        ("e164 format", "phone", ""),
        ("货币代码", "currency", ""),
        ("upper case", "upper", ""),
        ("小写", "lower", ""),
        ("the number of minutes", "unit", "min"),
        ("公斤", "unit", "kg"),
        ("US dollars", "unit", "USD"),
    ],
)
def test_forms_have_names_in_english_and_chinese(said: str, name: str, detail: str) -> None:
    assert read_form(said) == Form(name=name, detail=detail)


@pytest.mark.parametrize("said", ["", "stones", "05/06/2026", "YY-MM", "a Julian day", "pinyin", "the recipient"])
def test_what_is_no_form(said: str) -> None:
    assert read_form(said) is None


def test_choices_are_told_by_or() -> None:
    assert read_choices("low, medium or high") == ("low", "medium", "high")
    assert read_choices("one of low, medium and high") == ("low", "medium", "high")
    assert read_choices("低、中或高") == read_choices("低、中、高之一") == ("低", "中", "高")
    assert read_choices("street, city and postcode") == ()


FORMS = [Form(name=one) for one in get_args(FormName) if one not in ("date", "unit", "upper", "lower")]
FORMS += [Form(name="date", detail=ISO), Form(name="date", detail="MM/DD/YYYY")]
FORMS += [Form(name="unit", detail=one) for one in ("kg", "min", "cm", "lb", "EUR")]


@pytest.mark.parametrize("form", FORMS, ids=lambda one: one.name + one.detail)
@pytest.mark.parametrize("language", ["en", "zh", "de"])
def test_what_the_simulator_writes_can_be_read_as_its_answer_alone(form: Form, language: str) -> None:
    field = TaskField(name="amount", form=form, kind=form.kind)
    meaning: Meaning = guess(field).meaning
    reader, rng = reader_of(field), random.Random(1)
    assert reader is not None
    texts = set()
    for _ in range(60):
        text, value = drawn(form, meaning, language, rng, currency(rng))
        assert reader.found(text) == {value}
        assert reader.is_written(value)
        texts.add(text if text != value else "")
    assert len(texts) > 5


@given(st.text(max_size=40))
def test_any_text_can_be_read(text: str) -> None:
    for form in FORMS:
        reader = reader_of(TaskField(name="x", form=form))
        assert reader is not None
        assert all(reader.is_written(one) for one in reader.found(text))
