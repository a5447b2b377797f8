"""Real messages: as people typed them. They measure the student, and nothing else: sealed, never trained on.

They come as rows with answers (`importing`), as pasted lines, or alone. Those alone become drafts that wait for the
user's answer, or inputs that the teacher answers first; a draft counts once the user has looked at it.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from pydantic import Field

from tools.catalog import Catalog, now
from tools.dataset.copies import Likeness, given, keeps, left
from tools.dataset.grouping import near_duplicates
from tools.dataset.tally import COLUMNS
from tools.documents.tables import cells_of
from tools.records import REAL, Copies, LeftOut, Message, Project, Sample, Task, Value, new_id
from tools.synthesis.check.checks import check
from tools.synthesis.check.judging import fingerprints, repeats
from tools.synthesis.request.inputs import read_inputs
from tools.text.encoding import decode
from tools.text.likeness import LEAK, nearest
from tools.text.same_input import input_key

_EXPLICIT, _ARROWS = re.compile(r"\s*(?:=>|＝＞)\s*"), re.compile(r"\s*(?:=>|＝＞|->|→)\s*")


class Lines(Value):
    """Pasted lines as they were understood."""

    pairs: tuple[tuple[str, str], ...] = Field((), description="Messages with their answers.")
    alone: tuple[str, ...] = Field((), description="Messages whose answer is to be given.")
    skipped: tuple[tuple[int, str], ...] = Field((), description="(line, reason) of what cannot be used.")


def read_lines(text: str, task: Task) -> Lines:
    """One message a line: `message => answer`, `message -> {json}`, or the message alone."""
    pairs: list[tuple[str, str]] = []
    alone: list[str] = []
    skipped: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        message, answer = _split(line.strip(), task)
        if not message:
            continue
        if answer is None:
            alone.append(message)
            continue
        answer, wrong = shaped(answer, task)
        if wrong:
            skipped.append((number, wrong))
        else:
            pairs.append((message, answer))
    return Lines(pairs=tuple(pairs), alone=tuple(dict.fromkeys(alone)), skipped=tuple(skipped))


def _split(line: str, task: Task) -> tuple[str, str | None]:
    """The message and what stands behind its arrow. People write `->` too: it counts before an answer alone."""
    for arrow in _ARROWS.finditer(line):
        answer = line[arrow.end() :].strip()
        fits = answer.startswith("{") if task.kind == "extraction" else answer.casefold() in _labels(task)
        if arrow.start() and answer and fits:
            return line[: arrow.start()].strip(), answer
    found = list(_EXPLICIT.finditer(line))
    if found and found[-1].start() and line[found[-1].end() :].strip():
        return line[: found[-1].start()].strip(), line[found[-1].end() :].strip()
    return line, None


def shaped(answer: str, task: Task) -> tuple[str, str]:
    """The answer in the task's spelling, or what is wrong with it. The user's word is not doubted beyond its shape."""
    if task.kind == "classification" and task.labels:
        labels = _labels(task)
        found = labels.get(answer.casefold(), "")
        return found, "" if found else f"{answer[:60]!r} is not one of {', '.join(labels.values())}"
    if task.kind != "extraction":
        return answer, "" if answer.strip() else "its answer is empty"
    try:
        given = json.loads(answer)
    except (ValueError, RecursionError) as error:
        return "", f"its answer is no JSON: {error}"
    if not isinstance(given, dict):
        return "", "its answer is no JSON object"
    names = [field.name for field in task.fields] or list(given)
    if unknown := [name for name in given if name not in names]:
        return "", f"{', '.join(unknown)}: the task has no such field"
    return json.dumps({name: given.get(name) for name in names}, ensure_ascii=False), ""


def _labels(task: Task) -> dict[str, str]:
    return {one.casefold(): one for one in (*task.labels, task.out_of_scope) if one}


def messages_alone(path: Path, name: str) -> tuple[str, ...]:
    """The messages of a file without answers: a text with one a line, or a table or JSON lines with one column.

    Empty for a file that has more: then what its columns mean must be told.
    """
    decoded = decode(path.read_bytes())
    if decoded is None or not _one_column(decoded.readable, PurePath(name).suffix.lower()):
        return ()
    return tuple(dict.fromkeys(text.strip() for text in read_inputs(path.read_bytes(), name) if text.strip()))


def _one_column(text: str, ending: str) -> bool:
    if ending in (".csv", ".tsv"):
        return all(len(row) == 1 for row in cells_of(text))
    if ending in (".jsonl", ".ndjson"):
        try:
            rows = [json.loads(line) for line in text.split("\n") if line.strip()]
        except ValueError:
            return False
        return all(isinstance(row, str) or (isinstance(row, dict) and _asks_only(row)) for row in rows)
    return ending in (".txt", ".md", "")


def _asks_only(row: dict[str, object]) -> bool:
    turns = row.get("messages")
    if isinstance(turns, list):
        return not any(isinstance(turn, dict) and turn.get("role") == "assistant" for turn in turns)
    return len(row) == 1


# --- samples ------------------------------------------------------------------------------------------------------


class Added(Value):
    """What was stored."""

    samples: tuple[Sample, ...]
    known: int = Field(description="Messages that were there already.")


def add_answered(catalog: Catalog, project: Project, pairs: Sequence[tuple[str, str]], source: str) -> Added:
    """Messages with the user's own answers: they count at once."""
    return _add(catalog, project, pairs, lambda made: made.but(state="approved", looked_at=now()), source)


