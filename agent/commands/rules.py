"""Rules made of rejections and edits, and the policy: what freezing lets through."""

from collections.abc import Sequence
from typing import Annotated, Literal

from agent.command import FREE, LOOKS, Here, MaxMinutes, MaxUsd, Spoken, command, job
from agent.references import RuleRef, SampleRefsIfSaid
from agent.transcript import Outcome, Risk, Show
from tools.errors import RetortError
from tools.records import Estimate, Judgement, Policy, Rule, Sample, ScreeningOrder
from tools.schema import TABLES
from tools.settings import settings

OwnText = Annotated[str, Spoken(pattern=r"\S.*", sample="no area code", free=True)]
Percent = Annotated[float, Spoken(sample="5")]


def proposal(here: Here, judged: Sequence[Sample], words: str) -> Show:
    """A proposed rule as its card."""
    from tools.synthesis.check.rules import propose

    return Show(kind="rule", ids=(propose(here.catalog, here.project, judged, words).id,))


@command(
    risk=FREE,
    shows=("rule",),
    terminal="rule [text]",
    examples={"en": "rule: no area code", "zh": "规则：不带区号", "pt": "regra: sem DDD"},
    phrases={
        "en": [
            "rule: {text}",
            "rule from [the] [samples|sample] {samples}: {text}",
            "make (it|that|this) a rule",
            "make a rule",
        ],
        "zh": ["规则:{text}", "规则自[样本]{samples}:{text}", "(定|立)为规则"],
        "pt": ["regra: {text}", "regra (de|das|da) [amostras|amostra] {samples}: {text}", "(faz|faça) disso uma regra"],
    },
)
def propose_rule(here: Here, *, samples: SampleRefsIfSaid = (), text: OwnText = "") -> Outcome:
    """Propose a rule in words, made from rejected or edited samples (the last ones unless named). It does nothing
    until the user confirms it."""
    judged = [here.catalog.get(Sample, id_) for id_ in samples or _last_judged(here)]
    words = text.strip() or judged[0].reason.removeprefix("rule: ")
    return Outcome(
        text="Here is the proposed rule. It does nothing until you confirm it.", show=(proposal(here, judged, words),)
    )


def _last_judged(here: Here) -> list[str]:
    own = TABLES[Judgement].c.verb.in_(("reject", "edit"))
    acts = here.catalog.find(Judgement, here.project_id, states=("done",), where=(own,), newest=1)
    if not acts:
        raise RetortError("No sample has been rejected or edited yet.", "First say, for example, 'reject 2: no phone'.")
    return [one.id for one in acts[-1].before]


def _screening(here: Here, *, rule: str, **_: object) -> Estimate:
    from tools.synthesis.screening import estimate

    found = here.catalog.get(Rule, rule)
    if not settings().teacher_model:
        what = f"Reject {found.matches} samples by the rule “{found.text}”, and apply it to later samples"
        return Estimate(what=what, notes=(f"Code checks for: {', '.join(found.traits)}.",) if found.traits else ())
    return estimate(here.catalog, here.project, found)


def _screening_costs(_here: Here, **_: object) -> Risk:
    """Code screens for nothing, a teacher does not."""
    return "spend" if settings().teacher_model else "review"


job(
    ScreeningOrder,
    estimate=lambda here, order: _screening(here, rule=order.rule_id),
    shows=lambda _here, order, _ended: (Show(kind="rule", ids=(order.rule_id,)),),
)


@command(
    risk=_screening_costs,
    estimate=_screening,
    shows=("rule",),
    starts=ScreeningOrder,
    terminal="confirm [rule]",
    clicked={},
    examples={"en": "confirm the rule", "zh": "确认规则", "pt": "confirma a regra"},
    phrases={
        "en": ["(confirm|enforce) [the|this] rule [{rule}]"],
        "zh": ["(确认|执行)[这条|该]规则"],
        "pt": ["(confirma|confirme|confirmar) [a|esta] regra [{rule}]"],
    },
)
def confirm_rule(here: Here, *, rule: RuleRef = "", max_usd: MaxUsd, max_minutes: MaxMinutes) -> Outcome:
    """Put a proposed rule (the newest unless named) in force: it screens the samples that the user has not reviewed
    (the teacher judges them, if there is one), and later generation follows it. The user's decision."""
    from tools.synthesis.check.rules import confirm_by_code
    from tools.synthesis.screening import start

    project, found = here.project, here.catalog.get(Rule, rule)
    show = (Show(kind="rule", ids=(found.id,)),)
    if not settings().teacher_model:
        bad = confirm_by_code(here.catalog, project, found)
        counted = f"{len(bad):,} sample{'' if len(bad) == 1 else 's'}"
        text = (
            f"The rule is in force. Code rejected {counted} of those you had not reviewed; say 'undo' to restore them."
        )
        return Outcome(text=text, show=show)
    started = start(here.catalog, project, found, max_usd, max_minutes)
    if started is None:
        return Outcome(text="The rule is in force. No sample is waiting to be screened.", show=show)
    return Outcome(
        text=(
            f"The rule is in force. Started {started.id}: the teacher screens every sample that you have not reviewed."
        )
    )


