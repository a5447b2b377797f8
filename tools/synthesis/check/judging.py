"""From what a teacher drafted to a sample: put together, checked in code, rejected with its reason when it fails."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal

from pydantic import JsonValue

from tools.records import REAL, Message, Passage, Project, Rule, Sample, SampleState, Task, TaskField, new_id
from tools.synthesis.check.checks import check, check_grounded, check_quote, check_written
from tools.synthesis.check.seen import Index
from tools.synthesis.check.traits import has
from tools.synthesis.request.framing import asked, frame, said
from tools.synthesis.request.instructions import system_prompt
from tools.teacher.protocol import Drafted, TeacherRequest
from tools.text.folding import locate
from tools.text.likeness import Fingerprints, Input
from tools.text.model_json import last_object
from tools.text.personal import left_over, mask, restore
from tools.text.same_input import input_key, same_key

Passages = Mapping[str, Passage]


class Judge:
    """Puts samples of one project together, and says which are bad and why. It learns from what it lets through."""

    def __init__(
        self,
        project: Project,
        *,
        source: str,
        state: SampleState,
        job_id: str,
        split: Literal["", "train"] = "",
        sealed: Iterable[Fingerprints] = (),
        rules: Iterable[Rule] = (),
        real: Collection[str] = (),
    ) -> None:
        """`rules` are the user's that code judges by; `real` are the documents whose inputs are real messages."""
        self.project = project
        self.task = project.task
        self.source = source
        self.state: SampleState = state
        self.job_id = job_id
        self.split: Literal["", "train"] = split
        self._prompt = system_prompt(project.task)
        self._sealed = list(sealed)
        self._rules = list(rules)
        self._real = set(real)
        self._index = Index()

    def learn(self, sample: Sample) -> None:
        """From now on nothing may be nearly the same as this sample."""
        if not sample.source.startswith("simulator") and not sample.real:  # these are kept from by their fingerprints
            self._index.add(said(sample.messages), scope_of(self.task, sample))

    def sample(self, request: TeacherRequest, drafted: Drafted, passages: Passages) -> Sample:
        """The sample; `passages` holds those of the request as they are, unmasked."""
        return self.judged(self.made(request, drafted, passages), drafted, passages)

    def judged(self, made: Sample, drafted: Drafted, passages: Passages) -> Sample:
        """The sample that was made of a draft, or the same rejected with the reason."""
        grounds = None if drafted.passage_id or not made.passage_id else passages[made.passage_id]
        reason = drafted.problem or self._reason(made, grounds, invented=not drafted.passage_id)
        if self.task.reasoning == "kept" and drafted.reasoning:
            made = made.but(messages=(*made.prompt, _thinking(drafted.reasoning, made.messages[-1])))
        if made.real:
            return made.but(reason=reason)  # nobody but the user judges a real message
        if reason:
            return made.but(state="rejected", reason=reason)
        self.learn(made)
        return made

    def leaks(self, sample: Sample) -> bool:
        """Whether this sample's input is, or nearly is, that of a row of a sealed test."""
        return repeats(self.task, sample, self._sealed)

    def made(self, request: TeacherRequest, drafted: Drafted, passages: Passages) -> Sample:
        """The sample put together, not judged yet."""
        task, passage = self.task, passages.get(drafted.passage_id or (request.passage.id if request.passage else ""))
        back = _unmasking(task, passage)
        question = passage.text if passage and drafted.passage_id else back(drafted.input)
        if task.kind == "answering" and passage and not drafted.passage_id:
            question = frame(passage.text, question)
        output = back(drafted.output)
        if task.kind == "extraction":
            output = _in_own_characters(task.fields, output, question)
        answer = Message.answering(output) if task.kind == "calling" else Message(role="assistant", content=output)
        quote, start = _quoted(back(drafted.quote), passage) if passage else ("", None)
        source = request.source or self.source
        source = f"{source}:{drafted.style}" if drafted.style else source
        real = self.is_real(drafted, passages)
        return Sample(
            id=new_id("sample"),
            owner=self.project.owner,
            project_id=self.project.id,
            messages=(
                *(() if real else (Message(role="system", content=self._prompt),)),  # freezing tells it as train does
                *(_unmasked(message, back) for message in drafted.history),
                Message(role="user", content=question),
                answer,
            ),
            tools=task.tools if task.kind == "calling" else (),
            state="draft" if real else self.state,
            split="real" if real else self.split,
            source=f"{REAL}{source}" if real else source,
            job_id=self.job_id,
            document_id=passage.document_id if passage else "",
            passage_id=passage.id if passage else "",
            origin=_origin(request, drafted),
            family=drafted.family,
            quote=quote,
            quote_start=start,
            cell={} if drafted.style else request.cell,
        )

    def is_real(self, drafted: Drafted, passages: Passages) -> bool:
        """Whether this answers a real message."""
        passage = passages.get(drafted.passage_id)
        return passage is not None and passage.document_id in self._real

    def _reason(self, sample: Sample, grounds: Passage | None, invented: bool) -> str:
        """The first thing wrong. What the simulator made is right by construction, but for the plain checks."""
        question = asked(sample.question)
        simulated = sample.source.startswith("simulator")
        if sample.real:
            return check(self.task, sample)
        reasons: tuple[Callable[[], str], ...] = (
            lambda: "" if question.strip() else "the input is empty",
            lambda: check(self.task, sample),
            lambda: _unfilled(sample),
            lambda: check_quote(sample, grounds) if grounds else "",
            lambda: check_grounded(sample, question, grounds) if grounds and self.task.kind == "answering" else "",
            lambda: "" if simulated else check_written(self.task, sample, question if invented else ""),
            lambda: next((f"rule: {one.text}" for one in self._rules if has(sample, one.traits, one.text)), ""),
            lambda: "it nearly repeats a row of the sealed test" if self.leaks(sample) else "",
            lambda: "" if simulated or not invented else self._likeness(sample),
        )
        return next((reason for find in reasons if (reason := find())), "")

    def _likeness(self, sample: Sample) -> str:
        known = self._index.alike(said(sample.messages), scope_of(self.task, sample))
        return f"the input is nearly the same as that of another sample: {known[:80]!r}" if known else ""


