"""`retort mcp` with the official client: over stdio and HTTP, what it offers, what waits, what can be read."""

import itertools
import json
import subprocess
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from agent.session import Session
from agent.toolbox import commands
from tests.ui.conftest import make_sample
from tests.ui.programs import Listening, Scene, call, command, environment, in_own_loop, over_stdio, read, refusal
from tools.catalog import Catalog
from tools.records import Document, Job, Progress, Project, Sample, SynthesisOrder, new_id

pytestmark = pytest.mark.slow  # servers of their own processes

OWN = ["list_projects", "open_project", "pending_approval", "wait_for_job"]


# --- over stdio ---------------------------------------------------------------------------------------------------


def test_tools_are_the_declared_commands_and_a_gated_one_waits_for_the_page(catalog: Catalog, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with over_stdio(tmp_path) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert list(tools) == [one.name for one in commands()] + OWN
            for one in commands():
                function = one.schema()["function"]
                assert tools[one.name].input_schema == function["parameters"]
                assert tools[one.name].description == function["description"]
            hints = tools["delete_project"].annotations
            assert hints is not None
            assert hints.destructive_hint is True
            assert tools["set_task"].annotations is None  # what it risks depends on the call

            # none is there yet: the first command makes one
            assert "no projects yet" in (await call(client, "list_projects"))["text"]
            said = await call(client, "set_task", goal="Read contacts.", kind="extraction", fields=["name", "phone"])
            [project] = catalog.find(Project)
            assert said["project"] == project.id
            assert project.goal == "Read contacts."
            assert not said["failed"]
            assert said["waiting"] is None

            samples = [make_sample(project, f"Call Ann {number}.", "{}") for number in range(4)]
            catalog.add_all(samples)
            shown = await call(client, "show_samples")
            assert shown["show"] == [{"kind": "samples", "ids": [one.id for one in samples]}]
            assert "Call Ann 2." in shown["text"]

            page = Session(catalog, project.id)
            asked = await call(client, "approve_samples", samples=["1", "3"])
            exact = {"samples": [samples[0].id, samples[2].id]}
            assert asked["waiting"]["command"] == "approve_samples"
            assert asked["waiting"]["arguments"] == exact
            assert asked["waiting"]["risk"] == "review"
            assert "`retort ui`" in asked["waiting"]["answer"]
            assert "Nothing has been done yet" in asked["text"]
            assert (await call(client, "pending_approval"))["waiting"] == asked["waiting"]
            pending = page.pending()
            assert pending is not None
            assert pending.arguments == exact
            assert pending.digest not in json.dumps([asked, await call(client, "pending_approval")])
            page.decide(pending.digest, True)
            assert [one.state for one in catalog.find(Sample, project.id)] == ["approved", "draft", "approved", "draft"]
            answered = await call(client, "pending_approval")
            assert answered["waiting"] is None
            assert "Approved 2 samples." in answered["text"]

            asked = await call(client, "reject_samples", samples=["2"], reason="bad")
            pending = page.pending()
            assert pending is not None
            page.decide(pending.digest, False, "not this one")
            answered = await call(client, "pending_approval")
            assert "not this one" in answered["text"]
            assert [one.state for one in catalog.find(Sample, project.id)].count("rejected") == 0

            # the page tells who asked
            assert "A program asked over MCP: approve_samples" in [one.text for one in page.transcript()]

    in_own_loop(scenario)


CHATTER = """
import os
from agent.command import FREE, command
from agent.transcript import Outcome
@command(risk=FREE, terminal="chatter", phrases={"en": ["chatter"]})
def chatter(here, *, loud: bool = True) -> Outcome:
    "Print a lot."
    print("noise of a command")
    os.system("echo noise of a child")
    return Outcome(text="I was loud.")
from ui.plugin import serve
serve("", False, 0)
"""


def test_stdout_holds_the_protocol_alone_and_a_command_declared_anywhere_is_a_tool(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    lines = [
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}},  # noqa: E501
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list", "params": {}},
        {"id": 3, "method": "tools/call", "params": {"name": "chatter", "arguments": {}}},
    ]  # fmt: skip
    process = subprocess.Popen(
        command(code=CHATTER),
        cwd=tmp_path,
        env=environment(tmp_path / "home"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers = {}
    try:
        for line in lines:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **line}) + "\n")
        process.stdin.flush()
        while len(answers) < 3:
            answer = json.loads(process.stdout.readline())  # every line: what is no protocol would raise
            assert answer["jsonrpc"] == "2.0"
            answers[answer["id"]] = answer["result"]
        rest, errors = process.communicate(timeout=30)  # closes stdin, which ends the server
    finally:
        process.kill()
    assert rest == ""
    assert process.returncode == 0, errors
    assert "chatter" in [tool["name"] for tool in answers[2]["tools"]]
    assert answers[3]["structuredContent"]["text"] == "I was loud."
    assert "noise of a command" in errors
    assert "noise of a child" in errors


