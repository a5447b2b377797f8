"""A rule made of a few judgements: what it rejects by a scripted judge and by code, what it binds, what undo gives."""

import json
import random
from typing import Any

import pytest

from tests.dataset.rows import WORDS, sample
from tests.scripted_openai import Reply
from tests.synthesis.endpoint import teaching
from tools.catalog import Catalog
from tools.dataset.reviewing import approve, edit, reject, undo
from tools.errors import RetortError
from tools.jobs import Stopped, Work
from tools.records import Answer, Expense, Job, Project, Rule, Sample, ScreeningOrder, new_id
from tools.settings import settings
from tools.synthesis.check.rules import confirm_by_code, in_force, propose, unseen
from tools.synthesis.making import Finished, Maker
from tools.synthesis.request.wording import prompt
from tools.synthesis.screening import estimate, run
from tools.synthesis.teacher import pick_teacher

PLANTED, GOOD = 100, 300
FAULT = "the phone number lost its area code"


def made(catalog: Catalog, project: Project) -> tuple[list[Sample], list[Sample]]:
    """Contacts whose phone is whole, and planted ones whose phone lost its area code."""
    draws = random.Random(3)
    whole, cut = [], []
    for number in range(PLANTED + GOOD + 6):
        name, local = " ".join(draws.sample(WORDS, 2)), f"{draws.randrange(1000):03}-{draws.randrange(10_000):04}"
        planted = number < PLANTED + 3
        answer = {"name": name, "phone": local if planted else f"(555) {local}", "address": None, "email": None}
        one = sample(
            project, f"I am {name}, call (555) {local}", json.dumps(answer), job_id="job-1", source="teacher:big"
        )
        (cut if planted else whole).append(one)
    catalog.add_all(draws.sample(whole + cut, len(whole + cut)))
    return whole, cut


