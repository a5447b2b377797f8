"""One turn of the failure loop in the chat: failures on dev, samples aimed at them, a new run, the paired test."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agent.session import Session
from tests.agent.test_main_job import until_announced
from tests.evaluation.test_failures import sample
from tests.scripted_openai import Reply
from tests.synthesis.endpoint import said, teaching, wanted
from tools.catalog import Catalog
from tools.dataset.sealed import read_test
from tools.dataset.splits import read_dev, read_train
from tools.records import Dataset, Project, Run, Sample

PLACES = ("Oslo", "Rome", "Lima", "Cairo", "Quito", "Hanoi", "Turin", "Porto")


def aimed(body: dict[str, Any], number: list[int]) -> Reply:
    samples = []
    for _ in range(wanted(body)):
        number[0] += 1
        place = f"{number[0]} Lane, {PLACES[number[0] % 8]}"
        fields = {"name": f"Bob {number[0]}", "phone": None, "address": place, "email": None}
        samples.append({"input": f"Bring Bob {number[0]} the parcel at {place}.", "output": fields})
    return said(samples)


@pytest.mark.slow
@pytest.mark.usefixtures("jobs_at_once")
def test_one_turn_of_the_failure_loop(
    catalog: Catalog, project: Project, tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.save(project.but(goal="contacts", student=f"path:{tiny_student}"))
    splits = ["train"] * 40 + ["dev"] * 16 + ["test"] * 16
    catalog.add_all([sample(project, number, split) for number, split in enumerate(splits, start=1)])
    session = Session(catalog, project.id)

    def done(*words: str) -> str:
        for text in words:
            session.say(text)
        assert session.pending() is not None, session.transcript()[-1].text
        session.say("yes")
        return until_announced(session)[0].text

    session.say("freeze")
    done("plan", "use 1 epoch, 1 checkpoint", "train")
    done("evaluate on dev")
    told = next(entry for entry in session.say("show failures") if entry.show)
    assert re.match(r"step \d+ gets 16 dev rows wrong: 1\. ", told.text)
    [first] = catalog.find(Dataset, project.id)
    hidden = {row.question for row in [*read_dev(catalog, first), *read_test(catalog, first)]}

    numbers = [0]
    with teaching(monkeypatch, lambda body: aimed(body, numbers)) as server:
        ended = done("aim at failure 1 with 20 samples")
        assert "20 samples by teacher:big are ready" in ended
        sent = json.dumps(server.requests)
    assert not [question for question in hidden if question in sent]
    made = [one for one in catalog.find(Sample, project.id) if one.job_id]
    assert {one.split for one in made} == {"train"}

    session.say("freeze")
    second = catalog.find(Dataset, project.id)[-1]
    assert second.version == 2
    assert {one.id for one in made} <= {row.id for row in read_train(catalog, second)}
    assert second.sha256["test"] == first.sha256["test"]
    assert second.sha256["dev"] == first.sha256["dev"]
    done("plan", "use 1 epoch, 1 checkpoint", "train")
    done("evaluate on dev")
    old, new = catalog.find(Run, project.id)
    told = next(entry for entry in session.say("compare on dev") if entry.show)
    assert re.search(r"Revert: the new run has not been shown to be better, so run 1, step \d+ stays\.", told.text)
    assert old.dataset_id != new.dataset_id
