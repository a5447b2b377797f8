"""The demo's conversation with chat model and teacher behind a real HTTP endpoint: tool calls, schemas, usage."""

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.phrase import parse
from agent.session import Session
from tests.agent.test_main_job import until_announced
from tests.scripted_openai import Reply, ScriptedOpenAI
from tests.synthesis.endpoint import said, wanted
from tools.catalog import Catalog
from tools.records import Evaluation, Expense, Sample
from tools.settings import settings

STEPS = yaml.safe_load((Path(__file__).parents[2] / "examples/shipping/conversation.yaml").read_text())
TASK = {
    "goal": "shipping messages to JSON",
    "kind": "extraction",
    "input_description": "shipping messages",
    "fields": ["recipient", "phone", "city", "tracking_number"],
    "language": "en",
}


def people(body: dict[str, Any]) -> Reply:
    """The teacher: as many new people as were asked for, in words that no two samples share."""
    made = []
    for _ in range(wanted(body)):
        name = "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=9)).capitalize()
        output = {"recipient": name, "phone": None, "city": None, "tracking_number": f"{name[:4].upper()}-1"}
        made.append({"input": f"Parcel {output['tracking_number']} is for {name}", "output": output})
    return said(made)


def endpoint(body: dict[str, Any]) -> Reply:
    """Both models behind one server: requests with tools are the conversation's, the others the teacher's."""
    if "tools" not in body:
        assert body["response_format"]["type"] == "json_schema"
        return people(body)
    last = body["messages"][-1]
    if last["role"] != "user":
        return Reply("What next?")
    if len([message for message in body["messages"] if message["role"] == "user"]) == 1:
        return Reply(tool_calls=[("set_task", TASK)])
    command = parse(last["content"])
    if command is None or command.verb == "skip":
        return Reply("I see.")
    return Reply(tool_calls=[(command.verb, command.arguments)])


@pytest.mark.usefixtures("jobs_at_once")
def test_the_demo_with_a_model_and_a_teacher_over_http(
    catalog: Catalog, tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedOpenAI(endpoint) as server:
        for role in ("CHAT", "TEACHER"):
            monkeypatch.setenv(f"RETORT_{role}_MODEL", "scripted")
            monkeypatch.setenv(f"RETORT_{role}_BASE_URL", server.base_url)
            monkeypatch.setenv(f"RETORT_{role}_API_KEY", server.key)
        monkeypatch.setenv("RETORT_STUDENT", f"path:{tiny_student}")
        settings.cache_clear()
        session = Session(catalog)
        asked = []
        for step in STEPS:
            text = step.get("say", "")
            if text.startswith("deploy"):
                break
            if "wait" in step:
                until_announced(session)
            if text:
                session.say("generate 80" if text.startswith("generate") else text)
            if text.startswith("plan"):
                session.say("use 1 epoch, 1 checkpoint")
            while pending := session.pending():
                asked.append(pending.verb)
                session.decide(pending.digest, True)
        assert server.unauthorised == 0
    # Drafts cost money with a real teacher, so they were asked about too.
    assert asked == ["draft_samples", "generate_samples", "start_training", "evaluate"]
    assert session.project is not None
    samples = catalog.find(Sample, session.project.id, states=("approved",))
    assert len(samples) == 86
    assert all(sample.source == "teacher:scripted" for sample in samples)
    assert len(catalog.find(Evaluation, session.project.id)) == 2
    paid = [expense for expense in catalog.find(Expense, session.project.id) if expense.kind == "teacher"]
    assert sum(expense.input_tokens for expense in paid) % 1000 == 0
    assert sum(expense.usd for expense in paid) > 0
    teacher_requests = [body for body in server.requests if "tools" not in body]
    assert all("tool_choice" not in body for body in teacher_requests)
    assert sum(expense.input_tokens for expense in paid) == 1000 * len(teacher_requests), "every answer is on the bill"
