"""What a sample must satisfy before it may be trained on: pure code, no model, one reason at a time."""

import json
import re
import unicodedata
from collections.abc import Iterator

from jsonschema import Draft202012Validator
from pydantic import JsonValue

from tools.records import Passage, Sample, Task, TaskField

_SPACES = re.compile(r"\s+")
_NO_WORD = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def check(task: Task, sample: Sample) -> str:
    """The reason why this sample is bad for the task, as a phrase for a person; empty when it is good."""
    roles = [message.role for message in sample.messages]
    if roles[-2:] not in (["user", "assistant"], ["tool", "assistant"]):
        return f"the messages must end with user and assistant, these end with {' and '.join(roles[-2:])}"
    if not sample.question.strip():
        return "the input is empty"
    if not sample.answer.strip():
        return "the answer is empty"
    if task.kind == "extraction":
        return _check_extraction(task, sample.question, sample.answer)
    if task.kind == "classification" and sample.answer not in task.labels:
        return f"{sample.answer[:60]!r} is not one of the labels {', '.join(task.labels)}"
    return ""


def check_quote(sample: Sample, passage: Passage) -> str:
    """The reason why the sample's quote does not stand in its passage; empty when it does."""
    if not sample.quote.strip():
        return "no passage is quoted as evidence"
    if flat(sample.quote) not in flat(passage.text):
        return f"the quote {sample.quote[:60]!r} is not in the passage"
    return ""


def duplicate_key(text: str) -> str:
    """Inputs with one key are the same to a student: case, spacing, punctuation and width do not count."""
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def flat(text: str) -> str:
    """The text on one line with single spaces."""
    return _SPACES.sub(" ", text).strip()


def _check_extraction(task: Task, question: str, answer: str) -> str:
    try:
        found = json.loads(answer, object_pairs_hook=_unique)
    except ValueError as error:
        return f"the answer is not a JSON object: {error}"
    worst = next(Draft202012Validator(task.json_schema()).iter_errors(found), None)
    if worst is not None:
        where = ".".join(str(step) for step in worst.absolute_path)
        return f"the answer breaks the schema{f' at {where}' if where else ''}: {worst.message[:200]}"
    reasons = (_check_value(field, found[field.name], question) for field in task.fields)
    return next((reason for reason in reasons if reason), "")


def _check_value(field: TaskField, value: JsonValue, question: str) -> str:
    if value is None:
        return f"{field.name!r} is required but null" if field.required else ""
    for leaf in _leaves(value):
        if isinstance(leaf, str) and not leaf.strip():
            return f"{field.name!r} is an empty text; a missing value is null"
        if isinstance(leaf, str) and flat(leaf) not in flat(question) and not _is_choice(field, leaf):
            return f"{field.name!r}: {leaf[:60]!r} is not in the input"
        if isinstance(leaf, int | float) and not isinstance(leaf, bool) and not _has_number(question, leaf):
            return f"{field.name!r}: {leaf} is not in the input"
    return ""


def _leaves(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif value is not None:
        yield value


def _is_choice(field: TaskField, value: str) -> bool:
    """A category that the field's description names ('one of: low, high') need not stand in the input."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", field.description) is not None


def _has_number(question: str, value: float) -> bool:
    """Whether the number stands in the text, with or without thousands separators, decimals by point or comma."""
    digits = unicodedata.normalize("NFKC", question)
    grouped = re.sub(r"(?<=\d)[ ,.'’](?=\d{3}(?!\d))", "", digits)
    forms = (digits, grouped, re.sub(r"(?<=\d),(?=\d)", ".", grouped), re.sub(r"(?<=\d),(?=\d)", ".", digits))
    wanted = abs(float(value))
    return any(float(number) == wanted for form in forms for number in _NUMBER.findall(form))


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} appears twice")
        found[key] = value
    return found
