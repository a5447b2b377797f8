"""The simulator's promises: right by construction for any set of fields, the same stream for the same seed."""

import json
import random
import re
from collections.abc import Sequence
from typing import get_args

import pytest

from tests.conftest import CONTACTS
from tests.synthesis import tasks
from tests.synthesis.writers import shipping
from tools.errors import RetortError
from tools.records import Message, Sample, Task, TaskField
from tools.simulator.meanings import FieldMeaning, Meaning, guess
from tools.simulator.pieces import Piece
from tools.simulator.simulator import CHANNELS, WHOLE, Simulator
from tools.simulator.values import Inventor, open_faker
from tools.synthesis.check.checks import check
from tools.teacher.protocol import Drafted
from tools.text.same_input import same_key

EXTRACTIONS = {
    "contacts": CONTACTS,
    "orders": tasks.ORDERS,
    "nested": tasks.NESTED,
    "two phones": tasks.TWO_PHONES,
    "city": tasks.CITY,
    "chinese": tasks.CHINESE,
    "chinese orders": tasks.CHINESE_ORDERS,
    "german": tasks.GERMAN,
    "shipping": shipping(),
    "shipping, chinese": shipping("zh"),
    "two people": tasks.named("sender", "recipient", "sender phone", "destination city"),
    "only a sender": tasks.named("sender name", "old phone", "booking number"),
}


def as_sample(drafted: Drafted) -> Sample:
    turns = (Message(role="user", content=drafted.input), Message(role="assistant", content=drafted.output))
    return Sample(id="s", owner="o", project_id="p", messages=turns, source="simulator")


@pytest.mark.parametrize("task", EXTRACTIONS.values(), ids=EXTRACTIONS)
def test_500_samples_are_right_by_construction(task: Task) -> None:
    simulator = Simulator(task, "seed")
    drawn = [simulator.sample(number) for number in range(500)]
    for one in drawn:
        assert check(task, as_sample(one)) == "", one
        answer = json.loads(one.output)
        assert list(answer) == [field.name for field in task.fields]
        assert one.output == json.dumps(answer, ensure_ascii=False)
        for value in answer.values():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str):
                    assert text in one.input, one  # verbatim, on one line
                    assert text == text.strip()
                    assert "\n" not in text
    assert len({same_key(one.input) for one in drawn}) > 490
    answers = [json.loads(one.output) for one in drawn]
    for field in task.fields:
        missing = sum(answer[field.name] is None for answer in answers)
        assert missing == 0 if field.required else 40 < missing < 120, field.name


def test_a_value_ends_where_its_separator_begins() -> None:
    """No value is glued to a letter or digit of its surroundings, so its borders can be seen."""
    simulator = Simulator(CONTACTS, "borders")
    for number in range(500):
        one = simulator.sample(number)
        for value in filter(None, json.loads(one.output).values()):
            assert re.search(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])", one.input), one


def test_inputs_are_short_varied_and_in_every_channel() -> None:
    simulator = Simulator(CONTACTS, "look")
    drawn = [simulator.sample(number) for number in range(600)]
    assert {one.style for one in drawn} == set(CHANNELS) - {WHOLE}  # whole messages are about parcels
    lengths = sorted(len(one.input.split()) for one in drawn)
    assert lengths[300] < 45
    assert lengths[-1] < 160
    shapes = {"".join(sorted(set(one.input) & set(":;|/=-\n"))) + one.style for one in drawn}
    assert len(shapes) > 60


def test_the_stream_depends_on_seed_and_number_alone() -> None:
    one, again, other = (Simulator(CONTACTS, seed) for seed in ("a", "a", "b"))
    forward = [one.sample(number) for number in range(20)]
    assert [again.sample(number) for number in reversed(range(20))][::-1] == forward
    assert [other.sample(number) for number in range(20)] != forward


def test_two_fields_of_one_meaning_are_told_apart_by_their_labels() -> None:
    simulator = Simulator(tasks.TWO_PHONES, "seed")
    for number in range(200):
        one = simulator.written(number)
        answer = json.loads(one.drafted.output)
        for name in ("home phone", "work phone"):
            corrected = any(fact.was for fact in one.scene.facts if fact.part and fact.part.name == name)
            if answer[name] is not None and not corrected and one.drafted.style != "dialogue":
                other = "work phone" if name == "home phone" else "home phone"
                assert apart(one.pieces, name, answer[name]) <= apart(one.pieces, other, answer[name]), one


def apart(pieces: Sequence[Piece], name: str, value: str) -> int:
    """Pieces between a value and the nearest mention of the name; a long way where the name is not mentioned."""
    at = next(number for number, piece in enumerate(pieces) if piece.text == value)
    return min((abs(at - number) for number, piece in enumerate(pieces) if piece.text.lower() == name), default=10**6)


