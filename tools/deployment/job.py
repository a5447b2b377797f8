"""The serving job: starts vLLM, waits until it is healthy, and stays with it until one of the two ends."""

import os
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import httpx

from tools.deployment import watchdog as guard
from tools.deployment.merging import merge
from tools.deployment.ports import claimed_port
from tools.deployment.starting import need_vllm
from tools.deployment.vllm import serve_command, serve_environment, write_speech
from tools.errors import RetortError
from tools.evaluation.candidates import find_candidate
from tools.jobs import Stopped, Work
from tools.records import Deployment, DeploymentState, ServingOrder
from tools.student.reference import has_gpu, resolve

START_LIMIT_S = 600.0  # large models compile and load for minutes
POLL_S = 0.3
_PREFIX = re.compile(r"^(\([^)]*\) *)*((ERROR|INFO|WARNING|CRITICAL) +\S+ +\S+ +\[[^\]]*\] *)?")


def run(work: Work) -> str:
    """Serve the order's deployment until the job is stopped; raises RetortError when vLLM fails or dies."""
    order = work.job.order
    if not isinstance(order, ServingOrder):
        raise TypeError(f"a serving job was given a {order.kind} order")
    started = time.monotonic()
    try:
        _serve(work, work.catalog.get(Deployment, order.deployment_id))
    except Stopped:
        _set_state(work, order.deployment_id, "stopped")
        raise
    finally:
        _set_state(work, order.deployment_id, "failed")  # unless it was stopped
        work.book("serving", kind="compute", seconds=time.monotonic() - started, device="GPU" if has_gpu() else "cpu")


def _serve(work: Work, deployment: Deployment) -> NoReturn:
    need_vllm()
    candidate = find_candidate(work.catalog, work.project, deployment.checkpoint_id or "base")
    folder = work.folder / "deployments" / deployment.id
    folder.mkdir(parents=True, exist_ok=True)
    work.phase(f"Preparing {candidate.label}")
    model, adapter = resolve(candidate.loads), candidate.adapter
    if adapter is not None and deployment.mode == "merged":
        model, adapter = merge(model, adapter, folder / "model", candidate.precision), None
    gpu, speech = has_gpu(), write_speech(model, folder / "speech")
    log = folder / "vllm.log"
    with claimed_port(deployment.port) as port:  # a resumed job may find its old port taken
        deployment = work.catalog.change(Deployment, deployment.id, port=port, state="starting")
        command = serve_command(
            deployment,
            candidate.student,
            model,
            adapter,
            gpu,
            candidate.precision,
            speech,
            candidate.thinks,
        )
        with log.open("wb") as file:  # of this start only, so that its last error is this start's
            process, lifeline = guard.start(command, file.fileno(), serve_environment(gpu))
        try:
            _wait_until_healthy(work, deployment, adapter or model, process, log)
            _set_state(work, deployment.id, "serving")
            work.phase(f"Serving {deployment.model} at {deployment.url}")
            _stay(work, process, log)
        finally:
            _end(process, lifeline)


def _wait_until_healthy(
    work: Work, deployment: Deployment, weights: Path, process: subprocess.Popen[bytes], log: Path
) -> None:
    started = time.monotonic()
    while not _healthy(deployment, weights):
        waited_s = time.monotonic() - started
        _look(work, process, log)
        if waited_s > START_LIMIT_S:
            raise RetortError(
                f"vLLM was not ready after {START_LIMIT_S:.0f} s. {last_error(log)}".strip(),
                f"Its log is {log}; a smaller student starts faster.",
            )
        work.report(round(waited_s), 0, "s", "vLLM is loading the model")
        time.sleep(POLL_S)


def _stay(work: Work, process: subprocess.Popen[bytes], log: Path) -> NoReturn:
    while True:
        _look(work, process, log)
        time.sleep(POLL_S)


def _look(work: Work, process: subprocess.Popen[bytes], log: Path) -> None:
    """Leave by Stopped when asked to, by RetortError when vLLM has ended by itself."""
    ended = process.poll() is not None
    if ended:
        time.sleep(0.2)  # a stop signals the whole group: vLLM may have heard it a moment before us
    if work.should_stop():
        raise Stopped("The served student was stopped.")
    if ended:
        reason = last_error(log)
        raise RetortError(
            f"vLLM ended with code {process.returncode}{f': {reason}' if reason else ' without giving a reason'}",
            f"Its log is {log}. Fix the cause, then deploy again.",
        )


def _healthy(deployment: Deployment, weights: Path) -> bool:
    """Whether our own server answers: another one on the port may know the model's name, but not our weights' path."""
    address = f"http://{deployment.host}:{deployment.port}"
    try:
        if httpx.get(f"{address}/health", timeout=5, trust_env=False).status_code != 200:
            return False
        listed = httpx.get(f"{address}/v1/models", timeout=5, trust_env=False)
        told = listed.json().get("data", []) if listed.status_code == 200 else []
        return any(one.get("id") == deployment.model and one.get("root") == str(weights) for one in told)
    except (httpx.TransportError, ValueError):  # silent, or no JSON: some other program
        return False


def last_error(log: Path) -> str:
    """The last line of the log that tells an error, without vLLM's time stamps; empty when there is none."""
    if not log.is_file():
        return ""
    lines = [_PREFIX.sub("", line).strip() for line in log.read_text(errors="replace").splitlines()]
    # "Engine core initialization failed. See root cause above." is the last one and says nothing.
    told = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line) and "root cause above" not in line]
    return told[-1][:400] if told else ""


def _end(process: subprocess.Popen[bytes], lifeline: int) -> None:
    """Ask vLLM to end, then insist; the guard takes its whole tree along."""
    if process.poll() is None:
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(guard.GRACE_S + 2)
    os.close(lifeline)  # a guard still there kills everything at once
    process.wait()


def _set_state(work: Work, deployment_id: str, state: DeploymentState) -> None:
    work.catalog.change(Deployment, deployment_id, only_from=("starting", "serving"), state=state)
