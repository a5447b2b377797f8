"""Verbs that define the task, and how what a user says about it is read and told."""

import json
import re
from collections.abc import Sequence
from typing import Literal

from pydantic import JsonValue

from agent.coverage_verbs import CoverageVerbs
from agent.field_words import described, read_field, with_required
from agent.transcript import Outcome, Show
from tools import jobs
from tools.dataset.shape import read_shape
from tools.errors import RetortError
from tools.records import Example, JsonObject, Project, Task, TaskKind

UNNAMED = "New project"
HOW_TO_TELL_TOOLS = (
    'Give each as {"name": ..., "description": ..., "parameters": {"type": "object", "properties": {...}}}.'
)


class TaskVerbs(CoverageVerbs):
    """What the student must learn. Docstrings are what the chat model reads about a verb."""

    def set_task(
        self,
        *,
        goal: str = "",
        kind: Literal["", TaskKind] = "",
        input_description: str = "",
        fields: Sequence[str] = (),
        required: Sequence[str] = (),
        describe: Sequence[str] = (),
        answer_schema: str = "",
        labels: Sequence[str] = (),
        out_of_scope: str = "",
        tools: Sequence[str] = (),
        style: str = "",
        name: str = "",
        maker: str = "",
        persona: str = "",
        turns: int = 0,
        reasoning: Literal["", "none", "dropped", "kept"] = "",
        personal_data: Literal["", "keep", "mask"] = "",
        examples: Sequence[str] = (),
        language: str = "",
        student: str = "",
        system_prompt: str = "",
    ) -> Outcome:
        """Define or change the task; what is left out stays. `fields` are 'name' or 'name: description', of which no
        input lacks those `required`; `describe` changes what is said of one of them in the same way; `answer_schema`
        tells nested answers, by a JSON schema or one answer. `examples` are 'input => output', `tools` JSON texts of
        functions to call, `out_of_scope` the label when none fits, `persona` a character's card, `name` and `maker` who
        the student says it is, `turns` user turns a sample, `language` a code like en or zh, `student` a reference like
        hf:Qwen/Qwen3-0.6B."""
        project, task = self.project, self.project.task
        own = task.persona
        told = {
            "kind": kind,
            "input_description": input_description.strip(),
            "fields": read_shape(answer_schema) if answer_schema else tuple(read_field(one) for one in fields),
            "labels": tuple(dict.fromkeys(one.strip() for one in labels if one.strip())),
            "out_of_scope": out_of_scope.strip(),
            "tools": tuple(tool for text in tools for tool in read_tools(text)),
            "style": style.strip(),
            "persona": {"name": name or own.name, "maker": maker or own.maker, "card": persona or own.card},
            "turns": turns,
            "reasoning": reasoning,
            "pii": personal_data,
            "examples": tuple(read_example(one) for one in examples),
            "language": language.strip().lower(),
            "system_prompt": system_prompt.strip(),
        }
        task = Task.model_validate({**task.model_dump(), **{key: value for key, value in told.items() if value}})
        task = task.model_copy(update={"fields": described(with_required(task.fields, required), describe)})
        for noun, names in (("fields", [one.name for one in task.fields]), ("tools", list(map(tool_name, task.tools)))):
            if len(set(names)) < len(names):
                raise RetortError(f"The {noun} {', '.join(names)} name one twice.", "Give each its own name.")
        project = project.but(task=task, goal=goal.strip() or project.goal, student=student or project.student)
        project = self.catalog.save(self._named(project))
        preview = (Show(kind="report", ids=self.masking_preview(project)),) if personal_data == "mask" else ()
        return Outcome(text=task_sentence(task), show=preview)

    def _named(self, project: Project) -> Project:
        """A project gets its name and its folder's name from its goal, once; a job at work keeps its folder."""
        if project.name != UNNAMED or not project.goal:
            return project
        name = short_name(project.goal)
        if jobs.active(self.catalog, project.id):  # files may be read before a word is said
            return project.but(name=name)
        old = self.catalog.folder(project)
        taken = {one.slug for one in self.catalog.find(Project)}
        slug = unique_slug(name, taken)
        old.rename(old.with_name(slug))
        return project.but(name=name, slug=slug)


# --- reading what a verb was given -------------------------------------------------------------------------------


def read_tools(text: str) -> tuple[JsonObject, ...]:
    """One function or a list of them as JSON, bare or in OpenAI's layout, in OpenAI's layout."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise RetortError(f"The functions are no JSON: {error}.", HOW_TO_TELL_TOOLS) from error
    listed = found if isinstance(found, list) else [found]
    functions = [one.get("function", one) if isinstance(one, dict) else {} for one in listed]
    for function in functions:
        named = isinstance(function, dict) and isinstance(function.get("name"), str) and function["name"]
        if not named or not is_schema(function.get("parameters", {})):
            raise RetortError(f"{json.dumps(function)[:120]} is no function with a name.", HOW_TO_TELL_TOOLS)
    return tuple({"type": "function", "function": function} for function in functions)


def is_schema(found: JsonValue) -> bool:
    """Whether this is a JSON schema of an object, or nothing at all."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(found, dict):
        return False
    try:
        Draft202012Validator.check_schema(found)
    except SchemaError:
        return False
    return found.get("type", "object") == "object"


def read_example(text: str) -> Example:
    """'input => output' as an example."""
    given, arrow, output = text.rpartition("=>")
    if not arrow or not given.strip() or not output.strip():
        raise RetortError(f"The example {text[:80]!r} cannot be read.", "Write it as 'input => output'.")
    return Example(input=given.strip(), output=output.strip())


def task_sentence(task: Task) -> str:
    """The task in one or two sentences, with what it still lacks."""
    kinds: dict[TaskKind | None, str] = {
        "extraction": f"extract {', '.join(field.outline for field in task.fields) or '…'} as JSON",
        "classification": f"choose one of {', '.join(task.labels) or '…'}",
        "answering": "answer questions about your documents",
        "rewriting": f"rewrite ({task.style or 'style …'})",
        "roleplay": f"play a character ({task.persona.card[:60] or '…'})",
        "identity": f"say who it is ({task.persona.name or '…'})",
        "calling": f"call {', '.join(map(tool_name, task.tools)) or 'functions …'}",
        "open": "answer in free text",
        None: "kind unknown",
    }
    told = f"Task: {kinds[task.kind]}, from {task.input_description or '…'} (language: {task.language or '…'})"
    lacks = ", ".join(task.missing()).replace("_", " ")
    return f"{told}; still missing: {lacks}." if lacks else f"{told}."


def tool_name(tool: JsonObject) -> str:
    """What a function of OpenAI's `tools` layout is called."""
    function = tool.get("function")
    return str(function.get("name", "")) if isinstance(function, dict) else ""


def short_name(goal: str) -> str:
    """The goal's first words as a name, at most 48 characters."""
    first = re.split(r"[.!?\n。！？]", goal.strip(), maxsplit=1)[0].strip() or goal.strip()
    return first if len(first) <= 48 else f"{first[:48].rsplit(' ', 1)[0]}…"


def unique_slug(name: str, taken: set[str]) -> str:
    """A folder name of ASCII letters and digits that no other project of this owner has."""
    whole = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    words = (whole if len(whole) <= 40 else whole[:41].rpartition("-")[0] or whole[:40]) or "project"
    numbered = (words if number == 1 else f"{words}-{number}" for number in range(1, 1_000_000))
    return next(slug for slug in numbered if slug not in taken)
