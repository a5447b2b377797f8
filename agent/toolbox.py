"""All commands, in the order of the way from a goal to a served model. Whoever needs them imports them from here."""

from functools import cache
from typing import Any

from agent.command import COMMANDS, Command
from agent.commands import (
    arena,
    coverage,
    dataset,
    documents,
    doubts,
    failures,
    plan,
    project,
    review,
    rows,
    rules,
    samples,
    scores,
    serving,
    task,
    teacher,
    training,
)

_WAY = (
    task,
    coverage,
    documents,
    rows,
    doubts,
    teacher,
    samples,
    review,
    rules,
    dataset,
    plan,
    training,
    scores,
    failures,
    arena,
    serving,
    project,
)
GROUPS = tuple(module.__name__.rsplit(".", 1)[-1] for module in _WAY)


def commands() -> list[Command]:
    """Every declared command, part of the way by part of the way; what is declared elsewhere comes last."""
    place = {group: number for number, group in enumerate(GROUPS)}
    return sorted(COMMANDS.values(), key=lambda one: place.get(one.group, len(place)))


def tool_schemas() -> list[dict[str, Any]]:
    """The commands as function tools of the OpenAI chat protocol, made from their declarations."""
    return [_schema(one) for one in commands()]


@cache
def _schema(command: Command) -> dict[str, Any]:
    return command.schema()
