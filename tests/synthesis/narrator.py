"""A scripted teacher that tells records: messages that hold their values, and a look at them that finds them again."""

import itertools
import json
import random
from typing import Any

from tests.scripted_openai import Reply

_NUMBERS = itertools.count(1)
_WORDS = ("amber", "birch", "canyon", "dolphin", "ember", "falcon", "garnet", "harbor", "island", "juniper", "lantern")
_WRONG = ", wrong at first"  # of a value that was taken back
_LABELS = ("the right answer", "the function it needs")


def shape_of(body: dict[str, Any]) -> dict[str, Any]:
    """What the reply is to hold: samples, answers, verdicts or messages."""
    found: dict[str, Any] = body["response_format"]["json_schema"]["schema"]["properties"]
    return found


def records_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbered JSON lines of the request."""
    lines = body["messages"][1]["content"].splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"number"')]


def message(record: dict[str, Any], leaving_out: int = 0) -> str:
    """A line for each thing that the record tells, but for the last ones."""
    told = list(record.get("tells", {}).items())
    number = next(_NUMBERS)
    opening = f"Good day, this is about the {' '.join(random.Random(number).sample(_WORDS, 5))} and I ask for your help"
    return "\n".join([opening, *(f"{name}: {value}" for name, value in told[: len(told) - leaving_out])])


def narrated(body: dict[str, Any], leaving_out: int = 0, usage: tuple[int, int] = (1000, 500)) -> Reply:
    """The messages of a telling or of a repair."""
    told = [{"number": one["number"], "text": message(one, leaving_out)} for one in records_of(body)]
    return Reply(json.dumps({"messages": told}), usage=usage)


def seen_again(body: dict[str, Any], usage: tuple[int, int] = (1000, 500)) -> Reply:
    """The answers to such messages, found in them."""
    output = shape_of(body)["answers"]["items"]["properties"]["output"]
    answers = [{"number": one["number"], "output": _read(one["input"], output)} for one in records_of(body)]
    return Reply(json.dumps({"answers": answers}), usage=usage)


def _read(text: str, output: dict[str, Any]) -> Any:
    told = dict(line.split(": ", 1) for line in text.splitlines()[1:])
    named = next((told[label] for label in _LABELS if label in told), "")
    fields = {name: value for name, value in told.items() if _WRONG not in name and name not in _LABELS}
    if "enum" in output:
        return named
    if "calls" in output["properties"]:
        arguments = {name: int(value) if value.isdigit() else value for name, value in fields.items()}
        return {"calls": [{"name": named, "arguments": arguments}], "reply": ""}
    return {name: _typed(shape, fields.get(name)) for name, shape in output["properties"].items()}


def _typed(shape: dict[str, Any], value: str | None) -> Any:
    return value == "yes" if "boolean" in shape["type"] and value is not None else value
