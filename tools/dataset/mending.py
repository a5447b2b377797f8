"""What the user chooses about doubts, pins and copies: done to all rows that it is about, and undone as one act."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from tools.catalog import Catalog
from tools.dataset.doubts import answer_key, contradictions, spellings, tokens_in, without_tokens
from tools.dataset.real import told_as_train
from tools.errors import RetortError
from tools.records import REAL, Judgement, Message, Project, Sample, Value, new_id

Remedy: TypeAlias = Literal["first", "labels", "tokens", "last", "every", "unpin", "near", "all", "none"]
Changed: TypeAlias = tuple[list[Sample], Project]  # the samples as they are now, and the project


class Mended(Value):
    """What was done."""

    rows: int
    file: str = ""  # of rows that are no longer pinned


def mend(catalog: Catalog, project: Project, how: Remedy) -> Mended:
    """Do it, and keep how all was before. Raises RetortError when there is nothing to do."""
    usable = catalog.find(Sample, project.id, states=("approved", "edited"))
    changed, after = _HOW[how](project, usable)
    before = {one.id: one for one in usable}
    if not changed and after == project:
        raise RetortError(_NOTHING[how], "Say 'status' to see what there is.")
    act = Judgement(
        id=new_id("judgement"),
        owner=catalog.owner,
        project_id=project.id,
        act=new_id("act"),
        verb="mend",
        before=tuple(before[one.id] for one in changed),
        project=project,
    )
    catalog.add_all([act], changed=[*changed, *([after] if after != project else [])])
    file = before[changed[0].id].source.partition(":")[2] if how == "unpin" else ""
    return Mended(rows=len(changed), file=file)


def restored(now: Project, before: Project) -> Project:
    """The project with what a remedy may change as it was before one; what else was said since stays."""
    task = now.task.model_copy(update={"labels": before.task.labels, "learnt": before.task.learnt})
    return now.but(task=task, policy=now.policy.model_copy(update={"copies": before.policy.copies}))


def _first(project: Project, usable: Sequence[Sample]) -> Changed:
    """Of rows that contradict each other the first stays: what the user looked at before what nobody did."""
    gone: list[Sample] = []
    for group in contradictions(usable):
        first = min(group, key=lambda one: not one.looked)
        other = [one for one in group if answer_key(one) != answer_key(first)]
        gone += [
            one.but(state="rejected", reason=f"another row answers this with {first.answer[:60]!r}") for one in other
        ]
    return gone, project


def _labels(project: Project, usable: Sequence[Sample]) -> Changed:
    into = spellings(project.task, usable)
    changed = [_answering(one, into[one.answer]) for one in usable if one.answer in into]
    labels = tuple(dict.fromkeys(into.get(label, label) for label in project.task.labels))
    return changed, project.but(task=project.task.model_copy(update={"labels": labels}))


def _tokens(project: Project, usable: Sequence[Sample]) -> Changed:
    """The texts without special tokens; a row that was nothing else is no row."""
    changed = []
    for one in (one for one in usable if tokens_in(one)):
        bare = [message.model_copy(update={"content": without_tokens(message.content)}) for message in one.messages]
        whole = all(message.text for message in bare)
        emptied = one.but(state="rejected", reason="it held nothing but special tokens of a chat template")
        changed.append(one.but(messages=bare) if whole else emptied)
    return changed, project


def _learning(learnt: Literal["every", "last"]) -> Callable[[Project, Sequence[Sample]], Changed]:
    def choose(project: Project, _usable: Sequence[Sample]) -> Changed:
        return [], project.but(task=project.task.model_copy(update={"learnt": learnt}))

    return choose


def _copies(copies: Literal["near", "all", "out"]) -> Callable[[Project, Sequence[Sample]], Changed]:
    def choose(project: Project, _usable: Sequence[Sample]) -> Changed:
        return [], project.but(policy=project.policy.model_copy(update={"copies": copies}))

    return choose


def _unpinned(project: Project, usable: Sequence[Sample]) -> Changed:
    """The rows of the file that was pinned last, as rows that freezing may put anywhere."""
    pinned = [one for one in usable if one.split and one.source.startswith(("import:", REAL))]
    file = pinned[-1].source.partition(":")[2] if pinned else ""
    mine = [one for one in pinned if one.source.partition(":")[2] == file]
    told = {one.id: one for one in told_as_train([one for one in mine if one.real], [s for s in usable if not s.real])}
    return [told.get(one.id, one).but(split="", source=f"import:{file}") for one in mine], project


def _answering(sample: Sample, answer: str) -> Sample:
    return sample.but(messages=(*sample.prompt, Message(role="assistant", content=answer)))


_HOW: Mapping[Remedy, Callable[[Project, Sequence[Sample]], Changed]] = {
    "first": _first,
    "labels": _labels,
    "tokens": _tokens,
    "last": _learning("last"),
    "every": _learning("every"),
    "unpin": _unpinned,
    "near": _copies("near"),
    "all": _copies("all"),
    "none": _copies("out"),
}
_NOTHING: Mapping[Remedy, str] = {
    "first": "No input has two different answers.",
    "labels": "No two labels differ only in spelling.",
    "tokens": "No row holds a special token of a chat template.",
    "last": "Only the last answer of each conversation is learnt already.",
    "every": "Every answer of each conversation is learnt already.",
    "unpin": "No imported row is pinned to a split.",
    "near": "Near copies of pinned rows are kept already.",
    "all": "All copies of pinned rows are kept already.",
    "none": "Copies of pinned rows are left out already.",
}
