"""Who is better, and whether these rows can tell: intervals on every score, exact paired tests between candidates."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from tools.catalog import Catalog
from tools.dataset.sealed import read_test
from tools.dataset.splits import Row, read_dev
from tools.errors import NotFound, RetortError
from tools.evaluation.answers import read_answers
from tools.evaluation.metrics import is_exact
from tools.records import Checkpoint, Dataset, Evaluation, Project, Scores, Value

SIGNIFICANCE = 0.05


class ComparedRow(Value):
    """One line of the score table."""

    evaluation_id: str
    candidate: str
    label: str
    scores: Scores
    step: int | None = None
    dev_loss: float | None = None
    best: bool = False


class Pair(Value):
    """The best candidate against another, on the rows that both answered."""

    best_id: str
    other_id: str
    only_best: int = Field(description="Rows that only the best has right.")
    only_other: int = Field(description="Rows that only the other has right.")
    p: float = Field(ge=0, le=1, description="Exact two-sided McNemar p value.")


class Comparison(Value):
    """Evaluations of one split side by side; ids are those of the evaluations."""

    dataset_id: str
    split: Literal["dev", "test"]
    n: int
    rows: tuple[ComparedRow, ...]
    best: str
    pairs: tuple[Pair, ...]
    sentence: str


class SideBySide(Value):
    """One row of the split: what was asked, what is right, what each candidate said."""

    row_id: str
    question: str
    reference: str
    answers: dict[str, str] = Field(description="Answer by the candidate's label.")
    right: dict[str, bool] = Field(description="Whether that answer is exact, by label.")


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p value that a and b are equally good, from the rows on which exactly one of them is right.

    The exact (binomial) form of Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947) 153-157: under the null the discordant rows are fair coins.
    """
    n = only_a + only_b
    tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / (1 << n))


def compare(catalog: Catalog, project: Project, evaluation_ids: Sequence[str] = ()) -> Comparison:
    """Compare these evaluations, by default the latest of each candidate on the newest dataset's test split.

    Raises RetortError when there is nothing to compare, or when the evaluations are of different rows.
    """
    evaluations = _chosen(catalog, project, evaluation_ids)
    rows = _read_rows(catalog, evaluations[0])
    hits = {one.id: _hits(catalog, project, one, rows) for one in evaluations}
    lines = sorted((_line(catalog, one) for one in evaluations), key=_rank)
    best = next((line for line in lines if not _served(line)), lines[0])
    others = [line for line in lines if line is not best]
    pairs = tuple(_pair(best, line, hits) for line in others)
    return Comparison(
        dataset_id=evaluations[0].dataset_id,
        split=evaluations[0].split,
        n=len(rows),
        rows=tuple(line.model_copy(update={"best": line is best}) for line in lines),
        best=best.evaluation_id,
        pairs=pairs,
        sentence=_sentence(best, others, pairs, len(rows)),
    )


def side_by_side(
    catalog: Catalog, project: Project, evaluations: Sequence[Evaluation], only: Literal["", "differ"] = ""
) -> list[SideBySide]:
    """Every row with all answers; `only="differ"` keeps those that some got right and others wrong."""
    _of_one_split(evaluations)
    answers = {one.id: read_answers(catalog.folder(project) / one.answers) for one in evaluations}
    names = _unique_labels(evaluations)
    found = []
    for row in _read_rows(catalog, evaluations[0]):
        said = {names[one.id]: answers[one.id].get(row.id, "") for one in evaluations}
        right = {name: is_exact(project.task, row.answer, text) for name, text in said.items()}
        if only == "" or len(set(right.values())) > 1:
            found.append(
                SideBySide(row_id=row.id, question=row.question, reference=row.answer, answers=said, right=right)
            )
    return found


def _chosen(catalog: Catalog, project: Project, evaluation_ids: Sequence[str]) -> list[Evaluation]:
    if evaluation_ids:
        found = [catalog.get(Evaluation, id_) for id_ in dict.fromkeys(evaluation_ids)]
        for one in found:
            if one.project_id != project.id:
                raise NotFound(f"There is no evaluation {one.id!r} in {project.name!r}.", "Ask for the status.")
        _of_one_split(found)
        return found
    tests = [one for one in catalog.find(Evaluation, project.id) if one.split == "test"]
    versions = {one.id: one.version for one in catalog.find(Dataset, project.id)}
    newest = max((one.dataset_id for one in tests), key=lambda id_: versions.get(id_, 0), default="")
    # A later evaluation of the same candidate takes the place of the earlier one.
    latest = {(one.candidate, one.student): one for one in tests if one.dataset_id == newest}
    if not latest:
        raise RetortError(
            f"Nothing of {project.name!r} is evaluated yet, so there is nothing to compare.",
            "Evaluate the base and the checkpoints first.",
        )
    return list(latest.values())


