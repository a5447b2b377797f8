"""The demo's own rules: what it reads, what it wipes, what it refuses to pass by luck."""

from pathlib import Path

import pytest

from agent.session import Session
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Job, SynthesisOrder, new_id
from tools.settings import settings
from ui import demo
from ui.demo import Stage, Step


def test_the_written_conversation_can_be_read() -> None:
    steps = demo.read_steps(demo.CONVERSATION)
    assert steps[0].say
    assert {step.wait for step in steps} == {"", "job", "serving"}


@pytest.mark.parametrize("text", ["- shout: x", "a: b", "- wait: rain", "- [", "- say: ["])
def test_a_broken_conversation_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "talk.yaml"
    path.write_text(text)
    with pytest.raises(RetortError, match=r"talk\.yaml"):
        demo.read_steps(path)


def test_a_missing_conversation_is_told(tmp_path: Path) -> None:
    with pytest.raises(RetortError, match="cannot be read"):
        demo.read_steps(tmp_path / "none.yaml")


def test_only_its_own_home_is_wiped_and_models_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETORT_HOME", "RETORT_CATALOG_URL", "RETORT_CHAT_MODEL", "RETORT_TEACHER_MODEL"):
        monkeypatch.setenv(name, "before")  # so that what the demo sets is undone
    home = tmp_path / "demo-home"
    (home / "students" / "x").mkdir(parents=True)
    (home / "projects" / "old").mkdir(parents=True)
    (home / "conversations.sqlite").write_text("")
    demo.fresh_home(home)
    assert [path.name for path in home.iterdir()] == ["students"]
    assert settings().home_dir == home
    assert settings().chat_model == settings().teacher_model == ""


def test_steps_that_find_nothing_to_do_are_errors(catalog: Catalog) -> None:
    stage = Stage(Session(catalog))
    stage.play(Step(say="Extract the name and the phone from short English messages."))
    with pytest.raises(RetortError, match="nothing waits"):
        stage.play(Step(approve=True))
    with pytest.raises(RetortError, match="none was started"):
        stage.play(Step(wait="job"))
    with pytest.raises(RetortError, match="waits for a deployment"):
        stage.play(Step(wait="serving"))


def test_a_job_that_fails_ends_the_demo_with_its_reason(catalog: Catalog) -> None:
    stage = Stage(Session(catalog))
    stage.play(Step(say="Extract the name and the phone from short English messages."))
    project = stage.session.project
    assert project
    order = SynthesisOrder(count=5, max_usd=0)
    job = Job(id=new_id("job"), owner="local", project_id=project.id, order=order, state="failed")
    catalog.add(job.but(problem="The disk is full.", fix="Free some space."))
    with pytest.raises(RetortError, match="The disk is full"):
        stage.play(Step(wait="job"))
