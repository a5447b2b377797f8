"""The system prompt of every sample. It is paid for in each forward pass, so it is short."""

from collections.abc import Callable

from prompts import render
from tools.errors import RetortError
from tools.records import Task, TaskField, TaskKind


def system_prompt(task: Task) -> str:
    """The student's instruction for this task; the task's own `system_prompt` wins.

    Raises RetortError while the task lacks something it must say.
    """
    if task.system_prompt.strip():
        return task.system_prompt.strip()
    lacks = [name for name in task.missing() if name != "language"]
    if lacks or task.kind is None:
        raise RetortError(
            f"The task is not complete: it still lacks {', '.join(lacks)}.",
            "Say in the chat what is missing, then try again.",
        )
    words: dict[TaskKind, Callable[[], str]] = {
        "extraction": lambda: _extraction(task),
        "classification": lambda: _classification(task),
        "answering": lambda: render("student/answering"),
        "rewriting": lambda: render("student/rewriting", input=task.input_description, style=task.style),
        "roleplay": lambda: render("student/roleplay", card=task.persona.card),
        "identity": lambda: render("student/identity", name=task.persona.name, made=_made(task)),
        "calling": lambda: render("student/calling", input=task.input_description),
        "open": lambda: render("student/open", input=task.input_description),
    }
    return words[task.kind]()


def _extraction(task: Task) -> str:
    prompt = "student/written" if any(map(_has_form, task.fields)) else "student/extraction"
    return render(prompt, input=task.input_description, fields=", ".join(map(_described, task.fields)))


def _has_form(field: TaskField) -> bool:
    return field.form is not None or any(map(_has_form, field.fields))


def _classification(task: Task) -> str:
    labels = ", ".join(task.labels)
    if not task.out_of_scope:
        return render("student/classification", input=task.input_description, labels=labels)
    return render("student/scoped", input=task.input_description, labels=labels, other=task.out_of_scope)


def _made(task: Task) -> str:
    return f", made by {task.persona.maker}" if task.persona.maker else ""


def _described(field: TaskField) -> str:
    """`phone`, `total (number, the sum to pay)` or `items (list of: sku, quantity (integer))`: what the name lacks."""
    notes: list[str] = []
    if field.fields:
        notes.append(f"{field.kind} of: {', '.join(map(_described, field.fields))}")
    elif field.kind == "list" and field.items not in (None, "string") and not field.form:
        notes.append(f"list of {field.items}s")
    elif field.kind == "list" or (field.kind != "string" and not field.form):
        notes.append(field.kind)
    if field.choices:
        notes.append(f"one of: {', '.join(field.choices)}")
    if field.form:
        notes.append(field.form.told)
    if field.description and field.description.casefold() != field.name.casefold():
        notes.append(field.description)
    return f"{field.name} ({', '.join(notes)})" if notes else field.name
