"""Every task kind end to end: a scripted teacher over HTTP, the real job, samples that hold what the kind promises."""

import itertools
import json
import re
from typing import Any

import pytest

from tests.scripted_openai import Reply
from tests.synthesis.endpoint import teaching
from tests.synthesis.loopback import words
from tests.synthesis.scholar import KINDS, TIME, WEATHER, chinese, lines_of, sample, scholar, wanted
from tests.synthesis.tasks import work
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.jobs import Work
from tools.records import Answer, Care, Coverage, Document, Expense, Passage, Project, Sample, Task, new_id
from tools.synthesis.estimate import estimate
from tools.synthesis.job import run
from tools.synthesis.request.coverage import NO_CALL, axes, table
from tools.synthesis.request.instructions import system_prompt
from tools.text.language import language_of

PAGES = (
    "The heron nests in March. It feeds on fish and frogs.\nNobody has seen it sleep.",
    "苍鹭在三月筑巢。它以鱼和蛙为食。没有人见过它睡觉。",
)


def with_task(catalog: Catalog, project: Project, task: Task, pages: tuple[str, ...] = ()) -> Project:
    """The project with this task, and a document a page."""
    for number, text in enumerate(pages):
        add_document(catalog, project, f"{number}.md", text)
    return catalog.save(project.but(task=task))


