"""The demo's whole job by a program: from a goal to scores and costs, every approval clicked on another face."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import to_thread

from agent.session import Session
from tests.ui.programs import call, in_own_loop, over_stdio, read
from tools import jobs
from tools.catalog import Catalog
from tools.records import Checkpoint, Evaluation, Project, Run

if TYPE_CHECKING:
    from mcp import Client

TIMEOUT_S = 300


def click(catalog: Catalog, project_id: str) -> None:
    """The user, looking at the page."""
    page = Session(catalog, project_id)
    pending = page.pending()
    assert pending is not None
    page.decide(pending.digest, True)


async def approved(client: "Client", catalog: Catalog, name: str, **arguments: Any) -> dict[str, Any]:
    """A gated tool: it waits, the user clicks, the program hears of it. Returns what was asked."""
    asked = await call(client, name, **arguments)
    assert not asked["failed"], asked
    assert asked["waiting"]["command"] == name
    assert asked["job"] is None
    async with anyio.create_task_group() as group:
        group.start_soon(to_thread.run_sync, click, catalog, asked["project"])
        answered = await call(client, "pending_approval", timeout_s=TIMEOUT_S)
    assert answered["waiting"] is None
    assert "you  Approved." in answered["text"]
    return asked


async def finished(client: "Client") -> tuple[dict[str, Any], list[float]]:
    """The newest job's end, and the progress told on the way."""
    heard: list[float] = []

    async def hear(progress: float, _total: float | None, _message: str | None) -> None:
        heard.append(progress)

    said = await call(client, "wait_for_job", progress=hear, timeout_s=TIMEOUT_S)
    assert "has finished" in said["text"], said["text"]
    return said, heard


@pytest.mark.slow
def test_a_program_does_the_whole_job_and_the_user_clicks(catalog: Catalog, tmp_path: Path, tiny_student: Path) -> None:
    async def scenario() -> None:
        async with over_stdio(tmp_path) as client:
            told = await call(
                client,
                "set_task",
                goal="Turn shipping messages into JSON.",
                kind="extraction",
                input_description="short shipping messages",
                fields=["recipient", "phone", "city", "tracking number"],
                language="en",
                student=f"path:{tiny_student}",
            )
            assert not told["failed"], told
            assert len((await call(client, "draft_samples", count=5))["show"][0]["ids"]) == 5
            asked = await approved(client, catalog, "approve_samples", samples=["all"])
            assert len(asked["waiting"]["arguments"]["samples"]) == 5
            asked = await approved(client, catalog, "generate_samples", count=120)
            assert asked["waiting"]["risk"] == "spend"
            await finished(client)
            assert "sealed" in (await call(client, "freeze_dataset", test_rows=20))["text"]
            await call(client, "propose_plan", changes={"epochs": 1, "checkpoints": 1})
            await approved(client, catalog, "start_training")
            _, heard = await finished(client)
            assert heard
            assert all(first < later for first, later in itertools.pairwise(heard))
            await approved(client, catalog, "evaluate")
            scored, _ = await finished(client)
            assert scored["show"][0]["kind"] == "comparison"
            assert "exact match" in (await call(client, "compare_checkpoints"))["text"]
            tried = await call(client, "try_model", text="Hi, this is Dana, my number is 555-014-2207.")
            assert tried["show"][0]["kind"] == "trial", tried
            assert "minutes of compute" in (await call(client, "costs"))["text"]
            reported = await call(client, "write_report")
            assert not reported["failed"], reported
            [project] = catalog.find(Project)
            [run] = catalog.find(Run, project.id)
            assert run.state == "finished"
            [checkpoint] = catalog.find(Checkpoint, project.id)
            candidates = [one.candidate for one in catalog.find(Evaluation, project.id)]
            assert candidates == ["base", checkpoint.id]
            at = f"retort://{project.id}"
            assert "exact match" in await read(client, f"{at}/comparison")
            assert checkpoint.id in await read(client, f"{at}/status")
            assert (await read(client, f"{at}/report/{run.id}")).startswith(f"# {project.name}")

    in_own_loop(scenario)
    for child in jobs._children:  # the user's face started them
        child.wait(timeout=30)
