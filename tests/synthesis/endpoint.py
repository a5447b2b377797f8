"""A scripted teacher: settings that point at a ScriptedOpenAI, and replies that an honest teacher would give."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.scripted_openai import Reply, ScriptedOpenAI
from tests.synthesis.narrator import narrated, seen_again, shape_of
from tools.settings import settings

_numbers = itertools.count(1)


def contact(number: int) -> dict[str, Any]:
    """One honest sample of the contacts task; every number another person."""
    email = f"person{number}@mail.org"
    output = {"name": None, "phone": None, "address": None, "email": email}
    return {"input": f"Please write to {email}, thanks", "output": output}


def honest(body: dict[str, Any]) -> Reply:
    """As many new samples as the request asks for, in whichever way it asks."""
    shape = shape_of(body)
    if "messages" in shape:
        return narrated(body)
    if "answers" in shape:
        return seen_again(body)
    return said([contact(next(_numbers)) for _ in range(wanted(body))])


def wanted(body: dict[str, Any]) -> int:
    words: list[str] = body["messages"][1]["content"].split()
    return int(words[1])  # "Write 5 new samples."


def said(samples: list[dict[str, Any]], usage: tuple[int, int] = (1000, 500), cached: int = 0) -> Reply:
    return Reply(json.dumps({"samples": samples}), usage=usage, cached=cached)


@contextmanager
def teaching(
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[dict[str, Any]], Reply],
    key: str = "sk-test",
    key_header: str = "Authorization",
    **more: str,
) -> Iterator[ScriptedOpenAI]:
    """The server, with the settings of this process pointing at it."""
    with ScriptedOpenAI(answer, key_header=key_header) as server:
        monkeypatch.setenv("RETORT_TEACHER_MODEL", "big")
        monkeypatch.setenv("RETORT_TEACHER_BASE_URL", server.base_url)
        monkeypatch.setenv("RETORT_TEACHER_API_KEY", key)
        for name, value in more.items():
            monkeypatch.setenv(f"RETORT_TEACHER_{name.upper()}", value)
        settings.cache_clear()
        yield server
