"""What stands below a sentence: each kind of Show as a card, drawn from the records it names."""

from collections.abc import Callable, Sequence

from agent.transcript import Approval, Show, ShowKind
from tools.catalog import Catalog
from tools.deployment.curl import curl_line
from tools.errors import NotFound, RetortError
from tools.records import Checkpoint, Dataset, Deployment, Document, Expense, Plan, Project, Rule, Run
from tools.training.diagnosis import Diagnosis, diagnose
from tools.training.glimpse import Glimpse, read_glimpses
from tools.training.monitor import read_metrics
from ui.arena import arena_card, ranking_card
from ui.coverage import coverage_card
from ui.curves import figures, loss_curve
from ui.dataset_card import dataset_card
from ui.documents import document_card, passage_cards
from ui.learning import learning_card
from ui.markup import escape, prose, readable
from ui.rules import rule_card
from ui.samples import answer, sample_cards
from ui.scores import comparison_card, failures_card, rows_card
from ui.units import cost_line, duration, usd
from ui.views import Act, button, card, chip, pairs, table

RUN_TONES = {"training": "busy", "finished": "good", "failed": "bad", "stopped": "warn"}
DEPLOYMENT_TONES = {"serving": "good", "starting": "busy", "failed": "bad"}
RISKS = {
    "spend": ("spends time or money", "warn"),
    "publish": ("publishes", "busy"),
    "overwrite": ("overwrites", "bad"),
    "delete": ("deletes", "bad"),
    "review": ("changes your data", ""),
}


class Cards:
    """Draws cards. Comparisons are kept: their answers never change, and reading them takes a while."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._comparisons: dict[tuple[str, ...], str] = {}

    def draw(self, project: Project, show: Show, newest: bool = True, said: str = "") -> str:
        """The card's HTML; a card whose records cannot be read says so in its place.

        `newest` tells the card whose samples a person's numbers count on; what was `said` above is not repeated.
        """
        try:
            return self._draw(project, show, newest, said)
        except RetortError as error:
            return problem_card(error.problem, error.fix)

    def _draw(self, project: Project, show: Show, newest: bool, said: str) -> str:
        catalog, ids = self.catalog, show.ids
        draw: dict[ShowKind, Callable[[], str]] = {
            "samples": lambda: sample_cards(catalog, ids, newest),
            "documents": lambda: document_card([catalog.get(Document, id_) for id_ in ids]),
            "passages": lambda: passage_cards(catalog, ids),
            "dataset": lambda: "".join(_dataset(catalog.get(Dataset, id_)) for id_ in ids),
            "plan": lambda: "".join(_planned(catalog, id_) for id_ in ids),
            "run": lambda: "".join(run_card(catalog, project, catalog.get(Run, id_)) for id_ in ids),
            "comparison": lambda: self._comparison(project, ids, said),
            "rows": lambda: rows_card(catalog, project, ids),
            "arena": lambda: arena_card(catalog, project, ids[0]),
            "learning": lambda: learning_card(catalog, project, ids[0]),
            "ranking": lambda: ranking_card(catalog, project, ids),
            "failures": lambda: "".join(failures_card(catalog, project, id_) for id_ in ids),
            "deployment": lambda: "".join(_deployment(project, catalog.get(Deployment, id_)) for id_ in ids),
            "trial": lambda: _trial(ids),
            "costs": lambda: costs_card(catalog.find(Expense, project.id)),
            "card": lambda: dataset_card(catalog, project, ids),
            "coverage": lambda: coverage_card(catalog, project),
            "rule": lambda: "".join(self._rule(project, id_) for id_ in ids),
            "report": lambda: card("", prose("\n".join(ids)), style="report"),
        }
        return draw[show.kind]()

    def _rule(self, project: Project, id_: str) -> str:
        try:
            rule = self.catalog.get(Rule, id_)
        except NotFound:
            return ""  # a later proposal took its samples up
        return rule_card(self.catalog, project, rule)

    def _comparison(self, project: Project, ids: tuple[str, ...], said: str) -> str:
        if (*ids, said) not in self._comparisons:
            self._comparisons[*ids, said] = comparison_card(self.catalog, project, ids, said)
        return self._comparisons[*ids, said]


def approval_card(approval: Approval) -> str:
    """What waits for the user's own click: the exact arguments, what it will take, and two buttons."""
    told, tone = RISKS[approval.risk]
    estimate = approval.estimate
    rows = [(name, readable(value)) for name, value in approval.arguments.items()]
    notes = "".join(f"<li>{escape(note)}</li>" for note in estimate.notes)
    body = (
        f'<p class="lead">{escape(estimate.what or approval.verb)}</p><p class="cost">{escape(cost_line(estimate))}</p>'
    )
    body += f"<ul>{notes}</ul>" if notes else ""
    body += f'<div class="label">Exactly this: {escape(approval.verb)}</div>{pairs(rows)}' if rows else ""
    yes = Act(do="decide", digest=approval.digest, approved=True)
    no = Act(do="decide", digest=approval.digest, approved=False)
    foot = f'<span class="grow faint">Nothing happens until you decide.</span>{button("Decline", no, "quiet")}'
    return card("Your approval", body, foot + button("Approve", yes, "primary"), f"approval {tone}", chip(told, tone))


