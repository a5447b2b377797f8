"""Scores: the table with its 95 % intervals, accuracy by field, and answers side by side."""

from collections.abc import Callable, Sequence
from functools import partial

from tools.catalog import Catalog
from tools.evaluation.comparison import compare
from tools.evaluation.failures import failures
from tools.evaluation.side_by_side import Filter, SideBySide, side_by_side, unique_labels
from tools.evaluation.table import ComparedRow, Comparison
from tools.records import Evaluation, Measure, Project, Score, Scores
from ui.confusion import filter_form, heat_table
from ui.markup import escape, fields_of
from ui.units import duration, interval, share
from ui.views import Act, button, card, table

MOST_ROWS = 30  # rows of answers shown on the page; the files hold them all
MOST_CHARS = 600  # of one answer or input in a row


def comparison_card(catalog: Catalog, project: Project, ids: Sequence[str], said: str = "") -> str:
    evaluations = [catalog.get(Evaluation, id_) for id_ in ids]
    found = compare(catalog, project, ids)
    seconds = {one.id: one.seconds for one in evaluations}
    lead = "" if found.sentence in said else f'<p class="lead">{escape(found.sentence)}</p>'
    body = f"{lead}{score_table(found, seconds)}{_by_field(found.rows)}"
    rows = side_by_side(catalog, project, evaluations)
    if rows and project.task.kind == "classification":
        best = unique_labels(evaluations)[found.best]
        body += _fold("Confusion matrix", heat_table(best, rows))
    body += _answers(evaluations, rows)
    split = "the sealed test set" if found.split == "test" else "dev"
    foot = f'<span class="faint">{found.n} rows of {split}; bars show the 95 % interval</span>'
    return card("Scores", body, foot, "wide")


def rows_card(catalog: Catalog, project: Project, ids: Sequence[str]) -> str:
    """The rows that a filter keeps: first the filter as JSON, then the evaluations."""
    chosen, evaluations = Filter.model_validate_json(ids[0]), [catalog.get(Evaluation, id_) for id_ in ids[1:]]
    found = side_by_side(catalog, project, evaluations, chosen)
    told = ", ".join(f"{name} {value}" for name, value in chosen.model_dump(exclude_defaults=True).items())
    return card("Rows", _rows("kept", found), f'<span class="faint">{escape(told or "all rows")}</span>', "wide")


def failures_card(catalog: Catalog, project: Project, evaluation_id: str) -> str:
    """Clusters of failures, each with a button that asks for samples aimed at it."""
    evaluation = catalog.get(Evaluation, evaluation_id)
    rows = [
        [
            str(at),
            escape(one.name),
            str(len(one.row_ids)),
            escape(", ".join(one.terms)) or "–",
            button("Aim samples at it", Act(do="say", text=f"aim at failure {at}")) if one.name != "other" else "",
        ]
        for at, one in enumerate(failures(catalog, project, evaluation), start=1)
    ]
    foot = '<span class="faint">Samples are drawn from train rows and documents, never from dev or the test.</span>'
    return card(f"Failures of {evaluation.label}", table(["", "What", "Rows", "Inputs hold", ""], rows, "plain"), foot)


def score_table(found: Comparison, seconds: dict[str, float]) -> str:
    """One row a candidate, best first; a metric that does not apply to the task has no column."""
    columns: list[tuple[str, Callable[[Scores], Score | Measure | None]]] = [
        ("Exact match", lambda scores: scores.exact_match),
        ("Valid JSON", lambda scores: scores.valid_json),
        ("Label", lambda scores: scores.label_accuracy),
    ]
    columns += [(name, partial(_further, name)) for name in _names(found.rows)]
    columns.sort(key=lambda column: column[0].casefold() != found.figure.casefold())  # the headline figure first
    used = [(name, pick) for name, pick in columns if any(pick(row.scores) for row in found.rows)]
    p_of = {pair.other_id: f"{pair.p:.3f}" if pair.p >= 0.001 else "< 0.001" for pair in found.pairs}
    rows = []
    for row in found.rows:
        name = f"<strong>{escape(row.label)}</strong>" if row.best else escape(row.label)
        told = [escape(p_of.get(row.evaluation_id, "–")), escape(duration(seconds[row.evaluation_id]))]
        rows.append([name, *(bar(pick(row.scores)) for _, pick in used), *told])
    return table(["Candidate", *(name for name, _ in used), "p against best", "Time"], rows, "scores")


def _names(rows: Sequence[ComparedRow]) -> list[str]:
    """Further figures that have a column; those of single fields are told below."""
    names = (name for row in rows for name in (*row.scores.shares, *row.scores.measures))
    return [name for name in dict.fromkeys(names) if not name.startswith("F1 of ")]


