"""The tools that a program is offered: the declared commands, and the few that it needs beside them."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.command import COMMANDS, FREE, LOOKS, Command
from agent.toolbox import commands
from tools.errors import RetortError

if TYPE_CHECKING:
    import mcp_types as types

LONGEST_WAIT_S = 3600.0
USUAL_WAIT_S = 50.0  # many clients give a call up after a minute
DESTROYS = {"delete": True, "overwrite": True, "spend": False}  # by risk; the others may do either


class Asked(BaseModel):
    """What is said to a tool of the plugin's own."""

    model_config = ConfigDict(extra="forbid")


class ListProjects(Asked):
    """List the projects with their ids and goals; commands are about the chosen one."""


class OpenProject(Asked):
    """Choose the project that the commands of this connection are about."""

    project: str = Field(
        "", description="The project's id; leave it empty for a new project, which the next command creates."
    )


class PendingApproval(Asked):
    """Show what is waiting for the user's approval; if nothing is, show what became of the last request."""

    timeout_s: float = Field(0, ge=0, le=LONGEST_WAIT_S, description="How many seconds to wait for the user's answer.")


class WaitForJob(Asked):
    """Wait for a job to end, reporting its progress, and show what it has made."""

    job: str = Field("", description="The job's id; leave it empty for the newest job of the project.")
    timeout_s: float = Field(USUAL_WAIT_S, ge=0, le=LONGEST_WAIT_S, description="How many seconds to wait at most.")


OWN: dict[str, type[Asked]] = {
    "list_projects": ListProjects,
    "open_project": OpenProject,
    "pending_approval": PendingApproval,
    "wait_for_job": WaitForJob,
}


def read(name: str, arguments: dict[str, Any]) -> Asked:
    try:
        return OWN[name].model_validate(arguments)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise RetortError(
            f"{name} could not read its arguments: {problems}.", "Correct the arguments and try again."
        ) from error


def schema_of(name: str) -> dict[str, Any] | None:
    """The input schema of a tool; None where there is none of this name."""
    if name in OWN:
        return OWN[name].model_json_schema()
    parameters: dict[str, Any] | None = COMMANDS[name].schema()["function"]["parameters"] if name in COMMANDS else None
    return parameters


def tools() -> "list[types.Tool]":
    import mcp_types as types

    if twice := OWN.keys() & COMMANDS.keys():
        raise RuntimeError(f"a command is called like a tool of the plugin: {', '.join(twice)}")
    own = [
        types.Tool(
            name=name,
            description=model.__doc__,
            input_schema=model.model_json_schema(),
            annotations=types.ToolAnnotations(read_only_hint=model is not OpenProject, destructive_hint=False),
        )
        for name, model in OWN.items()
    ]
    return [_tool(one) for one in commands()] + own


def _tool(command: Command) -> "types.Tool":
    """The command as a tool. Its risk says whether it only looks, and of what is gated whether it destroys."""
    import mcp_types as types

    risk = command.risk
    hints = None
    if risk == LOOKS:
        hints = types.ToolAnnotations(read_only_hint=True)
    elif isinstance(risk, str) and risk != FREE:
        hints = types.ToolAnnotations(read_only_hint=False, destructive_hint=DESTROYS.get(risk))
    parameters = command.schema()["function"]["parameters"]
    return types.Tool(name=command.name, description=command.doc, input_schema=parameters, annotations=hints)
