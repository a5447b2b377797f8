"""The written conversation, played without a browser: the same sessions, the same approvals, the same jobs.

It lives in `build/demo-home` and never touches the user's own home. Every figure it ends with is computed from records.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from agent.session import Session
from agent.transcript import Entry
from tools import jobs
from tools.catalog import Catalog
from tools.deployment.parity import Parity, parity
from tools.errors import RetortError
from tools.evaluation.compare.comparison import compare
from tools.files import write_atomic
from tools.records import Checkpoint, Deployment, Evaluation, Job, Project, Value
from tools.settings import settings
from tools.student.reference import resolve
from ui.progress import whole_line
from ui.show.approval import approval_text
from ui.show.cards import entry_text
from ui.show.scores import rows_line, score_rows
from ui.units import duration

ROOT = Path(__file__).parent.parent
CONVERSATION = ROOT / "examples" / "shipping" / "conversation.yaml"
BUILD = ROOT / "build"
KEPT = "students"  # fetched models: the only thing that an earlier demo leaves behind
TELL_EVERY_S = 15.0
JOB_LIMIT_S = 3600.0
SERVING_LIMIT_S = 600.0
T = TypeVar("T")


class Step(Value):
    """One step of a written conversation: words, files or both; a decision; or a wait."""

    say: str = ""
    files: tuple[Path, ...] = Field((), description="Dropped with the words; paths from the conversation's own folder.")
    approve: bool | None = None
    wait: Literal["", "job", "serving"] = ""


class Figures(Value):
    """What the demo leaves in build/demo.json."""

    test_rows: int
    base_exact_match: float
    best_exact_match: float
    test_exact_match: float = Field(description="Of the best checkpoint, on the sealed test: a share.")
    real_exact_match: float | None = Field(description="Of the same one, on real messages; None without any.")
    checkpoint: str = Field(description="Folder of the checkpoint that was served, else of the best.")
    student: str = Field(description="Folder of the base student.")
    served_agreement: float | None = Field(description="Share of rows where the served model gives the same object.")
    seconds: dict[str, float] = Field(description="Wall seconds by stage.")


def play(conversation: Path | None = None) -> int:
    """Play the conversation and print its end; raises RetortError with the reason when a stage fails."""
    steps = read_steps(conversation or CONVERSATION)
    home = fresh_home(BUILD / "demo-home")
    catalog = Catalog()
    stage = Stage(Session(catalog))
    try:
        for step in steps:
            stage.play(step)
        project = stage.session.project
        if project is None:
            raise RetortError(
                "The conversation created no project.", "It must begin with a message that states a goal."
            )
        finish(catalog, project, stage.seconds, home)
    finally:
        stop_all(catalog)
        catalog.close()
    return 0


def read_steps(path: Path) -> list[Step]:
    import yaml

    try:
        steps = TypeAdapter(list[Step]).validate_python(yaml.safe_load(path.read_bytes()))
        beside = [tuple(path.parent / name for name in step.files) for step in steps]
        return [step.model_copy(update={"files": files}) for step, files in zip(steps, beside, strict=True)]
    except OSError as error:
        raise RetortError(
            f"The conversation {path} cannot be read: {error.strerror}.", "Name an existing file."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RetortError(
            f"The conversation {path} is not a list of steps: {first['msg']} at {place}.",
            "Each step is `say: <text>`, `approve: yes` or `wait: job`.",
        ) from error
    except yaml.YAMLError as error:
        raise RetortError(
            f"The conversation {path} is not valid YAML: {error}.", "Correct the line that it names."
        ) from error


def fresh_home(home: Path) -> Path:
    """An empty home for this process and its jobs; no chat model and no teacher, so that it costs nothing."""
    os.environ.update(RETORT_HOME=str(home), RETORT_CATALOG_URL="", RETORT_CHAT_MODEL="", RETORT_TEACHER_MODEL="")
    settings.cache_clear()
    if (home / "catalog.sqlite").is_file():  # an earlier demo that was cut off may have left a job running
        earlier = Catalog()
        stop_all(earlier)
        earlier.close()
    home.mkdir(parents=True, exist_ok=True)
    for path in home.iterdir():
        if path.name == KEPT:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return home


def stop_all(catalog: Catalog) -> None:
    for job in jobs.active(catalog):
        jobs.wait(catalog, jobs.stop(catalog, job), timeout_s=60)


class Stage:
    """Plays steps and keeps the time."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    def play(self, step: Step) -> None:
        if step.say or step.files:
            dropped = "".join(f"  [{path.name}]" for path in step.files)
            print(f"\n    you  {step.say}{dropped}", flush=True)
            self._timed("talk", lambda: self.show(self.session.say(step.say, step.files)))
        elif step.approve is not None:
            self._timed("talk", lambda: self.show(self._decide(step.approve is True)))
        elif step.wait == "job":
            self._wait_for_job()
        elif step.wait == "serving":
            self._wait_for_serving()
        pending = self.session.pending()
        if pending:
            print(approval_text(pending), flush=True)

    def show(self, entries: Sequence[Entry]) -> None:
        """What a person would see; the user's own words are printed when they are said."""
        for entry in entries:
            if entry.role != "user":
                print(entry_text(self.session.catalog, self.session.project, entry), flush=True)

    def _decide(self, approved: bool) -> list[Entry]:
        pending = self.session.pending()
        if pending is None:
            raise RetortError(
                "The conversation approves something, but nothing is waiting for approval.", "Correct the conversation."
            )
        print(f"\n    you  {'approves' if approved else 'declines'} {pending.verb}", flush=True)
        return self.session.decide(pending.digest, approved)

    def _wait_for_job(self) -> None:
        job = self._newest_job()
        ended = self._timed(job.order.kind, lambda: self._watch(job))
        if ended.state in ("failed", "died"):
            raise RetortError(ended.problem, ended.fix)
        self._timed("talk", lambda: self.show(self.session.tick()))

    def _newest_job(self) -> Job:
        project = self._project()
        running = [job for job in self.session.catalog.find(Job, project.id) if job.order.ends]
        if not running:
            raise RetortError("The conversation waits for a job, but no job was started.", "Correct the conversation.")
        return running[-1]

    def _watch(self, job: Job) -> Job:
        """Print a line now and then until the job ends."""
        catalog, told_at = self.session.catalog, 0.0
        deadline = time.monotonic() + JOB_LIMIT_S
        while time.monotonic() < deadline:
            job = jobs.wait(catalog, job, timeout_s=1.0)
            if not job.active:
                return job
            if time.monotonic() - told_at > TELL_EVERY_S:
                told_at = time.monotonic()
                print(f"      …  {self._clock()}  {whole_line(job)}", flush=True)
        raise RetortError(
            f"{job.id} took more than {duration(JOB_LIMIT_S)}.", f"Its log is {jobs.log_path(catalog, job)}."
        )

    def _wait_for_serving(self) -> None:
        self._timed("serve", self._watch_serving)
        self._timed("talk", lambda: self.show(self.session.tick()))

    def _watch_serving(self) -> None:
        catalog, project = self.session.catalog, self._project()
        deadline, told_at = time.monotonic() + SERVING_LIMIT_S, 0.0
        while time.monotonic() < deadline:
            serving = [job for job in catalog.find(Job, project.id) if job.order.kind == "serve"]
            if not serving:
                raise RetortError(
                    "The conversation waits for a deployment, but no deployment was started.", "Correct it."
                )
            job = jobs.check(catalog, serving[-1])
            if not job.active:
                raise RetortError(job.problem or f"{job.id} ended: {job.result}", job.fix or "Deploy again.")
            if catalog.find(Deployment, project.id, states=("serving",)):
                return
            if time.monotonic() - told_at > TELL_EVERY_S:
                told_at = time.monotonic()
                print(f"      …  {self._clock()}  {whole_line(job)}", flush=True)
            time.sleep(0.5)
        raise RetortError(
            f"The served model did not answer within {duration(SERVING_LIMIT_S)}.", "Look at the job's log."
        )

    def _project(self) -> Project:
        project = self.session.project
        if project is None:
            raise RetortError(
                "The conversation has no project yet.", "It must begin with a message that states a goal."
            )
        return project

    def _timed(self, name: str, action: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return action()
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    def _clock(self) -> str:
        return f"{duration(time.monotonic() - self._began):>10}"


def finish(catalog: Catalog, project: Project, seconds: dict[str, float], home: Path) -> None:
    """The closing table, the figures' file, and where to go on."""
    found = compare(catalog, project)
    evaluations = {row.evaluation_id: catalog.get(Evaluation, row.evaluation_id) for row in found.rows}
    ordered = sorted(evaluations.values(), key=lambda one: one.created_at)
    print(f"\n{'=' * 40}")
    for one in (found.real, found):
        if one:
            print(f"{rows_line(one)}\n\n{score_rows(one.rows)}\n")
    print(found.sentence)
    served = agreement(catalog, project, ordered)
    if served:
        print(served.sentence)
    base = [one for one in ordered if one.candidate == "base"]
    figures = Figures(
        test_rows=found.n,
        base_exact_match=base[0].scores.exact_match.share if base else 0.0,
        best_exact_match=evaluations[found.best].scores.exact_match.share,
        test_exact_match=evaluations[found.best].scores.exact_match.share,
        real_exact_match=catalog.get(Evaluation, found.real.best).scores.exact_match.share if found.real else None,
        checkpoint=str(_served_folder(catalog, project, evaluations[found.best].candidate)),
        student=str(resolve(evaluations[found.best].student)),
        served_agreement=served.same_object / served.rows if served and served.rows else None,
        seconds={name: round(value, 1) for name, value in seconds.items()} | {"total": round(sum(seconds.values()), 1)},
    )
    write_atomic(BUILD / "demo.json", json.dumps(figures.model_dump(), indent=1).encode())
    told = " · ".join(f"{name} {duration(value)}" for name, value in figures.seconds.items())
    print(f"\ntime: {told}\nfigures: {BUILD / 'demo.json'}")
    print(f"to look at this conversation: RETORT_HOME={home} retort ui\nto start your own: make ui")


def _served_folder(catalog: Catalog, project: Project, best: str) -> Path:
    """Where the weights lie that were served last; the best checkpoint's where none was served."""
    deployed = [one.checkpoint_id for one in catalog.find(Deployment, project.id) if one.checkpoint_id]
    checkpoint = catalog.get(Checkpoint, [best, *deployed][-1])
    return (catalog.folder(project) / checkpoint.folder).resolve()


def agreement(catalog: Catalog, project: Project, evaluations: Sequence[Evaluation]) -> Parity | None:
    """How far the served model answers as its checkpoint did; None when no served model was asked."""
    for served in evaluations:
        if served.candidate.startswith("deployment-"):
            deployment = catalog.get(Deployment, served.candidate)
            wanted = deployment.checkpoint_id or "base"
            reference = [one for one in evaluations if one.candidate == wanted]
            if reference:
                return parity(catalog, project, deployment, reference[-1], served)
    return None
