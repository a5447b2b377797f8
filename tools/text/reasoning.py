"""Reasoning in writing before an answer: <think> in most models, <seed:think>, <thought> and [THINK] in some."""

import re

_NAME = r"(?:\w+:)?think(?:ing)?|thought|reasoning"
_TAG = rf"[<\[]({_NAME})[>\]]"
TAGS = re.compile(rf"([<\[]/?(?:{_NAME})[>\]])", re.IGNORECASE)
OPENS = re.compile(rf"\s*{_TAG}\s*", re.IGNORECASE)  # at the beginning of an answer
LEFT_OPEN = re.compile(rf"{_TAG}\s*$", re.IGNORECASE)  # at the end of a prompt
CLOSED = re.compile(rf"{_TAG}\s*[<\[]/\1[>\]]\s*$", re.IGNORECASE)  # at the end of a prompt: nothing is to be thought


def opens_reasoning(answer: str) -> bool:
    """Whether an answer begins with reasoning in writing."""
    return bool(OPENS.match(answer))
