"""Roles, distractors, corrections and missing fields: what stands beside the point is never the answer, and says so."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.conftest import CONTACTS
from tests.synthesis import tasks
from tests.synthesis.writers import shipping
from tools.records import Task, TaskField
from tools.simulator.meanings import guess
from tools.simulator.phrasebook import words_of
from tools.simulator.pieces import SLOT
from tools.simulator.roles import is_about_parcels, parts_of
from tools.simulator.scene import asides, kinds_beside
from tools.simulator.simulator import WHOLE, Simulator, Written

# Words by which a reader sees that a value is not the recipient's, or no longer holds: written down by hand, apart from
# the phrase books, and matched in the sentence or the line where the value stands.
ELSEWHERE = re.compile(
    r"sen[dt]|ship|from|post(ed|mark|master)|origin|pack|carrier|seller|store|merchant|shop|supplie|donor|depot|hub"
    r"|office|desk|firm|hotline|helpline|line|exchange|switchboard|station|counter|reception|house|chambers|agent|gate"
    r"|pharmacy|ward|window|grandma|aunt|chemist|operator|liaison|800|yours|theirs|number .* no1|dead|rang|ringing"
    r"|left|start|stuck|scan|loaded|departed|depart|came|began|born|dropped|mailbox|convoy|released|collected|fetched"
    r"|picked|bags|sitting|rotting|train|fulfil|booking|orig|\bex\b|shpr|o/b|absender|receiver|opposing|documents"
    r"|deposited|issued|old|previous|former|\bnot\b|wrong|was|isn't|used to|no longer|changed|new|now|forget|forgot"
    r"|revised|ignore|cross|delete|void|void|amend|replaced|withdrawn|lieu|cancel|substitute|entered as|moved|history"
    r"|scratch|exchange|registry|sheet|doesn't exist|real|dont use|wrote|misspoke|strike|stop|updated|before|dispatch"
    r"|outfit|blame|buddy|fella|ute|flogged|bell|center|lies|port|goods|guy|innit|dats|num|tel\b|\bT\b|ph\.",
    re.IGNORECASE,
)
FIELDS = ("recipient", "phone", "city", "tracking_number")
SLOTS = {"name", "phone", "city", "tracking"}
PHONE = re.compile(r"\+?\(?\d[\d\s()-]{7,}\d")


def written(task: Task, count: int, seed: str = "scenes") -> Iterator[Written]:
    simulator = Simulator(task, seed)
    return (simulator.written(number) for number in range(count))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_stands_beside_the_point_is_never_the_answer(language: str) -> None:
    told = 0
    for one in written(shipping(language), 1500):
        answer = json.loads(one.drafted.output)
        beside = [fact.text for fact in one.scene.others] + [fact.was for fact in one.scene.facts if fact.was]
        standing = [text for text in beside if text in one.drafted.input]
        told += bool(standing)
        for value in filter(None, answer.values()):
            assert value in one.drafted.input
            assert all(value.casefold() not in text.casefold() for text in standing), one
    assert told > 700  # distractors are the rule, not the exception


def test_a_value_beside_the_point_says_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another name, number or town stands in a line that tells a reader so; a whole message tells it by its story."""
    monkeypatch.setattr("tools.simulator.simulator.misspelt", lambda pieces, rng: pieces)  # "offcie" tells it too
    wrong = []
    for one in written(shipping(), 800):
        text = one.drafted.input
        for fact in one.scene.others:
            at = text.find(fact.text)
            if (
                fact.meaning in ("phone", "city")
                and at >= 0
                and one.drafted.style not in ("mail", "forward", "message")
            ):
                around = text[max(0, at - 60) : at + len(fact.text) + 60]
                wrong += [] if ELSEWHERE.search(around) else [(fact.text, around)]
    assert wrong == []


def test_a_whole_message_answers_what_it_has_slots_for() -> None:
    told = [one for one in written(shipping(), 1000) if one.drafted.style == WHOLE]
    assert 250 < len(told) < 750
    for one in told:
        answer = json.loads(one.drafted.output)
        values = [value for value in answer.values() if value is not None]
        assert values
        assert all(one.drafted.input.count(value) >= 1 for value in values), one
        assert "{" not in one.drafted.input
    absent = [sum(json.loads(one.drafted.output)[name] is None for one in told) / len(told) for name in FIELDS]
    assert all(0.05 < share < 0.5 for share in absent), absent


def test_every_message_has_slots_that_can_be_filled() -> None:
    beside = {"sender", "staff", "other_phone", "origin", "order", "invoice", "date", "time", "price", "count"}
    for book in words_of("en").books:
        assert len(book.messages) >= 4, book.family
        for message in book.messages:
            slots = SLOT.findall(message)
            own = SLOTS.intersection(slots)
            assert own, message
            assert len(set(slots)) == len(slots), message
            assert set(slots) <= SLOTS | beside | {f"old_{slot}" for slot in own}, message


@pytest.mark.parametrize(
    "field",
    [
        TaskField(name="delivery_date"),
        TaskField(name="product"),
        TaskField(name="color"),
        TaskField(name="carrier", choices=("DHL", "UPS", "FedEx")),
        TaskField(name="priority", choices=("urgent", "normal")),
    ],
    ids=lambda field: field.name,
)
def test_a_field_without_a_slot_takes_no_message(field: TaskField) -> None:
    """A writer's own words name carriers, goods and days: what has no slot might stand in them."""
    parcels = shipping().model_copy(update={"fields": (*shipping().fields, field)})
    assert all(one.drafted.style != WHOLE for one in written(parcels, 300))
    assert all(one.drafted.style != WHOLE for one in written(CONTACTS, 200))


