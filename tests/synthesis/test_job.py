"""The generate job: exact counts, durable samples, hard stops, and the same end whether killed or not."""

import asyncio
import json
import os
import signal
import threading
import time
from typing import Any

import pytest

from tests.conftest import CONTACTS
from tests.scripted_openai import Reply
from tests.synthesis.endpoint import contact, honest, said, teaching, wanted
from tests.synthesis.tasks import BANK, named, work
from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.jobs import Stopped
from tools.records import Answer, Document, Expense, Job, Passage, Project, Sample, SynthesisOrder, new_id
from tools.synthesis.check.checks import check
from tools.synthesis.drafting import draft
from tools.synthesis.engine import BARREN_ANSWERS
from tools.synthesis.estimate import estimate
from tools.synthesis.job import run
from tools.text.same_input import same_key


def questions(catalog: Catalog, project: Project) -> list[str]:
    return [sample.question for sample in catalog.find(Sample, project.id)]


def test_the_simulator_makes_exactly_the_count_in_few_transactions(catalog: Catalog, project: Project) -> None:
    job = work(catalog, project, 300)
    assert "300 samples by simulator are ready" in run(job)
    assert len(catalog.find(Answer, project.id)) <= 16  # 20 samples each, and one for repeats
    samples = catalog.find(Sample, project.id)
    assert len(samples) == 300
    assert len({same_key(sample.question) for sample in samples}) == 300
    for sample in samples:
        assert sample.state == "approved"
        assert sample.job_id == job.job.id
        assert sample.source.startswith("simulator:")
        assert [message.role for message in sample.messages] == ["system", "user", "assistant"]
        assert check(CONTACTS, sample) == ""
    assert catalog.get(Job, job.job.id).progress.done == 300
    assert catalog.find(Expense, project.id) == []


def test_two_jobs_make_different_samples(catalog: Catalog, project: Project) -> None:
    run(work(catalog, project, 40))
    run(work(catalog, project, 40))
    assert len({same_key(question) for question in questions(catalog, project)}) == 80


