"""Planted damage of every kind is caught, and clean samples pass: the judge on hundreds of samples."""

import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CONTACTS
from tests.synthesis.scholar import KINDS, phrase
from tests.synthesis.tasks import CHINESE, ORDERS
from tools.records import Passage, Project, Task
from tools.simulator.simulator import Simulator
from tools.synthesis.check.judging import Judge, fingerprints
from tools.synthesis.check.seen import Index
from tools.teacher.protocol import Drafted, TeacherRequest
from tools.text.likeness import Fingerprints, Input
from tools.text.same_input import same_key

EACH = 60
REFUSALS = ("I'm sorry, but I can't help with that.", "As an AI language model, I have no view.")
Damage = Callable[[Drafted, int], Drafted]
LANGUAGE_OF_ALL = (
    "Der Kunde möchte wissen, warum seine Bestellung noch nicht angekommen ist und wann sie geliefert wird.",
    "我想知道为什么我的订单还没有到，什么时候可以送达，谢谢。",
    "Je voudrais savoir pourquoi ma commande n'est pas encore arrivée et quand elle sera livrée.",
)


def judge(task: Task, sealed: Sequence[Fingerprints] = ()) -> Judge:
    project = Project(id="p", owner="local", slug="p", name="P", task=task)
    return Judge(project, source="teacher:big", state="approved", job_id="j", sealed=sealed)


def request(task: Task, passage: Passage | None) -> TeacherRequest:
    cell = {"length": "3-60"}
    return TeacherRequest(task=task, number=0, first=0, count=1, cell=cell, passage=passage)


def page_of(number: int) -> Passage:
    text = (
        f"The {phrase(number, 2)} opens at {number % 12 + 1} and has {number + 100} rooms.\n"
        f"Its owner keeps {phrase(number + 7, 3)} behind the old door."
    )
    return Passage(id=f"passage-{number}", owner="local", project_id="p", document_id="d", position=number, text=text)


def clean(kind: str, number: int) -> tuple[Task, Drafted, Passage | None]:
    """Sample `number` of a kind as an honest teacher writes it."""
    if kind in EXTRACTIONS:
        drafted = Simulator(EXTRACTIONS[kind], "damage").sample(number)
        return EXTRACTIONS[kind], drafted.model_copy(update={"style": ""}), None
    if kind == "answering":
        found = page_of(number)
        quote = found.text.splitlines()[number % 2].rstrip(".")
        question = f"What should a guest of the {phrase(number, 2)} know about {phrase(number + 3, 2)}?"
        return KINDS[kind], Drafted(input=question, output=quote, quote=quote), found
    if kind == "calling":
        city = phrase(number, 1).title()
        call = json.dumps({"name": "get_weather", "arguments": {"city": city, "days": number % 9 + 1}})
        text = f"Will it rain in {city} over the next {number % 9 + 1} days, asks {phrase(number + 500, 6)}?"
        return KINDS[kind], Drafted(input=text, output=f"<tool_call>\n{call}\n</tool_call>"), None
    outputs = {
        "classification": ("card lost", "balance", "other")[number % 3],
        "identity": "I am Nova, an assistant made by Acme. Sorry if I was not clear about that before.",
        "rewriting": f"Could you kindly have a look at {phrase(number, 4)}?",
        "roleplay": f"Aye, {phrase(number, 3)}! I am afraid the soup is cold, but sit down.",
        "open": f"The answer has to do with {phrase(number, 3)}.",
    }
    start = ("I wonder about", "Please tell me of", "What is", "They said", "Could it be")[number % 5]
    text = f"{start} {phrase(number, 8)} today"
    return KINDS[kind], Drafted(input=text, output=outputs[kind]), None


EXTRACTIONS = {"contacts": CONTACTS, "orders": ORDERS, "chinese": CHINESE}
ALL = (*EXTRACTIONS, *KINDS)
WRITTEN = ("answering", "rewriting", "open", "identity")


def _with(**changes: str) -> Damage:
    return lambda drafted, _number: drafted.model_copy(update=changes)


def _output(change: Callable[[str], str]) -> Damage:
    return lambda drafted, _number: drafted.model_copy(update={"output": change(drafted.output)})


