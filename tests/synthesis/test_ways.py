"""Ways of asking: records that code draws and a teacher tells, places that code fills, and the yield that decides."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.conftest import CONTACTS
from tests.scripted_openai import Reply
from tests.synthesis.endpoint import honest, said, teaching
from tests.synthesis.narrator import message, narrated, records_of, seen_again, shape_of
from tests.synthesis.scholar import KINDS, scholar
from tests.synthesis.tasks import BANK, NESTED, ORDERS, named, work
from tests.synthesis.test_kinds import add_document
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.jobs import Stopped
from tools.records import Answer, Care, Expense, Job, Project, Sample, Task, Way
from tools.settings import settings
from tools.synthesis.check.checks import check
from tools.synthesis.drafting import draft
from tools.synthesis.estimate import estimate
from tools.synthesis.job import run
from tools.synthesis.making import Maker
from tools.synthesis.request.coverage import BESIDE, CORRECTED, NO_CALL
from tools.synthesis.request.drawing import Recorder
from tools.synthesis.teacher import OpenAITeacher, pick_teacher
from tools.synthesis.yields import TRIAL, Yields
from tools.teacher.protocol import Drafted, TeacherRequest, Usage
from tools.teacher.protocol import Reply as Came

Script = Callable[[dict[str, Any]], Reply]


def drawn(task: Task, way: Way, count: int = 3, **cell: str) -> TeacherRequest:
    records = Recorder(task, "seed").records(0, count, cell)
    assert len(records) == count
    return TeacherRequest(task=task, number=0, first=0, count=count, cell=cell, way=way, records=records)


def ask(request: TeacherRequest) -> tuple[tuple[Drafted, ...], Usage, float]:
    """The samples, what they cost, and the most that they might have."""
    usage = Usage()

    async def gate(attempt: Callable[[], Awaitable[Came]], most_usd: float) -> str:
        nonlocal usage
        came = await attempt()
        assert came.usage.usd <= most_usd
        usage += came.usage
        if came.unusable:
            raise came.unusable
        return came.text

    async def answered() -> tuple[tuple[Drafted, ...], float]:
        teacher = OpenAITeacher(settings())
        most_usd = teacher.most_usd(request)
        try:
            return await teacher.answer(request, gate), most_usd
        finally:
            await teacher.close()

    samples, most_usd = asyncio.run(answered())
    return samples, usage, most_usd


@pytest.mark.parametrize("way", ["record", "slots"])
@pytest.mark.parametrize("task", [CONTACTS, ORDERS, NESTED, named("姓名", "电话", "地址", language="zh")])
@pytest.mark.parametrize("difficulty", ["a usual case", CORRECTED, BESIDE])
def test_values_are_right_by_construction(
    way: Way, task: Task, difficulty: str, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    """The teacher's message holds the record's values; the answer is the code's, and passes every check."""
    request = drawn(task, way, difficulty=difficulty)
    answer: Script = lambda body: narrated(body) if "messages" in shape_of(body) else _as_recorded(request, body)  # noqa: E731
    with teaching(monkeypatch, answer):
        samples, _, _ = ask(request)
    for one, record in zip(samples, request.records, strict=True):
        assert (one.problem, one.output) == ("", record.output)
        assert all(held.text in one.input for held in record.holds if held.must)
        assert "[" not in one.input
        made = Sample.model_validate(
            {
                "id": "sample-1",
                "owner": "local",
                "project_id": project.id,
                "source": "teacher:big",
                "messages": [{"role": "user", "content": one.input}, {"role": "assistant", "content": one.output}],
            }
        )
        assert check(task, made) == ""


def _as_recorded(request: TeacherRequest, body: dict[str, Any]) -> Reply:
    """A second look that agrees."""
    wanted = [json.loads(one.output) for one in request.records if one.doubtful]
    return Reply(json.dumps({"answers": [{"number": at, "output": one} for at, one in enumerate(wanted, 1)]}))


