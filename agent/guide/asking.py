"""What the guide asks for, one question at a time, and how it reads an answer to each."""

import re
from typing import get_args

from pydantic import JsonValue

from agent.guide import phrases
from agent.guide.phrases import Tongue
from agent.guide.understanding import field_names, items, kind_of, language_of, understand
from agent.status import ProjectStatus
from tools.records import JsonObject, Task, TaskKind, Value

_LEAD = re.compile(r"^\s*(?:(?:the\s+)?labels?\s*(?:are|is|:)?|标签(?:是|有|为)?\s*[:：]?)\s*", re.IGNORECASE)
KINDS: dict[str, TaskKind] = {str(number): kind for number, kind in enumerate(get_args(TaskKind), start=1)}
_IT_IS = re.compile(r"^(?:it(?:'s| is)(?: called)?|its name is|call it|它叫|名字(?:是|叫)|叫)\s*", re.IGNORECASE)
_MADE_BY = re.compile(
    r"[\s,，]*(?:and\s+)?(?:(?:is\s+)?(?:made|built|developed|created|trained) by|from|由)\s*", re.IGNORECASE
)
EXAMPLES_HELP = ("extraction", "classification", "rewriting", "roleplay")


class Question(Value):
    """A question and what it is about; `about` comes back with the user's answer."""

    about: str
    text: str


def next_question(status: ProjectStatus, asked_before: set[str], tongue: Tongue) -> Question | None:
    """What the task still lacks; then, once, examples. None when there is nothing to ask."""
    for about in status.missing:
        return Question(about=about, text=phrases.QUESTIONS[about][tongue])
    if status.task.examples or status.samples or "examples" in asked_before or status.task.kind not in EXAMPLES_HELP:
        return None
    if status.task.kind == "classification":
        text = phrases.QUESTIONS["examples of labels"][tongue].format(label=status.task.labels[0])
        return Question(about="examples", text=text)
    return Question(about="examples", text=phrases.QUESTIONS["examples"][tongue])


def read_answer(about: str, text: str, task: Task) -> JsonObject:
    """The answer as arguments of set_task; empty when it is no answer to this question."""
    text = text.strip()
    found: JsonObject = {}
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
            found = {"labels": list[JsonValue](labels) if len(labels) > 1 else None}
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
            found = {"examples": list[JsonValue](examples(text, task))}
    return {name: value for name, value in found.items() if value}


def _fields(text: str) -> JsonObject:
    """Names, a JSON schema or an answer; or the language, said before it was asked for."""
    if shape := understand(text).answer_schema:
        return {"answer_schema": shape}
    named = language_of(text) if len(text.split()) == 1 else ""
    return {"language": named} if named else {"fields": list[JsonValue](field_names(text))}


def _split_maker(text: str) -> tuple[str, str, str]:
    """'It is Nova made by Acme' as its name and its maker."""
    bare = re.sub(_IT_IS, "", text)
    made = re.search(_MADE_BY, bare)
    return (bare[: made.start()], "", bare[made.end() :]) if made else (bare, "", "")


def examples(text: str, task: Task) -> tuple[str, ...]:
    """Lines as 'input => output'; for classification also 'label: text'."""
    found = []
    known = {label.lower(): label for label in task.labels}
    for line in text.splitlines():
        given, arrow, output = line.rpartition("=>")
        label, colon, rest = line.strip(" -*").partition("：" if "：" in line and ":" not in line else ":")
        if arrow and given.strip() and output.strip():
            found.append(f"{given.strip()} => {output.strip()}")
        elif colon and rest.strip() and label.strip().lower() in known:
            found.append(f"{rest.strip()} => {known[label.strip().lower()]}")
    return tuple(found)