def test_more_like_this_keeps_style_and_fields() -> None:
    simulator = Simulator(CONTACTS, "seed")
    drawn = map(simulator.sample, range(999))
    model = next(one for one in drawn if one.style == "form" and '"phone": null' in one.output)
    like = as_sample(model).but(source=f"simulator:{model.style}", family=model.family)
    more = [Simulator(CONTACTS, "more", like).sample(number) for number in range(30)]
    assert {one.style for one in more} == {"form"}
    assert {one.family for one in more} == {model.family}
    wanted = {name for name, value in json.loads(model.output).items() if value is not None}
    for one in more:
        assert {name for name, value in json.loads(one.output).items() if value is not None} == wanted


@pytest.mark.parametrize(
    ("name", "description", "meaning"),
    [
        ("customerPhone", "", "phone"), ("email address", "", "email"), ("order_number", "", "pattern"),
        ("收货地址", "", "address"), ("联系电话", "", "phone"), ("单号", "", "pattern"), ("客户姓名", "", "name"),
        ("name", "name of the company", "company"), ("name", "the person who writes", "name"),
        ("x1", "the date of delivery", "date"), ("mood", "one of happy, sad", "choice"),
        ("心情", "取值：高兴、难过", "choice"), ("code", "e.g. XY-12", "pattern"), ("zip", "", "postcode"),
        ("product name", "", "product"), ("company_name", "", "company"), ("date of birth", "", "date"),
    ],
)  # fmt: skip
def test_meanings_are_guessed_in_two_languages(name: str, description: str, meaning: str) -> None:
    assert guess(TaskField(name=name, description=description)).meaning == meaning


def test_an_example_in_the_description_gives_the_pattern() -> None:
    found = guess(TaskField(name="mystery", description="an id like AB-1234"))
    assert (found.meaning, found.example) == ("pattern", "AB-1234")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("meaning", sorted(set(get_args(Meaning)) - {"record", "measure"}))  # a measure is of a form
def test_every_meaning_can_be_drawn(meaning: Meaning, language: str) -> None:
    inventor = Inventor(open_faker(language), language, random.Random(1))
    found = FieldMeaning(field=TaskField(name="field"), meaning=meaning, choices=("a", "b"))
    texts = {inventor.draw(found).text for _ in range(30)}
    assert all(text.strip() and "\n" not in text for text in texts)
    assert len(texts) > 1 or meaning in ("name", "first_name", "last_name", "city")  # one record, one person


def test_a_locale_without_such_a_thing_says_so() -> None:
    with pytest.raises(RetortError, match=r"knows no state for the language 'no'"):
        Inventor(open_faker("no"), "no", random.Random(1)).draw(guess(TaskField(name="state")))


def test_what_it_cannot_do_it_says_with_the_fix() -> None:
    with pytest.raises(RetortError, match=r"'mood' means nothing.*AB-1234.*RETORT_TEACHER_MODEL"):
        Simulator(tasks.named("name", "mood"), "s")
    with pytest.raises(RetortError, match="'place' holds an object whose keys are not told"):
        Simulator(tasks.extraction(TaskField(name="place", kind="object")), "s")
    with pytest.raises(RetortError, match=r"open answers.*RETORT_TEACHER_MODEL"):
        Simulator(Task(kind="open", input_description="questions", language="en"), "s")
    with pytest.raises(RetortError, match="language 'tlh'"):
        Simulator(tasks.named("name", language="tlh"), "s")
    with pytest.raises(RetortError, match="no fields"):
        Simulator(tasks.named(), "s")


def test_classification_varies_the_users_examples() -> None:
    simulator = Simulator(tasks.BANK, "seed")
    drawn = [simulator.sample(number) for number in range(200)]
    assert {one.family for one in drawn} == {example.input for example in tasks.BANK.examples}
    assert all(check(tasks.BANK, as_sample(one)) == "" for one in drawn)
    assert {one.output for one in drawn[:2]} == {"card lost", "balance"}
    assert len({same_key(one.input) for one in drawn}) > 150
    assert any("Tuesday" in one.input or "Friday" in one.input for one in drawn)
    assert any(char.isdigit() and char not in "412" for one in drawn for char in one.input)


def test_classification_names_the_labels_that_lack_examples() -> None:
    poor = tasks.BANK.model_copy(update={"examples": tasks.BANK.examples[:3]})
    with pytest.raises(RetortError, match="too few are there for: balance"):
        Simulator(poor, "seed")
