"""The serving job with a stand-in for vLLM that speaks its HTTP: health, stop, death, and nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.evaluation.world import make_work
from tools.catalog import Catalog
from tools.deployment import job as serving
from tools.deployment.ports import claimed_port, free_port, is_free
from tools.errors import RetortError
from tools.jobs import Stopped, Work
from tools.records import Checkpoint, Deployment, Expense, Job, Project, ServingOrder, new_id

# A server that is healthy after half a second, with a grandchild in a session of its own like vLLM's engine.
STAND_IN = """
import http.server, json, os, subprocess, sys, time
port, model, pids, root = int(sys.argv[1]), *sys.argv[2:5]
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
engine = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)
open(pids, "w").write(f"{os.getpid()} {engine.pid}")
started = time.monotonic()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if time.monotonic() - started > 0.5 else 503)
        self.end_headers()
        self.wfile.write(json.dumps({"data": [{"id": model, "root": root}]}).encode())
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
BROKEN = """
print("(EngineCore pid=7) ERROR 11-22 05:00:00 [core.py:999] ValueError: No room for the cache, 2 GiB needed")
print("RuntimeError: Engine core initialization failed. See root cause above.")
raise SystemExit(3)
"""


@pytest.fixture
def deployment(catalog: Catalog, project: Project, checkpoints: list[Checkpoint]) -> Deployment:
    return catalog.add(
        Deployment(
            id=new_id("deployment"),
            owner="local",
            project_id=project.id,
            checkpoint_id=checkpoints[0].id,
            port=free_port(),
            model="contacts-step-20",
        )
    )


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """`stand_in(code)` makes the job start this Python code; returns where it writes its process ids."""

    def use(code: str) -> Path:
        pids = tmp_path / "pids"

        def command(deployment: Deployment, *arguments: object) -> list[str]:
            adapter = str(arguments[2])
            return [sys.executable, "-c", code, str(deployment.port), deployment.model, str(pids), adapter]

        monkeypatch.setattr(serving, "serve_command", command)
        return pids

    return use


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def start(work: Work) -> tuple[threading.Thread, list[BaseException]]:
    ends: list[BaseException] = []

    def target() -> None:
        try:
            serving.run(work)
        except (Stopped, RetortError) as end:
            ends.append(end)

    thread = threading.Thread(target=target)
    thread.start()
    return thread, ends


def test_it_serves_until_it_is_stopped(
    catalog: Catalog, project: Project, deployment: Deployment, stand_in: Callable[[str], Path]
) -> None:
    pids = stand_in(STAND_IN)
    work = make_work(catalog, project, ServingOrder(deployment_id=deployment.id))
    thread, ends = start(work)
    until(lambda: catalog.get(Deployment, deployment.id).state == "serving" or ends)
    assert not ends
    server, engine = map(int, pids.read_text().split())
    assert not gone(engine)
    message = catalog.get(Job, work.job.id).progress.message
    assert message == f"Serving contacts-step-20 at {deployment.url}"
    work.ask_to_stop()
    thread.join(60)
    assert isinstance(ends[0], Stopped)
    assert catalog.get(Deployment, deployment.id).state == "stopped"
    assert gone(server)
    assert gone(engine)
    assert [(one.what, one.device) for one in catalog.find(Expense, project.id)] == [("serving", "cpu")]


def test_a_dying_server_is_told_with_its_reason(
    catalog: Catalog, project: Project, deployment: Deployment, stand_in: Callable[[str], Path]
) -> None:
    stand_in(BROKEN)
    work = make_work(catalog, project, ServingOrder(deployment_id=deployment.id))
    with pytest.raises(RetortError, match="code 3: ValueError: No room for the cache, 2 GiB needed") as told:
        serving.run(work)
    assert "vllm.log" in told.value.fix
    assert catalog.get(Deployment, deployment.id).state == "failed"


def test_a_server_killed_while_serving_is_told(
    catalog: Catalog, project: Project, deployment: Deployment, stand_in: Callable[[str], Path]
) -> None:
    pids = stand_in(STAND_IN)
    thread, ends = start(make_work(catalog, project, ServingOrder(deployment_id=deployment.id)))
    until(lambda: catalog.get(Deployment, deployment.id).state == "serving" or ends)
    server, engine = map(int, pids.read_text().split())
    os.kill(server, signal.SIGKILL)
    thread.join(60)
    assert isinstance(ends[0], RetortError)
    assert "vLLM ended" in ends[0].problem
    assert catalog.get(Deployment, deployment.id).state == "failed"
    assert gone(engine)


def test_a_server_that_never_gets_healthy_is_given_up(
    catalog: Catalog,
    project: Project,
    deployment: Deployment,
    stand_in: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pids = stand_in(STAND_IN.replace("> 0.5", "> 500"))
    monkeypatch.setattr(serving, "START_LIMIT_S", 3.0)
    with pytest.raises(RetortError, match="not ready after 3 s"):
        serving.run(make_work(catalog, project, ServingOrder(deployment_id=deployment.id)))
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_a_strangers_server_on_the_port_is_not_ours(deployment: Deployment, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    known = [str(deployment.port), deployment.model, str(pids), "/their/weights"]
    stranger = subprocess.Popen([sys.executable, "-c", STAND_IN, *known])
    try:
        until(lambda: serving._healthy(deployment, Path("/their/weights")))
        assert not serving._healthy(deployment, Path("/our/weights"))
        assert not serving._healthy(deployment.but(model="other"), Path("/their/weights"))
    finally:
        os.kill(int(pids.read_text().split()[1]), signal.SIGKILL)
        stranger.kill()
        stranger.wait()


def test_a_port_is_claimed_from_before_the_start_to_the_end() -> None:
    wanted = free_port()
    with claimed_port(wanted) as port:
        assert port == wanted
        assert not is_free(port)  # though nothing has bound it yet
        assert free_port() != port
        with claimed_port(wanted) as other:
            assert other != port
    assert is_free(port)


def test_a_port_bound_by_a_server_still_loading_is_not_free() -> None:
    with socket.socket() as loading:  # as vLLM does it: bound early, listening late
        loading.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        loading.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        loading.bind(("127.0.0.1", 0))
        assert not is_free(loading.getsockname()[1])


def test_a_killed_job_takes_its_server_along(tmp_path: Path) -> None:
    """`kill -9` gives the job no chance to tidy up, and the engine ignores SIGTERM: the guard ends both."""
    holder_code = f"""
import os, sys, time
from tools.deployment import watchdog as guard
command = [sys.executable, "-c", {STAND_IN!r}, "{free_port()}", "m", {str(tmp_path / "pids")!r}, "root"]
guard.start(command, 2, dict(os.environ))
time.sleep(600)
"""
    holder = subprocess.Popen([sys.executable, "-c", holder_code])
    until((tmp_path / "pids").exists)
    until(lambda: len((tmp_path / "pids").read_text().split()) == 2)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert not any(gone(pid) for pid in pids)
    holder.kill()
    holder.wait()
    until(lambda: all(gone(pid) for pid in pids), 20)
