"""Long work in real processes: it outlives its launcher, is told of when it dies, stops and goes on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Job, Project, SynthesisOrder, TrainingOrder, new_id
from tools.settings import settings

ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0
LAUNCH_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tools import jobs
from tools.catalog import Catalog
from tools.records import Project, SynthesisOrder
catalog = Catalog(sys.argv[1], "local", Path(sys.argv[2]))
jobs.launch(catalog, catalog.get(Project, sys.argv[3]), SynthesisOrder(count=15, max_usd=0))
os.kill(os.getpid(), signal.SIGKILL)
"""
Launch = Callable[[str, int], Job]


@pytest.fixture
def launch(catalog: Catalog, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launch]:
    """Start a job whose stage is `tests/core/stage.py`; whatever still runs at the end of the test is killed."""
    folder = tmp_path / "stage"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("stage.py"), folder / "sitecustomize.py")
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def start(does: str, count: int = 3) -> Job:
        monkeypatch.setenv("STAGE_DOES", does)
        return jobs.launch(catalog, project, SynthesisOrder(count=count, max_usd=0))

    yield start
    for job in catalog.find(Job):
        if job.pid and psutil.pid_exists(job.pid) and os.getpgid(job.pid) == job.pid:
            os.killpg(job.pid, signal.SIGKILL)


def done_lines(catalog: Catalog, project: Project) -> list[str]:
    path = catalog.folder(project) / "done.txt"
    return path.read_text().splitlines() if path.exists() else []


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_a_job_runs_to_its_end_in_its_own_group(catalog: Catalog, project: Project, launch: Launch) -> None:
    job = launch("work", 5)
    assert os.getpgid(job.pid) == job.pid != os.getpgid(0)
    ended = jobs.wait(catalog, job, LIMIT_S)
    assert (ended.state, ended.result) == ("done", "5 cups are full.")
    assert (ended.progress.done, ended.progress.total, ended.progress.unit) == (5, 5, "cups")
    assert done_lines(catalog, project) == [str(job.pid)] * 5
    assert jobs.active(catalog, project.id) == []


def test_a_job_outlives_its_launcher(catalog: Catalog, project: Project, launch: Launch) -> None:
    environment = {**os.environ, "STAGE_DOES": "work"}
    command = [sys.executable, "-c", LAUNCH_AND_DIE, catalog.url, str(catalog.home), project.id]
    killed = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    [job] = jobs.active(catalog, project.id)
    assert jobs.wait(catalog, job, LIMIT_S).result == "15 cups are full."


def test_a_failure_keeps_problem_and_fix(catalog: Catalog, launch: Launch) -> None:
    ended = jobs.wait(catalog, launch("refuse", 1), LIMIT_S)
    assert (ended.state, ended.problem, ended.fix) == ("failed", "The cup is empty.", "Fill it.")


def test_an_unexpected_failure_names_the_log(catalog: Catalog, launch: Launch) -> None:
    ended = jobs.wait(catalog, launch("break", 1), LIMIT_S)
    assert ended.state == "failed"
    assert "ZeroDivisionError: no cups" in ended.problem
    assert str(jobs.log_path(catalog, ended)) in ended.fix
    assert "Traceback" in jobs.log_path(catalog, ended).read_text()


def test_a_job_that_ends_without_a_word_has_died(catalog: Catalog, project: Project, launch: Launch) -> None:
    job = launch("leave", 1)
    until(lambda: jobs.active(catalog, project.id) == [])
    died = catalog.get(Job, job.id)
    assert died.state == "died"
    assert "the last words" in died.problem
    assert f"resume {job.id}" in died.fix


def test_a_killed_job_is_resumed_without_loss(catalog: Catalog, project: Project, launch: Launch) -> None:
    job = launch("work", 20)
    until(lambda: len(done_lines(catalog, project)) >= 5)
    os.killpg(job.pid, signal.SIGKILL)
    assert jobs.wait(catalog, job, LIMIT_S).state == "died"
    before = done_lines(catalog, project)
    resumed = jobs.resume(catalog, catalog.get(Job, job.id))
    assert (resumed.id, resumed.problem, resumed.fix) == (job.id, "", "")
    assert resumed.pid != job.pid
    assert jobs.wait(catalog, resumed, LIMIT_S).state == "done"
    lines = done_lines(catalog, project)
    assert len(lines) == 20
    assert lines[: len(before)] == before
    assert set(lines[len(before) :]) == {str(resumed.pid)}


def test_a_stopped_job_puts_its_work_in_order_and_resumes(catalog: Catalog, project: Project, launch: Launch) -> None:
    job = launch("work", 20)
    until(lambda: len(done_lines(catalog, project)) >= 3)
    assert jobs.stop(catalog, job).state == "stopping"
    stopped = jobs.wait(catalog, job, LIMIT_S)
    assert stopped.state == "stopped"
    assert stopped.result == f"Stopped after {len(done_lines(catalog, project))}."
    assert jobs.stop(catalog, stopped) == stopped
    assert jobs.wait(catalog, jobs.resume(catalog, stopped), LIMIT_S).state == "done"
    assert len(done_lines(catalog, project)) == 20


def test_a_job_stopped_before_it_began_does_nothing(catalog: Catalog, project: Project, launch: Launch) -> None:
    job = launch("work", 40)
    jobs.stop(catalog, job)
    assert jobs.wait(catalog, job, LIMIT_S).state == "stopped"
    assert len(done_lines(catalog, project)) < 40


