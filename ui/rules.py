"""A rule as a card: what is wrong in words, the samples that show it, who will judge by it, and what it rejected."""

from tools.catalog import Catalog
from tools.errors import NotFound
from tools.records import Judgement, Pair, Project, Rule, Sample
from tools.settings import settings
from tools.synthesis.framing import asked
from ui.markup import escape
from ui.samples import answer, answer_change
from ui.units import plural
from ui.views import Act, button, card, chip, look, verb

SHOWN_PAIRS, SHOWN_REJECTED = 3, 8


def rule_card(catalog: Catalog, project: Project, rule: Rule) -> str:
    body = f'<p class="lead">{escape(rule.text)}</p>'
    shown = "".join(_pair(pair) for pair in rule.pairs[:SHOWN_PAIRS])
    body += f'<details class="fold"><summary>{_made_from(rule)}</summary>{shown}</details>' if shown else ""
    if rule.state == "proposed":
        return card("Make it a rule?", body + _will(rule), _confirm(rule), "rule", chip("not in force"))
    judge = "the teacher" if rule.judge == "teacher" else f"code: {', '.join(rule.traits)}"
    body += f'<p class="faint">Judged by {escape(judge)}. Samples made from now on are held to it.</p>'
    return card("Rule", body + _rejected(catalog, project, rule), "", "rule", chip("in force", "good"))


def _made_from(rule: Rule) -> str:
    return escape(f"From {plural(len(rule.pairs), 'sample')}")


def _pair(pair: Pair) -> str:
    told = answer_change(pair.bad.output, pair.good.output) if pair.good else answer(pair.bad.output)
    head = "Corrected" if pair.good else "Wrong"
    return f'<div class="label">{head}</div><div class="text">{escape(pair.bad.input)}</div>{told}'


def _will(rule: Rule) -> str:
    if settings().teacher_model:
        told = "The teacher will judge every sample that nobody has looked at. You see the price first."
        return f'<p class="faint">{told}</p>'
    if not rule.traits:
        told = "Code cannot tell this fault: it sees nothing that only these samples have. With a teacher "
        return f'<p class="faint">{told}(RETORT_TEACHER_MODEL) it could be judged. Until then it stays a note.</p>'
    seen = escape(" and ".join(rule.traits))
    count = plural(rule.matches, "sample")
    return (
        f"<p>There is no teacher to judge by meaning, so code looks for: <strong>{seen}</strong>.<br>"
        f"That is {escape(count)} of those that nobody has looked at.</p>"
    )


def _confirm(rule: Rule) -> str:
    if settings().teacher_model:  # it costs money, so it is asked for in words and approved
        return button("Screen the rest", Act(do="say", text=f"confirm rule {rule.id}"), "primary")
    if not rule.traits:
        return ""
    label = f"Reject {plural(rule.matches, 'sample')}" if rule.matches else "Hold later samples to it"
    return button(label, verb("confirm_rule", rule=rule.id), "primary")


def _rejected(catalog: Catalog, project: Project, rule: Rule) -> str:
    """What the rule rejected, read from the history of its acts."""
    before = {
        sample.id: sample
        for one in catalog.find(Judgement, project.id, states=("done",))
        if one.verb == "screen"
        for sample in one.before
    }
    found = [one for id_ in before if (one := _still(catalog, id_)) and one.rule_id == rule.id]
    if not found:
        return "<p>It rejected none of the samples that nobody had looked at.</p>"
    rows = "".join(
        f'<li><span class="text">{escape(asked(one.question)[:160])}</span><small>{escape(one.reason)}</small></li>'
        for one in found[:SHOWN_REJECTED]
    )
    more = f"<p class='faint'>and {len(found) - SHOWN_REJECTED:,} more</p>" if len(found) > SHOWN_REJECTED else ""
    bar = f"{look('See them all', state='rejected', text=rule.text)}{button('Undo', verb('undo_review'), 'quiet')}"
    said = f"<p><strong>{plural(len(found), 'sample')}</strong> now rejected:</p>"
    return f'{said}<ul class="hits">{rows}</ul>{more}<div class="bar">{bar}</div>'


def _still(catalog: Catalog, id_: str) -> Sample | None:
    try:
        return catalog.get(Sample, id_)
    except NotFound:
        return None
