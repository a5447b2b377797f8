"""A model at work: a deployment with a line to paste, and what candidates answered to one input."""

from tools.deployment.curl import curl_line
from tools.records import Deployment, Project
from ui.markup import escape
from ui.show.kind import Kind, Shown, records
from ui.show.samples import answer
from ui.views import Act, button, card, chip, pairs

DEPLOYMENT_TONES = {"serving": "good", "starting": "busy", "failed": "bad"}


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


def _deployment_line(deployment: Deployment) -> str:
    return f"{deployment.id} {deployment.state} at {deployment.url} as {deployment.model or '-'}"


def _answers(shown: Shown) -> list[tuple[str, str, str]]:
    """Candidate, input and answer: the ids are such triples, flattened."""
    ids = shown.ids
    return [(ids[at], ids[at + 1], ids[at + 2]) for at in range(0, len(ids) - 2, 3)]


def trial_card(shown: Shown) -> str:
    made = []
    for candidate, asked, told in _answers(shown):
        body = f'<div class="label">Input</div><div class="text">{escape(asked)}</div>'
        body += f'<div class="label">Answer</div>{answer(told)}'
        made.append(card("", body, f'<span class="faint">answered by {escape(candidate)}</span>', "sample"))
    return f'<div class="samples">{"".join(made)}</div>'


DEPLOYMENT = Kind(
    lambda shown: "".join(_deployment(shown.project, one) for one in shown.all(Deployment)),
    lambda shown: "\n".join(_deployment_line(one) for one in shown.all(Deployment)),
    records(Deployment),
)
TRIAL = Kind(
    trial_card,
    lambda shown: "\n".join(f"{candidate}: {asked}\n    -> {told}" for candidate, asked, told in _answers(shown)),
    lambda shown: [dict(zip(("candidate", "input", "answer"), one, strict=True)) for one in _answers(shown)],
)
