"""What a sample must satisfy before it may be trained on: pure code, no model, one reason at a time."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from jsonschema import Draft202012Validator
from pydantic import JsonValue

from tools.records import JsonObject, Passage, Sample, Task, TaskField
from tools.synthesis import boilerplate
from tools.synthesis.calls import check_calls
from tools.synthesis.framing import asked
from tools.synthesis.languages import foreign
from tools.synthesis.lengths import unlike
from tools.synthesis.quotes import flat, locate

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WRITES = ("answering", "rewriting", "roleplay", "identity", "calling", "open")  # kinds that answer in sentences


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
    if task.kind == "classification":
        return _check_label(task, sample.answer)
    return check_calls(sample)


def report(task: Task, sample: Sample, passage: Passage | None) -> list[tuple[str, str]]:
    """What code can check of this sample, in words, each with what is wrong; empty where it passes."""
    shape = {
        "extraction": "fits the fields, and its values stand in the input",
        "classification": "a known label",
        "calling": "known functions and arguments",
    }
    told = [(shape.get(task.kind or "", "has an input and an answer"), check(task, sample))]
    if passage is not None and sample.quote:
        told.append(("its quote stands in the passage", check_quote(sample, passage)))
    if passage is not None and task.kind == "answering":
        told.append(("its numbers stand in the passage", check_grounded(sample, asked(sample.question), passage)))
    if not sample.source.startswith(("simulator", "import:")):
        wrong = check_written(task, sample, asked(sample.question) if not passage else "")
        told.append(("language, length, no empty phrases", wrong))
    return told


def check_written(task: Task, sample: Sample, question: str) -> str:
    """What only a text that somebody wrote can have wrong: its language, its length, its empty phrases.

    `question` is the input without the passage that may stand before it.
    """
    language = sample.cell.get("language", "") or task.language
    told = sample.messages[-1].content if task.kind in _WRITES else ""
    reasons: tuple[Callable[[], str], ...] = (
        lambda: _named("the input", boilerplate.placeholder(question)),
        lambda: _named("the question", boilerplate.pointing(question) if task.kind == "answering" else ""),
        lambda: _named("the answer declines", boilerplate.refusal(told) if task.kind != "roleplay" else ""),
        lambda: _named("the answer", boilerplate.chatter(told)),
        lambda: _in_language("the input", question, language),
        lambda: _in_language("the answer", told, language),
        lambda: _of_length("the input", question, sample.cell.get("length", "")),
        lambda: _of_length("the answer", told, ""),
    )
    return next((reason for find in reasons if (reason := find())), "")


def check_quote(sample: Sample, passage: Passage) -> str:
    """The reason why the sample's quote does not stand in its passage; empty when it does."""
    if not sample.quote.strip():
        return "no passage is quoted as evidence"
    if locate(sample.quote, passage.text) is None:
        return f"the quote {sample.quote[:60]!r} is not in the passage"
    return ""


def check_grounded(sample: Sample, question: str, passage: Passage) -> str:
    """The reason why a document's answer cannot be right: a number in it that neither passage nor question has."""
    known = f"{passage.text} {question}"
    for number in _NUMBER.findall(unicodedata.normalize("NFKC", sample.answer).replace(",", "")):
        if not _has_number(known, float(number)):
            return f"the answer's number {number} is not in the passage"
    return ""


def _named(what: str, words: str) -> str:
    return f"{what} says {words[:60]!r}" if words else ""


def _in_language(what: str, text: str, language: str) -> str:
    found = foreign(text, language)
    return f"{what} is not in the language {language}{f' but in {found}' if found != 'other' else ''}" if found else ""


def _of_length(what: str, text: str, wanted: str) -> str:
    found = unlike(text, wanted)
    return f"{what} is too long or too short: {found}" if found else ""


def _check_label(task: Task, answer: str) -> str:
    labels = [*task.labels, *([task.out_of_scope] if task.out_of_scope else [])]
    return "" if answer in labels else f"{answer[:60]!r} is not one of the labels {', '.join(labels)}"


def _check_extraction(task: Task, question: str, answer: str) -> str:
    try:
        found = json.loads(answer, object_pairs_hook=_unique)
    except ValueError as error:
        return f"the answer is not a JSON object: {error}"
    worst = next(Draft202012Validator(task.json_schema()).iter_errors(found), None)
    if worst is not None:
        where = ".".join(str(step) for step in worst.absolute_path)
        return f"the answer breaks the schema{f' at {where}' if where else ''}: {worst.message[:200]}"
    return _check_object(task.fields, found, question)


def _check_object(fields: Sequence[TaskField], found: JsonObject, question: str, where: str = "") -> str:
    """`where` leads to the object: 'items.'; its schema is right."""
    reasons = (_check_value(field, found[field.name], question, f"{where}{field.name}") for field in fields)
    return next((reason for reason in reasons if reason), "")


def _check_value(field: TaskField, value: JsonValue, question: str, where: str) -> str:
    if value is None:
        return f"{where!r} is required but null" if field.required else ""
    if field.fields:
        objects = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
        reasons = (_check_object(field.fields, one, question, f"{where}.") for one in objects)
        return next((reason for reason in reasons if reason), "")
    for leaf in _leaves(value):
        if isinstance(leaf, str) and not leaf.strip():
            return f"{where!r} is an empty text; a missing value is null"
        if isinstance(leaf, str) and flat(leaf) not in flat(question) and not _is_choice(field, leaf):
            return f"{where!r}: {leaf[:60]!r} is not in the input"
        is_number = isinstance(leaf, int | float) and not isinstance(leaf, bool)
        if is_number and not _has_number(question, float(str(leaf))) and not _is_choice(field, str(leaf)):
            return f"{where!r}: {leaf} is not in the input"
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
    """A category that the field lists, or its description names ('one of: low, high'), may be missing in the input."""
    if field.choices:
        return value in field.choices
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