def test_a_stopped_job_ends_where_an_undisturbed_one_does(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = work(catalog, project, 110)
    whole = run(job)
    undisturbed = questions(catalog, project)
    for record in (*catalog.find(Sample, project.id)[60:], *catalog.find(Answer, project.id)[3:]):
        catalog.delete(record)
    assert run(job) == whole
    assert questions(catalog, project) == undisturbed
    for record in (*catalog.find(Sample, project.id)[40:], *catalog.find(Answer, project.id)[2:]):
        catalog.delete(record)
    job.ask_to_stop()
    with pytest.raises(Stopped, match="40 of 110 samples are made and kept; say 'resume'"):
        run(job)


def test_a_killed_process_loses_and_repeats_nothing(catalog: Catalog, project: Project) -> None:
    """The real job in its own process, killed with SIGKILL while it writes, then resumed."""
    count = 4000
    job = jobs.launch(catalog, project, SynthesisOrder(count=count, max_usd=0))
    deadline = time.monotonic() + 60
    while sum(catalog.count(Sample, project.id).values()) < 60:
        assert time.monotonic() < deadline, jobs.log_path(catalog, job).read_text()
        time.sleep(0.01)
    job = catalog.get(Job, job.id)
    os.killpg(job.pid, signal.SIGKILL)
    while (job := jobs.check(catalog, catalog.get(Job, job.id))).active:
        time.sleep(0.05)
    assert job.state == "died"
    before = questions(catalog, project)
    assert 60 <= len(before) < count
    order = SynthesisOrder(count=len(before) + 100, max_usd=0)
    job = jobs.resume(catalog, catalog.save(job.but(order=order)))
    job = jobs.wait(catalog, job, 60)
    assert (job.state, job.problem) == ("done", "")
    after = questions(catalog, project)
    assert after[: len(before)] == before
    assert len(after) == len({same_key(question) for question in after}) == len(before) + 100


def test_a_sigterm_stops_the_process_with_a_sentence(catalog: Catalog, project: Project) -> None:
    job = jobs.launch(catalog, project, SynthesisOrder(count=100_000, max_usd=0))
    while not catalog.count(Sample, project.id):
        time.sleep(0.05)
    job = jobs.wait(catalog, jobs.stop(catalog, job), 30)
    assert job.state == "stopped"
    assert "of 100000 samples are made and kept; say 'resume' to continue" in job.result


def test_an_incomplete_or_impossible_task_is_told(catalog: Catalog, project: Project) -> None:
    for task, problem in (
        (named("mood"), "'mood' means nothing"),
        (BANK.model_copy(update={"examples": ()}), "too few"),
    ):
        changed = catalog.save(project.but(task=task))
        for attempt in (lambda p=changed: run(work(catalog, p, 5)), lambda p=changed: estimate(catalog, p, 5)):
            with pytest.raises(RetortError, match=problem):
                attempt()


def test_a_simulator_run_dry_ends_with_a_sentence_and_keeps_what_is_there(catalog: Catalog, project: Project) -> None:
    few = named("answer").fields[0].model_copy(update={"description": "one of a, b"})
    changed = catalog.save(project.but(task=CONTACTS.model_copy(update={"fields": (few,), "language": "de"})))
    with pytest.raises(RetortError, match="gave nothing new in its last") as told:
        run(work(catalog, changed, 5000))
    made = len(questions(catalog, changed))
    assert 2 <= made < 100
    assert f"{made} of 5000 samples are made and kept" in told.value.problem


# --- with a teacher ---


def test_a_teacher_fills_the_count_and_is_paid(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with teaching(monkeypatch, honest, concurrency="3") as server:
        text = run(work(catalog, project, 23))
    assert "23 samples by teacher:big are ready (5 calls, 5,000 tokens in and 2,500 out, $0.0150 spent" in text
    assert len(questions(catalog, project)) == 23
    assert sorted(wanted(body) for body in server.requests) == [3, 5, 5, 5, 5]
    cells = {body["messages"][1]["content"].split("Variety wanted: ")[1].split("\n")[0] for body in server.requests}
    assert len(cells) == 5
    spent = catalog.find(Expense, project.id)
    assert sum(one.usd for one in spent) == pytest.approx(0.015)
    assert {one.kind for one in spent} == {"teacher"}


def test_requests_run_side_by_side_and_slots_refill(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    others_came = threading.Event()

    def slow_first(body: dict[str, Any]) -> Reply:
        """The first request is answered when all others have come: in batches, or one by one, they never would."""
        if len(server.requests) == 8:
            others_came.set()
        if body is server.requests[0]:
            assert others_came.wait(60), "the other slot was not filled again while one was busy"
        return honest(body)

    with teaching(monkeypatch, slow_first, concurrency="2") as server:
        run(work(catalog, project, 40))
    assert len(server.requests) == 8
    first = catalog.find(Sample, project.id)[0]
    assert first.question not in json.dumps(server.requests[0])  # the slow request's samples came last
    assert len(set(questions(catalog, project))) == 40


def test_bad_samples_are_visible_and_do_not_count(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_wrong(body: dict[str, Any]) -> Reply:
        good = json.loads(honest(body).content)["samples"]
        wrong = {**good[0], "input": good[0]["input"].replace("@", " at ")}
        return said([wrong, *good[1:]] if len(good) > 1 else good)

    with teaching(monkeypatch, half_wrong, concurrency="1"):
        text = run(work(catalog, project, 12))
    counts = catalog.count(Sample, project.id)
    assert counts["approved"] == 12
    rejected = catalog.find(Sample, project.id, states=["rejected"])
    assert rejected
    assert all("is not in the input" in sample.reason for sample in rejected)
    assert f"{len(rejected)} failed the checks" in text


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (said([contact(0)]), "the inputs repeat what is already there"),
        (said([{**contact(0), "output": {"name": "Nobody"}}]), "repeat what is already there"),
        (Reply("nonsense"), "not the JSON that was asked for"),
        (Reply('{"samples": []}'), "contains no sample"),
    ],
)
def test_a_teacher_that_gives_nothing_new_is_stopped(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch, reply: Reply, reason: str
) -> None:
    # Kept reasoning is the teacher's to write, so that every request asks for whole samples.
    project = catalog.save(project.but(task=CONTACTS.model_copy(update={"reasoning": "kept"})))
    with (
        teaching(monkeypatch, lambda body: reply, concurrency="4") as server,
        pytest.raises(RetortError, match=reason),
    ):
        run(work(catalog, project, 50, max_usd=100))
    assert len(server.requests) <= BARREN_ANSWERS + 8
    assert sum(one.input_tokens for one in catalog.find(Expense, project.id)) > 0  # paid all the same


def test_the_money_stops_hard_and_stays_stopped(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with teaching(monkeypatch, honest, concurrency="8") as server:
        job = work(catalog, project, 500, max_usd=0.02)
        with pytest.raises(Stopped, match=r"Stopped at the limit of \$0.02.*of 500 samples are made and kept"):
            run(job)
        asked = len(server.requests)
        assert sum(one.usd for one in catalog.find(Expense, project.id)) <= 0.02
        assert asked >= 4
        with pytest.raises(Stopped):
            run(job)
        assert len(server.requests) == asked


def test_an_error_keeps_the_replies_under_way(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_is_refused(body: dict[str, Any]) -> Reply:
        if len(server.requests) == 2:
            return Reply("gone", status=404, delay_s=0.2)
        return Reply(honest(body).content, delay_s=0.6)

    with teaching(monkeypatch, one_is_refused, concurrency="3") as server:
        with pytest.raises(RetortError, match="404"):
            run(work(catalog, project, 100))
        assert len(server.requests) == 3
    assert len(questions(catalog, project)) == 10


def test_passages_reach_the_teacher_and_quotes_are_checked(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {"owner": "local", "project_id": project.id}
    document = Document(id=new_id("document"), name="a.txt", path="x", sha256="0", size_bytes=1, **ids)
    passage = Passage(id=new_id("passage"), document_id=document.id, position=0, text="Mail goes to Bonn.", **ids)
    catalog.add_all([document, passage])

    def quoting(body: dict[str, Any]) -> Reply:
        samples = json.loads(honest(body).content)["samples"]
        quotes = ["invented", *["goes to Bonn"] * 4] if len(samples) > 1 else ["goes to Bonn"]
        return said([{**one, "quote": quote} for one, quote in zip(samples, quotes, strict=False)])

    with teaching(monkeypatch, quoting):
        run(work(catalog, project, 4))
    good = catalog.find(Sample, project.id, states=["approved"])
    assert {(one.passage_id, one.document_id, one.quote) for one in good} == {(passage.id, document.id, "goes to Bonn")}
    rejected = catalog.find(Sample, project.id, states=["rejected"])
    assert rejected[0].reason == "the quote 'invented' is not in the passage"


# --- drafts and estimates ---


def test_drafts_are_drafts_and_never_repeat(catalog: Catalog, project: Project) -> None:
    first, second = draft(catalog, project, 4), draft(catalog, project, 4)
    assert [sample.state for sample in first + second] == ["draft"] * 8
    assert len({same_key(question) for question in questions(catalog, project)}) == 8
    more = draft(catalog, project, 3, like=first[0])
    assert {sample.source for sample in more} == {first[0].source}


def test_a_draft_works_inside_a_running_event_loop(catalog: Catalog, project: Project) -> None:
    async def page() -> list[Sample]:
        return draft(catalog, project, 2)

    assert len(asyncio.run(page())) == 2


def test_a_teacher_drafts_like_a_sample_and_is_paid(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    like = draft(catalog, project, 1)[0]
    with teaching(monkeypatch, honest) as server:
        more = draft(catalog, project, 3, like=like)
    assert [sample.source for sample in more] == ["teacher:big"] * 3
    assert json.dumps(like.question, ensure_ascii=False) in server.requests[0]["messages"][1]["content"]
    assert len(catalog.find(Expense, project.id)) == 1


def test_a_draft_without_a_usable_sample_says_why(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"input": "hello", "output": {"name": "Ann", "phone": None, "address": None, "email": None}}
    with (
        teaching(monkeypatch, lambda body: said([wrong])),
        pytest.raises(RetortError, match=r"No usable sample came from teacher:big: .*'Ann' is not in the input"),
    ):
        draft(catalog, project, 3)


def test_estimates(catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    free = estimate(catalog, project, 300)
    assert (free.usd_low, free.usd_high) == (0, 0)
    assert 0 < free.minutes_high < 1
    with teaching(monkeypatch, honest) as server:
        paid = estimate(catalog, project, 300)
        assert server.requests == []
    assert 0.02 < paid.usd_low < paid.usd_high < 2
    assert (paid.calls_low, paid.calls_high) == (60, 3 * 96)  # a record is told, repaired, looked at
    assert 10_000 < paid.tokens_low < paid.tokens_high < 800_000
    assert "a guess" in paid.notes[0]
    assert "3 ways of asking are tried" in paid.notes[1]
    assert "assumed, because RETORT_PRICES does not name 'big'" in paid.notes[2]


def test_an_estimate_after_a_few_answers_is_measured(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETORT_PRICES", '{"big": {"input": 10, "output": 20}}')
    with teaching(monkeypatch, honest):
        run(work(catalog, project, 40))
        paid = estimate(catalog, project, 300)
    each_usd = (1000 * 10 + 500 * 20) / 1e6
    assert paid.usd_low == pytest.approx(60 * each_usd * 0.8)
    assert paid.usd_high < 60 * each_usd * 3  # ten requests may be asked in the dearest way
    assert paid.tokens_low == 60 * 1500 * 0.8
    assert paid.minutes_high < 1  # the answers took milliseconds
    assert "based on the last 8 answers" in paid.notes[0]
    assert "$10 in, $20 out" in paid.notes[2]
