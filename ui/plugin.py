"""`retort mcp`: the commands as tools of the Model Context Protocol, over stdio or HTTP on loopback.

The tools are the declared commands, read at every listing, and the few that a program needs beside them. A tool that
needs an approval answers that it waits for the user; what a program may do stands in `ui/program.py`, what it may read
in `ui/resources.py`. Here is the protocol only.
"""

import logging
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from anyio import to_thread

from agent.toolbox import GROUPS
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Job, Project
from tools.settings import settings
from ui import resources as tables
from ui.offered import OWN, OpenProject, PendingApproval, WaitForJob, read, schema_of, tools
from ui.program import Program, Reply
from ui.progress import whole_line

if TYPE_CHECKING:
    import mcp_types as types
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel import Server

log = logging.getLogger(__name__)
T = TypeVar("T")

HOST = "127.0.0.1"
POLL_S = 0.5
HEARTBEAT_S = 10.0  # a client that counts from the last progress waits on
INSTRUCTIONS = f"""Retort distils what a big model can do on a task into a small model that the user owns.
The tools are listed in the order of the work: {", ".join(GROUPS)}.
Whatever spends, publishes, deletes or judges samples needs the user's own approval. Such a tool replies that it is
waiting and shows the question; only the user can answer, on the page (`retort ui`) or at a terminal (`retort answer`).
pending_approval waits for the answer, wait_for_job for the end of a job. Only one question can wait at a time."""


# --- the protocol -------------------------------------------------------------------------------------------------


class Plugin:
    """Answers the requests of the protocol. Sessions are synchronous: each call runs in a thread, and to its end."""

    def __init__(self, catalog: Catalog, project_id: str) -> None:
        self.catalog = catalog
        self.project_id = project_id
        self._programs: dict[str, Program] = {}

    def server(self) -> "Server[Any]":
        from mcp.server.lowlevel import Server

        return Server(
            "retort",
            title="Retort",
            instructions=INSTRUCTIONS,
            get_tool_input_schema=schema_of,
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
            on_list_resources=self.list_resources,
            on_list_resource_templates=self.list_templates,
            on_read_resource=self.read_resource,
        )

    # --- tools ---

    async def list_tools(self, _context: "ServerRequestContext[Any]", _params: object) -> "types.ListToolsResult":
        import mcp_types as types

        return types.ListToolsResult(tools=tools())

    async def call_tool(
        self, context: "ServerRequestContext[Any]", params: "types.CallToolRequestParams"
    ) -> "types.CallToolResult":
        import mcp_types as types

        try:
            reply = await self._reply(context, params.name, params.arguments or {})
        except RetortError as error:
            reply = Reply(text=str(error), failed=True)
        except Exception as error:  # the edge: a program gets a sentence, and the log the rest
            log.exception("unforeseen failure in %s", params.name)
            text = (
                f"{params.name} failed unexpectedly ({type(error).__name__}: {error}). Try again; the log "
                "has the details."
            )
            reply = Reply(text=text, failed=True)
        content = types.TextContent(text=reply.text)
        return types.CallToolResult(
            content=[content], structured_content=reply.model_dump(mode="json"), is_error=reply.failed
        )

    async def _reply(self, context: "ServerRequestContext[Any]", name: str, arguments: dict[str, Any]) -> Reply:
        program = await to_thread.run_sync(self._program, context)
        if name not in OWN:
            return await to_thread.run_sync(program.call, name, arguments)
        match read(name, arguments):
            case OpenProject(project=project):
                return await to_thread.run_sync(program.open, project)
            case PendingApproval(timeout_s=timeout_s):
                return await self._answered(context, program, timeout_s)
            case WaitForJob(job=job, timeout_s=timeout_s):
                return await self._ended(context, program, job, timeout_s)
            case _:
                return await to_thread.run_sync(program.projects)

    async def _answered(self, context: "ServerRequestContext[Any]", program: Program, timeout_s: float) -> Reply:
        reply, meter = await to_thread.run_sync(program.pending), Meter(context)
        with anyio.move_on_after(timeout_s):
            while reply.waiting is not None and timeout_s:
                await meter.tell(0, 0, f"Waiting for the user's approval of {reply.waiting.command}")
                await anyio.sleep(POLL_S)
                reply = await to_thread.run_sync(program.pending)
        return reply

    async def _ended(
        self, context: "ServerRequestContext[Any]", program: Program, job_id: str, timeout_s: float
    ) -> Reply:
        job, meter = await to_thread.run_sync(program.job, job_id), Meter(context)
        with anyio.move_on_after(timeout_s):
            while job.active:
                await meter.tell_job(job)
                await anyio.sleep(POLL_S)
                job = await to_thread.run_sync(program.job, job.id)
        return await to_thread.run_sync(program.ended, job)

    def _program(self, context: "ServerRequestContext[Any]") -> Program:
        """Who asks: the process on the other end of stdio, a session of HTTP, or, as the newest version of the
        protocol knows no sessions, whoever uses the same address: `/mcp?project=ID` fixes the project there."""
        request = context.request
        session = request.headers.get("mcp-session-id", "") if request is not None else ""
        named = request.query_params.get("project", "") if request is not None else ""
        key = f"{session} {named}"
        if key not in self._programs:
            self._programs[key] = Program(self.catalog, named or self.project_id)
        return self._programs[key]

    # --- resources ---

    async def list_resources(
        self, _context: "ServerRequestContext[Any]", _params: object
    ) -> "types.ListResourcesResult":
        import mcp_types as types

        found = await self._looked(lambda: tables.places(self.catalog))
        resources = [
            types.Resource(uri=one.uri, name=one.name, description=one.about, mime_type="text/markdown")
            for one in found
        ]
        return types.ListResourcesResult(resources=resources)

    async def list_templates(
        self, _context: "ServerRequestContext[Any]", _params: object
    ) -> "types.ListResourceTemplatesResult":
        import mcp_types as types

        templates = [
            types.ResourceTemplate(
                uri_template=one.uri, name=one.name, description=one.about, mime_type="text/markdown"
            )
            for one in tables.templates()
        ]
        return types.ListResourceTemplatesResult(resource_templates=templates)

    async def read_resource(
        self, _context: "ServerRequestContext[Any]", params: "types.ReadResourceRequestParams"
    ) -> "types.ReadResourceResult":
        import mcp_types as types

        text = await self._looked(lambda: tables.read(self.catalog, params.uri))
        contents = types.TextResourceContents(uri=params.uri, mime_type="text/markdown", text=text)
        return types.ReadResourceResult(contents=[contents])

    async def _looked(self, look: Callable[[], T]) -> T:
        """The edge of all reading: problem and fix as an error of the protocol, never a trace."""
        import mcp_types as types
        from mcp.shared.exceptions import MCPError

        try:
            return await to_thread.run_sync(look)
        except RetortError as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from error
        except Exception as error:
            log.exception("unforeseen failure of a resource")
            text = f"It cannot be read ({type(error).__name__}: {error}). Try again; the log has the details."
            raise MCPError(types.INTERNAL_ERROR, text) from error


