"""A reply read as a person would: the list under any name, each item by itself, answers in the task's own spelling."""

import asyncio
import json
from typing import Any

import pytest

from tests.conftest import CONTACTS
from tests.synthesis.tasks import BANK, GERMAN, NESTED
from tools.records import Passage, Project, Sample, Task, TaskField
from tools.synthesis.check.judging import Judge
from tools.synthesis.request.replies import ANSWERS, SAMPLES, VERDICTS, read_items, written
from tools.synthesis.request.writing import read, write
from tools.teacher.protocol import Drafted, Prompt, TeacherRequest, Unusable

TWO = [{"input": "where is it", "output": "Card Lost"}, {"input": "how much", "output": "balance"}]
CALLER = Task(
    kind="calling",
    input_description="wishes",
    language="en",
    tools=({"type": "function", "function": {"name": "ring", "parameters": {"type": "object"}}},),
)


def request(task: Task = BANK, count: int = 2, **more: Any) -> TeacherRequest:
    return TeacherRequest(task=task, number=0, first=0, count=count, **more)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"samples": TWO}),
        json.dumps(TWO),
        "\n".join(map(json.dumps, TWO)),
        "1. " + "\n2. ".join(map(json.dumps, TWO)),
        json.dumps({"result": {"Samples": TWO}}),
        json.dumps({"data": TWO}),
        json.dumps({"1": TWO[0], "2": TWO[1]}),
        json.dumps([{"samples": TWO[:1]}, {"samples": TWO[1:]}]),
        json.dumps({"samples": json.dumps(TWO)}),
        json.dumps([{"Input": one["input"], "Output": one["output"]} for one in TWO]),
        f"A draft: {json.dumps({'samples': TWO[:1]})} Better: {json.dumps({'samples': TWO})}",
        json.dumps({"samples": [{**one, "quote": None, "reasoning": None, "history": None} for one in TWO]}),
    ],
)
def test_samples_under_any_name_and_in_any_list(text: str) -> None:
    drafted = read(request(), text)
    assert [(one.input, one.output, one.problem) for one in drafted] == [
        ("where is it", "card lost", ""),
        ("how much", "balance", ""),
    ]


def test_one_object_is_one_sample_and_more_than_asked_are_dropped() -> None:
    assert [one.input for one in read(request(), json.dumps(TWO[1]))] == ["how much"]
    assert len(read(request(count=1), json.dumps({"samples": TWO}))) == 1


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ('{"input": null, "output": "balance"}', "input"),
        ('{"output": "balance"}', "output"),
        ('{"input": "a", "output": NaN}', "NaN is not JSON"),
        ('{"input": "a" "output": "balance"}', "delimiter"),
    ],
)
def test_a_broken_sample_costs_none_of_its_siblings_and_is_told(broken: str, why: str) -> None:
    one, two = map(json.dumps, TWO)
    text = f'{{"samples": [{one}, {broken}, {two}]}}'
    if '"input"' not in broken:
        text = text.replace(broken, '{"input": 3, "output": "balance"}')
        why = "input"
    good = [drafted for drafted in read(request(count=3), text) if not drafted.problem]
    bad = [drafted.problem for drafted in read(request(count=3), text) if drafted.problem]
    assert [drafted.input for drafted in good] == ["where is it", "how much"]
    assert len(bad) == 1
    assert why in bad[0]


def test_what_was_cut_off_keeps_the_samples_before_the_cut() -> None:
    text = json.dumps({"samples": TWO})[:-20]

    async def ask(wanted: Prompt) -> str:
        raise Unusable("truncated", "the reply was cut off", text)

    drafted = asyncio.run(write(request(), ask))
    assert [(one.input, one.problem) for one in drafted] == [("where is it", ""), ("", "the reply was cut off")]
    text = '{"samples": [{"in'
    with pytest.raises(Unusable, match="cut off"):
        asyncio.run(write(request(), ask))


def test_the_turns_of_a_broken_conversation_are_no_samples() -> None:
    turns = BANK.model_copy(update={"turns": 2})
    whole = {"history": [{"input": "hi", "output": "balance"}], "input": "and now", "output": "card lost"}
    text = f'{{"samples": [{json.dumps(whole)}, {{"history": [{json.dumps(TWO[0])}], "input": "x" "output": 1}}]}}'
    drafted = read(request(turns), text)
    assert [one.input for one in drafted if not one.problem] == ["and now"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 3000, "malformed"),
        ("I would rather not.", "malformed"),
        ('{"samples": []}', "empty"),
        ("{}", "malformed"),
    ],
)
def test_nothing_usable_is_told_for_what_it_is(text: str, reason: str) -> None:
    with pytest.raises(Unusable) as told:
        read(request(), text)
    assert told.value.reason == reason