def add_document(catalog: Catalog, project: Project, name: str, *texts: str, holds: str = "text") -> Document:
    own = {"owner": catalog.owner, "project_id": project.id}
    document = Document.model_validate(
        {**own, "id": new_id("document"), "name": name, "path": f"uploads/{name}", "sha256": name, "size_bytes": 1}
        | {"holds": holds}
    )
    passages = [
        Passage.model_validate(
            {**own, "id": new_id("passage"), "document_id": document.id, "position": at, "text": text}
            | {"language": language_of(text)}
        )
        for at, text in enumerate(texts)
    ]
    catalog.add_all([document, *passages])
    return document


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_end_to_end(kind: str, catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project = with_task(catalog, project, KINDS[kind], PAGES[:1] if kind == "answering" else ())
    with teaching(monkeypatch, scholar(kind)) as server:
        run(work(catalog, project, 12))
    made = catalog.find(Sample, project.id)
    assert [one.reason for one in made] == [""] * 12
    for one in made:
        assert [message.role for message in one.messages] == ["system", "user", "assistant"]
        assert one.messages[0].content == system_prompt(project.task)
        assert one.cell
    for body in server.requests:
        system, user = (message["content"] for message in body["messages"])
        assert system == server.requests[0]["messages"][0]["content"]  # shared, so that a provider can cache it
        assert f"length of the input in words: {user.split('in words: ')[1].split(';')[0].split(chr(10))[0]}" in user


def test_calls_are_structured_and_the_tools_go_along(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS["calling"])
    with teaching(monkeypatch, scholar("calling")) as server:
        run(work(catalog, project, 5))
    for one in catalog.find(Sample, project.id):
        assert one.tools == (WEATHER, TIME)
        assert [call.name for call in one.messages[-1].tool_calls] == ["get_weather"]
        assert one.messages[-1].content == ""
        assert one.answer.startswith('<tool_call>\n{"name": "get_weather", "arguments": {"city": ')
    shape = server.requests[0]["response_format"]["json_schema"]
    assert shape["strict"] is False  # the schemas of functions are the user's
    assert axes(project.task)["function"] == ("get_weather", "get_time", NO_CALL)


@pytest.mark.parametrize("kind", ["roleplay", "calling"])
def test_a_conversation_of_three_turns(
    kind: str, catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS[kind].model_copy(update={"turns": 3}))
    with teaching(monkeypatch, scholar(kind)):
        run(work(catalog, project, 5))
    turn = ["user", "assistant"] if kind == "roleplay" else ["user", "assistant", "tool", "assistant"]
    for one in catalog.find(Sample, project.id):
        assert one.state == "approved", one.reason
        assert [message.role for message in one.messages] == ["system", *turn, *turn, "user", "assistant"]


def test_conversations_that_end_alike_are_not_the_same(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All end with the same words, of a length that fits every cell; one conversation comes twice."""
    project = with_task(catalog, project, KINDS["roleplay"].model_copy(update={"turns": 2}))
    numbers = itertools.count()

    def agreeing(body: dict[str, object]) -> Reply:
        last = "Please tell me about the boiling of a good thick soup at sea today"
        made = [{**sample("roleplay", body), "input": last} for _ in range(wanted(body))]
        for one in made:
            number = next(numbers)
            one["history"][0]["input"] = f"Tell me of {words(number if number != 1 else 0)}."
        return Reply(json.dumps({"samples": made}))

    with teaching(monkeypatch, agreeing, concurrency="1"):
        run(work(catalog, project, 5))
    assert [one.reason for one in catalog.find(Sample, project.id)] == [""] * 5
    assert sum(one.duplicates for one in catalog.find(Answer, project.id)) == 1


def test_a_vote_over_free_text_is_refused(catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project = with_task(catalog, project, KINDS["rewriting"])
    with teaching(monkeypatch, scholar("rewriting")) as server:
        with pytest.raises(RetortError, match="no two free texts are the same"):
            estimate(catalog, project, 5, Care(answers_each=3))
        with pytest.raises(RetortError, match="no two free texts are the same"):
            run(with_care(work(catalog, project, 5), Care(answers_each=3)))
    assert server.requests == []


@pytest.mark.parametrize(("reasoning", "thought"), [("none", False), ("dropped", False), ("kept", True)])
def test_reasoning_is_kept_or_dropped(
    reasoning: str, thought: bool, catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS["open"].model_copy(update={"reasoning": reasoning}))
    with teaching(monkeypatch, scholar("open")) as server:
        run(work(catalog, project, 5))
    asked = server.requests[0]["response_format"]["json_schema"]["schema"]["properties"]["samples"]["items"]
    assert ("reasoning" in asked["properties"]) == (reasoning != "none")
    for one in catalog.find(Sample, project.id):
        assert one.answer.startswith("<think>\nThink of it step by step.\n</think>\n\nIt is") == thought
        assert one.answer.endswith("It is a riddle about the wind.")


def test_answers_rest_on_quotes_found_at_their_offsets(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each passage is asked about in its own language, whatever the plan's next cell says."""
    task = KINDS["answering"].model_copy(update={"coverage": Coverage(languages=("en", "zh"))})
    project = with_task(catalog, project, task, PAGES)
    numbers = itertools.count()

    def careless(body: dict[str, object]) -> Reply:  # quotes as models do: line breaks lost
        made = [sample("answering", body) for _ in range(wanted(body))]
        if "language: zh" in str(body["messages"]):
            made = [{**one, "input": f"{chinese(next(numbers))}如何？"} for one in made]
        return Reply(json.dumps({"samples": [{**one, "quote": one["quote"].replace("\n", " ")} for one in made]}))

    with teaching(monkeypatch, careless):
        run(work(catalog, project, 10))
    passages = {one.id: one for one in catalog.find(Passage, project.id)}
    made = catalog.find(Sample, project.id)
    assert {one.document_id for one in made} == {one.id for one in catalog.find(Document, project.id)}
    for one in made:
        assert one.state == "approved", one.reason
        passage = passages[one.passage_id]
        assert one.cell["language"] == passage.language
        assert one.quote_start is not None
        assert passage.text[one.quote_start : one.quote_start + len(one.quote)] == one.quote
        assert passage.text in one.question


def test_questions_need_a_document(catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project = with_task(catalog, project, KINDS["answering"])
    with teaching(monkeypatch, scholar("answering")), pytest.raises(RetortError, match="no document to answer"):
        estimate(catalog, project, 5)


def test_the_users_inputs_are_answered_once_and_then_new_ones_are_written(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS["identity"])
    own = [f"so {number} who made you, the {word} one" for number, word in enumerate(["red", "green", "blue", "black"])]
    document = add_document(catalog, project, "inputs.txt", *own, holds="inputs")
    with teaching(monkeypatch, scholar("identity")) as server:
        run(work(catalog, project, 7))
    made = catalog.find(Sample, project.id)
    labelled = [one for one in made if one.document_id == document.id]
    assert sorted(one.question for one in labelled) == sorted(own)
    assert len({one.passage_id for one in labelled}) == 4
    assert len(made) == 7
    answered = [row["input"] for body in server.requests for row in lines_of(body)]
    assert sorted(answered) == sorted(own)


def test_cells_are_filled_evenly_and_holes_first(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = KINDS["open"].model_copy(update={"coverage": Coverage(topics=("sea", "sky"), languages=("en", "zh"))})
    project = with_task(catalog, project, task)
    numbers = itertools.count()

    def bilingual(body: dict[str, object]) -> Reply:
        made = [sample("open", body) for _ in range(wanted(body))]
        if "language: zh" in str(body["messages"]):
            made = [{**one, "input": f"请告诉我{chinese(next(numbers))}", "output": "是风。"} for one in made]
        return Reply(json.dumps({"samples": made}))

    with teaching(monkeypatch, bilingual, concurrency="1"):
        run(work(catalog, project, 20))
        counted = {(one.axis, one.value): one.good for one in table(task, catalog.find(Sample, project.id))}
        assert counted["topic", "sea"] == counted["topic", "sky"] == 10
        wider = task.model_copy(update={"coverage": Coverage(topics=("sea", "sky", "sand"))})
        project = catalog.save(project.but(task=wider))
        run(work(catalog, project, 10))
    counted = {(one.axis, one.value): one.good for one in table(wider, catalog.find(Sample, project.id))}
    assert counted["topic", "sand"] == 10


# --- second looks ---


def with_care(order: Work, care: Care) -> Work:
    return Work(order.catalog, order.job.but(order=order.job.order.model_copy(update={"care": care})))


def test_most_of_k_answers_win_and_a_split_vote_is_told(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS["classification"])
    votes = iter(["balance", "balance", "card lost", "other"])

    def split(body: dict[str, object]) -> Reply:
        if not lines_of(body):
            return Reply(json.dumps({"samples": [sample("classification", body) for _ in range(wanted(body))]}))
        vote = next(votes)
        return Reply(json.dumps({"answers": [{"number": 1, "output": vote}, {"number": 2, "output": "card lost"}]}))

    with teaching(monkeypatch, split, concurrency="1"):
        run(with_care(work(catalog, project, 2), Care(answers_each=3)))
    states = [(one.answer, one.state, one.reason) for one in catalog.find(Sample, project.id)]
    assert states[:2] == [("balance", "approved", ""), ("card lost", "approved", "")]


def test_what_the_critique_finds_is_the_reason(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS["open"])

    def strict(body: dict[str, object]) -> Reply:
        if rows := lines_of(body):
            verdicts = [
                {"number": one["number"], "good": one["number"] != 2, "problem": "it is no riddle"} for one in rows
            ]
            return Reply(json.dumps({"verdicts": verdicts}))
        return scholar("open")(body)

    with teaching(monkeypatch, strict, concurrency="1"):
        run(with_care(work(catalog, project, 4), Care(critique=True)))
    rejected = catalog.find(Sample, project.id, states=("rejected",))
    assert {one.reason for one in rejected} == {"the critique: it is no riddle"}


def test_a_second_look_that_cannot_be_read_costs_no_sample(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is paid for stays: an unreadable vote is none, an unreadable critique is told, all are on the bill."""
    project = with_task(catalog, project, KINDS["classification"])
    honest = scholar("classification")
    votes = itertools.count()

    def broken(body: dict[str, Any]) -> Reply:
        shape = body["response_format"]["json_schema"]["schema"]["properties"]
        if "verdicts" in shape or ("answers" in shape and next(votes) == 0):
            return Reply("no JSON at all")
        told = honest(body)
        return Reply(f"<think>Let me see.</think>\n```json\n{told.content}\n```", usage=told.usage)

    with teaching(monkeypatch, broken) as server:
        run(with_care(work(catalog, project, 5), Care(answers_each=4)))
        good = catalog.find(Sample, project.id)
        assert [one.state for one in good] == ["approved"] * 5
        with pytest.raises(RetortError, match="gave nothing new"):
            run(with_care(work(catalog, project, 5), Care(critique=True)))
    rest = catalog.find(Sample, project.id)[5:]
    assert rest
    assert all(one.reason.startswith("the critique failed: ") for one in rest)
    assert len(catalog.find(Expense, project.id)) == len(catalog.find(Answer, project.id))
    assert sum(one.calls for one in catalog.find(Answer, project.id)) == len(server.requests)


def test_second_looks_are_priced(catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project = with_task(catalog, project, KINDS["classification"])
    with teaching(monkeypatch, scholar("classification")):
        plain = estimate(catalog, project, 100)
        careful = estimate(catalog, project, 100, Care(answers_each=3, critique=True))
    assert careful.usd_low > 2 * plain.usd_low
    assert any(re.match(r"Of this, about \$.* is for 3 answers to each input", note) for note in careful.notes)
    assert any(re.match(r"Of this, about \$.* is for the critique", note) for note in careful.notes)
