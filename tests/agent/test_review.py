"""Reviewing in the chat: rules proposed and confirmed, undo, draws, policy; what a teacher costs is asked first."""

import json
from typing import Any

import pytest

from agent.session import Session
from tests.agent.conftest import make_sample, states
from tests.scripted_openai import Reply
from tests.synthesis.endpoint import teaching
from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Expense, Job, Project, Rule, Sample


@pytest.fixture
def session(catalog: Catalog, project: Project) -> Session:
    """The guide, with eight generated samples: every second one has lost its phone."""
    for number in range(1, 9):
        sample = make_sample(project, number, "approved").but(job_id="job-1")
        if number % 2:
            answer = {**json.loads(sample.answer), "phone": None}
            sample = sample.but(
                messages=(*sample.prompt, sample.messages[-1].model_copy(update={"content": json.dumps(answer)}))
            )
        catalog.add(sample)
    return Session(catalog, catalog.save(project.but(goal="Contacts")).id)


def told(session: Session, text: str) -> str:
    return " ".join(entry.text for entry in session.say(text) if entry.role != "user")


def test_a_reason_becomes_a_rule_that_code_screens_by_and_undo_takes_it_back(
    session: Session, catalog: Catalog, project: Project
) -> None:
    assert "8 samples drawn at random" in told(session, "review 8")
    shown = [catalog.get(Sample, id_) for id_ in session.transcript()[-2].show[0].ids]
    bad = [at for at, one in enumerate(shown, 1) if json.loads(one.answer)["phone"] is None]
    good = [at for at in range(1, 9) if at not in bad]
    told(session, f"approve {good[0]}, {good[1]}")
    entries = session.say(f"reject {bad[0]}, {bad[1]}: the phone is missing")
    [show] = [show for entry in entries for show in entry.show if show.kind == "rule"]
    rule = catalog.get(Rule, show.ids[0])
    assert (rule.traits, rule.matches, rule.state) == (("phone is missing",), 2, "proposed")
    assert "rejected 2 samples" in told(session, "confirm the rule")
    assert states(catalog, project).count("rejected") == 4
    assert "2 samples are as before" in told(session, "undo")
    assert states(catalog, project).count("rejected") == 2
    assert catalog.get(Rule, rule.id).state == "proposed"
    assert "2 samples are as before" in told(session, "撤销")
    assert "rejected" not in states(catalog, project)
    assert catalog.find(Rule, project.id) == []


def test_a_policy_is_set_in_words_and_refuses_to_freeze(session: Session, catalog: Catalog, project: Project) -> None:
    assert "at most 5 % bad" in told(session, "policy at most 5 % bad")
    assert "review 8" in told(session, "freeze")
    assert "only what you have reviewed" in told(session, "策略：全部审阅")
    assert catalog.get(Project, project.id).policy.kind == "all"
    assert "everything that you have not rejected" in told(session, "policy any")
    assert "0 samples are reviewed, 8 are not" in told(session, "policy")


def test_clicks_in_a_row_are_one_line_that_counts(session: Session, catalog: Catalog, project: Project) -> None:
    ids = [one.id for one in catalog.find(Sample, project.id)]
    before = len(session.transcript())
    for id_ in ids[:3]:
        session.click("approve_samples", samples=[id_])
    session.click("reject_samples", samples=ids[3:5], reason="dull")
    assert len(session.transcript()) == before + 1
    assert "3 approved, 2 rejected in a row" in session.transcript()[-1].text


def test_a_teachers_screening_is_priced_and_approved_first(
    session: Session, catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(body: dict[str, Any]) -> Reply:
        lines = [json.loads(one) for one in body["messages"][1]["content"].splitlines() if one.startswith('{"number"')]
        found = [
            {"number": one["number"], "good": '"phone": null' not in one["output"], "problem": ""} for one in lines
        ]
        return Reply(json.dumps({"verdicts": found}))

    first = catalog.find(Sample, project.id)[0]
    with teaching(monkeypatch, judge) as server:
        session.click("reject_samples", samples=[first.id], reason="it lacks the phone")
        with pytest.raises(RetortError, match="click cannot"):
            session.click("confirm_rule")
        session.say("confirm rule")
        pending = session.pending()
        assert pending is not None
        assert (pending.verb, pending.risk) == ("confirm_rule", "spend")
        assert "7 samples that you have not reviewed" in pending.estimate.what
        assert pending.arguments["max_usd"]
        assert not server.requests
        session.decide(pending.digest, approved=True)
        [job] = catalog.find(Job, project.id)
        jobs.wait(catalog, job, timeout_s=60)
        news = session.tick()
    assert "3 of 7 samples" in news[0].text
    assert news[0].show[0].kind == "rule"
    assert catalog.find(Expense, project.id)[0].what == "screening by judge:big"
    assert states(catalog, project).count("rejected") == 4
    told(session, "undo")
    assert states(catalog, project).count("rejected") == 1
