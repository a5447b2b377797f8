"""The comparison in words: what is best, by how much, and what these rows cannot tell."""

from collections.abc import Sequence

from tools.evaluation.compare.table import ComparedRow, Comparison, Pair
from tools.evaluation.rows import IMPORTED, TYPED
from tools.evaluation.statistics.paired import SIGNIFICANCE
from tools.records import Measure, Score

NOT_TYPED = (
    "Nothing here was typed by your users: say 'real messages:' and paste 10 to 30, or import a file as real, to know."
)
ENOUGH = 0.9  # a base that surely reaches this needs no training
MOST_WORTH_LABELLING = 20_000  # a number of rows beyond which nobody would separate two candidates


def sentence(found: Comparison) -> str:
    """One paragraph: the choice, the test against the base, equals called equal, and what spoils the figures."""
    best = next(row for row in found.rows if row.best)
    parts = [
        _on_real(found),
        _choice(found, best),
        _trial(found, best),
        _equals(found, best),
        _ignored(found.ignored),
        _origins(found),
        found.thin,
        _leak(found),
        _looks(found),
    ]
    return " ".join(part for part in parts if part)


def _on_real(found: Comparison) -> str:
    """What real messages say, before anything else is told: how good the best is, and whether better than the base."""
    real = found.real
    if real is None or not real.n:
        return ""
    best = next(row for row in real.rows if row.best)
    untrained = [row for row in real.rows if row.candidate in ("base", "few-shot", "teacher") and row is not best]
    others = "".join(f", {_the(row)} {_got(row)}" for row in untrained)
    told = f"On your {real.n} real messages: {best.label} {_got(best, whole=True)}"
    parts = [f"{told}{'' if real.few_origins else _span(best)}{others}."]
    base = next((row for row in real.rows if row.candidate == "base"), None)
    against = next((pair for pair in real.pairs if base and pair.other_id == base.evaluation_id), None)
    if best.trained and against and against.p >= SIGNIFICANCE and not real.few_origins:
        parts.append(f"They do not show that it is better than the base ({p_text(against.p)}){_needed(against)}.")
    if found.passed_over:
        line = next(row for row in real.rows if row.label == found.passed_over)
        p = next(pair.p for pair in real.pairs if pair.other_id == line.evaluation_id)
        parts.append(
            f"They separate it from {line.label}, which dev would choose ({_got(line)} there, {p_text(p)}), so "
            f"{best.label} is chosen; what it got on them flatters it a little, for they chose it."
        )
    other = next((row for row in found.rows if row.best), best)
    if best.figure.high < other.figure.low and not real.few_origins:
        why = f": those rows are {found.made}" if found.made not in ("", TYPED, IMPORTED) else ""
        parts.append(f"Believe this figure and not the {100 * other.figure.share:.0f} % below{why}.")
    if real.looks > 1:
        parts.append(f"This is look {real.looks} at them, and p values count it.")
    return " ".join([*parts, "On the test:" if found.split == "test" else "On dev:"])


def _got(row: ComparedRow, *, whole: bool = False) -> str:
    """`got 19 right`, or `scored 0.61` where an answer is more or less right."""
    if isinstance(row.figure, Score):
        return f"got {row.figure.hits} right" if whole else f"{row.figure.hits}"
    return f"scored {100 * row.figure.share:.0f} %" if whole else f"{100 * row.figure.share:.0f} %"


def _span(row: ComparedRow) -> str:
    """` (79 %, 59 to 91 %)`."""
    within = f"{100 * row.figure.low:.0f} to {100 * row.figure.high:.0f} %"
    return f" ({100 * row.figure.share:.0f} %, {within})" if isinstance(row.figure, Score) else f" ({within})"


def _the(row: ComparedRow) -> str:
    return row.label if row.candidate == "few-shot" else f"the {row.label}"


def percent(figure: Score | Measure) -> str:
    """`93.0 % (86-97)`."""
    return f"{100 * figure.share:.1f} % ({100 * figure.low:.1f}-{100 * figure.high:.1f})"


def p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def _choice(found: Comparison, best: ComparedRow) -> str:
    name = "exact" if found.figure == "exact match" else found.figure
    told = f"{100 * best.figure.share:.1f} % {name}"
    if not found.few_origins:
        told += f" ({100 * best.figure.low:.1f}-{100 * best.figure.high:.1f})"
    if len(found.rows) == 1:
        return f"Only {best.label} has been evaluated: {told} on {found.n} rows."
    if all(row.figure.share == 0 for row in found.rows):
        return f"No candidate got any of the {found.n} rows right."
    if not best.trained:
        return f"{best.label} has the highest score: {told} on {found.n} rows. {_ladder(found)}".strip()
    trained = [row for row in found.rows if row.trained]
    why = {
        "dev score": ", chosen on dev,",
        "dev loss": ", chosen by dev loss,",
        "these rows": "",
        "real rows": ", chosen by your real messages,",
    }[found.chosen_by]
    start = f"{best.label}{why if len(trained) > 1 else ''} scores {told} on {found.n} {found.split} rows"
    return "; ".join([start, *_against_others(found)]) + "."