def judge(body: dict[str, Any]) -> Reply:
    """An honest judge: it needs the rule in its prompt, and errs on one in sixty."""
    assert FAULT in body["messages"][0]["content"]
    assert '"bad"' in body["messages"][0]["content"]
    lines = [json.loads(line) for line in body["messages"][1]["content"].splitlines() if line.startswith('{"number"')]
    verdicts = []
    for one in lines:
        bad = not json.loads(one["output"])["phone"].startswith("(555)")
        bad ^= int(json.loads(one["output"])["phone"][-4:]) % 60 == 0
        verdicts.append({"number": one["number"], "good": not bad, "problem": "no area code" if bad else ""})
    told = json.dumps({"verdicts": verdicts})
    return Reply(told, usage=(sum(len(one["content"]) for one in body["messages"]) // 4, len(told) // 4))


def screen(catalog: Catalog, project: Project, rule: Rule, max_usd: float = 5) -> Work:
    """The job's inside, in this process, with the rule confirmed as `start` does."""
    from tools.synthesis.check.rules import screening_of

    waiting = tuple(one.id for one in catalog.find(Sample, project.id) if unseen(one))
    order = ScreeningOrder(rule_id=rule.id, samples=waiting, max_usd=max_usd)
    job = catalog.add(Job(id=new_id("job"), owner="local", project_id=project.id, order=order, state="done"))
    confirmed = rule.but(state="confirmed", judge="teacher")
    catalog.add_all([screening_of(rule, job.id, proposed=rule)], changed=[confirmed])
    return Work(catalog, job)


def stored(catalog: Catalog, project: Project) -> dict[str, str]:
    return {one.id: one.model_dump_json() for one in catalog.find(Sample, project.id)}


def test_a_rule_of_three_rejections_screens_the_rest_and_undo_restores(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = made(catalog, project)
    approve(catalog, project, [one.id for one in whole[:3]])
    for one in cut[:3]:
        reject(catalog, project, [one.id], FAULT)
        rule = propose(catalog, project, [catalog.get(Sample, one.id)], FAULT)
    assert [len(rule.pairs), len(catalog.find(Rule, project.id))] == [3, 1]
    seen = {one.id for one in (*whole[:3], *cut[:3])}
    before_it = stored(catalog, project)
    with teaching(monkeypatch, judge, prices='{"big": {"input": 1, "output": 2}}') as server:
        asked = estimate(catalog, project, rule)
        assert asked.calls_low == 40
        told = run(work := screen(catalog, project, rule))
        assert len(server.requests) == 40
    bad = {one.id for one in catalog.find(Sample, project.id, states=("rejected",))} - seen
    removed, lost = len(bad & {one.id for one in cut}), len(bad & {one.id for one in whole})
    assert removed >= 0.9 * PLANTED
    assert lost <= 0.02 * GOOD
    assert f"{removed + lost} of 400 samples" in told
    reasons = {catalog.get(Sample, id_).reason for id_ in bad}
    assert reasons == {f"rule: {FAULT} (no area code)"}
    expense = sum(one.usd for one in catalog.find(Expense, project.id))
    assert asked.usd_low <= expense <= asked.usd_high
    assert sorted(id_ for one in catalog.find(Answer, project.id) for id_ in one.judged) == sorted(
        work.job.order.samples  # type: ignore[union-attr]
    )
    taken = undo(catalog, project)
    assert (taken.verb, len(taken.samples)) == ("screen", removed + lost)
    assert stored(catalog, project) == before_it
    assert in_force(catalog, project) == []


def test_a_screening_goes_on_where_it_stopped_and_spares_what_was_judged_meanwhile(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = made(catalog, project)
    reject(catalog, project, [cut[0].id], FAULT)
    rule = propose(catalog, project, [catalog.get(Sample, cut[0].id)], FAULT)
    with teaching(monkeypatch, judge, prices='{"big": {"input": 1, "output": 2}}', concurrency="1") as server:
        work = screen(catalog, project, rule, max_usd=0.05)
        with pytest.raises(Stopped, match="say 'resume' to continue"):
            run(work)
        first = len(server.requests)
        left = [one for one in catalog.find(Sample, project.id) if unseen(one) and one.id in {c.id for c in cut}]
        approve(catalog, project, [left[-1].id])
        order = work.job.order.model_copy(update={"max_usd": 5})  # type: ignore[union-attr]
        work = Work(catalog, catalog.save(work.job.but(order=order)))
        run(work)
        assert 0 < first < len(server.requests) <= 42
    assert catalog.get(Sample, left[-1].id).state == "approved"
    judged = [id_ for one in catalog.find(Answer, project.id) for id_ in one.judged]
    assert len(judged) == len(set(judged))  # nothing was asked twice
    assert undo(catalog, project).verb in ("approve", "screen")
    assert len(whole) == GOOD + 3


def test_code_screens_what_it_can_see_and_says_when_it_cannot(catalog: Catalog, project: Project) -> None:
    whole, cut = made(catalog, project)
    approve(catalog, project, [one.id for one in whole[:5]])
    reject(catalog, project, [one.id for one in cut[:3]], FAULT)
    rule = propose(catalog, project, [catalog.get(Sample, one.id) for one in cut[:3]], FAULT)
    assert rule.traits == ("phone is written like 999-9999",)
    assert rule.matches == PLANTED
    before_it = stored(catalog, project)
    bad = confirm_by_code(catalog, project, rule)
    assert {one.id for one in bad} == {one.id for one in cut[3:]}
    assert {one.rule_id for one in bad} == {rule.id}
    undo(catalog, project)
    assert stored(catalog, project) == before_it
    vague = propose(catalog, project, [catalog.get(Sample, cut[0].id), catalog.get(Sample, whole[0].id)], "dull")
    with pytest.raises(RetortError, match="RETORT_TEACHER_MODEL"):
        confirm_by_code(catalog, project, vague)


def test_an_edit_becomes_a_rule_with_its_pair(catalog: Catalog, project: Project) -> None:
    _, cut = made(catalog, project)
    answer = json.loads(cut[0].answer)
    better = json.dumps({**answer, "phone": cut[0].question.partition("call ")[2]})
    edited = edit(catalog, project, cut[0].id, answer=better)
    rule = propose(catalog, project, [edited], "the phone is cut")
    [pair] = rule.pairs
    assert (pair.bad.output, pair.good and pair.good.output) == (cut[0].answer, better)
    assert rule.traits == ("phone is written like 999-9999",)


def test_later_generation_obeys(catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    _, cut = made(catalog, project)
    reject(catalog, project, [one.id for one in cut[:3]], FAULT)
    rule = propose(catalog, project, [catalog.get(Sample, one.id) for one in cut[:3]], FAULT)
    catalog.save(rule.but(state="confirmed", judge="teacher"))
    with teaching(monkeypatch, judge):
        maker = Maker(catalog, project, pick_teacher(project.task, "x"), seed="x", state="approved")
        request = maker.request(0, 5)
        assert request.critique
        told = prompt(request).messages[0].content
        assert FAULT in told
        assert json.dumps(cut[0].answer) in told
    monkeypatch.delenv("RETORT_TEACHER_MODEL")
    settings.cache_clear()
    catalog.save(rule.but(state="confirmed", judge="code", traits=("phone is given",)))
    simulator = pick_teacher(project.task, "x")
    maker = Maker(catalog, project, simulator, seed="x", state="approved")
    drafted = tuple(simulator.sample(number) for number in range(20))  # type: ignore[union-attr]
    [kept] = maker.keep([Finished(request=maker.request(0, 20), samples=drafted)], 20)
    assert {one.reason for one in kept.rejected} == {f"rule: {FAULT}"}
    assert all(json.loads(one.answer)["phone"] is None for one in kept.good)