def _of_one_split(evaluations: Sequence[Evaluation]) -> None:
    splits = {(one.dataset_id, one.split) for one in evaluations}
    if len(splits) > 1:
        named = ", ".join(f"{split} of {dataset_id}" for dataset_id, split in sorted(splits))
        raise RetortError(
            f"These evaluations are of different rows: {named}.", "Compare evaluations of one dataset and split only."
        )


def _read_rows(catalog: Catalog, evaluation: Evaluation) -> list[Row]:
    dataset = catalog.get(Dataset, evaluation.dataset_id)
    return read_test(catalog, dataset) if evaluation.split == "test" else read_dev(catalog, dataset)


def _hits(catalog: Catalog, project: Project, evaluation: Evaluation, rows: Sequence[Row]) -> dict[str, bool]:
    answers = read_answers(catalog.folder(project) / evaluation.answers)
    return {row.id: is_exact(project.task, row.answer, answers[row.id]) for row in rows if row.id in answers}


def _line(catalog: Catalog, evaluation: Evaluation) -> ComparedRow:
    line = ComparedRow(
        evaluation_id=evaluation.id, candidate=evaluation.candidate, label=evaluation.label, scores=evaluation.scores
    )
    if evaluation.candidate == "base" or _served(line):
        return line
    checkpoint = catalog.get(Checkpoint, evaluation.candidate)
    return line.model_copy(update={"step": checkpoint.step, "dev_loss": checkpoint.dev_loss})


def _rank(line: ComparedRow) -> tuple[float, float, int]:
    """Highest exact match first; ties go to the lower dev loss, then to the earlier step; the base comes last."""
    dev_loss = math.inf if line.dev_loss is None else line.dev_loss
    return (-line.scores.exact_match.share, dev_loss, line.step or 0)


def _served(line: ComparedRow) -> bool:
    """A served student is one of the checkpoints over again, so it cannot be the best of them."""
    return line.candidate.startswith("deployment-")


def _pair(best: ComparedRow, other: ComparedRow, hits: Mapping[str, Mapping[str, bool]]) -> Pair:
    a, b = hits[best.evaluation_id], hits[other.evaluation_id]
    common = a.keys() & b.keys()
    only_best = sum(a[row] and not b[row] for row in common)
    only_other = sum(b[row] and not a[row] for row in common)
    return Pair(
        best_id=best.evaluation_id,
        other_id=other.evaluation_id,
        only_best=only_best,
        only_other=only_other,
        p=mcnemar(only_best, only_other),
    )


def _sentence(best: ComparedRow, others: Sequence[ComparedRow], pairs: Sequence[Pair], n: int) -> str:
    exact = best.scores.exact_match
    told = f"{exact.share:.1%} exact ({100 * exact.low:.1f}-{100 * exact.high:.1f})".replace("%", " %")
    if not others:
        return f"Only {best.label} is evaluated: {told} on {n} rows."
    if exact.hits == 0:
        return f"No candidate got any of the {n} rows exactly right."
    p_of = {pair.other_id: pair.p for pair in pairs}
    parts = [f"{best.label} is best: {told}"]
    for base in (line for line in others if line.candidate == "base"):
        p, named = p_of[base.evaluation_id], "the base" if base.label == "base" else base.label
        parts[0] += f" against {100 * base.scores.exact_match.share:.1f} % for {named}, {_p(p)}"
        if p >= SIGNIFICANCE:
            parts.append(f"these {n} rows do not show that it is better than {named}")
    rivals = [line for line in others if line.candidate != "base" and not _served(line)]
    close = [line for line in rivals if p_of[line.evaluation_id] >= SIGNIFICANCE]
    if close:
        named = " or ".join(f"{line.label} ({_p(p_of[line.evaluation_id])})" for line in close)
        parts.append(f"these {n} rows cannot separate it from {named}")
    return "; ".join(parts) + "."


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def _unique_labels(evaluations: Sequence[Evaluation]) -> dict[str, str]:
    """Evaluation id -> label, told apart by the candidate's id where two labels are the same."""
    labels = [one.label for one in evaluations]
    return {
        one.id: one.label if labels.count(one.label) == 1 else f"{one.label} ({one.candidate}, {one.id})"
        for one in evaluations
    }
