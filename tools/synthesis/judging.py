"""From what a teacher drafted to a sample: put together, checked in code, rejected with its reason when it fails."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from tools.records import Message, Passage, Project, Rule, Sample, SampleState, Task, new_id
from tools.synthesis.checks import check, check_grounded, check_quote, check_written
from tools.synthesis.framing import asked, frame, said
from tools.synthesis.instructions import system_prompt
from tools.synthesis.likeness import Fingerprints, Index
from tools.synthesis.masking import left_over, mask, restore
from tools.synthesis.quotes import locate
from tools.synthesis.teaching import Drafted, TeacherRequest
from tools.synthesis.traits import has

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
    ) -> None:
        """`rules` are the user's that code judges by."""
        self.project = project
        self.task = project.task
        self.source = source
        self.state: SampleState = state
        self.job_id = job_id
        self.split: Literal["", "train"] = split
        self._prompt = system_prompt(project.task)
        self._sealed = list(sealed)
        self._rules = list(rules)
        self._index = Index()

    def learn(self, sample: Sample) -> None:
        """From now on nothing may be nearly the same as this sample."""
        if not sample.source.startswith("simulator"):
            self._index.add(said(sample.messages), scope_of(self.task, sample))

    def sample(self, request: TeacherRequest, drafted: Drafted, passages: Passages) -> Sample:
        """The sample; `passages` holds those of the request as they are, unmasked."""
        made = self._made(request, drafted, passages)
        grounds = None if drafted.passage_id or not made.passage_id else passages[made.passage_id]
        reason = drafted.problem or self._reason(made, grounds, invented=not drafted.passage_id)
        if self.task.reasoning == "kept" and drafted.reasoning:
            made = made.but(messages=(*made.prompt, _thinking(drafted.reasoning, made.messages[-1])))
        if reason:
            return made.but(state="rejected", reason=reason)
        self.learn(made)
        return made

    def leaks(self, sample: Sample) -> bool:
        """Whether this sample's input is, or nearly is, that of a row of a sealed test."""
        scope = scope_of(self.task, sample)
        texts = {asked(sample.question), said(sample.messages)}
        return any(one.has(text, scope) for one in self._sealed for text in texts)

    def _made(self, request: TeacherRequest, drafted: Drafted, passages: Passages) -> Sample:
        task, passage = self.task, passages.get(drafted.passage_id or (request.passage.id if request.passage else ""))
        back = _unmasking(task, passage)
        question = passage.text if passage and drafted.passage_id else back(drafted.input)
        if task.kind == "answering" and passage and not drafted.passage_id:
            question = frame(passage.text, question)
        output = back(drafted.output)
        answer = Message.answering(output) if task.kind == "calling" else Message(role="assistant", content=output)
        quote, start = _quoted(back(drafted.quote), passage) if passage else ("", None)
        return Sample(
            id=new_id("sample"),
            owner=self.project.owner,
            project_id=self.project.id,
            messages=(
                Message(role="system", content=self._prompt),
                *(_unmasked(message, back) for message in drafted.history),
                Message(role="user", content=question),
                answer,
            ),
            tools=task.tools if task.kind == "calling" else (),
            state=self.state,
            split=self.split,
            source=f"{self.source}:{drafted.style}" if drafted.style else self.source,
            job_id=self.job_id,
            document_id=passage.document_id if passage else "",
            passage_id=passage.id if passage else "",
            quote=quote,
            quote_start=start,
            cell={} if drafted.style else request.cell,
        )

    def _reason(self, sample: Sample, grounds: Passage | None, invented: bool) -> str:
        """The first thing wrong. What the simulator made is right by construction, but for the plain checks."""
        question = asked(sample.question)
        simulated = sample.source.startswith("simulator")
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
        return f"the input is nearly that of another sample: {known[:80]!r}" if known else ""


def scope_of(task: Task, sample: Sample) -> str:
    """Where inputs must differ: with other values to extract or calls to make, alike inputs teach other things."""
    if task.kind in ("extraction", "calling"):
        return hashlib.blake2b(sample.answer.encode(), digest_size=8).hexdigest()
    return sample.passage_id if task.kind == "answering" else ""


def fingerprints(task: Task, samples: Iterable[Sample]) -> Fingerprints:
    """Of the inputs of samples that no later sample may repeat."""
    return Fingerprints.of((said(sample.messages), scope_of(task, sample)) for sample in samples)


def _quoted(quote: str, passage: Passage) -> tuple[str, int | None]:
    """The quote in the passage's own characters, and where it begins; as it was told when it is not there."""
    place = locate(quote, passage.text)
    return (passage.text[slice(*place)], place[0]) if place else (quote.strip(), None)


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
