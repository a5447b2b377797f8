"""The evaluation job: answers on disk row by row, resumable after any end, scored once."""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.evaluation.world import contact, make_checkpoint, make_dataset, make_run, make_work
from tests.scripted_openai import Reply, ScriptedOpenAI
from tools import jobs
from tools.catalog import Catalog
from tools.dataset.sealed import read_test
from tools.dataset.splits import read_train
from tools.errors import RetortError
from tools.evaluation.answers import Answer, AnswerFile, read_answers
from tools.evaluation.candidates import base_student, find_candidate, find_candidates, prompt_for
from tools.evaluation.compare.comparison import compare
from tools.evaluation.estimate import estimate
from tools.evaluation.job import run as run_evaluation
from tools.jobs import Stopped
from tools.records import (
    Checkpoint,
    Dataset,
    Deployment,
    Evaluation,
    EvaluationOrder,
    Expense,
    Job,
    Project,
    Run,
    new_id,
)


def order(dataset: Dataset, *candidates: str) -> EvaluationOrder:
    return EvaluationOrder(dataset_id=dataset.id, candidates=candidates)


def test_base_and_checkpoints_are_scored_once(
    catalog: Catalog, project: Project, dataset: Dataset, checkpoints: list[Checkpoint]
) -> None:
    wanted = order(dataset, "base", checkpoints[0].id)
    before = estimate(catalog, project, wanted)
    assert "2 x 12 test rows" in before.what
    assert 0 < before.minutes_low < before.minutes_high
    sentence = run_evaluation(make_work(catalog, project, wanted))
    assert "12 test rows: base 0.0%, step 20 0.0%" in sentence
    made = catalog.find(Evaluation, project.id)
    assert [(one.candidate, one.label, one.scores.exact_match.rows) for one in made] == [
        ("base", "base", 12),
        (checkpoints[0].id, "step 20", 12),
    ]
    answers = [read_answers(catalog.folder(project) / one.answers) for one in made]
    assert set(answers[0]) == set(answers[1]) == {row.id for row in read_test(catalog, dataset)}
    assert answers[0] != answers[1]
    assert made[0].answers.startswith("evaluations/v1-test-base-")
    spent = catalog.find(Expense, project.id)
    assert len(spent) == 2
    assert all(one.kind == "compute" and one.seconds > 0 and one.device == "cpu" for one in spent)

    again = order(dataset, "base", checkpoints[0].id, checkpoints[1].id)
    assert "1 x 12 test rows" in estimate(catalog, project, again).what
    run_evaluation(make_work(catalog, project, again))
    assert len(catalog.find(Evaluation, project.id)) == 3
    assert len(catalog.find(Expense, project.id)) == 3


def test_a_stopped_evaluation_goes_on_where_it_was(
    catalog: Catalog, project: Project, dataset: Dataset, run: Run
) -> None:
    work = make_work(catalog, project, order(dataset, "base"))
    work.ask_to_stop()  # heard after the first answer
    with pytest.raises(Stopped, match="1 of 12"):
        run_evaluation(work)
    assert not catalog.find(Evaluation, project.id)
    (path,) = (catalog.folder(project) / "evaluations").iterdir()
    with path.open("ab") as file:
        file.write(b'{"row_id": "torn off in the mid')
    first = path.read_bytes().splitlines()[0]
    run_evaluation(make_work(catalog, project, order(dataset, "base")))
    lines = path.read_bytes().splitlines()
    assert lines[0] == first
    assert len(lines) == len({json.loads(line)["row_id"] for line in lines}) == 12


