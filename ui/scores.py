"""Scores: the table with its 95 % intervals, accuracy by field, and answers side by side."""

from collections.abc import Callable, Sequence

from tools.catalog import Catalog
from tools.evaluation.comparison import compare
from tools.evaluation.side_by_side import Filter, SideBySide, side_by_side
from tools.evaluation.table import ComparedRow, Comparison
from tools.records import Evaluation, Project, Score, Scores
from ui.markup import escape, fields_of
from ui.units import duration, interval, share
from ui.views import card, table

MOST_ROWS = 30  # rows of answers shown on the page; the files hold them all
MOST_CHARS = 600  # of one answer or input in a row


def comparison_card(catalog: Catalog, project: Project, ids: Sequence[str], said: str = "") -> str:
    evaluations = [catalog.get(Evaluation, id_) for id_ in ids]
    found = compare(catalog, project, ids)
    seconds = {one.id: one.seconds for one in evaluations}
    lead = "" if found.sentence in said else f'<p class="lead">{escape(found.sentence)}</p>'
    body = f"{lead}{score_table(found, seconds)}{_by_field(found.rows)}"
    body += _answers(catalog, project, evaluations)
    split = "the sealed test set" if found.split == "test" else "dev"
    foot = f'<span class="faint">{found.n} rows of {split}; bars show the 95 % interval</span>'
    return card("Scores", body, foot, "wide")


def score_table(found: Comparison, seconds: dict[str, float]) -> str:
    """One row a candidate, best first; a metric that does not apply to the task has no column."""
    columns: list[tuple[str, Callable[[Scores], Score | None]]] = [
        ("Exact match", lambda scores: scores.exact_match),
        ("Valid JSON", lambda scores: scores.valid_json),
        ("Label", lambda scores: scores.label_accuracy),
    ]
    used = [(name, pick) for name, pick in columns if any(pick(row.scores) for row in found.rows)]
    p_of = {pair.other_id: f"{pair.p:.3f}" if pair.p >= 0.001 else "< 0.001" for pair in found.pairs}
    rows = []
    for row in found.rows:
        name = f"<strong>{escape(row.label)}</strong>" if row.best else escape(row.label)
        told = [escape(p_of.get(row.evaluation_id, "–")), escape(duration(seconds[row.evaluation_id]))]
        rows.append([name, *(bar(pick(row.scores)) for _, pick in used), *told])
    return table(["Candidate", *(name for name, _ in used), "p against best", "Time"], rows, "scores")


def bar(score: Score | None) -> str:
    """A share as a number, with a small bar whose band is the interval."""
    if score is None:
        return "–"
    band = f'<i style="left:{100 * score.low:.1f}%;width:{100 * (score.high - score.low):.1f}%"></i>'
    mark = f'<b style="left:{100 * score.share:.1f}%"></b>'
    return (
        f'<div class="score" title="{score.hits} of {score.rows} rows"><span class="num">{share(score)}</span>'
        f'<span class="track">{band}{mark}</span><span class="faint">{interval(score)}</span></div>'
    )


def _by_field(rows: Sequence[ComparedRow]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row.scores.fields))
    if not names:
        return ""
    lines = []
    for row in rows:
        cells = [share(row.scores.fields[name]) if name in row.scores.fields else "–" for name in names]
        lines.append([escape(row.label), *cells])
    shown = table(["Candidate", *names], lines, "plain")
    return f'<details class="fold"><summary>Accuracy by field</summary>{shown}</details>'


def _answers(catalog: Catalog, project: Project, evaluations: Sequence[Evaluation]) -> str:
    """Two lists behind one switch: the first rows, and the first rows that some got right and others wrong."""
    every = side_by_side(catalog, project, evaluations)
    if not every:
        return ""
    differ = side_by_side(catalog, project, evaluations, Filter(differ=True))
    name = escape(f"rows-{'-'.join(one.id for one in evaluations)}")
    switch = (
        f'<label><input type="radio" name="{name}" data-list="differ" checked>Where they differ ({len(differ)})</label>'
        f'<label><input type="radio" name="{name}" data-list="every">All rows ({len(every)})</label>'
    )
    inside = f'<div class="switch">{switch}</div>{_rows("differ", differ)}{_rows("every", every)}'
    return f'<details class="fold answers"><summary>Answers side by side</summary>{inside}</details>'


def _rows(name: str, rows: Sequence[SideBySide]) -> str:
    hidden = "" if name == "differ" else " hidden"
    none = "" if rows else '<p class="faint">The same rows are right and wrong for all of them.</p>'
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