@command(
    risk=LOOKS,
    shows=("rule",),
    terminal="rules",
    phrases={
        "en": ["[show] [the|my] rules"],
        "zh": ["[显示|查看]规则"],
        "pt": ["[mostra|mostre|mostrar] [as|minhas] regras"],
    },
)
def show_rules(here: Here) -> Outcome:
    """Show the rules: what each says, which samples it was made from, and what it rejected."""
    rules = here.catalog.find(Rule, here.project_id)
    if not rules:
        raise RetortError("There are no rules yet.", "Reject a sample with a reason, for example 'reject 2: no phone'.")
    counted = f"{len(rules):,} rule{'' if len(rules) == 1 else 's'}."
    return Outcome(text=counted, show=(Show(kind="rule", ids=tuple(one.id for one in rules)),))


@command(
    risk="review",
    terminal="set-policy [kind]",
    examples={"en": "policy at most 5 % bad", "zh": "策略：最多 5 %", "pt": "política no máximo 5%"},
    phrases={
        "en": [
            ("[review] policy [is|:] all [reviewed|looked at]", {"kind": "all"}),
            ("[review] policy [is|:] (any|none)", {"kind": "sampled"}),
            (
                "[review] policy [is|:] [sampled] (at most|up to|below) {most_bad_percent}[%] [percent] [bad]",
                {"kind": "sampled"},
            ),
        ],
        "zh": [
            ("[审阅]策略[:](全部审阅|全部)", {"kind": "all"}),
            ("[审阅]策略[:]不限", {"kind": "sampled"}),
            ("[审阅]策略[:](最多|至多){most_bad_percent}[%][坏|错误][样本]", {"kind": "sampled"}),
        ],
        "pt": [
            ("política [de revisão] [é|:] (tudo|todas) [revisado|revisada|revisadas]", {"kind": "all"}),
            ("política [de revisão] [é|:] (qualquer|nenhuma)", {"kind": "sampled"}),
            (
                "política [de revisão] [é|:] (no máximo|até) {most_bad_percent}[%] [ruins|ruim]",
                {"kind": "sampled"},
            ),
        ],
    },
)
def set_policy(here: Here, *, kind: Literal["sampled", "all"] = "sampled", most_bad_percent: Percent = 100) -> Outcome:
    """Say what may be frozen: 'all' admits only what the user has reviewed; 'sampled' admits everything, once a random
    draw proves that at most this percentage of the rest is bad (100 asks for no proof). The user's decision."""
    if not 0 < most_bad_percent <= 100:
        raise RetortError(
            f"{most_bad_percent:g} % is not a possible limit: it must be above 0 and at most 100.",
            "Say, for example, 'policy at most 5 % bad'.",
        )
    policy = Policy(kind=kind, most_bad=most_bad_percent / 100, copies=here.project.policy.copies)
    here.catalog.save(here.project.but(policy=policy))
    return _policy(here)


@command(
    risk=LOOKS,
    terminal="policy",
    phrases={
        "en": ["[show] [the] [review] policy", "what was (reviewed|looked at)"],
        "zh": ["[审阅]策略"],
        "pt": ["[mostra|mostre|mostrar] [a] política [de revisão]", "o que foi revisado"],
    },
)
def show_policy(here: Here) -> Outcome:
    """Show what may be frozen, how much has been reviewed, and what that says about the rest."""
    return _policy(here)


def _policy(here: Here) -> Outcome:
    from tools.dataset.looking import standing
    from tools.dataset.policy import in_words, lacking

    policy, found = here.project.policy, standing(here.catalog, here.project)
    lack = lacking(policy, found)
    left_out = f" {lack} samples have not been reviewed and stay out." if policy.kind == "all" and lack else ""
    more = f" Say 'review {lack}' to prove it." if policy.kind == "sampled" and lack else ""
    return Outcome(text=f"Policy: {in_words(policy)}.{left_out}{more} {found.sentence}".strip())