def test_a_killed_job_resumes(catalog: Catalog, project: Project, student: Path) -> None:
    dataset = make_dataset(catalog, project, test_rows=60)
    make_run(catalog, project, dataset, student)
    job = jobs.launch(catalog, project, order(dataset, "base"))
    folder = catalog.folder(project) / "evaluations"
    deadline = time.monotonic() + 120
    while not (found := list(folder.glob("*.jsonl"))) or not found[0].read_bytes():
        assert time.monotonic() < deadline
        assert jobs.check(catalog, catalog.get(Job, job.id)).active, catalog.get(Job, job.id).problem
        time.sleep(0.02)
    os.kill(catalog.get(Job, job.id).pid, signal.SIGKILL)
    dead = jobs.wait(catalog, job, 30)
    assert dead.state == "died"
    whole = found[0].read_bytes()
    kept = whole[: whole.rfind(b"\n") + 1]
    assert 0 < len(kept.splitlines()) < 60
    done = jobs.wait(catalog, jobs.resume(catalog, dead), 240)
    assert (done.state, done.problem) == ("done", "")
    assert found[0].read_bytes().startswith(kept)
    assert len(read_answers(found[0])) == len(found[0].read_bytes().splitlines()) == 60
    assert len(catalog.find(Evaluation, project.id)) == 1


def test_a_planted_leak_is_found(catalog: Catalog, project: Project, student: Path) -> None:
    dataset = make_dataset(catalog, project)
    sealed = read_test(catalog, dataset)
    copied = sealed[1].model_dump(mode="json")
    near = sealed[2].model_dump(mode="json")
    near["messages"][1]["content"] = near["messages"][1]["content"].upper().replace(":", " :", 1)
    path = catalog.folder(project) / dataset.folder / "train.jsonl"
    path.chmod(0o600)
    lines = path.read_bytes() + b"".join(json.dumps(row).encode() + b"\n" for row in (copied, near))
    path.write_bytes(lines)
    leaky = catalog.save(dataset.but(sha256={**dataset.sha256, "train": hashlib.sha256(lines).hexdigest()}))
    make_run(catalog, project, leaky, student)
    told = run_evaluation(make_work(catalog, project, order(leaky, "base")))
    assert told == (
        "Exact match on 12 test rows: base 0.0%. "
        "Training rows give the answers of 2 of them away, so these are not scored."
    )
    (made,) = catalog.find(Evaluation, project.id)
    assert made.leaked == (sealed[1].id, sealed[2].id)
    assert made.scores.exact_match.rows == 10
    found = compare(catalog, project)
    assert (found.n, found.leaked) == (10, 2)
    assert "2 rows were left out, because training rows give their answers away (a leak)." in found.sentence


