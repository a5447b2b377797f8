"""How a passage stands before the question about it, in the one message that the student reads."""

_PASSAGE, _QUESTION = "Passage: ", "\n\nQuestion: "


def frame(passage: str, question: str) -> str:
    return f"{_PASSAGE}{passage}{_QUESTION}{question}"


def asked(message: str) -> str:
    """The question without its passage; any other message as it is."""
    return message.rpartition(_QUESTION)[2] if message.startswith(_PASSAGE) else message
