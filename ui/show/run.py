"""A plan, and the run by it: its state, its curve, its checkpoints, what it answers to dev prompts."""

from collections.abc import Sequence

from tools.catalog import Catalog
from tools.errors import NotFound
from tools.records import Checkpoint, Dataset, Plan, Project, Run
from tools.training.diagnosis import Diagnosis, diagnose
from tools.training.glimpse import Glimpse, read_glimpses
from tools.training.monitor import read_metrics
from ui.markup import escape
from ui.show.curves import figures, loss_curve
from ui.show.kind import Kind, records
from ui.units import cost_line
from ui.views import card, chip, pairs, table

RUN_TONES = {"training": "busy", "finished": "good", "failed": "bad", "stopped": "warn"}


def run_card(catalog: Catalog, project: Project, run: Run) -> str:
    """A run's state, its curve and its checkpoints."""
    folder = catalog.folder(project) / run.folder
    metrics = read_metrics(folder)
    checkpoints = [found for found in catalog.find(Checkpoint, project.id) if found.run_id == run.id]
    body = loss_curve(metrics) + pairs(figures(metrics))
    if metrics:
        body += _diagnosis(
            diagnose(metrics, catalog.get(Dataset, run.dataset_id).rows["train"], run.from_step, run.from_loss)
        )
    if checkpoints:
        best = min(found.dev_loss for found in checkpoints)
        rows = [
            [
                f"step {found.step}",
                _best(f"{found.dev_loss:.4f}", found.dev_loss == best),
                f"<code>{escape(found.id)}</code>",
            ]
            for found in checkpoints
        ]
        body += table(["Checkpoint", "Dev loss", "Id"], rows, "plain")
    body += _glimpses(read_glimpses(folder))
    body += f'<details class="fold"><summary>Plan</summary>{plan_table(run.plan)}</details>'
    foot = f'<span class="faint">{escape(run.plan.student)} · {escape(run.id)}</span>'
    return card("Training run", body, foot, "", chip(run.state, RUN_TONES.get(run.state, "")))


def _diagnosis(found: Diagnosis) -> str:
    if found.verdict == "too early":
        return ""
    return f"<p><strong>{escape(found.verdict)}</strong>: {escape(found.evidence)}. {escape(found.advice)}</p>"


def _glimpses(glimpses: Sequence[Glimpse]) -> str:
    """What the student answered to the same few dev prompts at each checkpoint."""
    if not glimpses:
        return ""
    by_prompt: dict[str, list[Glimpse]] = {}
    for one in glimpses:
        by_prompt.setdefault(one.asked, []).append(one)
    parts = []
    for asked, answers in by_prompt.items():
        rows = [[f"step {one.step}", escape(one.answered)] for one in answers]
        rows.append(["wanted", f"<strong>{escape(answers[0].wanted)}</strong>"])
        parts.append(f'<div class="text">{escape(asked)}</div>{table(["At", "Answer"], rows, "plain")}')
    return f'<details class="fold"><summary>What it answers to dev prompts</summary>{"".join(parts)}</details>'


def _best(text: str, best: bool) -> str:
    return f"<strong>{text}</strong>" if best else text


def _planned(catalog: Catalog, run_id: str) -> str:
    """The plan as it waits; once it was changed or started, its record gives way to the run's own."""
    try:
        run = catalog.get(Run, run_id)
    except NotFound:
        return card(
            "", '<p class="faint">This plan has since been changed or started; the run below keeps its own plan.</p>'
        )
    takes = f'<p class="cost">{escape(cost_line(run.estimate))}</p>' if run.estimate else ""
    foot = '<span class="faint">Any choice can be changed in words, e.g. “use 3 epochs”.</span>'
    return card("Training plan", takes + plan_table(run.plan), foot)


def plan_table(plan: Plan) -> str:
    rows = []
    for name, field in Plan.model_fields.items():
        if name == "reasons":
            continue
        label = f'<span title="{escape(field.description or "")}">{escape(name.replace("_", " "))}</span>'
        value = getattr(plan, name)
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        rows.append(
            [label, f"<strong>{escape(shown)}</strong>", escape(plan.reasons.get(name, field.description or ""))]
        )
    return table(["Choice", "Value", "Why"], rows, "plain plan")


def _plan_lines(plan: Plan) -> str:
    chosen = [(name, getattr(plan, name)) for name in Plan.model_fields if name != "reasons"]
    rows = [(name, f"{value:g}" if isinstance(value, float) else str(value)) for name, value in chosen]
    width, wide = max(len(name) for name, _ in rows), max(len(value) for _, value in rows)
    return "\n".join(f"{name:<{width}}  {value:<{wide}}  {plan.reasons.get(name, '')}".rstrip() for name, value in rows)


def _planned_lines(run: Run) -> str:
    return f"{cost_line(run.estimate)}\n{_plan_lines(run.plan)}" if run.estimate else _plan_lines(run.plan)


def _run_line(catalog: Catalog, project: Project, run: Run) -> str:
    found = [one for one in catalog.find(Checkpoint, project.id) if one.run_id == run.id]
    told = ", ".join(f"step {one.step} dev loss {one.dev_loss:.4f}" for one in found) or "no checkpoint yet"
    return f"{run.id} {run.state}: {told}"


PLAN = Kind(
    lambda shown: "".join(_planned(shown.catalog, id_) for id_ in shown.ids),
    lambda shown: "\n".join(_planned_lines(one) for one in shown.all(Run)),
    records(Run),
)
RUN = Kind(
    lambda shown: "".join(run_card(shown.catalog, shown.project, one) for one in shown.all(Run)),
    lambda shown: "\n".join(_run_line(shown.catalog, shown.project, one) for one in shown.all(Run)),
    records(Run),
)
