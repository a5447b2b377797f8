"""The real thing: vLLM on this machine serves the tiny student with an adapter, agrees with it, and leaves no trace."""

import importlib.util
import json
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.evaluation.world import make_checkpoint, make_dataset, make_lively_student, make_run, make_work
from tools import jobs
from tools.catalog import Catalog
from tools.deployment.curl import curl_line
from tools.deployment.parity import parity
from tools.deployment.starting import _is_free, deploy, stop_deployment
from tools.evaluation.job import run as run_evaluation
from tools.evaluation.trial import try_model
from tools.jobs import check
from tools.records import Deployment, Evaluation, EvaluationOrder, Job, Project

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


@pytest.mark.parametrize("mode", ["adapter", "merged"])
def test_served_as_scored(catalog: Catalog, project: Project, tmp_path: Path, mode: str) -> None:
    student = make_lively_student(
        tmp_path / "student", hidden=128
    )  # heads of 32: the least that vLLM's CPU kernels take
    dataset = make_dataset(catalog, project, test_rows=20)
    run = make_run(catalog, project, dataset, student)
    checkpoint = make_checkpoint(catalog, project, run, step=20)
    order = EvaluationOrder(dataset_id=dataset.id, candidates=("base", checkpoint.id))
    run_evaluation(make_work(catalog, project, order))

    started = time.monotonic()
    deployment, job = deploy(catalog, project, checkpoint, "adapter" if mode == "adapter" else "merged")
    deployment = wait_until_serving(catalog, deployment, job)
    assert deployment.state == "serving"
    print(f"healthy after {time.monotonic() - started:.0f} s")
    job = catalog.get(Job, job.id)
    pids = group_of(job)
    assert len(pids) >= 3
    try:
        run_evaluation(make_work(catalog, project, order.model_copy(update={"candidates": (deployment.id,)})))
        base, scored, served = catalog.find(Evaluation, project.id)
        found = parity(catalog, project, deployment, scored, served)
        print(found.sentence)
        assert not found.adapter_ignored
        assert found.same_text >= 0.6 * found.rows  # random weights: near-ties are common, the demo asks for 98 %
        assert parity_with_base_is_none(catalog, project, base, served)
        assert try_model(catalog, project, deployment.id, "Hello")
        reply = subprocess.run(curl_line(deployment, project), shell=True, capture_output=True, text=True, check=True)
        assert json.loads(reply.stdout)["model"] == deployment.model
    finally:
        stopped = stop_deployment(catalog, project, deployment)
    assert stopped.state == "stopped"
    assert catalog.get(Job, job.id).state == "stopped"
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    assert _is_free(deployment.port)
    assert not jobs.active(catalog, project.id)


def parity_with_base_is_none(catalog: Catalog, project: Project, base: Evaluation, served: Evaluation) -> bool:
    """The base says something else on every row, so agreement with the checkpoint is no accident."""
    from tools.evaluation.answers import read_answers

    folder = catalog.folder(project)
    a, b = read_answers(folder / base.answers), read_answers(folder / served.answers)
    return not [row for row in a if a[row] == b[row]]
