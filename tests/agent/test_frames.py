"""How many files of the product somebody opens who follows one command: those whose code runs, and no others."""

import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from agent.session import Session
from tests.agent import test_scores
from tests.agent.conftest import make_sample
from tests.documents import files
from tools import jobs
from tools.catalog import Catalog
from tools.documents.reader import read
from tools.records import Evaluation, Job, Project
from ui.show.cards import Cards

ROOT = Path(__file__).parents[2]
MOST = {  # files, as they are: a change that adds one says why
    "train": 16,  # from the sentence to the job's start; it was 30 when a command was told in sixteen files
    # From the sentence to the drawn table, the proposal of the next step included; one more since real messages are
    # counted for the guide, and asked for where there are none; two more since scores read JSON and compare short
    # answers by the definitions that replies are read by (`text/strict_json.py`, `text/plain.py`).
    "compare": 47,
    "page": 49,  # of a PDF, from the drop to its passage's card; with the child's, which opens the file
}

dataset, scored = test_scores.dataset, test_scores.scored  # fixtures


class Frames:
    """Within it, the product's files in which a function is called."""

    def __init__(self) -> None:
        self.files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(str(ROOT)) and frame.f_code.co_name != "<module>":
            self.files.add(str(Path(path).relative_to(ROOT)))

    def __enter__(self) -> "Frames":
        threading.setprofile(self)
        sys.setprofile(self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    @property
    def product(self) -> list[str]:
        return sorted(one for one in self.files if one.split("/")[0] in ("agent", "tools", "ui", "prompts"))


@pytest.mark.slow  # the plan measures a few real steps
def test_from_the_sentence_to_the_job(
    catalog: Catalog, project: Project, tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = Frames()

    def start(_catalog: Catalog, job: Job) -> Job:
        frames.__exit__()
        return job

    monkeypatch.setattr(jobs, "_start", start)
    catalog.save(project.but(goal="contacts", student=f"path:{tiny_student}"))
    rows = [make_sample(project, number, "approved") for number in range(1, 100)]
    rows += [make_sample(project, number, "approved", f"Ring Bob {number} at home {number}.") for number in range(60)]
    catalog.add_all(rows)
    session = Session(catalog, project.id)
    for text in ("freeze", "plan", "use 1 epoch, 1 checkpoint"):
        session.say(text)
    frames.__enter__()
    session.say("train")
    session.say("yes")
    assert catalog.find(Job, project.id)
    assert "agent/commands/training.py" in frames.product
    assert len(frames.product) <= MOST["train"], "\n".join(frames.product)


def test_from_the_sentence_to_the_drawn_comparison(
    catalog: Catalog, project: Project, scored: dict[str, Evaluation]
) -> None:
    catalog.save(project.but(goal="contacts"))
    session = Session(catalog, project.id)
    session.transcript()
    with Frames() as frames:
        told = session.say("compare the checkpoints")
        drawn = Cards(catalog).draw(session.project or project, next(one.show for one in told if one.show)[0])
    assert scored["step 40 test"].label in drawn
    assert len(frames.product) <= MOST["compare"], "\n".join(frames.product)


def test_from_a_dropped_page_to_its_card(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    source = files.pdf(
        tmp_path / "a.pdf", ["The parcel leaves the house on the day of the order, by noon at the latest."]
    )
    catalog.save(project.but(goal="contacts"))
    session = Session(catalog, project.id)
    session.transcript()
    with Frames() as frames:
        session.say("", files=[source])
        jobs = catalog.find(Job, project.id)
        assert jobs == [], "a small file is read at once"
        told = session.say("show a.pdf")
        drawn = Cards(catalog).draw(session.project or project, next(one.show for one in told if one.show)[0])
        assert read(source, "pdf").elements  # what the confined child does
    assert "by noon at the latest" in drawn
    assert len(frames.product) <= MOST["page"], "\n".join(frames.product)
