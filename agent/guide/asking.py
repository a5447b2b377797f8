"""What the guide asks for, one question at a time, and how it reads an answer to each."""

import re
from typing import get_args

from pydantic import JsonValue

from agent.command import Tongue
from agent.guide.understanding import field_names, items, kind_of, language_of, understand
from agent.said.sentences import say
from agent.status import ProjectStatus
from tools.records import JsonObject, Task, TaskKind, Value

_LEAD = re.compile(r"^\s*(?:(?:the\s+)?labels?\s*(?:are|is|:)?|标签(?:是|有|为)?\s*[:：]?)\s*", re.IGNORECASE)
KINDS: dict[str, TaskKind] = {str(number): kind for number, kind in enumerate(get_args(TaskKind), start=1)}
_IT_IS = re.compile(r"^(?:it(?:'s| is)(?: called)?|its name is|call it|它叫|名字(?:是|叫)|叫)\s*", re.IGNORECASE)
_MADE_BY = re.compile(
    r"[\s,，]*(?:and\s+)?(?:(?:is\s+)?(?:made|built|developed|created|trained) by|from|由)\s*", re.IGNORECASE
)
REAL = ("real", "real-again")  # the questions for real messages: early, and once more when scores are told
EXAMPLES_HELP = ("extraction", "classification", "rewriting", "roleplay")


class Question(Value):
    """A question and what it is about; `about` comes back with the user's answer."""

    about: str
    text: str


def next_question(
    status: ProjectStatus, asked_before: set[str], tongue: Tongue, *, compared: bool = False
) -> Question | None:
    """What the task still lacks; then, once each, examples and real messages. None when there is nothing to ask.

    `compared` says that a comparison was just told: without real messages it leaves open what matters most.
    """
    for about in status.missing:
        return Question(about=about, text=say(f"ask.{about}", tongue))
    about = _open_question(status, asked_before, compared=compared)
    if about == "examples" and status.task.kind == "classification":
        return Question(about=about, text=say("ask.examples-of-labels", tongue, label=status.task.labels[0]))
    return Question(about=about, text=say(f"ask.{about}", tongue)) if about else None


def _open_question(status: ProjectStatus, asked_before: set[str], *, compared: bool) -> str:
    """What may be left open, and is asked once; nothing when it was asked or is known."""
    lacks_examples = not status.task.examples and not status.samples and status.task.kind in EXAMPLES_HELP
    if lacks_examples and not {"examples", *REAL} & asked_before:
        return "examples"
    if status.real or status.blank or {"real-again"} & asked_before:
        return ""
    if compared:
        return "real-again"
    return "real" if not status.samples and "real" not in asked_before else ""


def read_answer(about: str, text: str, task: Task) -> JsonObject:
    """The answer as arguments of a change of the task; empty when it is no answer to this question."""
    text = text.strip()
    found: JsonObject = {}
    if len(text.split()) == 1 and (language := language_of(text)):  # often said before it is asked for
        return {"language": language}
    match about:
        case "kind":
            spelled = text.lower() if text.lower() in KINDS.values() else ""
            found = {"kind": KINDS.get(text) or spelled or kind_of(text)}
        case "input_description":
            found = {"input_description": text[:300], "language": language_of(text)}
        case "fields":
            found = _fields(text)
        case "labels":
            labels = items(_LEAD.sub("", text))
            found = taught(text, task, new=True) or {"labels": list[JsonValue](labels) if len(labels) > 1 else None}
        case "style":
            found = {"style": text[:500]}
        case "persona":
            found = {"persona": text[:2000]}
        case "name":
            name, _, maker = re.sub(_IT_IS, "", text).partition(",") if "," in text else _split_maker(text)
            found = {"name": name.strip(" .,，。"), "maker": re.sub(_MADE_BY, "", maker.strip()).strip(" .。")}
        case "tools":
            found = {"tools": [text]} if text.startswith(("{", "[")) else {}
        case "language":
            found = {"language": language_of(text) or (text.lower() if re.fullmatch(r"[a-zA-Z]{2}", text) else "")}
        case "examples":
            found = taught(text, task, new=True) or {"examples": list[JsonValue](_arrows(text))}
    return {name: value for name, value in found.items() if value}


def _fields(text: str) -> JsonObject:
    """Names, a JSON schema or an answer."""
    shape = understand(text).answer_schema
    return {"answer_schema": shape} if shape else {"fields": list[JsonValue](field_names(text))}


def _split_maker(text: str) -> tuple[str, str, str]:
    """'It is Nova made by Acme' as its name and its maker."""
    bare = re.sub(_IT_IS, "", text)
    made = re.search(_MADE_BY, bare)
    return (bare[: made.start()], "", bare[made.end() :]) if made else (bare, "", "")


def taught(text: str, task: Task, *, new: bool = False) -> JsonObject:
    """Lines of 'text => label' or 'label: text' as a classification's examples and labels; empty if any is neither.

    A label that the task does not have yet is taken after an arrow, before a colon only with `new`: colons are common.
    """
    if task.kind != "classification":
        return {}
    known = {label.casefold(): label for label in task.labels}
    found = []
    for line in filter(None, (line.strip(" \t-*") for line in text.splitlines())):
        given, label = _example(line)
        plausible = 0 < len(label.split()) <= 4 and (new or "=>" in line or label.casefold() in known)
        if not given or not plausible:
            return {}
        found.append(f"{given} => {known.setdefault(label.casefold(), label)}")
    return {"labels": list[JsonValue](known.values()), "examples": list[JsonValue](found)} if found else {}


def _example(line: str) -> tuple[str, str]:
    """Text and label of 'text => label' or 'label: text'; empty where there is none."""
    given, arrow, label = line.rpartition("=>")
    if not arrow:
        label, _, given = line.partition("：" if "：" in line and ":" not in line else ":")
    return given.strip(), label.strip(" \"'`“”「」")


def _arrows(text: str) -> tuple[str, ...]:
    """The lines that are 'input => output'."""
    return tuple(line.strip() for line in text.splitlines() if re.search(r"\S.*=>.*\S", line))