def _trial(found: Comparison, best: ComparedRow) -> str:
    """Keep or revert: what becomes of a new run beside earlier ones."""
    if not found.newest_run or not best.trained:
        return ""
    if found.chosen_by == "dev loss":
        return "To decide whether to keep the new run, score both runs on dev: say 'evaluate on dev'."
    if best.run_id != found.newest_run:
        return f"Revert: the new run has not been shown to be better, so {best.label} stays."
    return f"Keep: {best.label} replaces the earlier run."


def _ladder(found: Comparison) -> str:
    """Before anything is trained: whether that is worth it. The steps are the base, it with examples, the teacher."""
    steps = [row for row in found.rows if row.candidate in ("base", "few-shot")]
    ceiling = next((row for row in found.rows if row.candidate == "teacher"), None)
    if not steps or len(steps) == len(found.rows) < 2:
        return ""
    top = max(steps, key=lambda row: row.figure.share)
    reaches = f"{top.label} {{}} {100 * top.figure.share:.0f} %"
    if top.figure.low >= ENOUGH:
        return f"Do not fine-tune: {reaches.format('already reaches')} (at least {100 * top.figure.low:.0f} %)."
    if ceiling is None:
        return f"Fine-tuning can still gain something: {reaches.format('reaches')} without it."
    above = f"the teacher reaches {100 * ceiling.figure.share:.0f} %"
    p = next((pair.p for pair in found.pairs if top.evaluation_id in (pair.best_id, pair.other_id)), 1.0)
    if ceiling.best and p < SIGNIFICANCE:
        return f"Fine-tuning can still gain something: {reaches.format('reaches')} without it, and {above}."
    return (
        f"Fine-tuning on this teacher's samples promises little: {reaches.format('reaches')} without "
        f"it, {above}, and these {found.n} rows do not show that the teacher is better."
    )


def _against_others(found: Comparison) -> list[str]:
    """The chosen checkpoint against base, teacher and few-shot: each a clause."""
    line_of = {row.evaluation_id: row for row in found.rows}
    clauses: list[str] = []
    if found.few_origins:
        return clauses  # `_origins` says that nothing can be said
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
            clauses.append(f"it is better than {name} ({score}, {p_text(pair.p)})")
        else:
            clauses.append(f"it is worse than {name} ({score}, {p_text(pair.p)})")
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
    if found.few_origins:
        return " ".join(told)
    close = [(row, pair) for row, pair in rivals if pair.p >= SIGNIFICANCE and not pair.same_answers]
    if close:
        named = _listed([f"{row.label} ({100 * row.figure.share:.1f} %, {p_text(pair.p)})" for row, pair in close])
        needed = _needed(close[0][1]) if len(close) == 1 else ""
        told.append(f"These {found.n} rows cannot separate it from {named}, so the checkpoints count as equal{needed}.")
    for row, pair in rivals:
        if pair.p < SIGNIFICANCE and pair.difference < 0:
            told.append(
                f"{row.label} is better on these rows ({100 * row.figure.share:.1f} %, "
                f"{p_text(pair.p)}); choosing it by the test needs fresh rows to confirm the choice."
            )
    return " ".join(told)


def _needed(pair: Pair) -> str:
    if pair.rows_needed is None or pair.rows_needed > MOST_WORTH_LABELLING:
        return ""
    return f"; about {_round(pair.rows_needed):,} rows would be needed"


def _round(rows: int) -> int:
    """Two digits: the rest would be a pretence."""
    digits = max(0, len(str(rows)) - 2)
    return round(rows, -digits)


def _ignored(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    verb, its = ("gives", "its adapter does") if len(labels) == 1 else ("give", "their adapters do")
    return f"Careful: {_listed(labels)} {verb} the same answers as the base on every row, so {its} nothing."


def _origins(found: Comparison) -> str:
    """Rows of one document, example sentence or conversation are one piece of evidence."""
    if found.origins == found.n:
        return ""
    rows = f"These {found.n} rows come from {found.origins} documents, example sentences or conversations"
    if found.few_origins:
        return f"{rows}: too few, or too uneven in size, to say how certain a score is or which candidate is better."
    return f"{rows}; intervals and tests count these, not the rows."


def _leak(found: Comparison) -> str:
    if not found.leaked:
        return ""
    rows = "1 row was" if found.leaked == 1 else f"{found.leaked} rows were"
    return (
        f"{rows} left out, because training rows give "
        f"{'its answer' if found.leaked == 1 else 'their answers'} away (a leak)."
    )


def _looks(found: Comparison) -> str:
    if found.looks < 2:
        return ""
    what = "these real messages" if found.split == "real" else "this sealed test"
    times = f"Checkpoints have been scored {found.looks} times on {what}"
    return f"{times}, so p values are multiplied by {found.looks}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
