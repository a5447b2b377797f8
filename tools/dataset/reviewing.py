"""The user's judgement of samples. Only approved and edited ones are ever trained on.

draft, rejected --approve--> approved        edited --approve--> edited (it was approved by being edited)
any             --edit-----> edited          any    --reject---> rejected, with its reason

Every act keeps the samples as they were, and `undo` restores them, newest act first.
"""

import json
from collections.abc import Sequence
from typing import Literal, TypeAlias

from sqlalchemy import func

from tools import jobs
from tools.catalog import Catalog, now
from tools.dataset.mending import restored
from tools.dataset.real import shaped, why_not_approved
from tools.errors import NotFound, RetortError
from tools.records import Example, Judgement, Message, Project, Rule, Sample, Task, Value, new_id
from tools.schema import TABLES
from tools.synthesis.check.checks import check
from tools.synthesis.request.framing import asked

JUDGEMENTS = TABLES[Judgement].c
Verb: TypeAlias = Literal["approve", "edit", "reject", "screen", "mend"]


class Act(Value):
    """The judgement `id` of an act, without its samples."""

    id: str
    act: str
    verb: Verb


class Undone(Value):
    """What was taken back."""

    verb: Verb
    samples: tuple[Sample, ...]
    rule: Rule | None = None


def approve(catalog: Catalog, project: Project, ids: Sequence[str]) -> list[Sample]:
    """Let these samples into the next dataset; all or, when an id is unknown, none."""
    samples = _named(catalog, project, ids)
    if wrong := why_not_approved(project.task, samples):
        raise RetortError(
            f"{wrong[0].upper()}{wrong[1:]}.", "Fill in the answer of each: Edit, or 'edit 1: the answer'."
        )
    judged = [
        s if s.state in ("approved", "edited") else s.but(state="approved", reason="", rule_id="") for s in samples
    ]
    return _kept(catalog, "approve", samples, judged)


def reject(catalog: Catalog, project: Project, ids: Sequence[str], reason: str) -> list[Sample]:
    """Keep these samples out of every later dataset; they stay visible with the reason."""
    if not reason.strip():
        raise RetortError(
            "A rejection needs a reason.", "Say what is wrong, for example 'the phone number is missing'."
        )
    samples = _named(catalog, project, ids)
    judged = [s.but(state="rejected", reason=reason.strip(), rule_id="") for s in samples]
    return _kept(catalog, "reject", samples, judged)


def edit(  # noqa: PLR0917  the order is that of the verb
    catalog: Catalog,
    project: Project,
    id: str,  # noqa: A002  the verb's argument as the user names it
    question: str | None = None,
    answer: str | None = None,
    reason: str = "",
) -> Sample:
    """Replace the sample's input, its answer or both. Raises RetortError when the result breaks the task's checks.

    An extraction answer is stored in one spelling of JSON, so that an edit teaches no second layout.
    """
    [sample] = _named(catalog, project, [id])
    question = sample.question if question is None else _with_its_passage(sample, question)
    answer = sample.answer if answer is None else answer
    wrong = check(project.task, _with(sample, question, answer))
    if sample.real:  # people garble what a right answer spells out: the user's word is not held to the input's letters
        answer, wrong = shaped(answer, project.task)
    if wrong:
        raise RetortError(
            f"The edit of {id} cannot be kept: {wrong.rstrip('.')}.", "Correct it and edit the sample again."
        )
    answer = _one_spelling(project.task, answer)
    parts = {"input": question != sample.question, "answer": answer != sample.answer}
    changed = [name for name, differs in parts.items() if differs]
    if not changed:
        raise RetortError(f"The edit of {id} changes nothing.", f"Say 'approve {id}' if it is right as it is.")
    said = reason.strip() or f"changed: {', '.join(changed)}"
    was = sample.was or Example(input=sample.question, output=sample.answer)
    edited = _with(sample, question, answer).but(state="edited", reason=said, rule_id="", was=was)
    return _kept(catalog, "edit", [sample], [edited])[0]


