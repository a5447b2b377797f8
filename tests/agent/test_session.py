"""The conversation from outside: failures told, clicks, events, files, two tabs, reload."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.session import Session
from tests.agent.conftest import Script, make_sample, queue, states
from tests.scripted_openai import Reply, ScriptedOpenAI
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Deployment, Job, Project, Sample, SynthesisOrder, new_id
from tools.settings import settings

Talk = Callable[[Script], tuple[Session, ScriptedOpenAI]]


def test_a_reload_shows_the_same_conversation(
    catalog: Catalog, project: Project, drafts: list[Sample], talk: Talk
) -> None:
    show = Reply(content="Let me look.", tool_calls=[("show_samples", {})])
    session, _ = talk(queue(show, Reply(content="Four drafts.")))
    said = session.say("what is there?")
    assert [entry.role for entry in said] == ["user", "assistant", "assistant", "assistant"]
    assert said[2].show[0].ids == tuple(one.id for one in drafts)
    assert Session(catalog, project.id).transcript() == said


def test_a_missing_key_is_told_and_nothing_is_lost(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETORT_CHAT_MODEL", "gpt-x")
    settings.cache_clear()
    session = Session(catalog, project.id)
    entries = session.say("hello")
    assert "RETORT_CHAT_API_KEY" in entries[-1].text
    assert entries[-1].role == "event"
    assert session.transcript()[0].text == "hello"


def test_an_unreachable_endpoint_is_told_and_the_conversation_goes_on(
    catalog: Catalog, project: Project, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, server = talk(queue(Reply(status=503, content="busy"), Reply(status=503), Reply(status=503)))
    entries = session.say("hello")
    assert "Send your message again" in entries[-1].text
    entries = session.say("and again")
    assert entries[-1].text == "Done."
    sent = [one["content"] for one in server.requests[-1]["messages"] if one["role"] == "user"]
    assert sent == ["hello", "and again"]  # the notice is for the person, not for the model
    monkeypatch.setenv("RETORT_CHAT_BASE_URL", "http://127.0.0.1:9/v1")
    settings.cache_clear()
    entries = Session(catalog, project.id).say("once more")
    assert "cannot be reached" in entries[-1].text
    assert "RETORT_CHAT_BASE_URL" in entries[-1].text


def test_a_model_that_calls_in_circles_is_stopped(catalog: Catalog, project: Project, talk: Talk) -> None:
    session, server = talk(lambda _body: Reply(tool_calls=[("costs", {})]))
    entries = session.say("go")
    assert "was stopped" in entries[-1].text
    server.answer = lambda _body: Reply(content="Sorry.")
    assert session.say("well?")[-1].text == "Sorry."
    sent = server.requests[-1]["messages"]
    asked = {call["id"] for one in sent for call in one.get("tool_calls") or []}
    assert asked == {one["tool_call_id"] for one in sent if one["role"] == "tool"}


def test_repeated_ids_of_an_endpoint_do_not_overwrite(catalog: Catalog, project: Project, talk: Talk) -> None:
    session, _ = talk(queue(Reply(content="one"), Reply(content="two")))
    session.say("a")
    session.say("b")
    assert [entry.text for entry in session.transcript()] == ["a", "one", "b", "two"]


def test_the_model_reads_tools_status_and_no_sample_text(catalog: Catalog, project: Project, talk: Talk) -> None:
    catalog.add(make_sample(project, 1, text="SECRET WORDS"))
    session, server = talk(queue(Reply(tool_calls=[("show_samples", {})])))
    session.say("look")
    body = server.requests[-1]
    assert {tool["function"]["name"] for tool in body["tools"]} >= {"set_task", "deploy", "delete_project"}
    assert "1 draft" in body["messages"][0]["content"]
    assert "SECRET WORDS" not in str(body)


def test_clicks_act_by_the_users_hand(catalog: Catalog, project: Project, drafts: list[Sample], talk: Talk) -> None:
    session, server = talk(queue())
    entries = session.click("approve_samples", samples=[drafts[0].id])
    assert states(catalog, project)[0] == "approved"
    assert entries[0].role == "event"
    assert server.requests == []  # in the middle of a card the model is not asked
    session.click("reject_samples", samples=[one.id for one in drafts[1:]], reason="bad")
    assert len(server.requests) == 1
    with pytest.raises(RetortError, match="cannot delete project"):
        session.click("delete_project")


def test_a_click_does_not_disturb_a_waiting_approval(
    catalog: Catalog, project: Project, drafts: list[Sample], talk: Talk
) -> None:
    session, _ = talk(queue(Reply(tool_calls=[("delete_project", {})])))
    session.say("hm")
    with pytest.raises(RetortError, match="waiting for your approval"):
        session.click("approve_samples", samples=[drafts[0].id])
    assert "You have spent" in session.click("costs")[0].text
    assert session.pending() is not None


def ended_job(catalog: Catalog, project: Project, **changes: Any) -> Job:
    order = SynthesisOrder(count=10, max_usd=0)
    return catalog.add(Job(id=new_id("job"), owner="local", project_id=project.id, order=order, **changes))


def test_ended_jobs_are_announced_once_and_do_not_count_as_words(
    catalog: Catalog, project: Project, drafts: list[Sample], talk: Talk
) -> None:
    ended_job(catalog, project, state="failed", problem="The disk is full.", fix="Free some space.")
    session, server = talk(queue(Reply(tool_calls=[("approve_samples", {"samples": [drafts[0].id]})])))
    entries = session.tick()
    assert "The disk is full. Free some space." in entries[0].text
    assert server.requests[0]["messages"][-1]["content"].startswith("[event, not written by the user]")
    assert session.pending() is not None
    assert session.tick() == []
    assert Session(catalog, project.id).tick() == []


def test_news_wait_while_an_approval_waits(catalog: Catalog, project: Project, talk: Talk) -> None:
    session, _ = talk(queue(Reply(tool_calls=[("delete_project", {})])))
    session.say("hm")
    job = ended_job(catalog, project, state="done", result="10 samples.")
    assert session.tick() == []
    assert not catalog.get(Job, job.id).announced
    session.say("no")
    assert "10 samples." in session.tick()[0].text


def test_a_deployment_that_serves_is_told_once(catalog: Catalog, project: Project, talk: Talk) -> None:
    deployment = Deployment(
        id=new_id("deployment"), owner="local", project_id=project.id, state="serving", port=8123, model="step-6"
    )
    catalog.add(deployment)
    session, server = talk(queue())
    [told, answer] = session.tick()
    assert "http://127.0.0.1:8123/v1" in told.text
    assert told.show[0].ids == (deployment.id,)
    assert answer.text == "Done."
    assert session.tick() == []
    assert Session(catalog, project.id).tick() == []
    assert len(server.requests) == 1


def test_two_tabs_take_turns(catalog: Catalog, project: Project, talk: Talk) -> None:
    session, server = talk(lambda _body: Reply(content="Yes.", delay_s=0.05))
    other = Session(catalog, project.id)
    threads = [
        threading.Thread(target=tab.say, args=(f"{name}{number}",))
        for number in range(3)
        for name, tab in (("a", session), ("b", other))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = session.transcript()
    assert [entry.role for entry in told] == ["user", "assistant"] * 6
    assert {entry.text for entry in told if entry.role == "user"} == {f"{tab}{n}" for tab in "ab" for n in range(3)}
    assert len(server.requests) == 6


def test_files_are_named_by_upload_and_never_by_path(
    catalog: Catalog, project: Project, talk: Talk, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("input,output\nhello there,greeting\n")
    session, server = talk(queue(Reply(tool_calls=[("import_rows", {"file": str(secret)})])))
    entries = session.say("read this")
    assert any("There is no upload" in entry.text for entry in entries)
    assert catalog.find(Sample, project.id) == []
    with pytest.raises(RetortError, match="There is no file"):
        session.say("this", files=[tmp_path / "none.csv"])
    session.say("this", files=[secret])
    assert "secret.csv (upload-" in server.requests[-1]["messages"][-1]["content"]
    assert session.transcript()[-2].text == "this\n📎 secret.csv"


def test_rows_of_an_earlier_upload_need_the_users_yes(
    catalog: Catalog, project: Project, talk: Talk, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text('input,output\nCall Ann,"{""name"": ""Ann""}"\n')
    call = Reply(tool_calls=[("import_rows", {"file": "rows.csv"})])
    session, _ = talk(queue(Reply(content="Thanks."), call))
    session.say("here", files=[rows])
    session.say("well?")
    pending = session.pending()
    assert pending is not None
    assert pending.risk == "review"
    assert catalog.find(Sample, project.id) == []


def test_saying_something_without_a_project_makes_one(catalog: Catalog) -> None:
    session = Session(catalog)
    assert session.transcript() == []
    assert session.pending() is None
    assert session.tick() == []
    session.say("hello")
    assert session.project is not None
    with pytest.raises(RetortError):
        Session(catalog).click("status")
