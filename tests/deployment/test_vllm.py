"""The real thing: vLLM on this machine serves the tiny student with an adapter, agrees with it, and leaves no trace."""

import importlib.util
import json
import random
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
from tools.evaluation.trial import try_model
from tools.files import seal_folder
from tools.jobs import check
from tools.records import (
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
from tools.training.chat import encode, load_tokenizer

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


@pytest.mark.parametrize("mode", ["adapter", "merged"])
def test_served_as_scored(
    catalog: Catalog, project: Project, tmp_path: Path, mode: Literal["adapter", "merged"]
) -> None:
    project = catalog.save(project.but(task=TASK))
    student = make_lively_student(tmp_path / "student", hidden=128)  # heads of 32, which vLLM's CPU kernels take
    dataset = make_taught_dataset(catalog, project)
    run = make_run(catalog, project, dataset, student)
    checkpoint = make_checkpoint(catalog, project, run, step=20)
    teach(student, catalog.folder(project) / checkpoint.folder)
    order = EvaluationOrder(dataset_id=dataset.id, candidates=("base", checkpoint.id))
    run_evaluation(make_work(catalog, project, order))
    base, scored = catalog.find(Evaluation, project.id)
    assert (base.scores.exact_match.hits, scored.scores.exact_match.hits) == (0, 21)

    started = time.monotonic()
    deployment, job = deploy(catalog, project, checkpoint, mode)
    deployment = wait_until_serving(catalog, deployment, job)
    assert deployment.state == "serving"
    print(f"healthy after {time.monotonic() - started:.0f} s")
    job = catalog.get(Job, job.id)
    pids = group_of(job)
    assert len(pids) >= 3
    try:
        run_evaluation(make_work(catalog, project, order.model_copy(update={"candidates": (deployment.id,)})))
        served = catalog.find(Evaluation, project.id)[-1]
        assert served.scores.exact_match.hits == 21
        found = parity(catalog, project, deployment, scored, served)
        assert found.passed, found.sentence
        assert try_model(catalog, project, deployment.id, "klmnopqrstkl beta") == ANSWERS["beta"]
        curl = curl_line(deployment, project)
        reply = subprocess.run(curl, shell=True, capture_output=True, text=True, check=True)
        assert json.loads(reply.stdout)["model"] == deployment.model
    finally:
        stopped = stop_deployment(catalog, project, deployment)
    assert stopped.state == "stopped"
    assert catalog.get(Job, job.id).state == "stopped"
    until(lambda: all(gone(pid) for pid in pids), 5)
    with socket.socket() as probe:
        assert probe.connect_ex((deployment.host, deployment.port)) != 0
