"""The demo's own rules: what it reads, what it wipes, what it refuses to pass by luck."""

import json
from pathlib import Path

import pytest

from agent.phrase import Said, parse
from agent.session import Session
from tests.evaluation.world import contact, make_checkpoint, make_dataset, make_evaluation, make_run
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.dataset.real import add_answered
from tools.errors import RetortError
from tools.evaluation.rows import Split, rows_of
from tools.evaluation.score.metrics import score
from tools.records import Job, Project, SynthesisOrder, new_id
from tools.settings import settings
from ui import demo
from ui.demo import Stage, Step


def test_the_written_conversation_can_be_read() -> None:
    steps = demo.read_steps(demo.CONVERSATION)
    assert steps[0].say
    assert {step.wait for step in steps} == {"", "job", "serving"}
    said = [step.say for step in steps]
    [dropped] = [step for step in steps if step.files]
    assert [path.is_file() for path in dropped.files] == [True]
    assert (parse(dropped.say) or Said(verb="")).arguments == {"split": "real"}
    assert said.index(dropped.say) < said.index("freeze with 60 test rows")


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
    with pytest.raises(RetortError, match="nothing is waiting"):
        stage.play(Step(approve=True))
    with pytest.raises(RetortError, match="no job was started"):
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


def test_the_demos_real_messages_are_read_and_its_figures_written(
    catalog: Catalog, project: Project, tmp_path: Path, tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset(catalog, project)
    pairs = [(f"{word} calls about {word}", contact(n)) for n, word in enumerate(("otter", "heron", "lynx", "stoat"))]
    add_answered(catalog, project, pairs, "chat")
    dataset = freeze(catalog, project)
    run = make_run(catalog, project, dataset, tiny_student)
    checkpoint = make_checkpoint(catalog, project, run, 20)
    for candidate, test, real in (("base", 1, 0), (checkpoint.id, 12, 3)):
        asked: tuple[tuple[Split, int], ...] = (("test", test), ("real", real))
        for split, hits in asked:
            rows = rows_of(catalog, dataset, split)
            answers = {row.id: row.answer if at < hits else "{}" for at, row in enumerate(rows)}
            made = make_evaluation(
                catalog, project, dataset, candidate, answers, scores=score(project.task, rows, answers), split=split
            )
            catalog.save(made.but(student=f"path:{tiny_student}"))
    monkeypatch.setattr(demo, "BUILD", tmp_path)
    demo.finish(catalog, project, {"talk": 1.0}, tmp_path)
    figures = json.loads((tmp_path / "demo.json").read_text())
    assert figures["test_rows"] == 12
    assert figures["test_exact_match"] == figures["best_exact_match"] == 1.0
    assert (figures["base_exact_match"], figures["real_exact_match"]) == (pytest.approx(1 / 12), 0.75)
    assert Path(figures["checkpoint"]) == (catalog.folder(project) / checkpoint.folder).resolve()
    assert Path(figures["student"]) == tiny_student.resolve()