def test_broken_answers_are_told(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with AnswerFile(path) as file:
        file.append(Answer(row_id="1", answer="eins\nzwei 三"))
    assert read_answers(path) == {"1": "eins\nzwei 三"}
    path.write_bytes(b"rubbish\n" + path.read_bytes())
    with pytest.raises(RetortError, match="Line 1 of"):
        AnswerFile(path)
    with pytest.raises(RetortError, match="missing"):
        read_answers(tmp_path / "nothing.jsonl")


def test_candidates(
    catalog: Catalog, project: Project, dataset: Dataset, checkpoints: list[Checkpoint], tiny_student: Path
) -> None:
    assert base_student(catalog, project) == find_candidate(catalog, project, checkpoints[0].id).student
    other = make_run(catalog, project, dataset, tiny_student)
    third = make_checkpoint(catalog, project, other, 60)
    found = find_candidates(catalog, project, ("base", checkpoints[1].id, third.id, third.id))
    assert [one.label for one in found[2:]] == ["run 1, step 40", "run 2, step 60"]
    assert [one.student for one in found[:2]] == [found[2].student, found[3].student]
    assert len({one.file_name for one in found}) == len({one.label for one in found}) == 4
    (catalog.folder(project) / third.folder / "adapter_model.safetensors").write_bytes(b"cut")
    with pytest.raises(RetortError, match="damaged"):
        find_candidate(catalog, project, third.id)
    with pytest.raises(RetortError, match="no checkpoint 'ckpt-0'"):
        find_candidate(catalog, project, "ckpt-0")


def test_few_shot_is_asked_with_examples_of_train(
    catalog: Catalog, project: Project, dataset: Dataset, run: Run
) -> None:
    candidate = find_candidate(catalog, project, "few-shot")
    (row,) = read_test(catalog, dataset)[:1]
    asked = candidate.asked(row)
    train = {(one.question, one.answer) for one in read_train(catalog, dataset)}
    turns = [message.content for message in asked.messages[1:-2]]
    assert {(turns[at], turns[at + 1]) for at in range(0, len(turns), 2)} <= train
    assert len(turns) >= 4
    assert (asked.messages[0], asked.messages[-2:]) == (row.messages[0], row.messages[-2:])
    run_evaluation(make_work(catalog, project, order(dataset, "base", "few-shot")))
    base, few = catalog.find(Evaluation, project.id)
    assert (base.label, few.label) == ("base", "few-shot")
    assert base.answers != few.answers


def test_another_projects_checkpoint_does_not_exist_here(
    catalog: Catalog, project: Project, checkpoints: list[Checkpoint]
) -> None:
    other = catalog.add(project.but(id=new_id("project"), slug="other"))
    with pytest.raises(RetortError, match="no checkpoint"):
        find_candidate(catalog, other, checkpoints[0].id)


def test_questions_carry_the_system_prompt_of_training(
    catalog: Catalog, project: Project, dataset: Dataset, checkpoints: list[Checkpoint]
) -> None:
    messages = prompt_for(catalog, project, checkpoints[0].id, "Hi")
    assert [(message.role, message.content) for message in messages] == [
        ("system", "Extract name, phone, address and email as JSON."),
        ("user", "Hi"),
    ]


class TestServed:
    """A deployment is asked over HTTP, anew by every job."""

    def deploy(self, catalog: Catalog, project: Project, checkpoint: Checkpoint, base_url: str) -> Deployment:
        port = int(base_url.rsplit(":", 1)[1].split("/", maxsplit=1)[0])
        return catalog.add(
            Deployment(
                id=new_id("deployment"),
                owner="local",
                project_id=project.id,
                checkpoint_id=checkpoint.id,
                state="serving",
                port=port,
                model="contacts-step-20",
            )
        )

    def test_answers_come_from_the_endpoint(
        self, catalog: Catalog, project: Project, dataset: Dataset, checkpoints: list[Checkpoint]
    ) -> None:
        right = {row.question: row.answer for row in read_test(catalog, dataset)}
        wrong = next(iter(right))

        def answer(body: dict[str, list[dict[str, str]]]) -> Reply:
            question = body["messages"][-1]["content"]
            return Reply(content=contact(999) if question == wrong else right[question])

        with ScriptedOpenAI(answer, key="none") as server:
            served = self.deploy(catalog, project, checkpoints[0], server.base_url)
            sentence = run_evaluation(make_work(catalog, project, order(dataset, served.id)))
            assert "served 91.7%" in sentence
            assert len(server.requests) == 12
            asked = server.requests[0]
            assert asked["model"] == "contacts-step-20"
            assert asked["temperature"] == 0
            assert asked["chat_template_kwargs"] == {"enable_thinking": False}
            assert 16 < asked["max_tokens"] < 200
            assert [message["role"] for message in asked["messages"]] == ["system", "user"]
            run_evaluation(make_work(catalog, project, order(dataset, served.id)))
            assert len(server.requests) == 24  # asked again
            assert server.unauthorised == 0
        assert len({one.answers for one in catalog.find(Evaluation, project.id)}) == 2

    def test_refusals_and_silence_are_told(
        self, catalog: Catalog, project: Project, dataset: Dataset, checkpoints: list[Checkpoint]
    ) -> None:
        with ScriptedOpenAI(lambda _: Reply("no such model", status=404), key="none") as server:
            served = self.deploy(catalog, project, checkpoints[0], server.base_url)
            with pytest.raises(RetortError, match=r"refused a request \(404\).*no such model"):
                run_evaluation(make_work(catalog, project, order(dataset, served.id)))
        with pytest.raises(RetortError, match="does not answer"):  # the server is gone
            run_evaluation(make_work(catalog, project, order(dataset, served.id)))
        catalog.save(served.but(state="stopped"))
        with pytest.raises(RetortError, match="is stopped"):
            run_evaluation(make_work(catalog, project, order(dataset, served.id)))
        assert not catalog.find(Evaluation, project.id)
