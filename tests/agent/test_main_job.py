"""The guide leads from samples to compared checkpoints and a trial, with a tiny real student."""

import time
from pathlib import Path

import pytest

from agent.session import Session
from agent.transcript import Entry
from tests.agent.conftest import make_sample
from tools import jobs
from tools.catalog import Catalog
from tools.records import Checkpoint, Evaluation, Project, Run
from tools.student.reference import has_gpu


def until_announced(session: Session, timeout_s: float = 240) -> list[Entry]:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if told := session.tick():
            return told
        time.sleep(0.3)
    raise AssertionError(f"nothing ended: {jobs.active(session.catalog)}")


@pytest.mark.usefixtures("jobs_at_once")
def test_from_dataset_to_a_tried_checkpoint(catalog: Catalog, project: Project, tiny_student: Path) -> None:
    catalog.save(project.but(goal="contacts", student=f"path:{tiny_student}"))
    rows = [make_sample(project, number, "approved") for number in range(1, 100)]
    rows += [make_sample(project, number, "approved", f"Ring Bob {number} at home {number}.") for number in range(60)]
    catalog.add_all(rows)
    session = Session(catalog, project.id)
    for text in ("freeze", "plan", "use 1 epoch, 1 checkpoint", "train"):
        session.say(text)
    assert session.pending() is not None
    session.say("yes")
    told = until_announced(session)
    assert told[0].show[0].kind == "run", told
    assert [run.state for run in catalog.find(Run, project.id)] == ["finished"]
    assert "`evaluate`" in told[-1].text
    session.say("evaluate")
    pending = session.pending()
    assert pending is not None
    [checkpoint] = catalog.find(Checkpoint, project.id)
    assert pending.arguments["candidates"] == ["base", checkpoint.id]
    session.say("yes")
    told = until_announced(session)
    assert told[0].show[0].kind == "comparison", told
    assert len(catalog.find(Evaluation, project.id)) == 2
    assert session.say("compare")[1].show[0].kind == "comparison"
    answered = session.say("try best: Call Ann on 555-0100.")[1]
    assert [show.kind for show in answered.show] == ["trial"], answered
    trial = answered.show[0]
    assert trial.ids[:2] == (f"step {checkpoint.step}", "Call Ann on 555-0100.")
    session.say("deploy best")
    pending = session.pending()
    assert pending is not None
    assert pending.arguments == {"checkpoint": checkpoint.id, "mode": "adapter" if has_gpu() else "merged"}
    assert pending.risk == "publish"
    session.say("no")
    assert "minutes of compute" in session.say("how much did it cost?")[1].text
