"""The live panel: jobs with their progress, to be stopped or resumed; the loss curve; what there is; what was spent."""

from tools.catalog import Catalog
from tools.dataset.tally import by_voucher, in_counts
from tools.jobs import check, silence
from tools.records import Checkpoint, Dataset, Document, Expense, Job, Project, Run, Sample, ServingOrder
from tools.training.monitor import read_metrics
from ui.markup import escape
from ui.progress import progress_line
from ui.show.curves import figures, loss_curve
from ui.units import duration, usd
from ui.views import Act, Item, button, chip, look, pairs, verb

TONES = {"queued": "busy", "running": "busy", "stopping": "warn", "done": "good", "stopped": "warn"}
SHOWN_ENDED = ("failed", "died", "stopped")


def live_items(catalog: Catalog, project: Project) -> list[Item]:
    jobs = [check(catalog, job) for job in catalog.find(Job, project.id, newest=12)]
    newest = {job.order.kind: job for job in jobs}  # only the newest of a kind can still be acted on
    shown = [job for job in newest.values() if job.active or job.state in SHOWN_ENDED]
    items = [Item(key=job.id, html=job_panel(job)) for job in sorted(shown, key=lambda job: not job.active)]
    if not any(job.active for job in shown):
        items.insert(
            0, Item(key="idle", html='<section class="panel"><p class="faint">Nothing is running.</p></section>')
        )
    curve = _curve(catalog, project)
    if curve:
        items.append(Item(key="curve", html=curve))
    items.append(Item(key="glance", html=_glance(catalog, project)))
    return items


def job_panel(job: Job) -> str:
    progress = job.progress
    head = f"<h4>{job.order.title}</h4>{chip(job.state, TONES.get(job.state, 'bad'))}"
    body = ""
    if job.active:
        part = min(1.0, progress.done / progress.total) if progress.total else None
        lines = [f'<p class="faint">{escape(line)}</p>' for line in (progress_line(job), progress.message) if line]
        body += _bar(part) + "".join(lines)
        if hangs := silence(job):
            body += f'<p class="problem">{escape(hangs)}</p>'
    elif job.problem:
        body += f'<p>{escape(job.problem)}</p><p class="faint">{escape(job.fix)}</p>'
    elif job.result:
        body += f"<p>{escape(job.result)}</p>"
    foot = _way_on(job)
    end = f'<footer class="foot">{foot}</footer>' if foot else ""
    return f'<section class="panel job"><header class="head">{head}</header>{body}{end}</section>'


def _way_on(job: Job) -> str:
    """Stop what runs, resume what ended early. What needs an approval is said in words, and then asked for."""
    if isinstance(job.order, ServingOrder):
        active = job.state in ("queued", "running")
        return button("Stop", Act(do="say", text="stop the deployment"), "quiet") if active else ""
    if job.state in ("queued", "running"):
        return button("Stop", verb("stop_job", job=job.id))
    return "" if job.active else button("Resume", Act(do="say", text=f"resume {job.id}"))


def _bar(part: float | None) -> str:
    if part is None:
        return '<div class="progress unknown" role="progressbar"><i></i></div>'
    value = f"{100 * part:.1f}"
    return f'<div class="progress" role="progressbar" aria-valuenow="{value}"><i style="width:{value}%"></i></div>'


def _curve(catalog: Catalog, project: Project) -> str:
    """The newest run's loss, while it trains and after."""
    runs = [run for run in catalog.find(Run, project.id) if run.state != "planned"]
    if not runs:
        return ""
    metrics = read_metrics(catalog.folder(project) / runs[-1].folder)
    body = loss_curve(metrics) + pairs(figures(metrics))
    return f'<section class="panel"><header class="head"><h4>Loss</h4></header>{body}</section>'


def _glance(catalog: Catalog, project: Project) -> str:
    """What exists and what it cost so far, in a few lines."""
    samples = catalog.count(Sample, project.id)
    counts = [in_counts(by_voucher(catalog, project.id)) or "0 usable"] + [
        f"{samples[state]} {state}" for state in ("draft", "rejected") if samples.get(state)
    ]
    expenses = catalog.find(Expense, project.id)
    rows = []
    counted = catalog.count(Document, project.id)
    if documents := sum(counted.values()) - counted.get("replaced", 0):
        rows.append(("documents", str(documents)))
    rows.append(("samples", ", ".join(counts)))
    if datasets := catalog.find(Dataset, project.id, newest=1):
        sizes = " / ".join(f"{count} {split}" for split, count in datasets[0].rows.items())
        rows.append((f"dataset v{datasets[0].version}", sizes))
    if checkpoints := sum(catalog.count(Checkpoint, project.id).values()):
        rows.append(("checkpoints", str(checkpoints)))
    spent = f"{usd(sum(e.usd for e in expenses))} · {duration(sum(e.seconds for e in expenses))} of machine"
    rows.append(("spent so far", spent))
    foot = f'<footer class="foot">{look("Review samples")}</footer>' if samples else ""
    return f'<section class="panel"><header class="head"><h4>At a glance</h4></header>{pairs(rows)}{foot}</section>'
