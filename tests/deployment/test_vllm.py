"""The real thing: vLLM on this machine serves the tiny student with an adapter, agrees with it, and leaves no trace."""

import importlib.util
import json
import random
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Literal

import psutil
import pytest

from tests.deployment.test_serving import gone, until
from tests.evaluation.world import make_checkpoint, make_lively_student, make_run, make_work
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.deployment.curl import curl_line
from tools.deployment.parity import parity
from tools.deployment.starting import deploy, stop_deployment
from tools.evaluation.job import run as run_evaluation
from tools.evaluation.studies.trial import try_model
from tools.files import seal_folder
from tools.jobs import check
from tools.records import (
    Checkpoint,
    Dataset,
    Deployment,
    Dialogue,
    Evaluation,
    EvaluationOrder,
    Job,
    Message,
    Project,
    Sample,
    Task,
    TaskField,
    new_id,
)
from tools.student.chat import encode, load_tokenizer

TASK = Task(kind="extraction", input_description="letters", fields=(TaskField(name="greek"),), language="en")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


def wait_until_serving(catalog: Catalog, deployment: Deployment, job: Job) -> Deployment:
    deadline = time.monotonic() + 400
    while (now := catalog.get(Deployment, deployment.id)).state == "starting":
        job = check(catalog, catalog.get(Job, job.id))
        assert job.active, job.problem
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return now


def group_of(job: Job) -> list[int]:
    """Processes of the job's group, and whoever came of them."""
    leader = psutil.Process(job.pid)
    return [leader.pid, *(child.pid for child in leader.children(recursive=True))]


ANSWERS = {"alpha": '{"greek": "first"}', "beta": '{"greek": "second"}', "gamma": '{"greek": "third one"}'}


def make_taught_dataset(catalog: Catalog, project: Project) -> Dataset:
    """A question names a letter; the answer depends on it. Six training rows, three dev rows, 21 test rows."""

    def sample(number: int) -> Sample:
        letter = list(ANSWERS)[number % 3]
        noise = "".join(random.Random(number).choices("klmnopqrst", k=12))
        messages = (
            Message(role="system", content="Which?"),
            Message(role="user", content=f"{noise} {letter}"),
            Message(role="assistant", content=ANSWERS[letter]),
        )
        split = "train" if number < 6 else "dev" if number < 9 else "test"
        return Sample(
            id=new_id("sample"),
            owner="local",
            project_id=project.id,
            messages=messages,
            state="approved",
            source="user",
            split=split,
        )

    catalog.add_all([sample(number) for number in range(30)])
    return freeze(catalog, project)


def teach(student: Path, folder: Path, steps: int = 120) -> None:
    """Train the adapter until its answers are sure: a random one has near-ties, which bf16 decides by chance."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    tokenizer = load_tokenizer(student)
    model = AutoModelForCausalLM.from_pretrained(student, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=12, lora_alpha=24, target_modules="all-linear"))
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=3e-3)
    draw = random.Random(7)
    for _ in range(steps):
        rows = []
        for letter, answer in ANSWERS.items():
            noise = "".join(draw.choices("klmnopqrst", k=12))
            asked = [Message(role="system", content="Which?"), Message(role="user", content=f"{noise} {letter}")]
            rows.append(encode(tokenizer, Dialogue(messages=(*asked, Message(role="assistant", content=answer)))))
        longest = max(row.tokens for row in rows)
        ids = torch.tensor([[*row.prompt_ids, *row.answer_ids] + [0] * (longest - row.tokens) for row in rows])
        labels = torch.full_like(ids, -100)
        for place, row in enumerate(rows):
            labels[place, len(row.prompt_ids) : row.tokens] = ids[place, len(row.prompt_ids) : row.tokens]
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    print(f"taught to a loss of {float(loss.detach()):.4f}")
    model.save_pretrained(folder)
    seal_folder(folder)


def test_both_modes_serve_as_scored(catalog: Catalog, tmp_path: Path) -> None:
    """Adapter and merged, a project each, started side by side: a start is mostly waiting."""
    student = make_lively_student(tmp_path / "student", hidden=128)  # heads of 32, which vLLM's CPU kernels take
    teach(student, tmp_path / "adapter")
    started: list[tuple[Project, Evaluation, Deployment, Job]] = []
    groups: list[list[int]] = []
    modes: tuple[Literal["adapter", "merged"], ...] = ("adapter", "merged")
    try:
        for mode in modes:
            project = catalog.add(Project(id=new_id("project"), owner="local", slug=mode, name=mode, task=TASK))
            checkpoint, scored = score_taught(catalog, project, student, tmp_path / "adapter")
            started.append((project, scored, *deploy(catalog, project, checkpoint, mode)))
        serving = [wait_until_serving(catalog, deployment, job) for _, _, deployment, job in started]
        assert [(one.mode, one.state) for one in serving] == [(mode, "serving") for mode in modes]
        assert len({one.port for one in serving}) == 2
        groups = [group_of(catalog.get(Job, job.id)) for *_, job in started]
        assert all(len(pids) >= 3 for pids in groups)
        for (project, scored, *_), deployment in zip(started, serving, strict=True):
            answers_as_scored(catalog, project, deployment, scored)
    finally:
        stopped = [stop_deployment(catalog, project, deployment) for project, _, deployment, _ in started]
    assert {one.state for one in stopped} == {"stopped"}
    assert {catalog.get(Job, job.id).state for *_, job in started} == {"stopped"}
    until(lambda: all(gone(pid) for pids in groups for pid in pids), 5)
    for deployment in stopped:
        with socket.socket() as probe:
            assert probe.connect_ex((deployment.host, deployment.port)) != 0


def score_taught(catalog: Catalog, project: Project, student: Path, adapter: Path) -> tuple[Checkpoint, Evaluation]:
    """A checkpoint that is the taught adapter, and its evaluation beside the base's."""
    dataset = make_taught_dataset(catalog, project)
    checkpoint = make_checkpoint(catalog, project, make_run(catalog, project, dataset, student), step=20)
    shutil.copytree(adapter, catalog.folder(project) / checkpoint.folder, dirs_exist_ok=True)
    order = EvaluationOrder(dataset_id=dataset.id, candidates=("base", checkpoint.id))
    run_evaluation(make_work(catalog, project, order))
    base, scored = catalog.find(Evaluation, project.id)
    assert (base.scores.exact_match.hits, scored.scores.exact_match.hits) == (0, 21)
    return checkpoint, scored


def answers_as_scored(catalog: Catalog, project: Project, deployment: Deployment, scored: Evaluation) -> None:
    order = EvaluationOrder(dataset_id=scored.dataset_id, candidates=(deployment.id,))
    run_evaluation(make_work(catalog, project, order))
    served = catalog.find(Evaluation, project.id)[-1]
    assert served.scores.exact_match.hits == 21
    found = parity(catalog, project, deployment, scored, served)
    assert found.passed, found.sentence
    assert try_model(catalog, project, deployment.id, "klmnopqrstkl beta") == ANSWERS["beta"]
    curl = curl_line(deployment, project)
    reply = subprocess.run(curl, shell=True, capture_output=True, text=True, check=True)
    assert json.loads(reply.stdout)["model"] == deployment.model
