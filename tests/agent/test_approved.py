"""What was approved is what runs, for every command, whatever happens between the question and the yes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

import pytest

from agent import uploads
from agent.command import COMMANDS, Command, Parameter
from agent.session import Session
from agent.transcript import Outcome, Show
from tests.agent.conftest import make_sample, queue
from tests.agent.test_scores import PLAN, contact
from tests.evaluation.world import make_dataset, make_evaluation
from tests.scripted_openai import Reply
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.dataset.sealed import read_test
from tools.dataset.splits import read_dev
from tools.evaluation.arena.matches import next_match
from tools.evaluation.score.metrics import score
from tools.records import (
    Checkpoint,
    Dataset,
    Deployment,
    Document,
    Estimate,
    Job,
    Project,
    Rule,
    Run,
    SynthesisOrder,
    new_id,
)
from tools.settings import settings

pytestmark = pytest.mark.slow  # a whole project for each of 55 commands

# What a person may say for an argument, by its name, where its type alone does not tell.
SAID: dict[str, Any] = {
    "samples": ["1", "2"],
    "sample": "1",
    "like": "2",
    "rule": "",
    "file": "rows.csv",
    "files": ["rows.csv"],
    "document": "guide.txt",
    "documents": ["all"],
    "version": 0,
    "newer": 0,
    "older": 0,
    "run": "",
    "checkpoint": "best",
    "candidate": "best",
    "candidates": ["base", "step 40"],
    "cluster": "1",
    "match": "",
    "choice": "a",
    "job": "",
    "deployment": "",
    "text": "Call Ann.",
    "rubric": "short",
    "lengths": ["5-20"],
    "tools": [],
    "answer_schema": "",
    "changes": {"lora_rank": 16},
    "count": 5,
}


def said_for(one: Parameter) -> Any:
    if one.name in SAID:
        return SAID[one.name]
    if get_origin(one.kind) is Literal:
        return next(choice for choice in get_args(one.kind) if choice)
    if one.is_list:
        return ["one", "two"]
    return {int: 3, float: 2.5, bool: True}.get(one.kind, "some words")


@pytest.fixture
def world(catalog: Catalog, project: Project) -> Project:
    """A project that has one of everything that a command can name."""
    project = catalog.save(project.but(goal="contacts"))
    dataset = make_dataset(catalog, project, test_rows=30)
    _grow(catalog, project, dataset, "first")
    catalog.add_all([make_sample(project, number) for number in range(1, 4)])
    path = catalog.home / "rows.csv"
    path.write_text("input,output\na,b\n")
    uploads.keep(catalog, project, [path])
    return project


def _grow(catalog: Catalog, project: Project, dataset: Dataset, name: str) -> None:
    """A run, checkpoints, scores, a deployment, jobs, a rule, a document: newer than all before."""

    def own(noun: str) -> dict[str, Any]:
        return {"id": new_id(noun), "owner": "local", "project_id": project.id}

    run = Run(**own("run"), dataset_id=dataset.id, plan=PLAN, folder=f"runs/{name}", state="finished")
    catalog.add(run)
    catalog.add(Run(**own("run"), dataset_id=dataset.id, plan=PLAN, folder=f"runs/{name}-planned", state="planned"))
    for label, right, dev_loss in (("base", 3, 0.0), ("step 20", 27, 0.4), ("step 40", 28, 0.3)):
        candidate = "base"
        if label != "base":
            folder = f"runs/{name}/{label}"
            made = Checkpoint(**own("ckpt"), run_id=run.id, step=int(label[5:]), folder=folder, dev_loss=dev_loss)
            candidate = catalog.add(made).id
        for split, rows in (("test", read_test(catalog, dataset)), ("dev", read_dev(catalog, dataset))):
            hits = right if split == "test" else right - 27
            answers = {row.id: row.answer if at < hits else contact(999) for at, row in enumerate(rows)}
            scores = score(project.task, rows, answers)
            one = make_evaluation(
                catalog, project, dataset, candidate, answers, scores=scores, label=label, split=split
            )
            catalog.save(one)
    catalog.add(Deployment(**own("deployment"), checkpoint_id=candidate, state="serving", port=8100, model=name))
    order = SynthesisOrder(count=5, max_usd=0)
    catalog.add(Job(**own("job"), order=order, state="stopped"))
    catalog.add(Job(**own("job"), order=order, state="stopping"))
    catalog.add(Rule(**own("rule"), text=name, state="proposed"))
    catalog.add(Document(**own("document"), name="guide.txt", path=name, sha256=name, size_bytes=1, scans=(1,)))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Every command gated, with a fixed estimate, and what it runs with written down instead of done."""
    done: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setenv("RETORT_TEACHER_MODEL", "big")  # there is a judge
    monkeypatch.setenv("RETORT_TEACHER_API_KEY", "none")
    settings.cache_clear()

    def watched(one: Command) -> Command:
        def run(_here: Any, **values: Any) -> Outcome:
            done.append((one.name, values))
            return Outcome(text="Done.")

        return replace(
            one, risk="spend", run=run, estimate=lambda *_, **__: Estimate(what="x", usd_high=1, minutes_high=9)
        )

    known = dict(COMMANDS)
    COMMANDS.update({name: watched(one) for name, one in known.items()})
    yield done
    COMMANDS.clear()
    COMMANDS.update(known)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_what_runs_is_what_the_card_showed(
    catalog: Catalog, world: Project, ran: list[tuple[str, dict[str, Any]]], talk: Any, name: str
) -> None:
    one = COMMANDS[name]
    arguments = {
        given.name: said_for(given) for given in one.parameters if given.settled.offered and not given.settled.limit
    }
    session, _ = talk(queue(Reply(tool_calls=[(name, arguments)])))
    with session._turn(world.id) as turn:
        turn.note(_shown(catalog, world))
    session.say("please")
    asked = session.pending()
    assert asked is not None, session.transcript()[-1].text
    assert ran == []
    # The world moves on: a newer one of everything, another card, other names, other files.
    dataset = catalog.get(Dataset, catalog.find(Dataset, world.id)[-1].id)
    catalog.add_all(
        [make_sample(world, number, "approved", f"Fresh words {number} of Bob {number}.") for number in range(9)]
    )
    newer = freeze(catalog, world)
    assert newer.version == dataset.version + 1
    _grow(catalog, world, newer, "second")
    catalog.change(Project, world.id, name="Renamed")
    with session._turn(world.id) as turn:
        assert turn.pending() == asked
    Session(catalog, world.id).decide(asked.digest, True)
    [(verb, values)] = ran
    assert verb == name
    made = one.exact.model_validate(values)
    assert json.dumps(made.model_dump(mode="json")) == json.dumps(asked.arguments), (
        "other arguments ran than were shown"
    )
    assert set(values) == {given.name for given in one.parameters}