def test_what_is_beside_the_point_in_a_message_is_of_another_role() -> None:
    """Each slot beside the point holds what no field asks for, and no value stands a second time."""
    for one in written(shipping(), 800):
        if one.drafted.style == WHOLE:
            values = [value for value in json.loads(one.drafted.output).values() if value]
            standing = [fact.text for fact in one.scene.others if fact.text in one.drafted.input]
            assert not set(values) & set(standing)
            titled = [f"{fact.title} {fact.text}" for fact in one.scene.facts if fact.title]
            assert not [text for text in titled if text in one.drafted.input]


def test_a_correction_names_what_holds_now() -> None:
    corrected = [one for one in written(shipping(), 1500) if any(fact.was for fact in one.scene.facts)]
    assert len(corrected) > 100
    for one in corrected:
        (fact,) = (fact for fact in one.scene.facts if fact.was)
        assert json.loads(one.drafted.output)[fact.part.name] == fact.text  # type: ignore[union-attr]
        assert fact.text in one.drafted.input


def test_missing_fields_are_missing_whatever_stands_there() -> None:
    """One in seven is missing, its absence is often told, and somebody else's name or number may stand there."""
    absent = others = 0
    drawn = list(written(shipping(), 1500))
    for one in drawn:
        answer = json.loads(one.drafted.output)
        if answer["recipient"] is None:
            assert not any(fact.meaning == "name" for fact in one.scene.facts)
            absent += 1
            others += any(fact.meaning == "name" and fact.text in one.drafted.input for fact in one.scene.others)
    assert 150 < absent < 300
    assert others > absent / 5
    two = sum(json.loads(one.drafted.output).values().__str__().count("None") >= 2 for one in drawn)
    assert two > 50


def test_a_task_without_roles_has_no_second_name_number_or_town() -> None:
    for one in written(CONTACTS, 600):
        assert not one.scene.others
        answer = json.loads(one.drafted.output)
        values = {piece.text for piece in one.pieces if piece.fixed and PHONE.fullmatch(piece.text)}
        numbers = {re.sub(r"\D", "", value) for value in values if not re.search(r"\b20\d\d\b", value)}  # a date
        known = " ".join(filter(None, answer.values())) + " ".join(fact.was for fact in one.scene.facts)
        assert all(digits in re.sub(r"\D", "", known) for digits in numbers), one


@pytest.mark.parametrize(
    ("name", "description", "role"),
    [
        ("recipient", "", "recipient"), ("consignee name", "", "recipient"),
        ("name", "who it is shipped to", "recipient"),
        ("sender", "", "sender"), ("name", "the sender of the parcel", "sender"), ("customer", "", "customer"),
        ("old phone", "", "old"), ("new address", "", "new"), ("billing address", "", "billing"),
        ("destination city", "", "destination"), ("city", "city of origin", "origin"), ("phone", "", ""),
        ("收件人", "", "recipient"), ("寄件人电话", "", "sender"), ("目的城市", "", "destination"),
        ("旧地址", "", "old"),
    ],
)  # fmt: skip
def test_roles_are_read_in_two_languages(name: str, description: str, role: str) -> None:
    (part,) = parts_of([guess(TaskField(name=name, description=description))])
    assert part.role == role


def test_a_number_of_the_one_person_meant_is_theirs() -> None:
    parts = {part.name: part for part in parts_of([guess(field) for field in shipping().fields])}
    assert {name: part.role for name, part in parts.items()} == {
        "recipient": "recipient", "phone": "recipient", "city": "recipient", "tracking_number": "",
    }  # fmt: skip
    assert parts["phone"].inherited
    assert parts["tracking_number"].sort == "tracking"


def test_nothing_stands_beside_that_a_field_could_mean() -> None:
    def beside(*names: str) -> set[tuple[str, str, str]]:
        return set(kinds_beside(parts_of([guess(field) for field in tasks.named(*names).fields])))

    assert ("name", "sender", "") in beside("recipient", "phone")
    assert ("name", "sender", "") not in beside("recipient", "sender")
    assert beside("name", "phone", "city") == set()
    assert beside("recipient", "reference") == beside("recipient")  # any number could be the reference
    assert ("pattern", "", "order") in beside("tracking number")
    assert ("pattern", "", "order") not in beside("tracking number", "order number")
    assert ("phone", "sender", "") not in beside("recipient", "home phone", "work phone")
    priced = parts_of([guess(field) for field in tasks.named("recipient", "amount", "delivery date").fields])
    assert asides(priced) == frozenset()


def test_a_sender_is_told_from_a_recipient() -> None:
    """Where both are asked for, no text leaves open who is who, and none is written by one of them."""
    task = tasks.named("sender", "recipient", "city")
    for one in written(task, 400):
        answer = json.loads(one.drafted.output)
        assert one.scene.voice == "third"
        if answer["sender"] and answer["recipient"]:
            assert answer["sender"] != answer["recipient"]


def test_who_writes_of_parcels_and_who_does_not() -> None:
    assert is_about_parcels(shipping())
    assert is_about_parcels(tasks.named("收件人", "快递单号", language="zh"))
    assert not is_about_parcels(CONTACTS)
    assert not any("parcel" in one.drafted.input.lower() for one in written(CONTACTS, 200))
