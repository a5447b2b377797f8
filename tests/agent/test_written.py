"""A form that is said of a field is set and shown back, in English and Chinese; what no form can keep is refused."""

import pytest

from agent.fields import described, notes_in, read_field
from agent.guide.understanding import understand
from agent.session import Session
from tools.catalog import Catalog
from tools.dataset.shape import read_shape
from tools.errors import RetortError
from tools.records import Form, TaskField

NAMES = "name date phone weight amount priority address 日期 电话 重量 金额 优先级 姓名"
FIELDS = tuple(TaskField(name=name) for name in NAMES.split())


@pytest.mark.parametrize(
    ("said", "manner"),
    [
        ("date as YYYY-MM-DD", "written as 2026-03-31 (YYYY-MM-DD)"),
        ("the date should be written as dd/mm/yyyy", "written as 31/03/2026 (DD/MM/YYYY)"),
        ("phone in E.164", "written as +14155550132 (E.164)"),
        ("weight: in kg", "written as the number of kg, 12.5"),
        ("amount as a number", "written as a plain number, 1234.5"),
        ("amount in pounds", "written as the number of GBP, 12.5"),
        ("weight in pounds", "written as the number of lb, 12.5"),
        ("name: in capitals", "written in capitals"),
        ("priority: low, medium or high", "one of low | medium | high"),
        ("priority is low, medium or high", "one of low | medium | high"),
        ("日期写成YYYY-MM-DD", "written as 2026-03-31 (YYYY-MM-DD)"),
        ("电话用E.164格式", "written as +14155550132 (E.164)"),
        ("重量以公斤为单位", "written as the number of kg, 12.5"),
        ("金额为数字", "written as a plain number, 1234.5"),
        ("优先级：低、中或高", "one of 低 | 中 | 高"),
        ("姓名大写", "written in capitals"),
    ],
)
def test_a_form_is_set_in_both_languages(said: str, manner: str) -> None:
    changed = [one for one in described(FIELDS, notes_in(said, FIELDS)) if one not in FIELDS]
    assert [one.manner for one in changed] == [manner]


@pytest.mark.parametrize("said", ["the delivery date as YYYY-MM-DD", "Date of delivery: as YYYY-MM-DD"])
def test_a_field_is_known_by_either_order_of_its_words(said: str) -> None:
    (told,) = described((TaskField(name="date_of_delivery"),), notes_in(said, (TaskField(name="date_of_delivery"),)))
    assert told.form == Form(name="date", detail="YYYY-MM-DD")


def test_several_forms_are_set_in_one_sentence() -> None:
    told = described(FIELDS, notes_in("date as YYYY-MM-DD, phone in E.164 and weight in kg", FIELDS))
    assert [one.name for one in told if one.form] == ["date", "phone", "weight"]
    assert notes_in("date is missing in some of them", FIELDS) == []
    assert notes_in("Date: 3 March => {}", FIELDS) == []


@pytest.mark.parametrize(
    ("note", "description"),
    [
        ("name: of the person in the header", "of the person in the header"),
        ("phone: mobile or landline", "mobile or landline"),
        ("address: street, city or postcode", "street, city or postcode"),
        ("phone: as written, with prefix", "as written, with prefix"),
        ("name: in the first line", "in the first line"),
        ("姓名：用户的姓名", "用户的姓名"),
    ],
)
def test_what_belongs_in_a_field_is_no_form(note: str, description: str) -> None:
    told = next(one for one in described(FIELDS, [note]) if one.description)
    assert (told.description, told.form, told.choices) == (description, None, ())


@pytest.mark.parametrize(
    "said",
    [
        "date as a Julian day", "date: as a Unix timestamp", "weight in stones", "name: translated into English",
        "name in pinyin", "phone: digits only", "日期写成农历", "姓名：拼音",
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(said: str) -> None:
    with pytest.raises(RetortError, match="cannot be kept to"):
        described(FIELDS, notes_in(said, FIELDS))


def test_a_form_makes_the_type_and_as_written_undoes_both() -> None:
    heavy = read_field("weight (kg): of the whole parcel")
    assert (heavy.kind, heavy.form, heavy.description) == (
        "number",
        Form(name="unit", detail="kg"),
        "of the whole parcel",
    )
    (plain,) = described((heavy,), ["weight: as written"])
    assert (plain.kind, plain.form) == ("string", None)
    days = read_field("days (list): as YYYY-MM-DD")
    assert (days.kind, days.items, days.form) == ("list", "string", Form(name="date", detail="YYYY-MM-DD"))
    with pytest.raises(RetortError, match="is a boolean"):
        read_field("gift (boolean): as a number")
    with pytest.raises(RetortError, match="cannot be read"):
        read_field("weight (stones)")
    (dated,) = read_shape('{"type": "object", "properties": {"day": {"type": "string", "format": "date"}}}')
    assert (dated.form, dated.limits) == (Form(name="date", detail="YYYY-MM-DD"), {})


def test_a_goal_may_say_forms() -> None:
    goal = "Extract name, date as YYYY-MM-DD and weight in kg from English delivery messages"
    assert understand(goal).fields == ("name", "date: as YYYY-MM-DD", "weight: in kg")
    assert understand("Extract items in stock and price from English notes").fields == ("items_in_stock", "price")
    assert understand("从中文短信中提取姓名、日期写成YYYY-MM-DD").fields == ("姓名", "日期: 写成YYYY-MM-DD")


def test_the_chat_shows_the_form_back_or_says_why_not(catalog: Catalog) -> None:
    session = Session(catalog)
    session.say("Extract name, date and phone from English messages")
    told = " ".join(entry.text for entry in session.say("date as YYYY-MM-DD and phone in E.164"))
    assert "date: written as 2026-03-31 (YYYY-MM-DD), phone: written as +14155550132 (E.164)" in told
    assert session.project is not None
    before = session.project.task
    refused = session.say("date: as a Julian day")
    assert "cannot be kept to 'as a Julian day'" in " ".join(entry.text for entry in refused)
    assert session.project.task == before