def test_the_world_would_have_changed_the_meaning(
    catalog: Catalog, world: Project, ran: list[tuple[str, dict[str, Any]]]
) -> None:
    """The test above can fail: asked again afterwards, what people say means other records."""
    from agent.command import Here

    here = Here(catalog, world.id)
    said: dict[str, dict[str, Any]] = {
        "start_training": {},
        "evaluate": {"candidates": ["step 40"]},
        "stop_deployment": {},
    }
    before = {name: COMMANDS[name].settle(here, arguments).json for name, arguments in said.items()}
    catalog.add_all(
        [make_sample(world, number, "approved", f"Fresh words {number} of Bob {number}.") for number in range(9)]
    )
    _grow(catalog, world, freeze(catalog, world), "second")
    after = {name: COMMANDS[name].settle(here, arguments).json for name, arguments in said.items()}
    for name in said:
        assert before[name] != after[name], name


def _shown(catalog: Catalog, project: Project) -> Any:
    from agent import cards
    from tools.records import Sample

    drafts = tuple(one.id for one in catalog.find(Sample, project.id, states=("draft",)))
    match = next_match(catalog, project)
    shows = [Show(kind="samples", ids=drafts)]
    if match:
        shows.append(Show(kind="arena", ids=(match.model_dump_json(),)))
    return cards.event("event-shown", "Look.", shows)