# --- over HTTP, one server for what follows -----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_http_speaks_both_versions_and_connections_do_not_move_each_other(scene: Scene, mode: str) -> None:
    async def scenario() -> None:
        async with scene.client(mode) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == [one.name for one in commands()] + OWN
            said = await call(client, "costs")
            assert said["project"] == scene.project.id
            assert said["show"] == [{"kind": "costs", "ids": []}]
            async with scene.client(mode, project_id="") as other:
                await call(other, "open_project", project="")
                made = await call(other, "set_task", goal="Something else.")
                assert made["project"] not in (None, scene.project.id)
                assert (await call(client, "status"))["project"] == scene.project.id
                assert (await call(other, "status"))["project"] == made["project"]

    in_own_loop(scenario)


def test_it_listens_on_loopback_alone_and_no_page_in_a_browser_may_talk_to_it(listening: Listening) -> None:
    bound = [one.laddr.ip for one in psutil.Process(listening.process.pid).net_connections("inet") if not one.raddr]
    assert bound == ["127.0.0.1"]
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_projects", "arguments": {}}}
    plain = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}

    def status(**headers: str) -> int:
        versions = ({}, {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "list_projects"})
        both = {
            httpx.post(listening.url(), json=asked, headers={**plain, **version, **headers}).status_code
            for version in versions
        }
        return both.pop() if len(both) == 1 else 0

    for origin in ("https://evil.example", "null", "http://localhost", "http://127.0.0.1:1", "http://localhost.evil"):
        assert status(Origin=origin) == 403
    assert status(Host="evil.example") == 421
    assert status(Host=f"evil.example:{listening.port}") == 421
    assert status(**{"Content-Type": "text/plain"}) == 400  # what a form of a page could send without asking


def test_resources_are_the_tables_and_a_wrong_address_is_told_with_a_fix(scene: Scene) -> None:
    other = Project(id=new_id("project"), owner="somebody", slug="theirs", name="Secret of another owner")
    Catalog(scene.catalog.url, "somebody", scene.catalog.home).add(other)

    async def scenario() -> None:
        async with scene.client() as client:
            listed = [one.uri for one in (await client.list_resources()).resources]
            at = f"retort://{scene.project.id}"
            own = [uri for uri in listed if uri.startswith(at)]
            assert {
                f"{at}/{name}" for name in ("status", "conversation", "samples", "comparison", "runs", "costs")
            } <= {*own}
            for uri in own:
                assert (await read(client, uri)).startswith(f"# Contacts: {uri.rsplit('/')[-1]}\n")
            assert "Call Ann 3." in await read(client, f"{at}/samples")
            assert "Nothing has been spent." in await read(client, f"{at}/costs")
            await call(client, "delete_project")
            assert "approval needed (delete): delete_project" in await read(client, f"{at}/conversation")
            assert scene.project.id in await read(client, "retort://projects")
            assert "another owner" not in await read(client, "retort://projects")
            templates = [one.uri_template for one in (await client.list_resource_templates()).resource_templates]
            assert "retort://{project}/report/{run}" in templates
            for wrong in (
                f"retort://{other.id}/status",
                "retort://project-none/status",
                f"{at}/nothing",
                f"{at}/report/run-none",
                f"{at}/report/../../../../etc/passwd",
                f"{at}/samples/../status",
                "file:///etc/passwd",
            ):
                said = await refusal(client, wrong)
                assert said.startswith("There is no")
                assert "Traceback" not in said

    in_own_loop(scenario)
    assert scene.catalog.get(Project, scene.project.id) == scene.project