def _further(name: str, scores: Scores) -> Score | Measure | None:
    return scores.shares.get(name) or scores.measures.get(name)


def bar(score: Score | Measure | None) -> str:
    """A share as a number, with a small bar whose band is the interval."""
    if score is None:
        return "–"
    if score.high > 1:  # a ratio has no bar
        return (
            f'<span class="num">{score.share:.2f}</span> <span class="faint">{score.low:.2f} to {score.high:.2f}</span>'
        )
    band = f'<i style="left:{100 * score.low:.1f}%;width:{100 * (score.high - score.low):.1f}%"></i>'
    mark = f'<b style="left:{100 * score.share:.1f}%"></b>'
    return (
        f'<div class="score" title="{_title(score)}"><span class="num">{share(score)}</span>'
        f'<span class="track">{band}{mark}</span><span class="faint">{interval(score)}</span></div>'
    )


def _title(score: Score | Measure) -> str:
    return f"{score.hits} of {score.rows} rows" if isinstance(score, Score) else f"over {score.rows} rows"


def _by_field(rows: Sequence[ComparedRow]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row.scores.fields))
    if not names:
        return ""
    lines = []
    for row in rows:
        cells = [share(row.scores.fields[name]) if name in row.scores.fields else "–" for name in names]
        lines.append([escape(row.label), *cells])
    shown = table(["Candidate", *names], lines, "plain")
    return _fold("Accuracy by field", shown)


def _fold(title: str, inside: str) -> str:
    return f'<details class="fold"><summary>{escape(title)}</summary>{inside}</details>'


def _answers(evaluations: Sequence[Evaluation], every: Sequence[SideBySide]) -> str:
    """Two lists behind one switch, the first rows and the first that some got right and others wrong; and a filter."""
    if not every:
        return ""
    differ = [row for row in every if Filter(differ=True).keeps(row)]
    name = escape(f"rows-{'-'.join(one.id for one in evaluations)}")
    switch = (
        f'<label><input type="radio" name="{name}" data-list="differ" checked>Where they differ ({len(differ)})</label>'
        f'<label><input type="radio" name="{name}" data-list="every">All rows ({len(every)})</label>'
    )
    inside = filter_form(evaluations[0].split, every)
    inside += f'<div class="switch">{switch}</div>{_rows("differ", differ)}{_rows("every", every)}'
    return f'<details class="fold answers"><summary>Answers side by side</summary>{inside}</details>'


def _rows(name: str, rows: Sequence[SideBySide]) -> str:
    hidden = " hidden" if name == "every" else ""
    none = "" if rows else '<p class="faint">There is no such row.</p>'
    more = f'<p class="faint">The first {MOST_ROWS} of {len(rows)}.</p>' if len(rows) > MOST_ROWS else ""
    body = "".join(_row(row) for row in rows[:MOST_ROWS])
    return f'<div data-rows="{name}"{hidden}>{none}{body}{more}</div>'


def _row(row: SideBySide) -> str:
    asked = f'<div class="text">{escape(row.question[:MOST_CHARS])}</div>'
    expected = fields_of(row.reference)
    shown = _text_table(row) if expected is None else _field_table(expected, row)
    return f'<article class="row">{asked}{shown}</article>'


def _text_table(row: SideBySide) -> str:
    told = [("expected", row.reference, True), *((name, text, row.right[name]) for name, text in row.answers.items())]
    cells = "".join(
        f"<tr><th>{escape(name)}</th><td>{_marked(text[:MOST_CHARS], right)}</td></tr>" for name, text, right in told
    )
    return f'<table class="pairs"><tbody>{cells}</tbody></table>'


def _field_table(expected: Sequence[tuple[str, str]], row: SideBySide) -> str:
    """One line a field; a cell that is not what was expected is marked. Text that is no JSON is shown whole."""
    read = {label: fields_of(text) for label, text in row.answers.items()}
    lines = [
        [escape(name), escape(value), *(_cell(found, name, value) for found in read.values())]
        for name, value in expected
    ]
    broken = "".join(
        f'<p class="faint">{escape(label)} gave no JSON object:</p>'
        f'<div class="text wrong">{escape(row.answers[label][:MOST_CHARS]) or "(nothing)"}</div>'
        for label, found in read.items()
        if found is None
    )
    return table(["", "expected", *row.answers], lines, "plain compare") + broken


def _cell(found: list[tuple[str, str]] | None, name: str, expected: str) -> str:
    if found is None:
        return '<span class="faint">–</span>'
    values = dict(found)
    return _marked(values.get(name, "missing"), name in values and values[name] == expected)


def _marked(text: str, right: bool) -> str:
    return escape(text) if right else f'<span class="wrong">{escape(text)}</span>'
