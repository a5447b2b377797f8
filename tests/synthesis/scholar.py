"""A scripted teacher for every task kind: it reads what it is asked as a model would, and answers honestly."""

import json
import random
import re
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.scripted_openai import Reply
from tests.synthesis.narrator import narrated, seen_again
from tools.records import Persona, Task

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
TIME = {
    "type": "function",
    "function": {
        "name": "get_time",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    },
}
KINDS: dict[str, Task] = {
    "answering": Task(kind="answering", language="en"),
    "rewriting": Task(kind="rewriting", input_description="blunt notes", style="polite", language="en"),
    "roleplay": Task(kind="roleplay", persona=Persona(card="A ship's cook, gruff and kind."), language="en"),
    "identity": Task(kind="identity", persona=Persona(name="Nova", maker="Acme"), language="en"),
    "calling": Task(kind="calling", input_description="requests", tools=(WEATHER, TIME), language="en"),
    "open": Task(kind="open", input_description="riddles", language="en"),
    "classification": Task(
        kind="classification",
        input_description="messages to a bank",
        labels=("card lost", "balance"),
        out_of_scope="other",
        language="en",
    ),
}
_NUMBERS = count(1)
_WORDS = [
    "amber",
    "birch",
    "canyon",
    "dolphin",
    "ember",
    "falcon",
    "garnet",
    "harbor",
    "island",
    "juniper",
    "kestrel",
    "lantern",
    "meadow",
    "nectar",
    "orchid",
    "pepper",
    "quartz",
    "river",
    "saffron",
    "timber",
    "umber",
    "violet",
    "willow",
    "yarrow",
    "zephyr",
    "anchor",
    "basil",
    "copper",
    "desert",
    "engine",
]


def phrase(number: int, words: int = 6) -> str:
    """Words drawn for this number."""
    return " ".join(random.Random(number).sample(_WORDS, words))


def chinese(number: int) -> str:
    return "".join(
        random.Random(number).sample("春夏秋冬山水风云花鸟鱼虫琴棋书画诗酒茶饭东西南北金木火土天地日月星辰江河湖海", 14)
    )


def wanted(body: dict[str, Any]) -> int:
    return int(body["messages"][1]["content"].split()[1])


def passage_of(body: dict[str, Any]) -> str:
    """The document between its two markers."""
    found = re.search(r"(=== document \w+ ===)\n(.*)\n\1", body["messages"][1]["content"], re.DOTALL)
    return found[2] if found else ""


def lines_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbered lines that are to be answered or judged."""
    rows = body["messages"][1]["content"].splitlines()
    return [json.loads(row) for row in rows if row.startswith('{"number"')]


def scholar(kind: str) -> Callable[[dict[str, Any]], Reply]:
    """A teacher of this kind of task."""

    def answer(body: dict[str, Any]) -> Reply:
        shape = body["response_format"]["json_schema"]["schema"]["properties"]
        if "verdicts" in shape:
            verdicts = [{"number": one["number"], "good": True, "problem": ""} for one in lines_of(body)]
            return Reply(json.dumps({"verdicts": verdicts}))
        if "messages" in shape:
            return narrated(body)
        if "answers" in shape and "Good day, this is about the " in body["messages"][1]["content"]:
            return seen_again(body)
        if "answers" in shape:
            answers = [{"number": one["number"], "output": output_to(kind, one["input"])} for one in lines_of(body)]
            return Reply(json.dumps({"answers": answers}))
        return Reply(json.dumps({"samples": [sample(kind, body) for _ in range(wanted(body))]}))

    return answer


def sample(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    number = next(_NUMBERS)
    parts = body["response_format"]["json_schema"]["schema"]["properties"]["samples"]["items"]["properties"]
    if kind == "answering":
        sentence = [one for one in re.split(r"(?<=[.。])\s*", passage_of(body)) if one][number % 2]
        made = {"input": f"What is known of {phrase(number)} here?", "output": sentence, "quote": sentence}
    elif kind == "calling":
        city = _WORDS[number % 30].title()
        text = f"How will the weather be in {city}, {phrase(number)}?"
        made = {"input": text, "output": output_to(kind, text)}
    else:
        text = f"Please tell me about {phrase(number)} today"
        made = {"input": text, "output": output_to(kind, text)}
    if "history" in parts:
        earlier = {"input": f"First of all {phrase(number, 4)}", "output": output_to(kind, "hello")}
        extra = {"results": ['{"sky": "clear"}'], "reply": "The sky is clear."} if kind == "calling" else {}
        made["history"] = [{**earlier, **extra}] * parts["history"]["minItems"]
    return {**made, **({"reasoning": "Think of it step by step."} if "reasoning" in parts else {})}


def output_to(kind: str, text: str) -> Any:
    if kind == "calling":
        city = re.search(r"weather be in (\w+)", text)
        return {"calls": [{"name": "get_weather", "arguments": {"city": city[1] if city else "Rome"}}], "reply": ""}
    told = {
        "classification": "card lost",
        "identity": "I am Nova, made by Acme.",
        "roleplay": "Aye, sit down and eat your soup first.",
        "rewriting": f"Would you kindly tell me about {text.rsplit('about ', maxsplit=1)[-1]}?",
    }
    return told.get(kind, "It is a riddle about the wind.")
