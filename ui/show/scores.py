"""Scores: the table with its 95 % intervals, accuracy by field, and answers side by side."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from tools.catalog import Catalog
from tools.evaluation.compare.comparison import compare
from tools.evaluation.compare.failures import failures
from tools.evaluation.compare.side_by_side import Filter, SideBySide, side_by_side, unique_labels
from tools.evaluation.compare.table import ComparedRow, Comparison
from tools.evaluation.score.objects import forms_told
from tools.records import Evaluation, Measure, Project, Score, Scores
from ui.markup import escape, fields_of
from ui.show.confusion import filter_form, heat_table
from ui.show.kind import Kind, Shown, columns, dumped
from ui.units import duration, interval, share
from ui.views import Act, button, card, table

PRINTED_ROWS = 10  # in a terminal
MOST_ROWS = 30  # rows of answers shown on the page; the files hold them all
MOST_CHARS = 600  # of one answer or input in a row


def comparison_card(shown: Shown) -> str:
    catalog, project, said = shown.catalog, shown.project, shown.said
    evaluations = shown.all(Evaluation)
    found = compare(catalog, project, shown.ids)
    evaluations += [catalog.get(Evaluation, row.evaluation_id) for row in (found.real.rows if found.real else ())]
    seconds = {one.id: one.seconds for one in evaluations}
    lead = "" if found.sentence in said else f'<p class="lead">{escape(found.sentence)}</p>'
    body = f"{lead}{_table(shown, found, seconds)}"
    if found.real:  # below the test, which has the longer name to defend
        body += _table(shown, found.real, seconds)
    foot = '<span class="faint">Bars show the 95 % interval</span>'
    return card("Scores", body, foot, "wide")


def _table(shown: Shown, found: Comparison, seconds: dict[str, float]) -> str:
    """One table under a line that says what its rows are, with what can be opened below it."""
    evaluations = [shown.catalog.get(Evaluation, row.evaluation_id) for row in found.rows]
    body = f'<div class="label">{escape(rows_line(found))}</div>{score_table(found, seconds)}'
    body += _by_field(found.rows, forms_told(shown.project.task.fields))
    rows = side_by_side(shown.catalog, shown.project, evaluations)
    if rows and shown.project.task.kind == "classification":
        best = unique_labels(evaluations)[found.best]
        body += _fold("Confusion matrix", heat_table(best, rows))
    return body + _answers(evaluations, rows)


def rows_line(found: Comparison) -> str:
    """'60 rows of the sealed test set: simulated, from the same simulator as the training rows'."""
    what = {"test": f"{found.n} rows of the sealed test set", "dev": f"{found.n} rows of dev"}
    named = what.get(found.split, f"{found.n} real messages")
    return f"{named}: {found.made}" if found.made else named


def _kept(shown: Shown) -> tuple[Filter, list[SideBySide]]:
    """The rows that a filter keeps; the ids are the filter as JSON, then the evaluations."""
    chosen, evaluations = Filter.model_validate_json(shown.ids[0]), replace(shown, ids=shown.ids[1:]).all(Evaluation)
    return chosen, side_by_side(shown.catalog, shown.project, evaluations, chosen)


def rows_card(shown: Shown) -> str:
    chosen, found = _kept(shown)
    told = ", ".join(f"{name} {value}" for name, value in chosen.model_dump(exclude_defaults=True).items())
    return card("Rows", _rows("kept", found), f'<span class="faint">{escape(told or "all rows")}</span>', "wide")


def failures_card(catalog: Catalog, project: Project, evaluation: Evaluation) -> str:
    """Clusters of failures, each with a button that asks for samples aimed at it."""
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


def _by_field(rows: Sequence[ComparedRow], rule: str) -> str:
    """`rule` says how values in a form are compared; empty where no field has one."""
    names = list(dict.fromkeys(name for row in rows for name in row.scores.fields))
    if not names:
        return ""
    lines = []
    for row in rows:
        cells = [share(row.scores.fields[name]) if name in row.scores.fields else "–" for name in names]
        lines.append([escape(row.label), *cells])
    shown = table(["Candidate", *names], lines, "plain")
    told = f'<p class="faint">{escape(rule)}</p>' if rule else ""
    return _fold("Accuracy by field", shown + told)


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
    none = "" if rows else '<p class="faint">No row matches.</p>'
    more = f'<p class="faint">These are the first {MOST_ROWS} of {len(rows)} rows.</p>' if len(rows) > MOST_ROWS else ""
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
    wrong = {label: set(row.wrong_fields(label)) for label in row.answers}
    lines = [
        [escape(name), escape(value), *(_cell(found, name, name in wrong[label]) for label, found in read.items())]
        for name, value in expected
    ]
    broken = "".join(
        f'<p class="faint">{escape(label)} gave no JSON object:</p>'
        f'<div class="text wrong">{escape(row.answers[label][:MOST_CHARS]) or "(nothing)"}</div>'
        for label, found in read.items()
        if found is None
    )
    return table(["", "expected", *row.answers], lines, "plain compare") + broken


def _cell(found: list[tuple[str, str]] | None, name: str, wrong: bool) -> str:
    if found is None:
        return '<span class="faint">–</span>'
    values = dict(found)
    return _marked(values.get(name, "missing"), name in values and not wrong)


def _marked(text: str, right: bool) -> str:
    return escape(text) if right else f'<span class="wrong">{escape(text)}</span>'


# --- in a terminal ---------------------------------------------------------------------------------------------------


def score_rows(rows: Sequence[ComparedRow | Evaluation]) -> str:
    """Scores with their 95 % intervals, one candidate a line, and accuracy by field."""
    fields = list(dict.fromkeys(name for row in rows for name in row.scores.fields))
    has_json = any(row.scores.valid_json for row in rows)
    has_label = any(row.scores.label_accuracy for row in rows)
    named = (name for row in rows for name in (*row.scores.shares, *row.scores.measures))
    further = [name for name in dict.fromkeys(named) if not name.startswith("F1 of ")]
    head = [
        "candidate",
        "exact match",
        "95 %",
        *(["valid JSON"] if has_json else []),
        *(["label"] if has_label else []),
    ]
    table = []
    for row in rows:
        scores = row.scores
        cells = [row.label, share(scores.exact_match), interval(scores.exact_match)]
        cells += [share(scores.valid_json) if scores.valid_json else "-"] if has_json else []
        cells += [share(scores.label_accuracy) if scores.label_accuracy else "-"] if has_label else []
        every: dict[str, Score | Measure] = {**scores.shares, **scores.measures}
        cells += [f"{100 * every[name].share:.1f}" if name in every else "-" for name in further]
        cells += [share(scores.fields[name]) if name in scores.fields else "-" for name in fields]
        table.append(cells)
    return columns([*head, *further, *fields], table)


def comparison_lines(shown: Shown) -> str:
    found = compare(shown.catalog, shown.project, shown.ids)
    tables = [f"{rows_line(one)}\n{score_rows(one.rows)}" for one in (found, found.real) if one]
    rule = forms_told(shown.project.task.fields)
    return "\n\n".join([*tables, *([rule] if rule else []), found.sentence])


def row_lines(shown: Shown) -> str:
    told = []
    for row in _kept(shown)[1][:PRINTED_ROWS]:
        told += [textwrap.shorten(row.question, 200, placeholder=" …"), f"    expected: {row.reference}"]
        told += [f"    {label}: {text}" for label, text in row.answers.items()]
    return "\n".join(told)


def _failure_lines(catalog: Catalog, project: Project, evaluation: Evaluation) -> str:
    clusters = failures(catalog, project, evaluation)
    rows = [
        [f"{at}. {one.name}", str(len(one.row_ids)), ", ".join(one.terms)] for at, one in enumerate(clusters, start=1)
    ]
    return columns(["failure", "rows", "inputs hold"], rows)


COMPARISON = Kind(
    comparison_card,
    comparison_lines,
    lambda shown: compare(shown.catalog, shown.project, shown.ids).model_dump(mode="json"),
)
ROWS = Kind(rows_card, row_lines, lambda shown: dumped(_kept(shown)[1]))
FAILURES = Kind(
    lambda shown: "".join(failures_card(shown.catalog, shown.project, one) for one in shown.all(Evaluation)),
    lambda shown: "\n".join(_failure_lines(shown.catalog, shown.project, one) for one in shown.all(Evaluation)),
    lambda shown: [dumped(failures(shown.catalog, shown.project, one)) for one in shown.all(Evaluation)],
)