def test_answers_and_verdicts_may_come_by_their_order_or_their_names() -> None:
    rows = [{"output": "balance"}, {"output": "card lost"}]
    for text in (json.dumps({"answers": rows}), json.dumps(rows), json.dumps({"1": rows[0], "2": rows[1]})):
        assert [(one.number, one.output) for one in read_items(ANSWERS, text, 2).good] == [
            (1, "balance"),
            (2, "card lost"),
        ]
    with pytest.raises(Unusable):
        read_items(ANSWERS, json.dumps(rows), 3)  # which one is missing?
    verdicts = '{"verdicts": [{"number": "1", "good": "true", "problem": null}]}'
    assert read_items(VERDICTS, verdicts, 1).good[0].good is True
    assert read_items(SAMPLES, "﻿" + json.dumps(TWO), 2).good[0].quote == ""


@pytest.mark.parametrize(
    ("task", "output", "text"),
    [
        (BANK, " CARD lost ", "card lost"),
        (BANK, {"label": "Balance"}, "balance"),
        (BANK, ["balance"], "balance"),
        (BANK, "something else", "something else"),
        (CONTACTS, '```json\n{"email": "a@b.org"}\n```', '{"email": "a@b.org"}'),
        (CONTACTS, {"email": "x", "name": "y"}, '{"name": "y", "email": "x"}'),
        (CALLER, [{"name": "ring", "arguments": {}}], '<tool_call>\n{"name": "ring", "arguments": {}}\n</tool_call>'),
        (CALLER, {"name": "ring"}, '<tool_call>\n{"name": "ring", "arguments": {}}\n</tool_call>'),
        (
            CALLER,
            {"calls": [{"type": "function", "function": {"name": "ring", "arguments": '{"at": 5}'}}]},
            '<tool_call>\n{"name": "ring", "arguments": {"at": 5}}\n</tool_call>',
        ),
        (CALLER, '{"calls": [], "reply": "Which one?"}', "Which one?"),
        (CALLER, "Which one?", "Which one?"),
    ],
)
def test_an_answer_in_any_dress_is_the_same_answer(task: Task, output: Any, text: str) -> None:
    assert written(task, output) == text


def test_values_and_quotes_keep_the_characters_of_their_source(project: Project) -> None:
    judge = Judge(project.but(task=GERMAN), source="teacher:big", state="draft", job_id="")
    text = "Ku\u0308nstlerin Zoë O’Brien, Straße 5 – Hof"
    output = {"name": "Zoë O'Brien", "phone": None, "address": "Straße 5 - Hof", "email": None, "iban": None}
    sample = judge.sample(request(GERMAN), Drafted(input=text, output=json.dumps(output)), {})
    assert sample.reason == ""
    assert json.loads(sample.answer)["name"] == "Zoë O’Brien"
    assert json.loads(sample.answer)["address"] == "Straße 5 – Hof"
    wrong = Drafted(input=text, output=json.dumps({**output, "name": "Zoe O'Brien"}))
    assert "not in the input" in judge.sample(request(GERMAN), wrong, {}).reason


def test_a_choice_is_written_as_its_field_says(project: Project) -> None:
    task = NESTED.model_copy(update={"fields": (TaskField(name="state", choices=("on-hold", "paid")),)})
    judge = Judge(project.but(task=task), source="teacher:big", state="draft", job_id="")
    drafted = Drafted(input="It is on‑hold.", output='{"state": "on-hold"}')
    assert judge.sample(request(task), drafted, {}).answer == '{"state": "on-hold"}'


def test_a_quote_in_plain_characters_is_found(project: Project) -> None:
    text = "The skipper’s licence costs “forty euros” – payable in cash."
    passage = Passage(id="p", owner="o", project_id="p", document_id="d", position=0, text=text)
    task = Task(kind="answering", language="en")
    judge = Judge(project.but(task=task), source="teacher:big", state="draft", job_id="")
    drafted = Drafted(input="What does a licence cost?", output="Forty euros.", quote='licence costs "forty euros" -')
    sample: Sample = judge.sample(request(task, passage=passage), drafted, {"p": passage})
    assert (sample.reason, sample.quote) == ("", "licence costs “forty euros” –")
