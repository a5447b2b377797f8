"""Rows as read from a user's file: the good ones with their line, the others with the reason."""

from pydantic import Field

from tools.records import Dialogue, Message, Value


class FileRow(Dialogue):
    """One good row of a file."""

    line: int


class FileRows(Value):
    """All of a file: every row is either in `rows` or in `skipped`; blank lines are no rows."""

    format: str
    rows: tuple[FileRow, ...]
    skipped: tuple[tuple[int, str], ...]
    column_map: dict[str, str] = Field({}, description="Which column of a table was taken as what.")


def flaw(messages: tuple[Message, ...]) -> str:
    """Why these messages are no training example, or nothing."""
    roles = [message.role for message in messages]
    text = "".join(message.text for message in messages)
    asked = [message.content for message in messages if message.role == "user"]
    flaws = {
        "a system message is not the first message": "system" in roles[1:],
        "the last message is not the assistant's answer": roles[-1:] != ["assistant"],
        "no user message or tool result comes right before the answer": roles[-2:-1] not in (["user"], ["tool"]),
        "no user message comes before the answer": not asked,
        "a tool's result follows no call of a tool": _unasked_result(messages),
        "the answer is empty": not messages or not messages[-1].text.strip(),
        "the input is empty": bool(asked) and not asked[-1].strip(),
        "it holds half a surrogate pair, which is no text": any("\ud800" <= letter <= "\udfff" for letter in text),
    }
    return next((reason for reason, found in flaws.items() if found), "")


def _unasked_result(messages: tuple[Message, ...]) -> bool:
    """Whether a tool speaks that no assistant's message before it has called."""
    open_calls = 0
    for message in messages:
        open_calls = open_calls - 1 if message.role == "tool" else len(message.tool_calls)
        if open_calls < 0:
            return True
    return False
