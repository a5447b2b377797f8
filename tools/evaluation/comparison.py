"""Who is better, and whether these rows can tell: intervals on every score, paired tests between candidates."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal

from tools.catalog import Catalog
from tools.dataset.sealed import read_test
from tools.dataset.splits import Row, read_dev
from tools.errors import NotFound, RetortError
from tools.evaluation.answers import read_answers
from tools.evaluation.metrics import headline, row_values
from tools.evaluation.paired import SIGNIFICANCE, Duel, duel, holm
from tools.evaluation.table import Choice, ComparedRow, Comparison, Pair
from tools.evaluation.verdict import sentence
from tools.records import Checkpoint, Dataset, Evaluation, Project, Run

ROWS_TO_TELL = 5  # a good adapter may well say what its base says on fewer
Values = Mapping[str, Mapping[str, float]]  # what each row counts, by evaluation id and row id


def compare(catalog: Catalog, project: Project, evaluation_ids: Sequence[str] = ()) -> Comparison:
    """Compare these evaluations, by default the latest of each candidate on the newest dataset's test split.

    The best is a checkpoint chosen on dev, so that the test only confirms. Raises RetortError when there is nothing to
    compare, or when the evaluations are of different rows.
    """
    evaluations = _chosen(catalog, project, evaluation_ids)
    first = evaluations[0]
    leaked = {row for one in evaluations for row in one.leaked}
    rows = [row for row in read_rows(catalog, first) if row.id not in leaked]
    answers = {one.id: read_answers(catalog.folder(project) / one.answers) for one in evaluations}
    values = {one.id: row_values(project.task, rows, answers[one.id]) for one in evaluations}
    lines = sorted((_line(catalog, project, one) for one in evaluations), key=_rank)
    best, chosen_by = _choose(catalog, project, lines, first, values)
    looks = 0 if chosen_by == "these rows" else len(_looks(catalog, first))
    found = Comparison(
        dataset_id=first.dataset_id,
        split=first.split,
        n=len(rows),
        figure=headline(project.task, first.scores)[0],
        rows=tuple(line.model_copy(update={"best": line is best}) for line in lines),
        best=best.evaluation_id,
        chosen_by=chosen_by,
        pairs=_pairs(best, lines, values, answers, looks),
        looks=looks,
        newest_run=_newest_run(catalog, project, lines),
        leaked=len(leaked),
        ignored=_ignored(evaluations, answers),
        sentence="",
    )
    return found.model_copy(update={"sentence": sentence(found)})


def latest(catalog: Catalog, project: Project, split: Literal["dev", "test"], dataset_id: str = "") -> list[Evaluation]:
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
            f"These evaluations are of different rows: {named}.", "Compare evaluations of one dataset and split only."
        )


def read_rows(catalog: Catalog, evaluation: Evaluation) -> list[Row]:
    """The rows that an evaluation was of."""
    dataset = catalog.get(Dataset, evaluation.dataset_id)
    return read_test(catalog, dataset) if evaluation.split == "test" else read_dev(catalog, dataset)


def _chosen(catalog: Catalog, project: Project, evaluation_ids: Sequence[str]) -> list[Evaluation]:
    if evaluation_ids:
        found = [catalog.get(Evaluation, id_) for id_ in dict.fromkeys(evaluation_ids)]
        for one in found:
            if one.project_id != project.id:
                raise NotFound(f"There is no evaluation {one.id!r} in {project.name!r}.", "Ask for the status.")
        need_one_split(found)
        return found
    found = latest(catalog, project, "test") or latest(catalog, project, "dev")
    if not found:
        raise RetortError(
            f"Nothing of {project.name!r} is evaluated yet, so there is nothing to compare.",
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


def _choose(
    catalog: Catalog, project: Project, lines: Sequence[ComparedRow], first: Evaluation, values: Values
) -> tuple[ComparedRow, Choice]:
    """The best checkpoint by dev: by its scores there when all have one, else by dev loss; never by the test.

    Where nothing was trained the best is the line on top, and where dev losses are of different rows it is the top too.
    """
    trained = [line for line in lines if line.trained]
    if first.split == "dev" or not trained:
        return _kept(catalog, project, trained or lines, values), "these rows"
    scored = latest(catalog, project, "dev", first.dataset_id)
    dev = [one for one in scored if one.candidate in {line.candidate for line in trained}]
    if len(trained) > 1 and len(dev) == len(trained):
        table = compare(catalog, project, [one.id for one in dev])
        chosen = next(row.candidate for row in table.rows if row.best)
        return next(line for line in trained if line.candidate == chosen), "dev score"
    if len({catalog.get(Run, line.run_id).dataset_id for line in trained}) > 1:
        return trained[0], "these rows"
    return min(trained, key=lambda line: (line.dev_loss, line.step)), "dev loss"


def _kept(catalog: Catalog, project: Project, lines: Sequence[ComparedRow], values: Values) -> ComparedRow:
    """The line on top; but a new run takes the place of an earlier one only when it is shown to be better."""
    top, newest = lines[0], _newest_run(catalog, project, lines)
    earlier = next((line for line in lines if line.run_id != newest), None)
    if not newest or earlier is None or top.run_id != newest:
        return top
    better = duel(values[top.evaluation_id], values[earlier.evaluation_id]).p < SIGNIFICANCE
    return top if better else earlier


def _newest_run(catalog: Catalog, project: Project, lines: Sequence[ComparedRow]) -> str:
    """The newest of several runs; empty where there are not several."""
    runs = {line.run_id for line in lines if line.trained}
    known = [one.id for one in catalog.find(Run, project.id) if one.id in runs]
    return known[-1] if len(known) > 1 else ""


def _pairs(
    best: ComparedRow,
    lines: Sequence[ComparedRow],
    values: Values,
    answers: Mapping[str, Mapping[str, str]],
    looks: int,
) -> tuple[Pair, ...]:
    """The best against every other line, with corrected p values."""
    others = [line for line in lines if line is not best]
    duels = {line.evaluation_id: duel(values[best.evaluation_id], values[line.evaluation_id]) for line in others}
    p_of = corrected(best, lines, values, duels, looks)
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
    best: ComparedRow, lines: Sequence[ComparedRow], values: Values, duels: Mapping[str, Duel], looks: int
) -> dict[str, float]:
    """p values of the best against each other that may be believed together, by evaluation id.

    A best that was chosen beforehand makes one planned comparison a line and `looks` of these, so Holm's correction
    counts them. A best that was chosen on these very rows (no looks) was compared with all, each with each, so it
    counts all pairs. A served student is no rival: its p value stands alone.
    """
    rivals = [line.evaluation_id for line in lines if not line.candidate.startswith("deployment-")]
    raw = {id_: one.p for id_, one in duels.items()}
    if looks:
        return raw | holm({id_: min(1.0, p * looks) for id_, p in raw.items() if id_ in rivals})
    top = best.evaluation_id
    family = {
        frozenset((a, b)): raw[b if a == top else a] if top in (a, b) else duel(values[a], values[b]).p
        for a, b in combinations(rivals, 2)
    }
    adjusted = holm(family)
    return {id_: adjusted.get(frozenset((top, id_)), p) for id_, p in raw.items()}


def _looks(catalog: Catalog, first: Evaluation) -> set[str]:
    """The jobs that scored checkpoints on this sealed test. Checking what is served chooses nothing."""
    every = catalog.find(Evaluation, first.project_id)
    return {
        one.job_id or one.id
        for one in every
        if (one.dataset_id, one.split) == (first.dataset_id, "test") and one.candidate.startswith("ckpt-")
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
