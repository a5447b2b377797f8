"""The demo's conversation is in step with the guide: each question it answers is the one that was asked."""

from pathlib import Path

import yaml  # type: ignore[import-untyped]  # no stubs in the environment

from agent.phrase import parse
from agent.session import Session
from tools.catalog import Catalog

EXAMPLES = Path(__file__).parents[2] / "examples/shipping"
STEPS = yaml.safe_load((EXAMPLES / "conversation.yaml").read_text())


def test_every_step_is_of_the_documented_form() -> None:
    for step in STEPS:
        [(kind, value)] = [(name, value) for name, value in step.items() if name != "files"]
        assert "files" not in step or kind == "say"
        assert kind in ("say", "approve", "wait")
        assert value in {"approve": (True, False), "wait": ("job", "serving")}.get(kind, (value,))


def test_the_conversation_up_to_the_first_approval(catalog: Catalog) -> None:
    session = Session(catalog)
    for step in STEPS:
        if "say" not in step:
            break
        session.say(step["say"], [EXAMPLES / name for name in step.get("files", ())])
    pending = session.pending()
    assert pending is not None
    assert pending.verb == "generate_samples"
    assert session.project is not None
    assert [field.name for field in session.project.task.fields] == ["recipient", "phone", "city", "tracking_number"]
    assert session.project.task.missing() == []


def test_later_lines_are_commands() -> None:
    later = [step["say"] for step in STEPS if "say" in step][4:]
    assert all(parse(line) for line in later)
