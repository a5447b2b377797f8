"""The comparison in words: what is best, by how much, and what these rows cannot tell."""

from collections.abc import Sequence

from tools.evaluation.paired import SIGNIFICANCE
from tools.evaluation.table import ComparedRow, Comparison, Pair
from tools.records import Measure, Score

ENOUGH = 0.9  # a base that surely reaches this needs no training
MOST_WORTH_LABELLING = 20_000  # a number of rows beyond which nobody would separate two candidates


def sentence(found: Comparison) -> str:
    """One paragraph: the choice, the test against the base, equals called equal, and what spoils the figures."""
    best = next(row for row in found.rows if row.best)
    parts = [
        _choice(found, best),
        _trial(found, best),
        _equals(found, best),
        _ignored(found.ignored),
        _leak(found),
        _looks(found),
    ]
    return " ".join(part for part in parts if part)


def percent(figure: Score | Measure) -> str:
    """`93.0 % (86-97)`."""
    return f"{100 * figure.share:.1f} % ({100 * figure.low:.1f}-{100 * figure.high:.1f})"


def p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def _choice(found: Comparison, best: ComparedRow) -> str:
    name = "exact" if found.figure == "exact match" else found.figure
    told = f"{100 * best.figure.share:.1f} % {name} ({100 * best.figure.low:.1f}-{100 * best.figure.high:.1f})"
    if len(found.rows) == 1:
        return f"Only {best.label} is evaluated: {told} on {found.n} rows."
    if all(row.figure.share == 0 for row in found.rows):
        return f"No candidate got any of the {found.n} rows right."
    if not best.trained:
        return f"{best.label} has the highest score: {told} on {found.n} rows. {_ladder(found)}".strip()
    trained = [row for row in found.rows if row.trained]
    why = {"dev score": ", chosen on dev", "dev loss": ", chosen by dev loss", "these rows": ""}[found.chosen_by]
    start = f"{best.label}{why if len(trained) > 1 else ''}: {told} on {found.n} {found.split} rows"
    return "; ".join([start, *_against_others(found)]) + "."


def _trial(found: Comparison, best: ComparedRow) -> str:
    """Keep or revert: what becomes of a new run beside earlier ones."""
    if not found.newest_run or not best.trained:
        return ""
    if found.chosen_by == "dev loss":
        return "Score both runs on dev to decide whether the new one is kept: say 'evaluate on dev'."
    if best.run_id != found.newest_run:
        return f"Revert: the new run is not shown to be better, so {best.label} stays."
    return f"Keep: {best.label} takes the place of the earlier run."


def _ladder(found: Comparison) -> str:
    """Before anything is trained: whether that is worth it. The steps are the base, it with examples, the teacher."""
    steps = [row for row in found.rows if row.candidate in ("base", "few-shot")]
    ceiling = next((row for row in found.rows if row.candidate == "teacher"), None)
    if not steps or len(steps) == len(found.rows) < 2:
        return ""
    top = max(steps, key=lambda row: row.figure.share)
    reaches = f"{top.label} {{}} {100 * top.figure.share:.0f} %"
    if top.figure.low >= ENOUGH:
        return f"Do not fine-tune: {reaches.format('already reaches')} ({100 * top.figure.low:.0f} % at the least)."
    if ceiling is None:
        return f"Fine-tuning has room: {reaches.format('reaches')} without it."
    above = f"the teacher {100 * ceiling.figure.share:.0f} %"
    p = next((pair.p for pair in found.pairs if top.evaluation_id in (pair.best_id, pair.other_id)), 1.0)
    if ceiling.best and p < SIGNIFICANCE:
        return f"Fine-tuning has room: {reaches.format('reaches')} without it, {above}."
    return (
        f"Fine-tuning on this teacher's samples promises little: {reaches.format('reaches')} without it, {above}, "
        f"and these {found.n} rows do not show the teacher to be better."
    )


def _against_others(found: Comparison) -> list[str]:
    """The chosen checkpoint against base, teacher and few-shot: each a clause."""
    line_of = {row.evaluation_id: row for row in found.rows}
    clauses = []
    for pair in found.pairs:
        other = line_of[pair.other_id]
        if other.trained or other.candidate.startswith("deployment-"):
            continue
        name = f"the {other.label}" if other.candidate in ("base", "teacher") else other.label
        score = f"{100 * other.figure.share:.1f} %"
        if pair.p >= SIGNIFICANCE:
            shown = f"these {found.n} rows do not show that it is better than {name}"
            clauses.append(f"{shown} ({score}, {p_text(pair.p)}){_needed(pair)}")
        elif pair.difference > 0:
            clauses.append(f"better than {name} ({score}, {p_text(pair.p)})")
        else:
            clauses.append(f"worse than {name} ({score}, {p_text(pair.p)})")
    return clauses


def _equals(found: Comparison, best: ComparedRow) -> str:
    """Other checkpoints: equal in their answers, not to be told apart, or better on these rows after all."""
    line_of = {row.evaluation_id: row for row in found.rows}
    rivals = [(line_of[pair.other_id], pair) for pair in found.pairs if line_of[pair.other_id].trained]
    if not rivals or all(row.figure.share == 0 for row in found.rows):
        return ""
    told = []
    for row, _ in ((row, pair) for row, pair in rivals if pair.same_answers):
        told.append(f"{row.label} gives the same answers.")
    close = [(row, pair) for row, pair in rivals if pair.p >= SIGNIFICANCE and not pair.same_answers]
    if close:
        named = _listed([f"{row.label} ({100 * row.figure.share:.1f} %, {p_text(pair.p)})" for row, pair in close])
        needed = _needed(close[0][1]) if len(close) == 1 else ""
        told.append(f"These {found.n} rows cannot separate it from {named}: they count as equal{needed}.")
    for row, pair in rivals:
        if pair.p < SIGNIFICANCE and pair.difference < 0:
            told.append(
                f"{row.label} is better on these rows ({100 * row.figure.share:.1f} %, {p_text(pair.p)}); "
                "a choice by the test needs fresh rows to confirm it."
            )
    return " ".join(told)


def _needed(pair: Pair) -> str:
    if pair.rows_needed is None or pair.rows_needed > MOST_WORTH_LABELLING:
        return ""
    return f"; about {_round(pair.rows_needed):,} would be needed"


def _round(rows: int) -> int:
    """Two digits: the rest would be a pretence."""
    digits = max(0, len(str(rows)) - 2)
    return round(rows, -digits)


def _ignored(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    verb, its = ("gives", "its adapter does") if len(labels) == 1 else ("give", "their adapters do")
    return f"Careful: {_listed(labels)} {verb} the same answers as the base on every row, so {its} nothing."


def _leak(found: Comparison) -> str:
    if not found.leaked:
        return ""
    rows = "1 row was" if found.leaked == 1 else f"{found.leaked} rows were"
    return (
        f"{rows} left out: training rows give {'its answer' if found.leaked == 1 else 'their answers'} away (a leak)."
    )


def _looks(found: Comparison) -> str:
    if found.looks < 2:
        return ""
    return f"This is look {found.looks} at this sealed test, so p values are multiplied by {found.looks}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