def test_the_teacher_is_shown_values_or_places_and_never_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[Way, list[dict[str, Any]]] = {}
    for way in ("record", "slots"):
        with teaching(monkeypatch, narrated) as server:
            ask(drawn(CONTACTS, way))
        shown[way] = records_of(server.requests[0])
        assert list(shape_of(server.requests[0])) == ["messages"]
    values = json.dumps([one["tells"] for one in shown["record"]])
    places = json.dumps([one["tells"] for one in shown["slots"]])
    assert "[PHONE]" in places
    assert "@" not in places
    assert "@" in values
    assert {one["form"] for one in shown["record"]} == {one["form"] for one in shown["slots"]}


def test_a_value_that_is_missing_is_asked_for_once_more_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    request = drawn(CONTACTS, "record")

    def forgetful(body: dict[str, Any]) -> Reply:
        return narrated(body, leaving_out=1 if len(server.requests) == 1 else 0)

    with teaching(monkeypatch, forgetful) as server:
        samples, usage, most_usd = ask(request)
    assert [one.problem for one in samples] == ["", "", ""]
    assert len(server.requests) == 2
    for line, record in zip(records_of(server.requests[1]), request.records, strict=True):
        last = record.holds[-1]
        assert line["missing"] == {last.name: last.text}
        assert last.text not in line["message"]
    assert usage.input_tokens == 2000
    assert usage.usd <= most_usd


def test_what_is_missing_twice_is_refused_and_only_that(monkeypatch: pytest.MonkeyPatch) -> None:
    request = drawn(CONTACTS, "record")

    def stubborn(body: dict[str, Any]) -> Reply:
        told = [
            {"number": one["number"], "text": message(one, leaving_out=int(one["number"] == 2))}
            for one in records_of(body)
        ]
        return Reply(json.dumps({"messages": told}))

    with teaching(monkeypatch, stubborn) as server:
        samples, _, _ = ask(request)
    lost = request.records[1].holds[-1]
    assert [one.problem for one in samples] == ["", f"the message misses {lost.name} {lost.text!r}", ""]
    assert [one["number"] for one in records_of(server.requests[1])] == [2]


def test_a_repair_of_no_use_costs_none_of_the_good_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(body: dict[str, Any]) -> Reply:
        if len(server.requests) > 1:
            return Reply("no JSON")
        told = json.loads(narrated(body).content)["messages"]
        return Reply(json.dumps({"messages": told[:2]}))

    with teaching(monkeypatch, broken) as server:
        samples, _, _ = ask(drawn(CONTACTS, "record"))
    assert [one.problem for one in samples] == ["", "", "the teacher wrote no message for the record"]


def test_a_number_inside_another_is_not_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    task = named("quantity", "order number")
    request = drawn(task, "record", 1, difficulty="everything is there")
    quantity = next(one.text for one in request.records[0].holds if one.name == "quantity")
    order = next(one.text for one in request.records[0].holds if one.name == "order number")
    replies = iter([f"Order {order}: 7{quantity} of them", f"Order {order}: ({quantity}) of them"])

    def close(body: dict[str, Any]) -> Reply:
        return Reply(json.dumps({"messages": [{"number": 1, "text": next(replies)}]}))

    with teaching(monkeypatch, close) as server:
        samples, _, _ = ask(request)
    assert records_of(server.requests[1])[0]["missing"] == {"quantity": quantity}
    assert samples[0].problem == ""


def test_a_phone_that_no_record_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def chatty(body: dict[str, Any]) -> Reply:
        told = [
            {"number": one["number"], "text": f"{message(one)}\nOr mail boss@office.org"} for one in records_of(body)
        ]
        return Reply(json.dumps({"messages": told}))

    with teaching(monkeypatch, chatty):
        samples, _, _ = ask(drawn(CONTACTS, "record"))
    assert {one.problem for one in samples} == {"the message tells 'boss@office.org', which its record does not hold"}


def test_a_place_that_stands_for_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def inventive(body: dict[str, Any]) -> Reply:
        told = [{"number": one["number"], "text": f"{message(one)}\nWrite to [BOSS]"} for one in records_of(body)]
        return Reply(json.dumps({"messages": told}))

    with teaching(monkeypatch, inventive):
        samples, _, _ = ask(drawn(CONTACTS, "slots"))
    assert {one.problem for one in samples} == {"[BOSS] stands for nothing in the record"}