def add_waiting(catalog: Catalog, project: Project, messages: Sequence[str], source: str) -> Added:
    """Messages alone, as drafts whose answer the user is to give."""
    blank = blank_answer(project.task)
    return _add(catalog, project, [(one, blank) for one in messages], lambda made: made, source)


def _add(
    catalog: Catalog,
    project: Project,
    pairs: Sequence[tuple[str, str]],
    state: Callable[[Sample], Sample],
    source: str,
) -> Added:
    known = {input_key(one.messages) for one in typed(catalog, project) if one.state != "rejected"}
    fresh: list[Sample] = []
    for message, answer in pairs:
        reply = Message.answering(answer) if project.task.tools else Message(role="assistant", content=answer)
        messages = (Message(role="user", content=message), reply)
        if input_key(messages) in known:
            continue
        known.add(input_key(messages))
        made = Sample(
            id=new_id("sample"),
            owner=catalog.owner,
            project_id=project.id,
            messages=messages,
            tools=project.task.tools if project.task.kind == "calling" else (),
            source=f"{REAL}{source}",
            split="real",
        )
        fresh.append(state(made))
    catalog.add_all(fresh)
    return Added(samples=tuple(fresh), known=len(pairs) - len(fresh))


TYPED = (COLUMNS.source.startswith(REAL),)  # what the catalog knows them by


def typed(catalog: Catalog, project: Project) -> list[Sample]:
    """All real messages of the project, whatever their state."""
    return catalog.find(Sample, project.id, where=TYPED)


def blank_answer(task: Task) -> str:
    """What stands where the user's answer is to come: every field null, or nothing."""
    if task.kind != "extraction":
        return ""
    return json.dumps({field.name: None for field in task.fields})


def is_blank(task: Task, sample: Sample) -> bool:
    """Whether a real message still waits for its answer."""
    given = sample.passage_id  # by the teacher, who may have found nothing in it
    return sample.real and sample.state == "draft" and not given and sample.answer in ("", blank_answer(task))


def why_not_approved(task: Task, samples: Sequence[Sample]) -> str:
    """Why these may not be approved as they stand, or nothing. One alone may hold none of the fields, and be right."""
    blank = [one for one in samples if is_blank(task, one)]
    if len(blank) > 1:
        return f"{len(blank)} of these real messages have no answer yet"
    return (check(task, blank[0]) and "this real message has no answer yet") if blank else ""


# --- freezing -----------------------------------------------------------------------------------------------------


class Apart(Value):
    """Real messages, and what may be learnt from: nothing that is, or nearly is, one of them."""

    real: tuple[Sample, ...]
    others: tuple[Sample, ...]
    left_out: tuple[LeftOut, ...] = ()


def set_apart(task: Task, samples: Sequence[Sample], copies: Copies = "out") -> Apart:
    """Real messages, each once with its newest answer; whatever repeats one of them goes, never the other way.

    What repeats is what generation is kept from too (their fingerprints) and what evaluation would call a leak; of rows
    that the user gave, what is a copy in words and values. `copies` is the user's word on what is kept all the same.
    """
    real = tuple({input_key(one.messages): one for one in samples if one.real}.values())
    others = [one for one in samples if not one.real]
    if not real:
        return Apart(real=(), others=tuple(others))
    repeating = _repeating(task, real, others)
    kept: list[Sample] = []
    gone: dict[Likeness, list[Sample]] = {"equal": [], "near": []}
    for one in others:
        how = repeating(one)
        (kept if keeps(copies, how) or not how else gone[how]).append(one)
    left_out = (left("equal-real", gone["equal"]), left("near-real", gone["near"]))
    return Apart(real=real, others=tuple(kept), left_out=tuple(filter(None, left_out)))


def _repeating(task: Task, real: Sequence[Sample], others: Sequence[Sample]) -> Callable[[Sample], Likeness | None]:
    """Whether a sample is one of the real messages, or nearly is."""
    keys = {input_key(one.messages) for one in real}
    near = near_duplicates([*real, *filter(given, others)])
    clusters = {near.own(one) for one in real}
    sealed = [fingerprints(task, real)]
    by_answer: dict[str, list[str]] = {}
    for one in real:
        by_answer.setdefault(one.answer.strip(), []).append(input_key(one.messages))

    def how(one: Sample) -> Likeness | None:
        key = input_key(one.messages)
        if key in keys:
            return "equal"
        if given(one):
            return "near" if near.own(one) in clusters else None
        same = by_answer.get(one.answer.strip(), [])
        return "near" if repeats(task, one, sealed) or nearest(key, same, LEAK) else None

    return how


def told_as_train(real: Sequence[Sample], train: Sequence[Sample]) -> list[Sample]:
    """Real messages under the instructions that the student learns by, where they brought none of their own."""
    heads = Counter(one.messages[0] for one in train if one.messages[0].role == "system")
    usual = (max(heads, key=lambda head: (heads[head], head.content)),) if heads else ()
    return [
        one if one.messages[0].role == "system" else one.but(messages=(*usual, *one.messages))
        for one in sorted(real, key=lambda one: (input_key(one.messages), one.id))
    ]
