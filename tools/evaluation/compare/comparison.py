"""Who is better, and whether these rows can tell: intervals on every score, paired tests between candidates."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from tools.catalog import Catalog
from tools.dataset.splits import Row
from tools.dataset.versions import read_origins
from tools.errors import NotFound, RetortError
from tools.evaluation.answers import read_answers
from tools.evaluation.compare.table import Choice, ComparedRow, Comparison, Pair
from tools.evaluation.compare.verdict import sentence
from tools.evaluation.rows import Split, made_how, rows_of
from tools.evaluation.score.metrics import headline, row_values
from tools.evaluation.statistics.clusters import clusters, marks_of
from tools.evaluation.statistics.paired import SIGNIFICANCE, Duel, duel, holm
from tools.records import Checkpoint, Dataset, Evaluation, Project, Run

ROWS_TO_TELL = 5  # a good adapter may well say what its base says on fewer


class Outcomes(NamedTuple):
    """What each row counts for each candidate, and which rows are one piece of evidence."""

    values: Mapping[str, Mapping[str, float]]  # by evaluation id and row id
    origins: Mapping[str, str]  # by row id

    def duel(self, a: str, b: str) -> Duel:
        return duel(self.values[a], self.values[b], self.origins)


def compare(catalog: Catalog, project: Project, evaluation_ids: Sequence[str] = ()) -> Comparison:
    """Compare these evaluations, by default the latest of each candidate on the newest dataset's test split.

    The best is a checkpoint chosen on dev, so that the test only confirms; but where real messages separate it from
    another one, the better one on these is the best. Evaluations on the real messages of the same dataset belong to the
    test's, and are compared beside them. Raises RetortError when there is nothing to compare, or when the evaluations
    are of different rows.
    """
    evaluations, typed = _chosen(catalog, project, evaluation_ids)
    told = _Scored(catalog, project, evaluations)
    real = _Scored(catalog, project, typed) if typed else None
    best, chosen_by = _choose(catalog, project, told)
    passed_over = ""
    judge = real or (told if told.split == "real" else None)  # compared by themselves, real messages weigh too
    if judge and (better := _better_on(judge, best.candidate)):
        best, passed_over = next((line for line in told.lines if line.candidate == better), best), best.label
        chosen_by = "real rows"
    found = _compared(told, best, chosen_by, passed_over)
    beside = next((line for line in real.lines if line.candidate == best.candidate), None) if real else None
    if real and beside:
        found = found.model_copy(update={"real": _compared(real, beside, chosen_by, passed_over)})
    return found.model_copy(update={"sentence": sentence(found)})


class _Scored:
    """Evaluations of one split, what each row counts for them, and their lines in order."""

    def __init__(self, catalog: Catalog, project: Project, evaluations: Sequence[Evaluation]) -> None:
        self.catalog, self.project, self.evaluations, self.first = catalog, project, evaluations, evaluations[0]
        self.dataset = catalog.get(Dataset, self.first.dataset_id)
        self.split: Split = self.first.split
        self.leaked = {row for one in evaluations for row in one.leaked}
        self.rows = [row for row in rows_of(catalog, self.dataset, self.split) if row.id not in self.leaked]
        self.answers = {one.id: read_answers(catalog.folder(project) / one.answers) for one in evaluations}
        self.outcomes = Outcomes(
            {one.id: row_values(project.task, self.rows, self.answers[one.id]) for one in evaluations},
            read_origins(catalog, self.dataset),
        )
        self.lines = sorted((_line(catalog, project, one) for one in evaluations), key=_rank)

    @property
    def looks(self) -> int:
        return len(_looks(self.catalog, self.first))


def _compared(told: _Scored, best: ComparedRow, chosen_by: Choice, passed_over: str) -> Comparison:
    """The table of these evaluations with the best against all others; its sentence is told by `compare`."""
    marks = marks_of((row.id for row in told.rows), told.outcomes.origins)
    grouped = clusters(marks)
    looks = 0 if chosen_by == "these rows" else told.looks
    chosen_here = chosen_by == "real rows" and told.split == "real"
    return Comparison(
        dataset_id=told.dataset.id,
        split=told.split,
        made=made_how(told.catalog, told.dataset, told.split, (row.id for row in told.rows)),
        thin=told.dataset.thin_sentence if told.dataset.thin and told.split == "test" else "",
        n=len(told.rows),
        origins=len(set(marks)),
        few_origins=grouped is not None and not grouped.enough,
        figure=headline(told.project.task, told.first.scores)[0],
        rows=tuple(line.model_copy(update={"best": line is best}) for line in told.lines),
        best=best.evaluation_id,
        chosen_by=chosen_by,
        pairs=_pairs(best, told, looks, chosen_here=chosen_here),
        looks=looks,
        newest_run=_newest_run(told.catalog, told.project, told.lines),
        leaked=len(told.leaked),
        ignored=_ignored(told.evaluations, told.answers),
        passed_over=passed_over,
        sentence="",
    )


def _better_on(real: _Scored, chosen: str) -> str:
    """The checkpoint that real messages show to be better than the chosen one, the best of several; or nothing.

    Every rival is one test more, and so is every look at these rows.
    """
    line = next((one for one in real.lines if one.candidate == chosen and one.trained), None)
    rivals = [one for one in real.lines if one.trained and one is not line]
    if line is None:
        return ""
    duels = {one.evaluation_id: real.outcomes.duel(one.evaluation_id, line.evaluation_id) for one in rivals}
    p_of = holm({id_: min(1.0, one.p * max(1, real.looks)) for id_, one in duels.items()})
    better = [
        one for one in rivals if duels[one.evaluation_id].difference > 0 and p_of[one.evaluation_id] < SIGNIFICANCE
    ]
    return better[0].candidate if better else ""  # they stand in order


def latest(catalog: Catalog, project: Project, split: Split, dataset_id: str = "") -> list[Evaluation]:
    """The last evaluation of each candidate on a split of a dataset: the newest that has any, unless one is named."""
    every = [one for one in catalog.find(Evaluation, project.id) if one.split == split]
    versions = {one.id: one.version for one in catalog.find(Dataset, project.id)}
    wanted = dataset_id or max((one.dataset_id for one in every), key=lambda id_: versions.get(id_, 0), default="")
    return list({(one.candidate, one.student): one for one in every if one.dataset_id == wanted}.values())


def need_one_split(evaluations: Sequence[Evaluation]) -> None:
    """Raises RetortError when the evaluations are of different rows."""
    splits = {(one.dataset_id, one.split) for one in evaluations}
    if len(splits) > 1:
        named = ", ".join(f"{split} of {dataset_id}" for dataset_id, split in sorted(splits))
        raise RetortError(
            f"These evaluations cover different rows: {named}.",
            "Compare only evaluations of the same dataset and split.",
        )


def read_rows(catalog: Catalog, evaluation: Evaluation) -> list[Row]:
    """The rows that an evaluation was of."""
    return rows_of(catalog, catalog.get(Dataset, evaluation.dataset_id), evaluation.split)


def _chosen(
    catalog: Catalog, project: Project, evaluation_ids: Sequence[str]
) -> tuple[list[Evaluation], list[Evaluation]]:
    """The evaluations to compare, and for the test those of the same candidates on real messages."""
    found = _of_one_table(catalog, project, evaluation_ids)
    others = [one for one in found if one.split != "real"]
    if not others:
        need_one_split(found)
        return found, []
    need_one_split(others)
    typed = [one for one in found if one.split == "real" and one.dataset_id == others[0].dataset_id]
    if others[0].split == "test" and not typed:
        typed = latest(catalog, project, "real", others[0].dataset_id)
    asked = {(one.candidate, one.student) for one in others}
    return others, [one for one in typed if (one.candidate, one.student) in asked]


def _of_one_table(catalog: Catalog, project: Project, evaluation_ids: Sequence[str]) -> list[Evaluation]:
    if evaluation_ids:
        found = [catalog.get(Evaluation, id_) for id_ in dict.fromkeys(evaluation_ids)]
        for one in found:
            if one.project_id != project.id:
                raise NotFound(f"There is no evaluation {one.id!r} in {project.name!r}.", "Ask for the status.")
        return found
    found = latest(catalog, project, "test") or latest(catalog, project, "dev") or latest(catalog, project, "real")
    if not found:
        raise RetortError(
            f"Nothing in {project.name!r} has been evaluated yet, so there is nothing to compare.",
            "Evaluate the base and the checkpoints first.",
        )
    return found


def _line(catalog: Catalog, project: Project, evaluation: Evaluation) -> ComparedRow:
    line = ComparedRow(
        evaluation_id=evaluation.id,
        candidate=evaluation.candidate,
        label=evaluation.label,
        scores=evaluation.scores,
        figure=headline(project.task, evaluation.scores)[1],
    )
    if not line.trained:
        return line
    checkpoint = catalog.get(Checkpoint, evaluation.candidate)
    return line.model_copy(
        update={"run_id": checkpoint.run_id, "step": checkpoint.step, "dev_loss": checkpoint.dev_loss}
    )


def _rank(line: ComparedRow) -> tuple[float, float, int]:
    """Highest figure first; ties go to the lower dev loss, then to the earlier step; the base comes last."""
    dev_loss = math.inf if line.dev_loss is None else line.dev_loss
    return (-line.figure.share, dev_loss, line.step or 0)


def _choose(catalog: Catalog, project: Project, told: _Scored) -> tuple[ComparedRow, Choice]:
    """The best checkpoint by dev: by its scores there when all have one, else by dev loss; never by the test.

    Where nothing was trained the best is the line on top, and where dev losses are of different rows it is the top too.
    """
    lines, first, outcomes = told.lines, told.first, told.outcomes
    trained = [line for line in lines if line.trained]
    if first.split == "dev" or not trained:
        return _kept(catalog, project, trained or lines, outcomes), "these rows"
    scored = latest(catalog, project, "dev", first.dataset_id)
    dev = [one for one in scored if one.candidate in {line.candidate for line in trained}]
    if len(trained) > 1 and len(dev) == len(trained):
        table = compare(catalog, project, [one.id for one in dev])
        chosen = next(row.candidate for row in table.rows if row.best)
        return next(line for line in trained if line.candidate == chosen), "dev score"
    if len({catalog.get(Run, line.run_id).dataset_id for line in trained}) > 1:
        return trained[0], "these rows"
    return min(trained, key=lambda line: (line.dev_loss, line.step)), "dev loss"


def _kept(catalog: Catalog, project: Project, lines: Sequence[ComparedRow], outcomes: Outcomes) -> ComparedRow:
    """The line on top; but a new run takes the place of an earlier one only when it is shown to be better."""
    top, newest = lines[0], _newest_run(catalog, project, lines)
    earlier = next((line for line in lines if line.run_id != newest), None)
    if not newest or earlier is None or top.run_id != newest:
        return top
    better = outcomes.duel(top.evaluation_id, earlier.evaluation_id).p < SIGNIFICANCE
    return top if better else earlier


def _newest_run(catalog: Catalog, project: Project, lines: Sequence[ComparedRow]) -> str:
    """The newest of several runs; empty where there are not several."""
    runs = {line.run_id for line in lines if line.trained}
    known = [one.id for one in catalog.find(Run, project.id) if one.id in runs]
    return known[-1] if len(known) > 1 else ""


def _pairs(best: ComparedRow, told: _Scored, looks: int, *, chosen_here: bool) -> tuple[Pair, ...]:
    """The best against every other line, with corrected p values."""
    answers, outcomes = told.answers, told.outcomes
    others = [line for line in told.lines if line is not best]
    duels = {line.evaluation_id: outcomes.duel(best.evaluation_id, line.evaluation_id) for line in others}
    p_of = corrected(best, told.lines, outcomes, duels, looks, chosen_here=chosen_here)
    return tuple(
        Pair(
            best_id=best.evaluation_id,
            other_id=line.evaluation_id,
            only_best=duels[line.evaluation_id].only_a,
            only_other=duels[line.evaluation_id].only_b,
            difference=duels[line.evaluation_id].difference,
            p=p_of[line.evaluation_id],
            rows_needed=duels[line.evaluation_id].rows_needed,
            same_answers=answers[best.evaluation_id] == answers[line.evaluation_id],
        )
        for line in others
    )


def corrected(
    best: ComparedRow,
    lines: Sequence[ComparedRow],
    outcomes: Outcomes,
    duels: Mapping[str, Duel],
    looks: int,
    *,
    chosen_here: bool = False,
) -> dict[str, float]:
    """p values of the best against each other that may be believed together, by evaluation id.

    A best that was chosen beforehand makes one planned comparison a line and `looks` of these, so Holm's correction
    counts them. A best that was chosen on these very rows (no looks) was compared with all, each with each, so it
    counts all pairs; so does one that real messages chose (`chosen_here`), at each look. A served student is no
    rival: its p value stands alone.
    """
    rivals = [line.evaluation_id for line in lines if not line.candidate.startswith("deployment-")]
    raw = {id_: one.p for id_, one in duels.items()}
    if looks and not chosen_here:
        return raw | holm({id_: min(1.0, p * looks) for id_, p in raw.items() if id_ in rivals})
    top = best.evaluation_id
    family = {
        frozenset((a, b)): min(
            1.0, max(1, looks) * (raw[b if a == top else a] if top in (a, b) else outcomes.duel(a, b).p)
        )
        for a, b in combinations(rivals, 2)
    }
    adjusted = holm(family)
    return {id_: adjusted.get(frozenset((top, id_)), p) for id_, p in raw.items()}


def _looks(catalog: Catalog, first: Evaluation) -> set[str]:
    """The jobs that scored checkpoints on these sealed rows. Checking what is served chooses nothing."""
    every = catalog.find(Evaluation, first.project_id)
    return {
        one.job_id or one.id
        for one in every
        if (one.dataset_id, one.split) == (first.dataset_id, first.split) and one.candidate.startswith("ckpt-")
    }


def _ignored(evaluations: Sequence[Evaluation], answers: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """A checkpoint that says word for word what its base says has an adapter that is empty or not applied."""
    base = {one.student: answers[one.id] for one in evaluations if one.candidate == "base"}
    return tuple(
        one.label
        for one in evaluations
        if one.candidate.startswith("ckpt-")
        and base.get(one.student) == answers[one.id]
        and len(answers[one.id]) >= ROWS_TO_TELL
    )