def _origin(request: TeacherRequest, drafted: Drafted) -> str:
    """What samples are made of that are not independent of each other; empty where that is their document at most."""
    if drafted.passage_id:
        return f"input {drafted.passage_id}"  # unlabelled inputs share a file and nothing else
    return drafted.origin or (request.like.input if request.like else "")


def scope_of(task: Task, sample: Sample) -> str:
    """Where inputs must differ: with other values to extract or calls to make, alike inputs teach other things."""
    if task.kind in ("extraction", "calling"):
        return hashlib.blake2b(sample.answer.encode(), digest_size=8).hexdigest()
    return sample.passage_id if task.kind == "answering" else ""


def fingerprints(task: Task, samples: Iterable[Sample]) -> Fingerprints:
    """Of the inputs of samples that no later sample may repeat."""
    return Fingerprints.of(_input(task, sample) for sample in samples)


def repeats(task: Task, sample: Sample, sealed: Iterable[Fingerprints]) -> bool:
    """Whether the sample's input is, or nearly is, one of these."""
    compared = _input(task, sample)
    return any(one.has(compared) for one in sealed)


def _input(task: Task, sample: Sample) -> Input:
    return Input(key=input_key(sample.messages), said=same_key(said(sample.messages)), scope=scope_of(task, sample))


def _quoted(quote: str, passage: Passage) -> tuple[str, int | None]:
    """The quote in the passage's own characters, and where it begins; as it was told when it is not there."""
    place = locate(quote, passage.text)
    return (passage.text[slice(*place)], place[0]) if place else (quote.strip(), None)


def _in_own_characters(fields: Sequence[TaskField], output: str, question: str) -> str:
    """The answer with each value as the input writes it, where that differs in marks or in how a letter is composed.

    Values in a form and choices are written as their field says, whatever the input does.
    """
    if output.isascii() and question.isascii():
        return output
    found = last_object(output)
    if found is None:
        return output
    own = _own(fields, found, question)
    return output if own == found else json.dumps(own, ensure_ascii=False)


def _own(fields: Sequence[TaskField], value: JsonValue, question: str, field: TaskField | None = None) -> JsonValue:
    if isinstance(value, dict):
        known = {one.name: one for one in fields}
        inner = {name: known.get(name) for name in value}
        return {name: _own(one.fields if one else (), value[name], question, one) for name, one in inner.items()}
    if isinstance(value, list):
        return [_own(fields, one, question, field) for one in value]
    if not isinstance(value, str) or value in question or (field and (field.form or field.choices)):
        return value
    place = locate(value, question)
    return question[slice(*place)] if place and _shape(question[slice(*place)]) != _shape(value) else value


def _shape(text: str) -> str:
    """The text but for its line breaks and spaces, which are nobody's characters."""
    return " ".join(text.split())


def _unfilled(sample: Sample) -> str:
    text = left_over("\n".join(message.text for message in sample.messages[1:]))
    return f"the placeholder {text} stands for nothing" if text else ""


def _unmasking(task: Task, passage: Passage | None) -> Callable[[str], str]:
    if task.pii == "keep" or passage is None:
        return str
    masked = mask(passage.text, passage.language or task.language)
    return lambda text: restore(text, masked)


def _unmasked(message: Message, back: Callable[[str], str]) -> Message:
    if message.tool_calls:
        return Message.answering(back(message.text))
    return message.model_copy(update={"content": back(message.content)})


def _thinking(reasoning: str, answer: Message) -> Message:
    """The answer with what was thought before it, marked as reasoning students mark it."""
    return answer.model_copy(update={"content": f"<think>\n{reasoning}\n</think>\n\n{answer.content}"})
