"""What a set of rows holds that a student should not learn without its owner's knowing: with a count and an example.

Nothing here is an error, and nothing is changed: `mending` does what the user chooses.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from pydantic import Field

from tools.records import Sample, Task, Value
from tools.text.same_input import input_key

Kind: TypeAlias = Literal["contradiction", "label", "token", "turns"]
# Special tokens of the chat templates in use: they end turns and begin roles where a tokenizer reads them.
_TOKEN = re.compile(
    r"<[|｜][\w▁./-]{1,40}[|｜]>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
    r"|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS)\]"
)
SHOWN_CHARS = 60


class Doubt(Value):
    """One kind of doubt over all rows."""

    kind: Kind
    count: int = Field(ge=1, description="Inputs with two answers, rows of a rarer spelling, or rows that hold it.")
    example: tuple[str, ...] = Field(
        description="(input, answer, other answer), spellings, (token, text), or (input,)."
    )


def doubts(task: Task, samples: Sequence[Sample], fresh: Iterable[str] | None = None) -> list[Doubt]:
    """All kinds of doubt that there are; with the ids of `fresh` samples only those that one of them has a part in."""
    new = {one.id for one in samples} if fresh is None else set(fresh)
    found = (
        _of("contradiction", [_two_answers(group) for group in contradictions(samples) if _any(group, new)]),
        _labels(task, samples, new),
        _of("token", [(token, said) for one in samples if one.id in new for token, said in tokens_in(one)[:1]]),
        _of("turns", [(one.question,) for one in samples if one.id in new and not one.real and several_answers(one)]),
    )
    return [one for one in found if one]


def contradictions(samples: Iterable[Sample]) -> list[list[Sample]]:
    """Groups of rows with one input and different answers, each in the order given."""
    groups: dict[tuple[str, str, bool], list[Sample]] = {}
    for one in samples:
        told = one.messages[0].content if one.messages[0].role == "system" else ""
        groups.setdefault((told, input_key(one.messages), one.real), []).append(one)
    return [group for group in groups.values() if len(group) > 1 and len({answer_key(one) for one in group}) > 1]


def answer_key(sample: Sample) -> str:
    """Equal for answers that differ in nothing that matters: the layout of JSON, case, space, a final dot."""
    try:
        return json.dumps(json.loads(sample.answer), sort_keys=True)
    except (ValueError, RecursionError):
        return label_key(sample.answer)


def label_key(label: str) -> str:
    """Equal for labels that differ only by case, space or a final dot."""
    return " ".join(label.casefold().split()).rstrip(".。 ")


def spellings(task: Task, samples: Iterable[Sample]) -> dict[str, str]:
    """Labels that differ only in spelling: each rarer one, and the one that it would become. That is the spelling of
    most rows."""
    if task.kind != "classification":
        return {}
    used = Counter(one.answer for one in samples)
    groups: dict[str, list[str]] = {}
    for label, _ in used.most_common():
        groups.setdefault(label_key(label), []).append(label)
    return {rarer: most for most, *others in groups.values() for rarer in others}


def tokens_in(sample: Sample) -> list[tuple[str, str]]:
    """(token, the words around it) of each special token of a chat template that stands in the sample as text."""
    return [
        (match[0], " ".join(one.content[max(0, match.start() - SHOWN_CHARS // 2) : match.end() + 20].split()))
        for one in sample.messages
        for match in _TOKEN.finditer(one.content)
    ]


def without_tokens(text: str) -> str:
    return re.sub(r" {2,}", " ", _TOKEN.sub(" ", text)).strip() if _TOKEN.search(text) else text


def several_answers(sample: Sample) -> bool:
    """Whether the assistant speaks more than once to what a user said."""
    roles = [message.role for message in sample.messages]
    return roles[roles.index("user") :].count("assistant") > 1 if "user" in roles else False


def _labels(task: Task, samples: Sequence[Sample], new: set[str]) -> Doubt | None:
    rarer = spellings(task, samples)
    kinds = {label_key(one.answer) for one in samples if one.id in new}
    told = [one.answer for one in samples if one.answer in rarer and label_key(one.answer) in kinds]
    if not told:
        return None
    most = rarer[told[0]]
    alike = [label for label, into in rarer.items() if into == most]
    return Doubt(kind="label", count=len(told), example=(most, *alike))


def _two_answers(group: Sequence[Sample]) -> tuple[str, str, str]:
    first = group[0]
    other = next(one for one in group if answer_key(one) != answer_key(first))
    return first.question, first.answer, other.answer


def _any(group: Sequence[Sample], new: set[str]) -> bool:
    return any(one.id in new for one in group)


def _of(kind: Kind, examples: Sequence[tuple[str, ...]]) -> Doubt | None:
    return Doubt(kind=kind, count=len(examples), example=examples[0]) if examples else None
