"""The system prompt of every sample. It is paid for in each forward pass, so it is short."""

from prompts import render
from tools.errors import RetortError
from tools.records import Task, TaskField


def system_prompt(task: Task) -> str:
    """The student's instruction for this task; the task's own `system_prompt` wins.

    Raises RetortError while the task lacks something it must say.
    """
    if task.system_prompt.strip():
        return task.system_prompt.strip()
    if lacks := [name for name in task.missing() if name != "language"]:
        raise RetortError(
            f"The task is not complete: it lacks {', '.join(lacks)}.",
            "Say what is missing in the chat, then go on.",
        )
    if task.kind == "extraction":
        fields = ", ".join(_described(field) for field in task.fields)
        return render("student/extraction", input=task.input_description, fields=fields)
    if task.kind == "classification":
        return render("student/classification", input=task.input_description, labels=", ".join(task.labels))
    return render("student/open", input=task.input_description)


def _described(field: TaskField) -> str:
    """`phone`, or `total (number, the sum to pay)`: only what the name alone does not say."""
    notes: list[str] = [field.kind] if field.kind != "string" else []
    if field.description and field.description.casefold() != field.name.casefold():
        notes.append(field.description)
    return f"{field.name} ({', '.join(notes)})" if notes else field.name