def _input(change: Callable[[str, int], str]) -> Damage:
    return lambda drafted, number: drafted.model_copy(update={"input": change(drafted.input, number)})


def _invented_value(output: str) -> str:
    found = json.loads(output)
    name = next(
        key for key, value in found.items() if isinstance(value, str) and value not in ("low", "normal", "high")
    )
    return json.dumps({**found, name: "Zzyzx Quux"}, ensure_ascii=False)


def _without_a_key(output: str) -> str:
    found = json.loads(output)
    return json.dumps(dict(list(found.items())[1:]))


DAMAGES: dict[str, tuple[Sequence[str], Damage, str]] = {
    "cut JSON": (tuple(EXTRACTIONS), _output(lambda text: text[: len(text) // 2]), "not a JSON object"),
    "a key missing": (tuple(EXTRACTIONS), _output(_without_a_key), "breaks the schema"),
    "a value made up": (tuple(EXTRACTIONS), _output(_invented_value), "is not in the input"),
    "an unknown label": (("classification",), _output(str.upper), "is not one of the labels"),
    "no such function": (("calling",), _output(lambda text: text.replace("weather", "whether")), "not one of the"),
    "an argument of another type": (
        ("calling",),
        _output(lambda text: re.sub(r'"days": (\d)', r'"days": "\1"', text)),
        "breaks its schema",
    ),
    "an argument left out": (("calling",), _output(lambda text: text.replace('"city"', '"town"')), "its schema"),
    "a call that is no JSON": (("calling",), _output(lambda text: text.replace("}", "")), "not valid JSON"),
    "a quote changed": (
        ("answering",),
        lambda one, _number: one.model_copy(update={"quote": one.quote.replace("the", "a").replace("The", "A") + " x"}),
        "is not in the passage",
    ),
    "no quote": (("answering",), _with(quote=" "), "no passage is quoted"),
    "a number made up": (("answering",), _with(output="It has 98765 rooms in all."), "number 98765 is not in"),
    "a question that points": (
        ("answering",),
        _input(lambda text, number: ("According to the passage, ", "In the text, ")[number % 2] + text),
        "the question says",
    ),
    "another language": (
        ("answering", "rewriting", "open", "classification", "contacts"),
        _input(lambda text, number: f"{LANGUAGE_OF_ALL[number % 3]} {text if text[0] == '{' else ''}"),
        "not in the",
    ),
    "an answer in another language": (
        WRITTEN,
        lambda one, n: one.model_copy(update={"output": LANGUAGE_OF_ALL[n % 3]}),
        "language",
    ),
    "a refusal": (
        WRITTEN,
        lambda one, n: one.model_copy(update={"output": REFUSALS[n % 2]}),
        "the answer declines",
    ),
    "chatter": (WRITTEN, _output(lambda text: f"Sure! Here it is: {text} I hope this helps!"), "the answer says"),
    "a blank": (("rewriting", "open"), _input(lambda text, _n: f"{text}, yours, [Your Name]"), "the input says"),
    "a runaway": (("open", "rewriting"), _input(lambda text, _n: " ".join([text] * 40)), "too long"),
    "nothing": (ALL, _with(input="  "), "the input is empty"),
    "no answer": (ALL, _with(output=""), "empty"),
    "a second look's doubt": (ALL, _with(problem="only 1 of 3 answers agree"), "only 1 of 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_planted_damage_is_caught(name: str) -> None:
    kinds, damage, told = DAMAGES[name]
    for kind in kinds:
        judges = judge(clean(kind, 0)[0])
        for number in range(EACH):
            task, drafted, passage = clean(kind, number)
            known = {passage.id: passage} if passage else {}
            found = judges.sample(request(task, passage), damage(drafted, number), known)
            assert found.state == "rejected", (name, kind, drafted)
            assert told in found.reason or "is not in the input" in found.reason, (name, kind, found.reason)


@pytest.mark.parametrize("kind", ALL)
def test_clean_samples_pass(kind: str) -> None:
    judges, alarms = judge(clean(kind, 0)[0]), []
    for number in range(300):
        task, drafted, passage = clean(kind, number)
        found = judges.sample(request(task, passage), drafted, {passage.id: passage} if passage else {})
        alarms += [found.reason] if found.state == "rejected" else []
    assert len(alarms) <= 3, alarms[:5]


def edited(text: str, rng: random.Random) -> str:
    """The text with one small change that a reader may overlook."""
    words = text.split()
    at = rng.randrange(len(words))
    change = rng.randrange(4)
    if change == 0:
        return text.upper() + "!!"
    if change == 1:
        return " ".join([*words[:at], "so", *words[at:]])
    if change == 2:
        return text[:4] + text[5] + text[4] + text[6:]
    return "Hi, " + text


@pytest.mark.parametrize("kind", ["open", "answering", "classification"])
def test_near_copies_are_caught_and_leaks_too(kind: str) -> None:
    rng = random.Random(7)
    task, *_ = clean(kind, 0)
    known = [clean(kind, number) for number in range(200)]
    made = [judge(task).sample(request(task, page), one, {page.id: page} if page else {}) for _, one, page in known]
    sealed = fingerprints(task, made)
    knowing, sealing = judge(task), judge(task, [sealed])
    for _, drafted, passage in known:
        knowing.sample(request(task, passage), drafted, {passage.id: passage} if passage else {})
    for _, drafted, passage in known:
        copy = drafted.model_copy(update={"input": edited(drafted.input, rng)})
        passages = {passage.id: passage} if passage else {}
        assert "nearly the same as that of another" in knowing.sample(request(task, passage), copy, passages).reason
        assert "sealed test" in sealing.sample(request(task, passage), copy, passages).reason
    fresh = [clean(kind, number) for number in range(1000, 1300)]
    found = [sealing.sample(request(task, page), one, {page.id: page} if page else {}) for _, one, page in fresh]
    assert sum("sealed test" in one.reason for one in found) <= 3


def test_alike_inputs_with_other_values_are_not_copies() -> None:
    """Two messages of one template teach two things, as long as what is extracted differs."""
    judges = judge(CONTACTS)
    for number in range(50):
        mail = f"ann{number}@mail.org"
        output = json.dumps({"name": None, "phone": None, "address": None, "email": mail})
        drafted = Drafted(input=f"Please write to {mail} as soon as you can, thanks", output=output)
        assert judges.sample(request(CONTACTS, None), drafted, {}).reason == ""
    again = drafted.model_copy(update={"input": drafted.input.replace("Please", "Please do")})
    assert "nearly the same as that of another" in judges.sample(request(CONTACTS, None), again, {}).reason


def as_input(text: str) -> Input:
    return Input(key=same_key(text), said=same_key(text))


def test_fingerprints_come_back_from_disk_and_hold_no_text(tmp_path: Path) -> None:
    path = tmp_path / "fingerprints.json"
    Fingerprints.of([as_input("Where is my parcel, it should be here by now?")]).write(path)
    assert "parcel" not in path.read_text()
    found = Fingerprints.read(path)
    assert found.has(as_input("where is my parcel? It should be here by now"))
    assert found.has(as_input("where is my parcel? It should have been here by now"))
    assert not found.has(as_input("Can I pay by card at the front desk tonight?"))
    assert not Fingerprints.read(path.with_name("none.json")).has(as_input("anything"))


def test_the_index_compares_few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A near copy of every tenth input is found by comparing hardly more than that pair, at 300 inputs and 3,000."""
    from rapidfuzz.distance import Indel

    compared = 0
    real = Indel.normalized_similarity

    def counting(*pair: str, **options: Any) -> float:
        nonlocal compared
        compared += 1
        return float(real(*pair, **options))

    monkeypatch.setattr(Indel, "normalized_similarity", counting)
    for size in (300, 3000):
        compared, index, draw = 0, Index(), random.Random(3)
        known = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=80)) for _ in range(size)]
        for text in known:
            index.add(text)
        copied = known[::10]
        assert [index.alike(f"so {text}") for text in copied] == copied
        assert len(copied) <= compared <= 1.2 * len(copied)  # all pairs would be 9,000 and 900,000
