"""Rows as read from a user's file: the good ones with their line, the others with the reason."""

import json
import re
from collections.abc import Sequence

from pydantic import Field

from tools.records import Dialogue, JsonObject, Message, Value

_SURROGATE = re.compile("[\ud800-\udfff]")


class FileRow(Dialogue):
    """One good row of a file."""

    line: int


class FileRows(Value):
    """All of a file: every row is either in `rows` or in `skipped`; blank lines are no rows."""

    format: str = Field(description="The layout and what holds it, e.g. 'ShareGPT conversations in a JSON array'.")
    encoding: str = Field(description="As it was read: utf-8, gb18030 ...; empty for a binary format.")
    rows: tuple[FileRow, ...]
    skipped: tuple[tuple[int, str], ...] = Field(description="(line, reason) of each row that cannot be used.")
    column_map: dict[str, str] = Field({}, description="Which column of a table was taken as what.")
    certain: bool = Field(True, description="Whether layout and columns are named so; a proposal must be confirmed.")
    notes: tuple[str, ...] = Field((), description="What was left out on purpose, and why a proposal was made.")

    @property
    def fit(self) -> float:
        """Share of the file's rows that could be read in the layout found."""
        return len(self.rows) / max(1, len(self.rows) + len(self.skipped))

    @property
    def confidence(self) -> str:
        """How sure the reading is, for a person."""
        told = (
            "every row fits"
            if not self.skipped
            else f"{len(self.rows)} of {len(self.rows) + len(self.skipped)} rows fit"
        )
        return told if self.certain else f"a guess; {told}"


def flaw(messages: Sequence[Message], tools: Sequence[JsonObject] = ()) -> str:
    """Why these messages are no training example, or nothing."""
    roles = [message.role for message in messages]
    asked = [message.content for message in messages if message.role == "user"]
    said = "".join([*(message.text for message in messages), json.dumps(tools, ensure_ascii=False)])
    flaws = {
        "a system message is not the first message": "system" in roles[1:],
        "the last message is not the assistant's answer": roles[-1:] != ["assistant"],
        "no user message or tool result comes right before the answer": roles[-2:-1] not in (["user"], ["tool"]),
        "no user message comes before the answer": not asked,
        "a tool result does not follow a tool call": _unasked_result(messages),
        "the answer is empty": not messages or not messages[-1].text.strip(),
        "the input is empty": bool(asked) and not asked[-1].strip(),
        "it contains half a surrogate pair, which is not text": not said.isascii() and bool(_SURROGATE.search(said)),
    }
    return next((reason for reason, found in flaws.items() if found), "")


def _unasked_result(messages: Sequence[Message]) -> bool:
    """Whether a tool speaks that no assistant's message before it has called."""
    open_calls = 0
    for message in messages:
        open_calls = open_calls - 1 if message.role == "tool" else len(message.tool_calls)
        if open_calls < 0:
            return True
    return False
