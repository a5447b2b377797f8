"""How a passage stands before the question about it, in the one message that the student reads."""

from collections.abc import Sequence

from tools.records import Message

_PASSAGE, _QUESTION = "Passage: ", "\n\nQuestion: "


def said(messages: Sequence[Message]) -> str:
    """All that the user says, without passages: the last words of two conversations may be the same."""
    return "\n".join(asked(message.content) for message in messages if message.role == "user")


def frame(passage: str, question: str) -> str:
    return f"{_PASSAGE}{passage}{_QUESTION}{question}"


def asked(message: str) -> str:
    """The question without its passage; any other message as it is."""
    return message.rpartition(_QUESTION)[2] if message.startswith(_PASSAGE) else message
