"""A rule as a card: what is wrong in words, the samples that show it, who will judge by it, and what it rejected."""

from sqlalchemy import func

from tools.catalog import Catalog, Page
from tools.errors import NotFound
from tools.records import Pair, Project, Rule, Sample
from tools.schema import TABLES
from tools.settings import settings
from tools.synthesis.request.framing import asked
from ui.markup import escape
from ui.show.kind import Kind, Shown, dumped
from ui.show.samples import answer, answer_change
from ui.units import plural
from ui.views import Act, button, card, chip, look, undo, verb

SHOWN_PAIRS, SHOWN_REJECTED = 3, 8


def rule_card(catalog: Catalog, project: Project, rule: Rule) -> str:
    body = f'<p class="lead">{escape(rule.text)}</p>'
    shown = "".join(_pair(pair) for pair in rule.pairs[:SHOWN_PAIRS])
    body += f'<details class="fold"><summary>{_made_from(rule)}</summary>{shown}</details>' if shown else ""
    if rule.state == "proposed":
        return card("Make it a rule?", body + _will(rule), _confirm(rule), "rule", chip("not in force"))
    judge = "the teacher" if rule.judge == "teacher" else f"code: {', '.join(rule.traits)}"
    body += f'<p class="faint">Judged by {escape(judge)}. Samples made from now on must keep to it.</p>'
    return card("Rule", body + _rejected(catalog, project, rule), "", "rule", chip("in force", "good"))


def _made_from(rule: Rule) -> str:
    return escape(f"From {plural(len(rule.pairs), 'sample')}")


def _pair(pair: Pair) -> str:
    told = answer_change(pair.bad.output, pair.good.output) if pair.good else answer(pair.bad.output)
    head = "Corrected" if pair.good else "Wrong"
    return f'<div class="label">{head}</div><div class="text">{escape(pair.bad.input)}</div>{told}'


def _will(rule: Rule) -> str:
    if settings().teacher_model:
        told = "The teacher will judge every sample that you have not reviewed. You will see the price first."
        return f'<p class="faint">{told}</p>'
    if not rule.traits:
        told = "Code cannot recognise this fault: it sees nothing that only these samples have in common. A teacher "
        return f'<p class="faint">{told}(RETORT_TEACHER_MODEL) could judge it. Until then the rule stays a note.</p>'
    seen = escape(" and ".join(rule.traits))
    count = plural(rule.matches, "sample")
    return (
        "<p>There is no teacher to judge by meaning, so code looks for: "
        f"<strong>{seen}</strong>.<br>That is true of {escape(count)} that you have not reviewed.</p>"
    )


def _confirm(rule: Rule) -> str:
    if settings().teacher_model:  # it costs money, so it is asked for in words and approved
        return button("Screen the rest", Act(do="say", text=f"confirm rule {rule.id}"), "primary")
    if not rule.traits:
        return ""
    label = f"Reject {plural(rule.matches, 'sample')}" if rule.matches else "Apply it to later samples"
    return button(label, verb("confirm_rule", rule=rule.id), "primary")


def _rejected(catalog: Catalog, project: Project, rule: Rule) -> str:
    """What the rule rejected and nobody has judged since."""
    samples = TABLES[Sample].c
    by_it = (samples.state == "rejected", samples.body.contains(f'"rule_id":"{rule.id}"', autoescape=True))
    [(count,)] = catalog.rows(Sample, project.id, func.count(), where=by_it)
    found = catalog.find(Sample, project.id, where=by_it, page=Page(0, SHOWN_REJECTED))
    if not found:
        return "<p>It rejected none of the samples that you had not reviewed.</p>"
    rows = "".join(
        f'<li><span class="text">{escape(asked(one.question)[:160])}</span><small>{escape(one.reason)}</small></li>'
        for one in found
    )
    more = f"<p class='faint'>and {count - len(found):,} more</p>" if count > len(found) else ""
    bar = f"{look('See them all', state='rejected', text=rule.text)}{undo()}"
    said = f"<p><strong>{plural(count, 'sample')}</strong> rejected by this rule:</p>"
    return f'{said}<ul class="hits">{rows}</ul>{more}<div class="bar">{bar}</div>'


def _there(shown: Shown) -> list[Rule]:
    """The rules that still are: a later proposal may have taken up an earlier one's samples."""
    found = []
    for id_ in shown.ids:
        try:
            found.append(shown.catalog.get(Rule, id_))
        except NotFound:
            continue
    return found


def _line(rule: Rule) -> str:
    if rule.state == "confirmed":
        return f"Rule in force: {rule.text} (judged by {rule.judge})"
    told = (
        f"code sees: {', '.join(rule.traits)}; {rule.matches} samples that you have not reviewed have it too"
        if rule.traits
        else "code sees no sign of it"
    )
    return f"Rule to confirm: {rule.text} ({told}). Say 'confirm rule'."


RULE = Kind(
    lambda shown: "".join(rule_card(shown.catalog, shown.project, one) for one in _there(shown)),
    lambda shown: "\n".join(_line(one) for one in _there(shown)),
    lambda shown: dumped(_there(shown)),
)
