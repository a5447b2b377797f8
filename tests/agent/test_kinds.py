"""Each kind of task can be said to the guide, and sources are taken back only by the user's own yes."""

import json
from pathlib import Path

import pytest

from agent.commands.task import read_tools
from agent.session import Session
from tests.synthesis.scholar import WEATHER
from tests.synthesis.test_kinds import add_document
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Document, Message, Passage, Project, Sample, new_id

TALKS: dict[str, list[str]] = {
    "answering": ["Answer questions about our manuals in English"],
    "rewriting": ["Rewrite blunt notes in English", "formal, at most two sentences"],
    "roleplay": ["Role-play a ship's cook in English", "Gruff and kind, never leaves the galley."],
    "identity": ["It should know who it is, in English", "It is called Nova, made by Acme."],
    "calling": ["Call my tools from spoken requests in English", json.dumps(WEATHER)],
}


@pytest.mark.parametrize("kind", TALKS)
def test_a_kind_is_said_in_the_chat(kind: str, catalog: Catalog) -> None:
    session = Session(catalog)
    for text in TALKS[kind]:
        session.say(text)
    assert session.project is not None
    task = session.project.task
    assert (task.kind, task.missing()) == (kind, [])
    assert {"identity": (task.persona.name, task.persona.maker)}.get(kind, ("Nova", "Acme")) == ("Nova", "Acme")
    assert task.tools == ((WEATHER,) if kind == "calling" else ())


@pytest.mark.parametrize("text", ["nonsense", "[{}]", '{"name": ""}', '{"name": "f", "parameters": {"type": 3}}'])
def test_what_is_no_function_is_told(text: str) -> None:
    with pytest.raises(RetortError, match=r"not valid JSON|not a function"):
        read_tools(text)


def test_coverage_is_filled_in_words_and_shown(catalog: Catalog, project: Project) -> None:
    session = Session(catalog, project.id)
    shown = session.say("topics: parcels, refunds")
    assert [show.kind for entry in shown for show in entry.show] == ["coverage"]
    assert catalog.get(Project, project.id).task.coverage.topics == ("parcels", "refunds")
    assert "is not a range of words" in session.say("lengths: short")[-1].text


def test_a_source_goes_only_with_the_users_yes(catalog: Catalog, project: Project) -> None:
    document = add_document(catalog, project, "guide.md", "Rooms open at two.")
    passage = catalog.find(Passage, project.id)[0]
    turns = (Message(role="user", content="When?"), Message(role="assistant", content="At two."))
    catalog.add(
        Sample(
            id=new_id("sample"),
            owner="local",
            project_id=project.id,
            messages=turns,
            source="teacher:big",
            document_id=document.id,
            passage_id=passage.id,
        )
    )
    session = Session(catalog, project.id)
    session.say("remove document guide.md")
    pending = session.pending()
    assert pending is not None
    assert (pending.risk, pending.arguments) == ("delete", {"document": document.id})
    assert "the 1 samples made from it" in pending.estimate.what
    assert catalog.find(Document, project.id) == [document]
    session.decide(pending.digest, True)
    for kind in (Document, Passage, Sample):
        assert catalog.find(kind, project.id) == []


def test_inputs_to_label_and_what_masking_finds(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    file = tmp_path / "inputs.txt"
    file.write_text("Write to ann@x.org today\nCall Bo\n")
    session = Session(catalog, project.id)
    told = session.say("label these", [file])
    assert any("2 inputs from inputs.txt are waiting for answers" in entry.text for entry in told)
    assert catalog.find(Document, project.id)[0].holds == "inputs"
    shown = [line for entry in session.say("mask personal data") for show in entry.show for line in show.ids]
    assert any("[EMAIL_1]" in line for line in shown)
    assert not any("ann@x.org" in line for line in shown)
