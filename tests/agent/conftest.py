"""A scripted chat model over real HTTP, and a project with drafts that the conversation has shown."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from agent.command import Call, Here, need
from agent.session import Session
from agent.transcript import Outcome
from tests.scripted_openai import Reply, ScriptedOpenAI
from tools.catalog import Catalog
from tools.records import JsonObject, Message, Project, Sample, new_id
from tools.settings import settings

Script: TypeAlias = Callable[[dict[str, Any]], Reply]


@pytest.fixture
def talk(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Script], tuple[Session, ScriptedOpenAI]]]:
    """`talk(script)` gives a session on the contacts project led by a scripted model, through the real settings."""
    servers: list[ScriptedOpenAI] = []

    def start(script: Script) -> tuple[Session, ScriptedOpenAI]:
        server = ScriptedOpenAI(script)
        server.__enter__()
        servers.append(server)
        monkeypatch.setenv("RETORT_CHAT_MODEL", "scripted")
        monkeypatch.setenv("RETORT_CHAT_BASE_URL", server.base_url)
        monkeypatch.setenv("RETORT_CHAT_API_KEY", server.key)
        settings.cache_clear()
        return Session(catalog, project.id), server

    yield start
    for server in servers:
        server.__exit__(None, None, None)
        assert server.unauthorised == 0


class Bench:
    """Commands on one project without a conversation, as tests of what a command does need them."""

    def __init__(self, catalog: Catalog, project: Project) -> None:
        self.here = Here(catalog, project.id)

    def settle(self, verb: str, arguments: JsonObject) -> Call:
        return need(verb).settle(self.here, arguments)

    def call(self, verb: str, arguments: JsonObject) -> Outcome:
        return self.settle(verb, arguments).run(self.here)


def queue(*replies: Reply) -> Script:
    """A script that gives these replies in turn, then a plain closing sentence for ever."""
    waiting = list(replies)
    return lambda _body: waiting.pop(0) if waiting else Reply(content="Done.")


def make_sample(project: Project, number: int, state: str = "draft", text: str = "") -> Sample:
    return Sample.model_validate(
        {
            "id": new_id("sample"),
            "owner": "local",
            "project_id": project.id,
            "state": state,
            "source": "simulator",
            "messages": (
                Message(role="system", content="Extract."),
                Message(role="user", content=text or f"Call Ann {number} on 555-01{number:02}."),
                Message(
                    role="assistant",
                    content=f'{{"name": "Ann {number}", "phone": "555-01{number:02}", "address": null, "email": null}}',
                ),
            ),
        }
    )


@pytest.fixture
def drafts(catalog: Catalog, project: Project) -> list[Sample]:
    found = [make_sample(project, number) for number in range(1, 5)]
    catalog.add_all(found)
    return found


def states(catalog: Catalog, project: Project) -> list[str]:
    return [sample.state for sample in catalog.find(Sample, project.id)]