class Meter:
    """Progress as the protocol wants it: numbers that only grow, though each phase of a job counts anew."""

    def __init__(self, context: "ServerRequestContext[Any]") -> None:
        self._session = context.session
        self._base = self._done = 0.0  # what earlier phases came to, and how far this one is
        self._told, self._line, self._told_at = -1.0, "", 0.0

    async def tell_job(self, job: Job) -> None:
        await self.tell(job.progress.done, job.progress.total, whole_line(job))

    async def tell(self, done: float, total: float, line: str) -> None:
        """Tell what is new, and now and then that nothing is; words alone move the number by a thousandth."""
        moment = anyio.current_time()
        if done < self._done:
            self._base = self._told
        self._done = done
        if line == self._line and moment - self._told_at < HEARTBEAT_S:
            return
        self._told = max(self._base + done, self._told + 0.001 if self._line else 0.0)
        self._line, self._told_at = line, moment
        await self._session.report_progress(self._told, self._base + total if total else None, line)


# --- the ways in --------------------------------------------------------------------------------------------------


def serve(project: str, http: bool, port: int) -> None:
    """Serve until the client goes away (stdio), or until stopped (HTTP). RetortError for an unknown project or a port
    that is taken. `project` '' is the newest; `port` 0 is the one after the page's."""
    catalog = Catalog()
    if project:
        catalog.get(Project, project)
    server = Plugin(catalog, project).server()
    if http:
        _over_http(server, port or settings().port + 1)
    else:
        anyio.run(_over_stdio, server)


async def _over_stdio(server: "Server[Any]") -> None:
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (reader, writer):  # whatever else is printed meanwhile goes to stderr
        await server.run(reader, writer, server.create_initialization_options())


def _over_http(server: "Server[Any]", port: int) -> None:
    """On loopback, and for programs alone: a page in a browser, from wherever, is refused by its Origin or Host."""
    import uvicorn
    from mcp.server.transport_security import TransportSecuritySettings

    hosts = [f"{name}:{port}" for name in (HOST, "localhost")]
    origins = [f"http://{host}" for host in hosts]
    guard = TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)
    app = server.streamable_http_app(host=HOST, transport_security=guard)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
            listening.listen()  # before it is said: whoever reads it may connect at once
        except OSError as error:
            raise RetortError(
                f"Port {port} of {HOST} cannot be used: {error}.", "Choose another port with --port."
            ) from error
        print(f"Retort is listening for programs at http://{HOST}:{port}/mcp; Ctrl-C stops it.", file=sys.stderr)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
        uvicorn.Server(config).run(sockets=[listening])
