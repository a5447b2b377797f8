"""Two answers to one row, beside each other without names: who is asked which, and what was found better.

The user votes on the page, the judge is asked the same (`judge.py`). Rows on which two say the same decide nothing, so
they are left out; everything is on dev, because what is chosen by it must not have seen the sealed test.
"""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Literal

from tools.catalog import Catalog
from tools.dataset.versions import read_origins
from tools.errors import RetortError
from tools.evaluation.answers import read_answers
from tools.evaluation.compare.comparison import compare, latest, read_rows
from tools.evaluation.score.metrics import said
from tools.records import Ballot, Dataset, Evaluation, Match, Project, Value, new_id

USER = "user"
Choice = Literal["a", "b", "tie"]


class Meeting(Value):
    """A match with all that is looked at."""

    match: Match
    question: str
    reference: str
    a: str
    b: str


def contestants(catalog: Catalog, project: Project) -> list[Evaluation]:
    """Who meets: the best checkpoint on dev, the base, few-shot and the teacher, as far as they are scored there."""
    scored = latest(catalog, project, "dev")
    if len(scored) < 2:
        raise RetortError(
            f"{len(scored)} candidates have been scored on dev, and a match needs two.", "Say 'evaluate on dev' first."
        )
    rows = compare(catalog, project, [one.id for one in scored]).rows
    best = next((row.evaluation_id for row in rows if row.trained and row.best), "")
    chosen = [one for one in scored if one.id == best or not one.candidate.startswith(("ckpt-", "deployment-"))]
    return chosen if len(chosen) > 1 else scored


def matches(catalog: Catalog, project: Project, evaluations: Sequence[Evaluation]) -> list[Match]:
    """All matches in the order in which they are worth asking: every pair in turn, rows and sides drawn by a seed."""
    answers = {one.id: read_answers(catalog.folder(project) / one.answers) for one in evaluations}
    dataset_ids = {one.dataset_id for one in evaluations}
    origins = {
        row: mark for id_ in dataset_ids for row, mark in read_origins(catalog, catalog.get(Dataset, id_)).items()
    }
    drawn: list[tuple[int, int, Match]] = []
    for number, (a, b) in enumerate(combinations(sorted(answers), 2)):
        rows = [row for row in answers[a] if row in answers[b] and said(answers[a][row]) != said(answers[b][row])]
        random.Random(f"rows/{a}/{b}").shuffle(rows)
        for turn, row in enumerate(rows):
            first, second = random.Random(f"sides/{a}/{b}/{row}").sample((a, b), 2)
            drawn.append((turn, number, Match(row_id=row, first=first, second=second, origin=origins.get(row, ""))))
    return [match for _, _, match in sorted(drawn, key=lambda one: one[:2])]


def next_match(catalog: Catalog, project: Project) -> Match | None:
    """The first match that the user has not voted on; None when all are."""
    done = {key(one) for one in ballots(catalog, project, USER)}
    found = matches(catalog, project, contestants(catalog, project))
    return next((match for match in found if key(match) not in done), None)


def meetings(catalog: Catalog, project: Project, wanted: Sequence[Match]) -> list[Meeting]:
    """What is looked at in each match. RetortError when one of its evaluations or rows is gone."""
    ids = dict.fromkeys(id_ for match in wanted for id_ in (match.first, match.second))
    known = {id_: catalog.get(Evaluation, id_) for id_ in ids}
    answers = {id_: read_answers(catalog.folder(project) / one.answers) for id_, one in known.items()}
    rows = {row.id: row for one in list(known.values())[:1] for row in read_rows(catalog, one)}
    gone = next((match.row_id for match in wanted if match.row_id not in rows), "")
    if gone:
        raise RetortError(f"The row {gone!r} no longer exists.", "Say 'arena' for another match.")
    return [
        Meeting(
            match=match,
            question=rows[match.row_id].question,
            reference=rows[match.row_id].answer,
            a=said(answers[match.first][match.row_id]),
            b=said(answers[match.second][match.row_id]),
        )
        for match in wanted
    ]


def vote(catalog: Catalog, project: Project, match: Match, choice: Choice) -> Ballot:
    """Keep the user's vote. A second one on the same match takes the place of the first."""
    for known in ballots(catalog, project, USER):
        if key(known) == key(match):
            catalog.delete(known)
    return keep(catalog, match, choice, USER)


def keep(catalog: Catalog, match: Match, choice: Choice, by: str, reason: str = "") -> Ballot:
    """Who is better, as one of the two sides has found."""
    winner = {"a": match.first, "b": match.second, "tie": ""}[choice]
    return catalog.add(
        Ballot(
            id=new_id("ballot"),
            owner=catalog.owner,
            project_id=catalog.get(Evaluation, match.first).project_id,
            row_id=match.row_id,
            origin=match.origin,
            first=match.first,
            second=match.second,
            winner=winner,
            by=by,
            reason=reason,
        )
    )


def ballots(catalog: Catalog, project: Project, by: str) -> list[Ballot]:
    """What the user, or a judge, has found so far."""
    return [one for one in catalog.find(Ballot, project.id) if one.by == by]


def key(met: Match | Ballot) -> tuple[str, frozenset[str]]:
    """Who met on which row, whichever stood on the left."""
    return met.row_id, frozenset((met.first, met.second))


def judges(catalog: Catalog, project: Project) -> list[str]:
    """Who has judged, the user first, then by number of ballots."""
    counted = Counter(one.by for one in catalog.find(Ballot, project.id))
    return sorted(counted, key=lambda by: (by != USER, -counted[by]))
