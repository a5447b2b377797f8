"""What a sample must satisfy before it may be trained on: pure code, no model, one reason at a time."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from jsonschema import Draft202012Validator
from pydantic import JsonValue

from tools.records import REAL, JsonObject, Passage, Sample, Task, TaskField
from tools.synthesis.check.asked_length import unlike
from tools.synthesis.check.calls import check_calls
from tools.synthesis.check.quotes import flat, locate
from tools.synthesis.request.framing import asked
from tools.text.forms.reading import reader_of
from tools.text.language import foreign

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
        own = sample.source.startswith(("import:", REAL))
        return _check_extraction(task, sample.question, sample.answer, absent=own)
    if task.kind == "classification":
        return _check_label(task, sample.answer)
    return check_calls(sample)


def report(task: Task, sample: Sample, passage: Passage | None) -> list[tuple[str, str]]:
    """What code can check of this sample, in words, each with what is wrong; empty where it passes."""
    shape = {
        "extraction": "fits the fields, and the input says its values",
        "classification": "a known label",
        "calling": "known functions and arguments",
    }
    told = [(shape.get(task.kind or "", "has an input and an answer"), check(task, sample))]
    if passage is not None and sample.quote:
        told.append(("its quote occurs in the passage", check_quote(sample, passage)))
    if passage is not None and task.kind == "answering":
        told.append(("its numbers occur in the passage", check_grounded(sample, asked(sample.question), passage)))
    if not sample.source.startswith(("simulator", "import:", REAL)):
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
        lambda: _named("the input", placeholder(question)),
        lambda: _named("the question", pointing(question) if task.kind == "answering" else ""),
        lambda: _named("the answer declines: it", refusal(told) if task.kind != "roleplay" else ""),
        lambda: _named("the answer", chatter(told)),
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


def _check_extraction(task: Task, question: str, answer: str, *, absent: bool) -> str:
    """`absent` lets an answer leave out what is not there: a user's own rows keep their layout, made rows have one."""
    try:
        found = json.loads(answer, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        return f"the answer is not a JSON object: {error}"
    if reason := _misformed(task.fields, found):
        return reason
    worst = next(Draft202012Validator(task.json_schema(absent=absent)).iter_errors(found), None)
    if worst is not None:
        where = ".".join(str(step) for step in worst.absolute_path)
        return f"the answer breaks the schema{f' at {where}' if where else ''}: {worst.message[:200]}"
    return _check_object(task.fields, found, question)


def _misformed(fields: Sequence[TaskField], found: JsonValue, where: str = "") -> str:
    """The first value that is not in its field's form; whatever else is wrong with the answer, its schema says."""
    if isinstance(found, list):
        return next((reason for one in found if (reason := _misformed(fields, one, where))), "")
    if not isinstance(found, dict):
        return ""
    for field in fields:
        value, name = found.get(field.name), f"{where}{field.name}"
        if field.fields and (reason := _misformed(field.fields, value, f"{name}.")):
            return reason
        reader = reader_of(field) if field.form else None
        for leaf in _leaves(value) if reader else ():
            if reader and not reader.is_written(leaf):
                return f"{name!r}: {json.dumps(leaf, ensure_ascii=False)[:60]} is not {field.manner}"
    return ""


def _check_object(fields: Sequence[TaskField], found: JsonObject, question: str, where: str = "") -> str:
    """`where` leads to the object: 'items.'; its schema is right."""
    reasons = (_check_value(field, found.get(field.name), question, f"{where}{field.name}") for field in fields)
    return next((reason for reason in reasons if reason), "")


def _check_value(field: TaskField, value: JsonValue, question: str, where: str) -> str:
    if value is None:
        return f"{where!r} is required but null" if field.required else ""
    if field.fields:
        objects = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
        reasons = (_check_object(field.fields, one, question, f"{where}.") for one in objects)
        return next((reason for reason in reasons if reason), "")
    return next((reason for leaf in _leaves(value) if (reason := _check_leaf(field, leaf, question, where))), "")


def _check_leaf(field: TaskField, leaf: JsonValue, question: str, where: str) -> str:
    """The reason why one value is not what the input says; one in a form is what some piece of the input can be."""
    if isinstance(leaf, str) and not leaf.strip():
        return f"{where!r} is an empty text; a missing value must be null"
    if isinstance(leaf, bool) or not isinstance(leaf, str | int | float):
        return ""
    reader = reader_of(field) if field.form else None
    if reader is not None:
        told = json.dumps(leaf, ensure_ascii=False)[:60]
        stands = reader.stands_in(leaf, question)
        return "" if stands else f"{where!r}: nothing in the input can be read as {told}, {field.manner}"
    if isinstance(leaf, str):
        stands = flat(leaf) in flat(question) or _is_choice(field, leaf)
        return "" if stands else f"{where!r}: {leaf[:60]!r} is not in the input"
    stands = _has_number(question, float(str(leaf))) or _is_choice(field, str(leaf))
    return "" if stands else f"{where!r}: {leaf} is not in the input"


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


# --- phrases that no sample should hold -----------------------------------------------------------------------------


_REFUSAL = re.compile(
    r"\b(?:as|i am|i'm) (?:an? )?(?:ai|artificial intelligence|(?:large )?language model)\b(?! (?:named|called))"
    r"|^\W*(?:i'?m |i am )?(?:sorry|afraid)\b.{0,40}\b(?:can(?:'|no)t|can not|unable|not able)\b"
    r"|^\W*i (?:can(?:'|no)t|can not|am unable to|won't) (?:help|assist|provide|comply|fulfil|do that|answer)"
    r"|作为(?:一个|一名)?(?:人工智能|AI|大?语言模型)|^\W*(?:很)?(?:抱歉|对不起).{0,12}(?:无法|不能)|^\W*我(?:无法|不能)(?:提供|回答|帮助|完成)",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"^\W*(?:(?:sure|certainly|of course|absolutely|great question)\b[^.\n]{0,40}[!:]|here(?:'s| is| are) "
    r"(?:the|your|an?) [^.\n]{0,60}:|当然[！!，,].{0,20}[：:]|好的[，,]?(?:以下|这是).{0,20}[：:]|以下是.{0,30}[：:])"
    r"|\b(?:i hope this helps|let me know if you (?:need|have)|feel free to ask)\b|希望(?:这|以上).{0,6}(?:帮助|有用)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\[(?:your|insert|name|company|date|address|phone|e-?mail|customer)[^\]\n]{0,30}\]|\{\{\s*\w+\s*\}\}|<(?:insert|your)[^>\n]{0,30}>"
    r"|\blorem ipsum\b|\[(?:您|你|请填|姓名|公司|日期)[^\]\n]{0,12}\]",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:according to|based on|as (?:stated|mentioned|described|written) in|in|from|does|what does) the "
    r"(?:(?:given|provided|above|following) )?(?:text|passage|document|article|paragraph|excerpt|context)\b"
    r"|(?:根据|依据|按照|据)(?:以上|上述|上面|所给|给定|本|该|这(?:篇|段|份))?(?:的)?(?:文本|文章|文档|段落|材料|原文|内容|短文|资料)|(?:文中|上文|本文|文章中|材料中|原文中)",
    re.IGNORECASE,
)


def refusal(answer: str) -> str:
    """The words in which the answer declines, or nothing."""
    return _found(_REFUSAL, answer)


def chatter(text: str) -> str:
    """Words around the matter, or a blank that was never filled in."""
    return _found(_CHATTER, text) or placeholder(text)


def placeholder(text: str) -> str:
    return _found(_PLACEHOLDER, text)


def pointing(question: str) -> str:
    """Words that point at a text the asker cannot see ("according to the passage"), or nothing."""
    return _found(_POINTING, question)


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[0].strip() if match else ""