def test_files_are_taken_by_path_but_none_that_is_hidden_or_retorts_own(scene: Scene, tmp_path: Path) -> None:
    guide = tmp_path / "guide.txt"
    guide.write_text("The office is in Port Ellen.\n\nIt opens at nine.")
    hidden = tmp_path / ".ssh" / "key.txt"
    hidden.parent.mkdir()
    hidden.write_text("SECRET KEY")
    link = tmp_path / "harmless.txt"
    link.symlink_to(hidden)
    kept = scene.catalog.home / "notes.txt"
    kept.write_text("SECRET OF RETORT")

    async def scenario() -> None:
        async with scene.client() as client:
            said = await call(client, "add_files", files=[str(guide)])
            assert not said["failed"], said
            assert [one.name for one in scene.catalog.find(Document, scene.project.id)] == ["guide.txt"]
            assert "Port Ellen" in (await call(client, "show_document", document="guide.txt"))["text"]
            for path in (hidden, link, kept, Path("/proc/self/environ")):
                refused = await call(client, "add_files", files=[str(path)])
                assert refused["failed"]
                assert "may not hand over" in refused["text"]
            missing = await call(client, "add_files", files=[str(tmp_path / "none.txt")])
            assert "There is no upload" in missing["text"]
            mixed = await call(client, "add_files", files=[str(guide), "guide.txt"])
            assert "together" in mixed["text"]
            assert len(scene.catalog.find(Document, scene.project.id)) == 1

    in_own_loop(scenario)


def test_failures_are_sentences_with_a_fix(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene.client() as client:
            for name, arguments, words in (
                ("nothing", {}, "There is no command 'nothing'. The commands are "),
                ("show_samples", {"state": "eaten"}, "could not read its arguments: state"),
                ("open_project", {"project": "project-none"}, "list_projects shows the projects"),
                ("open_project", {"projects": "x"}, "could not read its arguments: projects"),
                ("wait_for_job", {}, "No job has been started"),
                ("wait_for_job", {"job": "job-none"}, "job-none"),
                ("evaluate", {}, "There is no"),
            ):
                said = await call(client, name, **arguments)
                assert said["failed"]
                assert words in said["text"]
                assert "Traceback" not in said["text"]

    in_own_loop(scenario)


def test_waiting_for_a_job_tells_progress_that_grows_and_its_end(scene: Scene) -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    order = SynthesisOrder(count=10, max_usd=0)
    born = psutil.Process(sleeper.pid).create_time()
    job = scene.catalog.add(
        Job(
            id=new_id("job"),
            owner="local",
            project_id=scene.project.id,
            order=order,
            state="running",
            pid=sleeper.pid,
            process_started_at=born,
            progress=Progress(done=3, total=10, unit="samples", message="writing"),
        )
    )
    heard: list[tuple[float, float | None, str | None]] = []
    second = Progress(done=0, total=4, unit="checks", message="checking")

    async def scenario() -> None:
        async def hear(progress: float, total: float | None, message: str | None) -> None:
            heard.append((progress, total, message))
            if len(heard) == 1:
                scene.catalog.change(Job, job.id, progress=second)
            elif len(heard) == 2:
                scene.catalog.change(Job, job.id, progress=Progress(done=4, total=4, unit="checks"))
            else:
                scene.catalog.change(Job, job.id, state="done", result="10 samples.")

        async with scene.client() as client:
            early = await call(client, "wait_for_job", timeout_s=0)
            assert early["job"] == job.id
            assert "3 of 10 samples" in early["text"]
            said = await call(client, "wait_for_job", progress=hear, timeout_s=60)
            assert "has finished. 10 samples." in said["text"]

    try:
        in_own_loop(scenario)
    finally:
        sleeper.kill()
        sleeper.wait()
    title = order.title
    assert [(total, message) for _, total, message in heard] == [
        (10, f"{title} · 3 of 10 samples · writing"),
        (7, f"{title} · 0 of 4 checks · checking"),  # the second phase counts on from the first
        (7, f"{title} · 4 of 4 checks"),
    ]
    numbers = [progress for progress, _, _ in heard]
    assert numbers[0] == 3
    assert numbers[-1] == 7
    assert all(first < later for first, later in itertools.pairwise(numbers))


def test_waiting_for_the_users_answer_ends_with_it(scene: Scene) -> None:
    async def scenario() -> None:
        async with scene.client() as client:
            await call(client, "set_policy", kind="all")
            decline = threading.Timer(1.0, lambda: scene.page().say("no"))
            decline.start()
            began = time.monotonic()
            said = await call(client, "pending_approval", timeout_s=60)
            assert time.monotonic() - began < 50
            assert said["waiting"] is None
            assert "you  no" in said["text"]
            decline.join()

    in_own_loop(scenario)
