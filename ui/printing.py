"""Entries, approvals and cards as plain text, for the terminal and the demo."""

import textwrap
from collections.abc import Callable, Sequence

from agent.transcript import Approval, Entry, Show, ShowKind
from tools.catalog import Catalog
from tools.dataset.card import card, markdown
from tools.errors import RetortError
from tools.evaluation.arena import Meeting, ballots, meetings
from tools.evaluation.comparison import compare
from tools.evaluation.failures import failures
from tools.evaluation.learning import read_curve
from tools.evaluation.ranking import rank
from tools.evaluation.side_by_side import Filter, side_by_side
from tools.evaluation.table import ComparedRow
from tools.records import (
    Checkpoint,
    Dataset,
    Deployment,
    Document,
    Evaluation,
    Expense,
    Match,
    Measure,
    Passage,
    Plan,
    Project,
    Rule,
    Run,
    Sample,
    Score,
)
from tools.synthesis.coverage import table
from tools.training.lengths import measure_lengths
from ui.markup import fields_of, readable
from ui.units import cost_line, duration, interval, plural, share, usd

WIDTH = 100
SHOWN_ROWS = 10
SPEAKERS = {"user": "you", "assistant": "retort", "event": "news"}


def entry_text(catalog: Catalog, project: Project | None, entry: Entry) -> str:
    """One turn: who, what, and what is shown below, indented under the speaker."""
    speaker = f"{SPEAKERS[entry.role]:>7}  "
    lines = [line for part in entry.text.strip().splitlines() for line in (textwrap.wrap(part, WIDTH - 9) or [""])]
    told = ("\n" + " " * 9).join(lines)
    below = [show_text(catalog, project, show) for show in entry.show] if project else []
    return speaker + told + "".join(f"\n{textwrap.indent(text, ' ' * 9)}" for text in below if text)


def approval_text(approval: Approval) -> str:
    """What is asked, what it takes, and the exact arguments."""
    lines = [approval.estimate.what or approval.verb, cost_line(approval.estimate)]
    lines += [f"- {note}" for note in approval.estimate.notes]
    lines += [f"{name} = {readable(value)}" for name, value in approval.arguments.items()]
    head = f"approval needed ({approval.risk}): {approval.verb}"
    return "\n".join(f"       ?  {line}" for line in [head, *lines])


def show_text(catalog: Catalog, project: Project, show: Show) -> str:
    """The card as text; a card whose records cannot be read says so."""
    ids = show.ids
    draw: dict[ShowKind, Callable[[], str]] = {
        "samples": lambda: _samples([catalog.get(Sample, id_) for id_ in ids]),
        "documents": lambda: _documents([catalog.get(Document, id_) for id_ in ids]),
        "passages": lambda: "\n\n".join(_passage(catalog.get(Passage, id_)) for id_ in ids),
        "dataset": lambda: "\n".join(_dataset(catalog.get(Dataset, id_)) for id_ in ids),
        "plan": lambda: "\n".join(_plan(catalog.get(Run, id_).plan) for id_ in ids),
        "run": lambda: "\n".join(_run(catalog, project, catalog.get(Run, id_)) for id_ in ids),
        "comparison": lambda: _comparison(catalog, project, ids),
        "rows": lambda: _rows(catalog, project, ids),
        "arena": lambda: _arena(*meetings(catalog, project, [Match.model_validate_json(ids[0])])),
        "learning": lambda: read_curve(catalog, project, ids[0]).sentence,
        "ranking": lambda: "\n\n".join(_ranking(catalog, project, by) for by in ids),
        "failures": lambda: "\n".join(_failures(catalog, project, catalog.get(Evaluation, id_)) for id_ in ids),
        "deployment": lambda: "\n".join(_deployment(catalog.get(Deployment, id_)) for id_ in ids),
        "trial": lambda: _trial(ids),
        "costs": lambda: costs_text(catalog.find(Expense, project.id)),
        "card": lambda: _card(catalog, project, ids),
        "coverage": lambda: _coverage(catalog, project),
        "rule": lambda: "\n".join(_rule(one) for one in catalog.find(Rule, project.id) if one.id in ids),
        "report": lambda: "\n".join(ids),
    }
    try:
        return draw[show.kind]()
    except RetortError as error:
        return f"({error.problem})"


