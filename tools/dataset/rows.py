"""Rows as read from a user's file: the good ones with their line, the others with the reason."""

from pydantic import Field

from tools.records import Message, Value


class FileRow(Value):
    """One good row of a file."""

    line: int
    messages: tuple[Message, ...]

    @property
    def question(self) -> str:
        return self.messages[-2].content

    @property
    def answer(self) -> str:
        return self.messages[-1].content


class FileRows(Value):
    """All of a file: every row is either in `rows` or in `skipped`; blank lines are no rows."""

    format: str
    rows: tuple[FileRow, ...]
    skipped: tuple[tuple[int, str], ...]
    column_map: dict[str, str] = Field({}, description="Which column of a table was taken as what.")


def flaw(messages: tuple[Message, ...]) -> str:
    """Why these messages are no training example, or nothing."""
    roles = [message.role for message in messages]
    text = "".join(message.content for message in messages)
    flaws = {
        "a system message is not the first message": "system" in roles[1:],
        "the last message is not the assistant's answer": roles[-1:] != ["assistant"],
        "no user message comes right before the answer": roles[-2:-1] != ["user"],
        "the answer is empty": not messages or not messages[-1].content.strip(),
        "the input is empty": len(messages) > 1 and not messages[-2].content.strip(),
        "it holds half a surrogate pair, which is no text": any("\ud800" <= letter <= "\udfff" for letter in text),
    }
    return next((reason for reason, found in flaws.items() if found), "")
