"""The teacher's ceiling: it answers the student's rows over the real wire, within its money, and the ladder tells."""

import json
import re
from typing import Any

import pytest

from agent.session import Session
from tests.evaluation.world import SYSTEM, contact, make_dataset, make_evaluation, make_work
from tests.scripted_openai import Reply
from tests.synthesis.endpoint import teaching
from tools.catalog import Catalog
from tools.dataset.splits import Row, read_dev
from tools.errors import RetortError
from tools.evaluation.compare.comparison import compare
from tools.evaluation.job import run as run_evaluation
from tools.evaluation.score.metrics import score
from tools.evaluation.studies.ceiling import ask_rows, teacher_for_rows
from tools.jobs import Stopped
from tools.records import Dataset, Evaluation, EvaluationOrder, Expense, Message, Project, Task

ROWS = 40


@pytest.fixture
def dataset(catalog: Catalog, project: Project) -> Dataset:
    return make_dataset(catalog, project, dev_rows=ROWS)


def teacher(body: dict[str, Any]) -> Reply:
    """A teacher that reads the input, and errs on every tenth."""
    number = int(re.findall(r"Ann (\d+)", body["messages"][-1]["content"])[0])
    return Reply(contact(0 if number % 10 == 9 else number), usage=(100, 50))


def order(dataset: Dataset, max_usd: float = 1.0) -> EvaluationOrder:
    return EvaluationOrder(dataset_id=dataset.id, split="dev", candidates=("teacher",), max_usd=max_usd)


def scored(catalog: Catalog, project: Project, dataset: Dataset, name: str, hits: int) -> None:
    rows = read_dev(catalog, dataset)
    said = {row.id: row.answer if at < hits else "{}" for at, row in enumerate(rows)}
    scores = score(project.task, rows, said)
    make_evaluation(catalog, project, dataset, name, said, scores=scores, split="dev")


@pytest.mark.parametrize(
    ("few_shot", "verdict"),
    [
        (4, "Fine-tuning can still gain something: few-shot reaches 10 % without it, and the teacher reaches 90 %."),
        (34, "Fine-tuning on this teacher's samples promises little: few-shot reaches 85 % without it, the teacher"),
        (40, "Do not fine-tune: few-shot already reaches 100 % (at least 91 %)."),
    ],
)
def test_the_ladder_has_the_teachers_ceiling(
    catalog: Catalog, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, few_shot: int, verdict: str
) -> None:
    project = catalog.get(Project, dataset.project_id)
    with teaching(monkeypatch, teacher) as server:
        told = run_evaluation(make_work(catalog, project, order(dataset)))
    assert told == "Exact match on 40 dev rows: teacher 90.0%."
    asked = server.requests[0]
    assert asked["messages"][0] == {"role": "system", "content": SYSTEM}
    assert asked["response_format"]["json_schema"]["schema"] == project.task.json_schema()
    assert {body["messages"][1]["content"] for body in server.requests} == {
        row.question for row in read_dev(catalog, dataset)
    }
    spent = catalog.find(Expense, project.id)
    assert sum(one.usd for one in spent) == pytest.approx(ROWS * (100 * 1 + 50 * 4) / 1e6)
    assert {one.kind for one in spent} == {"teacher"}
    for name, hits in (("base", 2), ("few-shot", few_shot)):
        scored(catalog, project, dataset, name, hits)
    assert verdict in compare(catalog, project).sentence


def test_money_is_a_hard_stop_and_what_came_is_kept(
    catalog: Catalog, project: Project, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with teaching(monkeypatch, teacher) as server:
        work = make_work(catalog, project, order(dataset, max_usd=0.0095))
        with pytest.raises(Stopped, match=r"limit of \$0.01"):
            run_evaluation(work)
        paid = len(server.requests)
        assert 0 < paid < ROWS
        assert sum(one.usd for one in catalog.find(Expense, project.id)) <= 0.0095
        run_evaluation(make_work(catalog, project, order(dataset)))
        assert len(server.requests) == ROWS  # none was asked again
    (made,) = catalog.find(Evaluation, project.id)
    assert made.scores.exact_match.rows == ROWS


def test_trouble_is_retried_and_a_refusal_is_an_answer(
    catalog: Catalog, project: Project, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()

    def busy(body: dict[str, Any]) -> Reply:
        said = body["messages"][-1]["content"]
        if said not in seen:
            seen.add(said)
            if len(seen) % 10 == 1:  # each costs a second of waiting
                return Reply("slow down", status=429, headers={"Retry-After": "0"})
        return Reply(refusal="I will not.") if "Ann 4," in said else teacher(body)

    with teaching(monkeypatch, busy, concurrency="4") as server:
        run_evaluation(make_work(catalog, project, order(dataset)))
    assert len(server.requests) == ROWS + ROWS // 10
    (made,) = catalog.find(Evaluation, project.id)
    assert made.scores.exact_match.hits == ROWS - ROWS // 10 - 1


def test_personal_data_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task(kind="open", input_description="notes", language="en", pii="mask")
    said = (Message(role="user", content="Mail jo@acme.org"), Message(role="assistant", content="-"))
    with teaching(monkeypatch, lambda body: Reply(f"I wrote to {body['messages'][-1]['content'][5:]}.")) as server:
        rows = [Row(id="1", messages=said)]
        ((_, told),) = ask_rows(teacher_for_rows(), task, rows, max_usd=1, spent_usd=0, should_stop=lambda: False)
    assert "jo@acme.org" not in json.dumps(server.requests)
    assert told.text == "I wrote to jo@acme.org."


@pytest.mark.parametrize("asked", ["should I fine-tune at all?", "有必要微调吗", "how good is the teacher itself?"])
def test_it_is_asked_for_in_the_chat_with_its_price(
    catalog: Catalog, project: Project, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    catalog.save(project.but(goal="contacts", student="path:/tiny"))
    session = Session(catalog, project.id)
    with teaching(monkeypatch, teacher):
        session.say(asked)
        pending = session.pending()
    assert pending is not None
    assert (pending.verb, pending.risk) == ("evaluate", "spend")
    assert "teacher" in pending.arguments["candidates"]  # type: ignore[operator]
    assert pending.estimate.calls_low == ROWS
    assert 0 < pending.estimate.usd_low < pending.estimate.usd_high <= float(str(pending.arguments["max_usd"]))


def test_the_simulator_says_that_it_cannot(catalog: Catalog, project: Project, dataset: Dataset) -> None:
    with pytest.raises(RetortError, match="cannot answer inputs") as told:
        run_evaluation(make_work(catalog, project, order(dataset)))
    assert "RETORT_TEACHER_MODEL" in told.value.fix
    catalog.save(project.but(goal="contacts", student="path:/tiny"))
    session = Session(catalog, project.id)
    session.say("should I fine-tune at all?")
    pending = session.pending()
    assert pending is not None
    assert pending.arguments["candidates"] == ["base", "few-shot"]
    assert any("RETORT_TEACHER_MODEL" in note for note in pending.estimate.notes)
