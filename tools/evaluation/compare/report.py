"""One page on a run, as Markdown and as HTML that needs nothing else: tables, plots, the decision and its card."""

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from tools.catalog import Catalog
from tools.dataset.tally import in_counts
from tools.evaluation.compare.comparison import compare
from tools.evaluation.compare.run_card import RunCard, read_card, write_card
from tools.evaluation.compare.table import Comparison
from tools.evaluation.compare.verdict import NOT_TYPED, p_text, percent
from tools.evaluation.score.metrics import headline
from tools.files import write_atomic
from tools.records import Evaluation, Project, Run

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1d2730}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "td,th{border-bottom:1px solid #d5dde3;padding:.3rem .8rem;text-align:left}"
    "img{max-width:100%}code{font-size:.85em}"
)


def write_report(catalog: Catalog, project: Project, run: Run) -> Path:
    """Write card, `report.md` and `report.html`; returns the folder that holds all three."""
    from markdown_it import MarkdownIt

    folder = write_card(catalog, project, run)
    card, _ = read_card(folder)
    path = report_path(catalog, project, run)
    home = path.parent
    plots = {"loss.png": _loss_plot(card), "scores.png": _score_plot(project, card)}
    for name, picture in plots.items():
        write_atomic(home / name, picture)
    text = _text(catalog, project, card, folder)
    write_atomic(path, text.encode())
    body = MarkdownIt("commonmark").enable("table").render(text)
    for name, picture in plots.items():
        body = body.replace(f'src="{name}"', f'src="data:image/png;base64,{base64.b64encode(picture).decode()}"')
    page = f'<!doctype html><meta charset="utf-8"><title>{_escaped(project.name)}</title><style>{STYLE}</style>{body}'
    write_atomic(home / "report.html", page.encode())
    return home


def report_path(catalog: Catalog, project: Project, run: Run) -> Path:
    """Where the Markdown of a run's report lies, once it is written."""
    return catalog.folder(project) / "reports" / run.id / "report.md"


def _text(catalog: Catalog, project: Project, card: RunCard, folder: Path) -> str:
    parts = [f"# {_escaped(project.name)}", _escaped(project.goal), "## Decision", _escaped(card.decision)]
    titles = {"real": "Scores on your real messages", "test": "Scores on test", "dev": "Scores on dev"}
    for split, title in titles.items():
        scored = [one.id for one in card.evaluations if one.split == split]
        if scored:
            found = compare(catalog, project, scored)
            parts += [f"## {title}", f"{found.n} rows: {found.made}." if found.made else "", found.thin, _scores(found)]
        elif split == "real" and card.evaluations:
            parts += [NOT_TYPED]
    parts += ["## Along the steps", "![dev loss by step](loss.png)", "![score by step](scores.png)"]
    parts += ["## How it was made", _made(card)]
    parts += ["## Again", f"    retort replay {folder}", "Definitions of the scores: docs/metrics.md."]
    return "\n\n".join(part for part in parts if part) + "\n"


def _scores(found: Comparison) -> str:
    """One line a candidate, best figure first, with its interval and the test against the chosen one."""
    p_of = {pair.other_id: p_text(pair.p) for pair in found.pairs}
    rows = []
    for row in found.rows:
        others = [f"{name} {100 * one.share:.1f} %" for name, one in row.scores.shares.items()]
        others += [f"{name} {one.share:.3f}" for name, one in row.scores.measures.items() if " of " not in name]
        chosen = "chosen" if row.best else p_of.get(row.evaluation_id, "")
        rows.append([row.label, percent(row.figure), chosen, ", ".join(others)])
    return _table(["candidate", f"{found.figure}, 95 %", "against the chosen checkpoint", "further figures"], rows)


def _made(card: RunCard) -> str:
    rows = [
        ["task", card.task.kind or ""],
        ["student", card.student],
        ["dataset", ", ".join(f"{rows} {split}" for split, rows in card.dataset.rows.items())],
        *([["how its rows got in", in_counts(card.dataset.vouched)]] if card.dataset.vouched else []),
        ["reviewed", card.dataset.review],
        *([f"sha256 of {split}", f"`{digest}`"] for split, digest in card.dataset.sha256.items()),
        *([name, f"{value}"] for name, value in card.plan.model_dump(exclude={"reasons", "student"}).items()),
        ["versions", ", ".join(f"{name} {number}" for name, number in card.versions.items())],
        ["machine", card.machine],
        ["spent", f"${card.usd:.2f} on teachers, {card.compute_s / 60:.1f} minutes of machine time"],
    ]
    return _table(["what", "value"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(text: str) -> str:
    """Names and goals are the user's text: no markup of theirs may run in the page or break a table."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")


# --- plots --------------------------------------------------------------------------------------------------------


def _loss_plot(card: RunCard) -> bytes:
    points = [(one.step, one.dev_loss) for one in card.checkpoints]
    return _plot("dev loss, nats per answer token", {"dev": points})


def _score_plot(project: Project, card: RunCard) -> bytes:
    """The headline figure by step, with its intervals; the base stands at step 0."""
    step_of = {"base": 0, **{one.id: one.step for one in card.checkpoints}}
    series: dict[str, list[tuple[int, float]]] = {}
    spans: dict[str, list[tuple[float, float]]] = {}
    scored: list[Evaluation] = sorted(
        (one for one in card.evaluations if one.candidate in step_of), key=lambda one: step_of[one.candidate]
    )
    for one in scored:
        figure = headline(project.task, one.scores)[1]
        series.setdefault(one.split, []).append((step_of[one.candidate], figure.share))
        spans.setdefault(one.split, []).append((figure.low, figure.high))
    name = headline(project.task, scored[0].scores)[0] if scored else "score"
    return _plot(f"{name}, 95 % intervals", series, spans)


def _plot(
    title: str, series: dict[str, list[tuple[int, float]]], spans: dict[str, list[tuple[float, float]]] | None = None
) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, points in series.items():
        steps, values = zip(*points, strict=True)
        ends = (spans or {}).get(name)
        around = [[v - low for v, (low, _) in zip(values, ends, strict=True)],
                  [high - v for v, (_, high) in zip(values, ends, strict=True)]] if ends else None  # fmt: skip
        axes.errorbar(steps, values, yerr=around, marker="o", capsize=3, label=name)
    axes.set(title=title, xlabel="step")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if series:
        axes.legend()
    picture = BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