def _coverage(catalog: Catalog, project: Project) -> str:
    tallies = table(project.task, catalog.each(Sample, project.id))
    rows = [[one.axis, one.value, str(one.good), str(one.rejected)] for one in tallies]
    return columns(["axis", "value", "good", "rejected"], rows) if rows else "Nothing to spread over yet."


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with aligned columns; all but the first are aligned right."""
    every = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in every) for place in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [cell.ljust(width) if not place else cell.rjust(width) for place, (cell, width) in _paired(row, widths)]
        return "  ".join(cells).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *(line(row) for row in rows)])


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


def costs_text(expenses: Sequence[Expense]) -> str:
    if not expenses:
        return "Nothing has been spent."
    rows = [[e.what or e.kind, usd(e.usd), duration(e.seconds) if e.seconds else "-"] for e in expenses]
    total = ["in all", usd(sum(e.usd for e in expenses)), duration(sum(e.seconds for e in expenses))]
    return columns(["for", "money", "machine"], [*rows, total])


def _card(catalog: Catalog, project: Project, ids: Sequence[str]) -> str:
    dataset = catalog.get(Dataset, ids[0])
    return markdown(card(catalog, project, dataset, measure_lengths(catalog, dataset, ids[1])))


def _paired(row: Sequence[str], widths: Sequence[int]) -> list[tuple[int, tuple[str, int]]]:
    return list(enumerate(zip(row, widths, strict=True)))


def _samples(samples: Sequence[Sample]) -> str:
    return "\n".join(_sample(number, sample) for number, sample in enumerate(samples, 1))


def _sample(number: int, sample: Sample) -> str:
    head = f"[{number}] {sample.state} · {sample.source}"
    question = textwrap.indent(textwrap.shorten(sample.question, 400, placeholder=" …"), "    ")
    fields = fields_of(sample.answer)
    told = " | ".join(f"{name}: {value}" for name, value in fields) if fields else sample.answer
    return f"{head}\n{textwrap.fill(question, WIDTH - 9, subsequent_indent='    ')}\n    -> {told}"


def _rule(rule: Rule) -> str:
    if rule.state == "confirmed":
        return f"Rule in force: {rule.text} (judged by {rule.judge})"
    told = (
        f"code sees: {', '.join(rule.traits)}; {rule.matches} not looked at have it"
        if rule.traits
        else "code sees none"
    )
    return f"Rule to confirm: {rule.text} ({told}). Say 'confirm rule'."


def _passage(passage: Passage) -> str:
    page = f" (page {passage.page})" if passage.page else ""
    return f"[{passage.position + 1}] {passage.heading}{page}\n{textwrap.indent(passage.text, '    ')}"


def _documents(documents: Sequence[Document]) -> str:
    return "\n".join(
        f"{document.name}: {plural(document.passages, 'passage')}{f' ({document.note})' if document.note else ''}"
        for document in documents
    )


def _dataset(dataset: Dataset) -> str:
    rows = ", ".join(f"{count} {split}" for split, count in dataset.rows.items())
    hashes = ", ".join(f"{split} {digest[:12]}" for split, digest in dataset.sha256.items())
    return f"version {dataset.version}: {rows} (sha256 {hashes})"


def _plan(plan: Plan) -> str:
    chosen = [(name, getattr(plan, name)) for name in Plan.model_fields if name != "reasons"]
    rows = [(name, f"{value:g}" if isinstance(value, float) else str(value)) for name, value in chosen]
    width, wide = max(len(name) for name, _ in rows), max(len(value) for _, value in rows)
    return "\n".join(f"{name:<{width}}  {value:<{wide}}  {plan.reasons.get(name, '')}".rstrip() for name, value in rows)


def _run(catalog: Catalog, project: Project, run: Run) -> str:
    found = [one for one in catalog.find(Checkpoint, project.id) if one.run_id == run.id]
    told = ", ".join(f"step {one.step} dev loss {one.dev_loss:.4f}" for one in found) or "no checkpoint yet"
    return f"{run.id} {run.state}: {told}"


def _comparison(catalog: Catalog, project: Project, ids: Sequence[str]) -> str:
    found = compare(catalog, project, ids)
    return f"{score_rows(found.rows)}\n{found.sentence}"


def _rows(catalog: Catalog, project: Project, ids: Sequence[str]) -> str:
    evaluations = [catalog.get(Evaluation, id_) for id_ in ids[1:]]
    found = side_by_side(catalog, project, evaluations, Filter.model_validate_json(ids[0]))[:SHOWN_ROWS]
    told = []
    for row in found:
        told += [textwrap.shorten(row.question, 200, placeholder=" …"), f"    expected: {row.reference}"]
        told += [f"    {label}: {text}" for label, text in row.answers.items()]
    return "\n".join(told)


def _arena(met: Meeting) -> str:
    told = (("input", met.question), ("A", met.a), ("B", met.b))
    return "\n".join(f"{name}: {text}" for name, text in told)


def _ranking(catalog: Catalog, project: Project, by: str) -> str:
    found = rank(ballots(catalog, project, by))
    rows = [
        [
            catalog.get(Evaluation, one.evaluation_id).label,
            share(one.share),
            interval(one.share),
            *map(str, (one.won, one.tied, one.lost)),
        ]
        for one in found
    ]
    return columns([by, "wins", "95 %", "won", "tied", "lost"], rows)


def _failures(catalog: Catalog, project: Project, evaluation: Evaluation) -> str:
    clusters = failures(catalog, project, evaluation)
    rows = [
        [f"{at}. {one.name}", str(len(one.row_ids)), ", ".join(one.terms)] for at, one in enumerate(clusters, start=1)
    ]
    return columns(["failure", "rows", "inputs hold"], rows)


def _deployment(deployment: Deployment) -> str:
    return f"{deployment.id} {deployment.state} at {deployment.url} as {deployment.model or '-'}"


def _trial(ids: Sequence[str]) -> str:
    triples = [ids[start : start + 3] for start in range(0, len(ids) - 2, 3)]
    return "\n".join(f"{candidate}: {asked}\n    -> {told}" for candidate, asked, told in triples)