# --- the second look -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["record", "slots"])
def test_a_label_stands_when_a_blind_look_gives_it_too(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(body: dict[str, Any]) -> Reply:
        if "messages" in shape_of(body):
            told = [{"number": one["number"], "text": f"Hello, what is left in my account {at}?"} for at, one in
                    enumerate(records_of(body))]  # fmt: skip
            return Reply(json.dumps({"messages": told}))
        labels = ["balance", "card lost"]
        return Reply(json.dumps({"answers": [{"number": at, "output": one} for at, one in enumerate(labels, 1)]}))

    with teaching(monkeypatch, looked) as server:
        samples, _, _ = ask(drawn(BANK, way, label="balance"))
    assert [one.output for one in samples] == ["balance"] * 3
    assert [one.problem for one in samples] == [
        "",
        'a second look says label "card lost" and not "balance"',
        "the second look gave no answer",
    ]
    first, second = (body["messages"][1]["content"] for body in server.requests)
    assert "the right answer is: balance" in first
    assert "balance" not in second


def test_a_choice_and_a_yes_are_looked_at_and_the_other_fields_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    request = drawn(ORDERS, "record", 1, difficulty="everything is there")
    right = json.loads(request.records[0].output)

    def wrong(body: dict[str, Any]) -> Reply:
        if "messages" in shape_of(body):
            return narrated(body)
        seen = {**right, "product": "anything", "gift": not right["gift"]}
        return Reply(json.dumps({"answers": [{"number": 1, "output": seen}]}))

    with teaching(monkeypatch, wrong):
        samples, _, _ = ask(request)
    assert samples[0].problem.startswith("a second look says gift ")


def test_a_call_is_drawn_and_confirmed(catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    task = KINDS["calling"]
    request = drawn(task, "record", function="get_weather")
    with teaching(monkeypatch, scholar("calling")) as server:
        samples, _, _ = ask(request)
    assert len(server.requests) == 2
    assert [one.problem for one in samples] == ["", "", ""]
    assert all(one.output.startswith('<tool_call>\n{"name": "get_weather", "arguments": {"city": ') for one in samples)
    with teaching(monkeypatch, lambda body: narrated(body) if "messages" in shape_of(body) else _no_call(body)):
        refused, _, _ = ask(request)
    assert {one.problem for one in refused} == {'a second look says function [] and not ["get_weather"]'}
    recorder = Recorder(task, "seed")
    assert recorder.records(0, 2, {"function": NO_CALL}) == ()  # its words are the teacher's
    assert recorder.records(0, 2, {"function": "get_time"}) == ()  # nobody draws a time zone


def _no_call(body: dict[str, Any]) -> Reply:
    output = {"calls": [], "reply": "Which city?"}
    return Reply(json.dumps({"answers": [{"number": one["number"], "output": output} for one in records_of(body)]}))


@pytest.mark.parametrize(
    "task",
    [
        named("mood"),
        CONTACTS.model_copy(update={"turns": 2}),
        CONTACTS.model_copy(update={"reasoning": "kept"}),
        CONTACTS.model_copy(update={"language": "xx"}),
        KINDS["open"],
        KINDS["answering"],
    ],
)
def test_what_code_cannot_draw_stays_with_the_teacher(task: Task) -> None:
    assert Recorder(task, "seed").ways() == ("whole",)


def test_what_rests_on_documents_stays_with_the_teacher(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with teaching(monkeypatch, honest):
        teacher = pick_teacher(project.task, "x")

        def ways(care: Care = Care()) -> tuple[Way, ...]:  # noqa: B008  it is frozen
            return Maker(catalog, project, teacher, seed="x", state="draft", care=care, count=500).yields.ways

        assert ways() == ("whole", "record", "slots")
        assert ways(Care(answers_each=3)) == ("whole",)  # votes may change an answer
        add_document(catalog, project, "a.md", "Mail goes to Bonn.")
        assert ways() == ("whole",)


# --- the yield -------------------------------------------------------------------------------------------------------


def only(kind: str, way: Way = "record") -> Script:
    """A weak teacher: what it is asked in another way than this one is of no use."""

    def answer(body: dict[str, Any]) -> Reply:
        shape, text = shape_of(body), body["messages"][1]["content"]
        if "answers" in shape:
            return seen_again(body)
        asked: Way = "whole" if "samples" in shape else "slots" if "mark in brackets" in text else "record"
        if asked == way:
            return honest(body) if kind == "contacts" else scholar(kind)(body)
        return Reply("I would not know", usage=(1000, 500))

    return answer


@pytest.mark.parametrize("way", ["whole", "record", "slots"])
def test_the_way_that_gives_most_goes_on_and_is_told(
    way: Way, catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"whole": "input and answer by the teacher", "record": "record first", "slots": "slots"}[way]
    with teaching(monkeypatch, only("contacts", way), concurrency="1") as server:
        order = work(catalog, project, 80)
        text = run(order)
    answers = sorted(catalog.find(Answer, project.id), key=lambda one: one.number)
    assert Counter(one.way for one in answers[:TRIAL]) == {"whole": 4, "record": 3, "slots": 3}
    assert {one.way for one in answers[TRIAL:]} == {way}
    assert f"{words} goes on" in text
    assert "Teacher:big: usable samples a paid request: " in text
    assert f"{words} goes on" in catalog.get(Job, order.job.id).progress.message
    assert catalog.count(Sample, project.id)["approved"] == 80
    paid = catalog.find(Expense, project.id)
    assert sum(one.calls for one in answers) == len(server.requests)
    assert sum(one.input_tokens for one in paid) == 1000 * len(server.requests)
    assert sum(one.usd for one in paid) == pytest.approx(0.003 * len(server.requests))
    assert f"${sum(one.usd for one in paid):.4f} spent" in text


def test_a_resumed_job_keeps_to_its_way() -> None:
    def answer(number: int, way: Way, good: int) -> Answer:
        own = {"id": f"answer-{number}", "owner": "local", "project_id": "p", "source": "teacher:big", "calls": 1}
        return Answer.model_validate({**own, "number": number, "way": way, "good": good})

    ways: tuple[Way, ...] = ("whole", "record", "slots")
    first = Yields(ways, 100)
    asked = [first.way("teacher:big", number) for number in range(TRIAL + 3)]
    assert asked[TRIAL:] == ["whole"] * 3  # sent before the trial's answers are there
    told = [answer(number, way, 4 * (way == "slots")) for number, way in enumerate(asked)]
    for one in told[::-1]:
        first.note(one)
    assert first.chosen == {"teacher:big": "slots"}
    again = Yields(ways, 100, told)
    assert again.way("teacher:big", 50) == "slots"
    assert again.told == first.told
    half = Yields(ways, 100, told[:4])
    assert [half.way("teacher:big", number) for number in range(4, 7)] == asked[4:7]
    equal = Yields(ways, 100, [answer(number, ways[number % 3], 5) for number in range(TRIAL)])
    assert equal.chosen == {"teacher:big": "record"}  # of equals the one whose values are right by construction


def test_a_short_job_changes_its_way_only_when_that_gives_nothing(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with teaching(monkeypatch, honest):
        draft(catalog, project, 4)
    assert [one.way for one in catalog.find(Answer, project.id)] == ["whole"]
    with teaching(monkeypatch, only("contacts", "slots"), concurrency="1"):
        made = draft(catalog, project, 4)
    assert len(made) == 4
    assert [one.way for one in catalog.find(Answer, project.id)][1:] == ["whole", "record", "slots"]


# --- money -----------------------------------------------------------------------------------------------------------


def greedy(leaving_out: int) -> Script:
    """A teacher that forgets, and whose every answer is as long as it may be."""

    def answer(body: dict[str, Any]) -> Reply:
        usage = (round(len(json.dumps(body)) / 4), int(body["max_completion_tokens"]))
        if "messages" in shape_of(body):
            return narrated(body, leaving_out, usage)
        return seen_again(body, usage) if "answers" in shape_of(body) else said([], usage)

    return answer


@pytest.mark.parametrize(
    "request_", [drawn(CONTACTS, "record"), drawn(ORDERS, "slots"), drawn(BANK, "record", label="balance")]
)
def test_no_request_costs_more_than_it_may(request_: TeacherRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    with teaching(monkeypatch, greedy(1)) as server:
        _, usage, most_usd = ask(request_)
    assert len(server.requests) >= 2
    assert 0 < usage.usd <= most_usd


def test_repairs_and_second_looks_stay_within_what_was_approved(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = catalog.save(project.but(task=BANK))
    with teaching(monkeypatch, greedy(0), concurrency="6") as server:
        with pytest.raises(Stopped, match=r"Stopped at the limit of \$0.20"):
            run(work(catalog, bank, 400, max_usd=0.2))
        paid = sum(one.usd for one in catalog.find(Expense, project.id))
        billed = sum(
            round(len(json.dumps(one)) / 4) * 1e-6 + one["max_completion_tokens"] * 4e-6 for one in server.requests
        )
    assert 0 < paid <= 0.2
    assert paid == pytest.approx(billed)


def test_an_estimate_covers_what_the_job_then_costs(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = catalog.save(project.but(task=BANK))
    with teaching(monkeypatch, scholar("classification")) as server:
        told = estimate(catalog, bank, 75)
        run(work(catalog, bank, 75, max_usd=told.usd_high))
    assert told.calls_low <= len(server.requests) <= told.calls_high
    assert sum(one.usd for one in catalog.find(Expense, project.id)) <= told.usd_high


# --- several teachers ------------------------------------------------------------------------------------------------


def test_two_teachers_share_a_job_and_each_sample_knows_its_own(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETORT_PRICES", '{"big": {"input": 10, "output": 10}, "small": {"input": 1, "output": 1}}')
    with teaching(monkeypatch, honest, model="big, small", concurrency="2") as server:
        told = estimate(catalog, project, 60)
        text = run(work(catalog, project, 60))
    assert "by teacher:big, teacher:small" in told.what
    assert "60 samples by teacher:big, teacher:small are ready" in text
    sent = Counter(body["model"] for body in server.requests)
    assert min(sent["big"], sent["small"]) >= 3
    made = Counter(one.source for one in catalog.find(Sample, project.id))
    answers = Counter(one.source for one in catalog.find(Answer, project.id))
    assert set(made) == set(answers) == {"teacher:big", "teacher:small"}
    for name, price in (("big", 0.015), ("small", 0.0015)):
        paid = [one.usd for one in catalog.find(Expense, project.id) if one.what == f"samples by teacher:{name}"]
        assert sum(paid) == pytest.approx(price * sent[name])


def test_a_teacher_that_fails_leaves_the_job_to_the_other(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_is_gone(body: dict[str, Any]) -> Reply:
        return Reply("gone", status=404) if body["model"] == "small" else honest(body)

    with teaching(monkeypatch, one_is_gone, model="small,big", concurrency="2"):
        text = run(work(catalog, project, 30))
        assert "answered 404 for the model 'small'" in text
        assert {one.source for one in catalog.find(Sample, project.id)} == {"teacher:big"}
    with (
        teaching(monkeypatch, lambda body: Reply("gone", status=404), model="small,big"),
        pytest.raises(RetortError, match="answered 404 for the model"),
    ):
        run(work(catalog, project, 10))


def test_settings_name_several_teachers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().teachers == ()
    for name, value in (("MODEL", "a, b"), ("BASE_URL", "http://x/v1,http://y/v1"), ("API_KEY", "k")):
        monkeypatch.setenv(f"RETORT_TEACHER_{name}", value)
    settings.cache_clear()
    found = [(one.teacher_model, one.teacher_base_url) for one in settings().teachers]
    assert found == [("a", "http://x/v1"), ("b", "http://y/v1")]
    assert {one.teacher_api_key.get_secret_value() for one in settings().teachers} == {"k"}
    monkeypatch.setenv("RETORT_TEACHER_API_KEY", "k1,k2,k3")
    settings.cache_clear()
    with pytest.raises(RetortError, match="RETORT_TEACHER_API_KEY holds 3 keys for 2 teachers") as told:
        settings().teachers  # noqa: B018  reading it raises
    assert "k1" not in str(told.value)