def test_a_job_that_will_not_stop_is_killed_with_its_children(
    catalog: Catalog, project: Project, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STOP_GRACE_S", 0.5)
    job = launch("ignore", 100_000)
    until(lambda: len(done_lines(catalog, project)) >= 3)
    [child] = psutil.Process(job.pid).children()
    jobs.stop(catalog, job)
    assert jobs.wait(catalog, job, LIMIT_S).state == "stopped"
    until(lambda: gone(child.pid))


def test_one_job_of_a_kind_at_a_time(catalog: Catalog, project: Project, launch: Launch) -> None:
    job = launch("work", 100_000)
    with pytest.raises(RetortError, match=f"{job.id}.* is already") as caught:
        launch("work", 1)
    assert f"stop {job.id}" in caught.value.fix
    with pytest.raises(RetortError, match="is already"):
        jobs.resume(catalog, catalog.get(Job, job.id))
    assert len(catalog.find(Job)) == 1


def test_the_job_sees_the_launchers_settings_and_no_secret_in_its_arguments(
    catalog: Catalog, launch: Launch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("RETORT_TEACHER_API_KEY=sk-from-the-file\nRETORT_OWNER=nobody\n")
    (tmp_path / "tools").mkdir()  # a user's own folder of that name must not win
    (tmp_path / "tools/__init__.py").write_text("raise RuntimeError('not ours')")
    job = launch("tell", 1)
    assert (
        jobs.wait(catalog, job, LIMIT_S).result
        == f"{catalog.home} local sk-from-the-file {job.id} {SynthesisOrder.stage}"
    )


# --- without a process --------------------------------------------------------------------------------------------


def stored(catalog: Catalog, project: Project, **fields: object) -> Job:
    order = TrainingOrder(run_id="run-1", max_minutes=1)
    job = Job(id=new_id("job"), owner="local", project_id=project.id, order=order)
    return catalog.add(job.but(**fields))


def test_a_reused_pid_is_not_the_job(catalog: Catalog, project: Project) -> None:
    own = psutil.Process()
    stranger = stored(catalog, project, state="running", pid=own.pid, process_started_at=own.create_time() - 1000)
    assert jobs.check(catalog, stranger).state == "died"
    alive = stored(catalog, project, state="running", pid=own.pid, process_started_at=own.create_time())
    assert jobs.active(catalog, project.id) == [alive]


def test_a_job_whose_launcher_was_killed_is_not_queued_for_ever(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = stored(catalog, project)
    assert jobs.check(catalog, job) == job
    monkeypatch.setattr(jobs, "START_GRACE_S", 0.0)
    assert jobs.check(catalog, job).state == "died"


def test_a_look_during_the_restart_does_not_declare_it_dead(
    catalog: Catalog, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = jobs.wait(catalog, launch("refuse", 1), LIMIT_S)
    until(lambda: gone(failed.pid))
    seen = []
    popen = subprocess.Popen

    def look_first(*arguments: object, **options: object) -> object:
        seen.append(jobs.check(catalog, catalog.get(Job, failed.id)).state)
        return popen(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", look_first)
    monkeypatch.setenv("STAGE_DOES", "work")
    assert jobs.wait(catalog, jobs.resume(catalog, failed), LIMIT_S).state == "done"
    assert seen == ["queued"]


# --- progress -----------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_progress_is_written_sparsely_and_its_end_always(
    catalog: Catalog, project: Project, clock: list[float]
) -> None:
    job = stored(catalog, project, state="running")
    work = jobs.Work(catalog, job)
    work.report(40, 100, "rows")  # resumed: 40 were done before
    assert catalog.get(Job, job.id).progress.eta_s is None
    clock[0] += 0.2
    work.report(41, 100, "rows")
    assert catalog.get(Job, job.id).progress.done == 40  # too soon
    clock[0] += 9.8
    work.report(60, 100, "rows", "going well")
    progress = catalog.get(Job, job.id).progress
    assert (progress.done, progress.eta_s, progress.message) == (60, 20.0, "going well")
    clock[0] += 0.1
    work.report(100, 100, "rows")
    assert catalog.get(Job, job.id).progress.done == 100
    work.phase("writing")
    assert catalog.get(Job, job.id).progress.message == "writing"


def test_the_log_of_a_job_is_in_its_project(catalog: Catalog, project: Project) -> None:
    job = stored(catalog, project)
    assert jobs.log_path(catalog, job) == catalog.home / f"projects/contacts/jobs/{job.id}.log"
    assert settings().home_dir == catalog.home


def test_a_job_that_lives_and_tells_nothing_is_told_as_stale(catalog: Catalog, project: Project) -> None:
    now = time.time()
    order = TrainingOrder(run_id="run-1", max_minutes=5)
    job = Job(id=new_id("job"), owner="local", project_id=project.id, order=order, state="running")
    told = job.but(process_started_at=now - 5000, reported_at=now - 60)
    assert jobs.silence(told) == ""
    assert jobs.silence(told.but(state="done", reported_at=now - 4000)) == ""
    stale = jobs.silence(told.but(reported_at=now - 900))
    assert "nothing for 15 minutes" in stale
    assert f"resume {job.id}" in stale