def undo(catalog: Catalog, project: Project) -> Undone:
    """Take the newest act back: its samples are again exactly as they were, and a rule it confirmed only proposed; a
    proposal made of nothing but these samples is gone.

    Raises RetortError when there is nothing to undo, or while the act is still under way.
    """
    newest = newest_act(catalog, project)
    if not newest:
        raise RetortError("There is nothing to undo.", "Approvals, edits, rejections and rules can be undone.")
    act = newest.act
    if any(job.id == act for job in jobs.active(catalog, project.id)):
        raise RetortError("The screening is still running.", "Say 'stop' first, then 'undo'.")
    found = catalog.find(Judgement, project.id, states=("done",), where=(JUDGEMENTS.act == act,))
    before = {one.id: one for judgement in reversed(found) for one in judgement.before}
    there = {one.id for one in catalog.named(Sample, before)}  # a removed source has taken its samples along
    first = {id_: one for id_, one in before.items() if id_ in there}
    rules = [one.rule.but(enforced_at=now()) for one in found if one.rule]
    projects = [restored(catalog.get(Project, project.id), one.project) for one in found if one.project]
    catalog.save_all([*first.values(), *rules, *projects, *(one.but(state="undone") for one in found)])
    proposed = catalog.find(Rule, project.id, states=("proposed",))
    catalog.delete_all(one for one in proposed if {pair.sample_id for pair in one.pairs} <= first.keys())
    return Undone(verb=newest.verb, samples=tuple(first.values()), rule=rules[0] if rules else None)


def newest_act(catalog: Catalog, project: Project) -> Act | None:
    """The act that an undo would take back. Its samples, perhaps all there are, are not read."""
    done = JUDGEMENTS.state == "done"
    [(number,)] = catalog.rows(Judgement, project.id, func.max(JUDGEMENTS.number), where=(done,))
    columns = (JUDGEMENTS.id, JUDGEMENTS.act, JUDGEMENTS.verb)
    found = catalog.rows(Judgement, project.id, *columns, where=(JUDGEMENTS.number == number,))
    return Act(id=found[0].id, act=found[0].act, verb=found[0].verb) if found else None


def _kept(
    catalog: Catalog,
    verb: Literal["approve", "edit", "reject"],
    samples: Sequence[Sample],
    judged: Sequence[Sample],
) -> list[Sample]:
    """Store the samples as judged now, and how they were."""
    seen = [one.but(looked_at=now()) for one in judged]
    judgement = Judgement(
        id=new_id("judgement"),
        owner=catalog.owner,
        project_id=samples[0].project_id,
        act=new_id("act"),
        verb=verb,
        before=tuple(samples),
    )
    catalog.add_all([judgement], changed=seen)
    return seen


def _with_its_passage(sample: Sample, question: str) -> str:
    """A question as edited without the passage that stands before it keeps that passage."""
    bare = asked(sample.question)
    framed = bare != sample.question and asked(question) == question
    return sample.question[: -len(bare)] + question if framed else question


def _with(sample: Sample, question: str, answer: str) -> Sample:
    """The sample with another input (the user's last message) and another answer."""
    asked = max(place for place, message in enumerate(sample.messages) if message.role == "user")
    before, after = sample.prompt[:asked], sample.prompt[asked + 1 :]
    reply = Message.answering(answer) if sample.tools else Message(role="assistant", content=answer)
    return sample.but(messages=(*before, Message(role="user", content=question), *after, reply))


def _named(catalog: Catalog, project: Project, ids: Sequence[str]) -> list[Sample]:
    """The project's samples of these ids, each once; a sample of another project does not exist here."""
    if not ids:
        raise RetortError("No sample was named.", "Name the samples by their ids, or click on their cards.")
    known = {one.id: one for one in catalog.named(Sample, ids) if one.project_id == project.id}
    for id_ in ids:
        if id_ not in known:
            raise NotFound(f"There is no sample {id_!r}.", "Ask for the status to see the samples that exist.")
    return [known[id_] for id_ in dict.fromkeys(ids)]


def _one_spelling(task: Task, answer: str) -> str:
    """A checked answer as the others are written: JSON on one line."""
    return json.dumps(json.loads(answer), ensure_ascii=False) if task.kind == "extraction" else answer