def problem_card(problem: str, fix: str) -> str:
    return f'<section class="card problem"><p>{escape(problem)}</p><p class="fix">{escape(fix)}</p></section>'


def run_card(catalog: Catalog, project: Project, run: Run) -> str:
    """A run's state, its curve and its checkpoints."""
    folder = catalog.folder(project) / run.folder
    metrics = read_metrics(folder)
    checkpoints = [found for found in catalog.find(Checkpoint, project.id) if found.run_id == run.id]
    body = loss_curve(metrics) + pairs(figures(metrics))
    if metrics:
        body += _diagnosis(diagnose(metrics, catalog.get(Dataset, run.dataset_id).rows["train"]))
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


def costs_card(expenses: Sequence[Expense]) -> str:
    """What was spent, by purpose; money and machine time apart."""
    if not expenses:
        return card("Costs", '<p class="faint">Nothing has been spent.</p>')
    by_purpose: dict[str, list[Expense]] = {}
    for expense in expenses:
        by_purpose.setdefault(expense.what or expense.kind, []).append(expense)
    rows = []
    for what, found in by_purpose.items():
        tokens = sum(expense.input_tokens + expense.output_tokens for expense in found)
        seconds = sum(expense.seconds for expense in found)
        device = ", ".join(sorted({expense.device for expense in found if expense.device}))
        told = f"{duration(seconds)}{f' on {device}' if device else ''}" if seconds else "–"
        rows.append([escape(what), usd(sum(e.usd for e in found)), escape(told), f"{tokens:,}" if tokens else "–"])
    total = (
        f"{usd(sum(e.usd for e in expenses))} and {duration(sum(e.seconds for e in expenses))} of machine time in all"
    )
    return card(
        "Costs", table(["For", "Money", "Machine time", "Tokens"], rows, "plain"), f'<span class="faint">{total}</span>'
    )


def _dataset(dataset: Dataset) -> str:
    told = {
        "train": "the student learns from",
        "dev": "the training is watched on",
        "test": "sealed until the evaluation",
    }
    tiles = "".join(
        f'<div class="tile"><b>{count:,}</b><span>{escape(split)}</span><small>{told.get(split, "")}</small></div>'
        for split, count in dataset.rows.items()
    )
    hashes = " · ".join(f"{split} {digest[:12]}" for split, digest in dataset.sha256.items())
    foot = f'<span class="faint mono">{escape(hashes)}</span>'
    return card(
        f"Dataset, version {dataset.version}", f'<div class="tiles">{tiles}</div>', foot, "", chip("frozen", "good")
    )


def _planned(catalog: Catalog, run_id: str) -> str:
    """The plan as it waits; once it was changed or started, its record gives way to the run's own."""
    try:
        plan = catalog.get(Run, run_id).plan
    except NotFound:
        return card("", '<p class="faint">This plan was changed or started since; the run below keeps its own.</p>')
    foot = '<span class="faint">Any choice can be changed in words, e.g. “use 3 epochs”.</span>'
    return card("Training plan", plan_table(plan), foot)


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


def _deployment(project: Project, deployment: Deployment) -> str:
    state = chip(deployment.state, DEPLOYMENT_TONES.get(deployment.state, ""))
    rows = [("address", deployment.url if deployment.port else "–"), ("model", deployment.model or "–")]
    rows.append(("serves", f"{deployment.checkpoint_id or 'the base model'} ({deployment.mode})"))
    body = pairs(rows)
    foot = f'<span class="faint grow">{escape(deployment.id)}</span>'
    if deployment.state == "serving":
        line = escape(curl_line(deployment, project))
        copy = '<button type="button" class="btn quiet" data-copy>Copy</button>'
        body += f'<div class="label">Ask it</div><div class="copy"><pre>{line}</pre>{copy}</div>'
    if deployment.state in ("serving", "starting"):
        foot += button("Stop", Act(do="say", text="stop the deployment"), "quiet")
    return card("Deployment", body, foot, "", state)


def _trial(ids: Sequence[str]) -> str:
    """[candidate, input, answer] triples, flattened."""
    made = []
    for start in range(0, len(ids) - 2, 3):
        candidate, asked, told = ids[start : start + 3]
        body = f'<div class="label">Input</div><div class="text">{escape(asked)}</div>'
        body += f'<div class="label">Answer</div>{answer(told)}'
        made.append(card("", body, f'<span class="faint">answered by {escape(candidate)}</span>', "sample"))
    return f'<div class="samples">{"".join(made)}</div>'
