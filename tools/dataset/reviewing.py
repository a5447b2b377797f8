"""The user's judgement of samples. Only approved and edited ones are ever trained on.

draft, rejected --approve--> approved        edited --approve--> edited (it was approved by being edited)
any             --edit-----> edited          any    --reject---> rejected, with its reason
"""

import json
from collections.abc import Sequence

from tools.catalog import Catalog
from tools.errors import NotFound, RetortError
from tools.records import Message, Project, Sample, Task
from tools.synthesis.checks import check


def approve(catalog: Catalog, project: Project, ids: Sequence[str]) -> list[Sample]:
    """Let these samples into the next dataset; all or, when an id is unknown, none."""
    samples = _named(catalog, project, ids)
    judged = [s if s.state in ("approved", "edited") else s.but(state="approved", reason="") for s in samples]
    catalog.save_all(judged)
    return judged


def reject(catalog: Catalog, project: Project, ids: Sequence[str], reason: str) -> list[Sample]:
    """Keep these samples out of every later dataset; they stay visible with the reason."""
    if not reason.strip():
        raise RetortError("A rejection needs a reason.", "Say what is wrong, e.g. 'the phone number is missing'.")
    judged = [s.but(state="rejected", reason=reason.strip()) for s in _named(catalog, project, ids)]
    catalog.save_all(judged)
    return judged


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
    question = sample.question if question is None else question
    answer = sample.answer if answer is None else answer
    wrong = check(project.task, _with(sample, question, answer))
    if wrong:
        raise RetortError(f"The edit of {id} cannot be kept: {wrong.rstrip('.')}.", "Correct it and edit again.")
    answer = _one_spelling(project.task, answer)
    parts = {"input": question != sample.question, "answer": answer != sample.answer}
    changed = [name for name, differs in parts.items() if differs]
    if not changed:
        raise RetortError(f"The edit of {id} changes nothing.", f"Say 'approve {id}' if it is right as it is.")
    said = reason.strip() or f"changed: {', '.join(changed)}"
    return catalog.save(_with(sample, question, answer).but(state="edited", reason=said))


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
    samples = [catalog.get(Sample, id_) for id_ in dict.fromkeys(ids)]
    for sample in samples:
        if sample.project_id != project.id:
            raise NotFound(f"There is no sample {sample.id!r}.", "Ask for the status to see the samples that exist.")
    return samples


def _one_spelling(task: Task, answer: str) -> str:
    """A checked answer as the others are written: JSON on one line."""
    return json.dumps(json.loads(answer), ensure_ascii=False) if task.kind == "extraction" else answer
