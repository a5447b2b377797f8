"""What waits for the user's own yes: the exact arguments and what it will take; and a problem with its fix."""

from agent.transcript import Approval
from ui.markup import escape, in_short
from ui.units import cost_line
from ui.views import Act, button, card, chip, pairs

RISKS = {
    "spend": ("spends time or money", "warn"),
    "publish": ("publishes", "busy"),
    "overwrite": ("overwrites", "bad"),
    "delete": ("deletes", "bad"),
    "review": ("changes your data", ""),
}


def approval_card(approval: Approval) -> str:
    """What waits for the user's own click: the exact arguments, what it will take, and two buttons."""
    told, tone = RISKS[approval.risk]
    estimate = approval.estimate
    rows = [(name, in_short(value)) for name, value in approval.said]
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


def approval_text(approval: Approval) -> str:
    """What is asked, what it takes, and the exact arguments."""
    lines = [approval.estimate.what or approval.verb, cost_line(approval.estimate)]
    lines += [f"- {note}" for note in approval.estimate.notes]
    lines += [f"{name} = {in_short(value)}" for name, value in approval.said]
    head = f"approval needed ({approval.risk}): {approval.verb}"
    return "\n".join(f"       ?  {line}" for line in [head, *lines])


def problem_card(problem: str, fix: str) -> str:
    return f'<section class="card problem"><p>{escape(problem)}</p><p class="fix">{escape(fix)}</p></section>'
