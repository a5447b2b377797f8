"""Rules: a rejection's reason or an edit, said for all samples. Proposed by code, in force once the user confirms."""

import re
from collections.abc import Sequence
from typing import Protocol

from tools.catalog import Catalog, now
from tools.errors import NotFound, RetortError
from tools.records import REAL, Example, Judgement, Message, Pair, Project, Rule, Sample, SampleState, new_id
from tools.schema import TABLES
from tools.synthesis.check.traits import has, shared
from tools.synthesis.request.framing import asked

NOT_LOOKED = (TABLES[Sample].c.looked.is_(False),)


class Judged(Protocol):
    """A sample, or what is counted as a sort of samples."""

    @property
    def state(self) -> SampleState: ...
    @property
    def source(self) -> str: ...
    @property
    def looked(self) -> bool: ...


def unseen(sample: Judged) -> bool:
    """Whether nobody has judged it: not the user, and not the checks. Rows that the user gave are their own word."""
    made = not sample.source.startswith(("import:", "user", REAL))
    return made and not sample.looked and sample.state in ("draft", "approved")


def in_force(catalog: Catalog, project: Project) -> list[Rule]:
    return catalog.find(Rule, project.id, states=("confirmed",))


def propose(catalog: Catalog, project: Project, samples: Sequence[Sample], text: str) -> Rule:
    """A rule from samples that were rejected or edited.

    A proposal in the same words takes these samples up too, so that three like rejections make one rule of three.
    """
    samples = [one for one in samples if not one.real]  # a rule shows its samples to a teacher
    if not samples or not text.strip():
        raise RetortError(
            "A rule needs at least one sample and some words.",
            "Say, for example, 'rule from 1,2: the phone number is missing'.",
        )
    waiting = [
        one
        for one in catalog.find(Rule, project.id, states=("proposed",))
        if _said(one.text) == _said(text) or {pair.sample_id for pair in one.pairs} <= {s.id for s in samples}
    ]
    known = {pair.sample_id: pair for one in waiting for pair in one.pairs}
    pairs = (known | {one.id: _pair(one) for one in samples}).values()
    rule = Rule(
        id=new_id("rule"),
        owner=catalog.owner,
        project_id=project.id,
        text=text.strip(),
        pairs=tuple(pairs),
    )
    catalog.delete_all(waiting)
    return catalog.add(_seen_by_code(catalog, project, rule))


def confirm_by_code(catalog: Catalog, project: Project, rule: Rule) -> list[Sample]:
    """Put the rule in force and reject the samples not looked at that have its traits; returns them as they are now.

    Raises RetortError when code sees no trait: only a teacher could judge it.
    """
    if not rule.traits:
        raise RetortError(
            f"Code cannot judge {rule.text!r}: it sees nothing that these samples share and no approved sample has.",
            "Set RETORT_TEACHER_MODEL to use a teacher that can; or name the field, or quote the words that are wrong.",
        )
    found = [
        one for one in catalog.each(Sample, project.id, NOT_LOOKED) if unseen(one) and has(one, rule.traits, rule.text)
    ]
    now_bad = [rejected(one, rule) for one in found]
    judgement = screening_of(rule, rule.id, before=found, proposed=rule)
    catalog.add_all([judgement], changed=[rule.but(state="confirmed", judge="code", enforced_at=now()), *now_bad])
    return now_bad


def screening_of(rule: Rule, act: str, before: Sequence[Sample] = (), proposed: Rule | None = None) -> Judgement:
    """What an undo goes back to: the samples before the rule rejected them, the rule before it was confirmed."""
    return Judgement(
        id=new_id("judgement"),
        owner=rule.owner,
        project_id=rule.project_id,
        act=act,
        verb="screen",
        before=tuple(before),
        rule=proposed,
    )


def rejected(sample: Sample, rule: Rule, problem: str = "") -> Sample:
    """The sample as the rule leaves it."""
    told = f" ({problem.rstrip('.')})" if problem and _said(problem) != _said(rule.text) else ""
    return sample.but(state="rejected", reason=f"rule: {rule.text}{told}", rule_id=rule.id)


def shown(catalog: Catalog, rule: Rule) -> list[tuple[Pair, Sample]]:
    """The pairs whose sample still exists: a removed source takes its words along."""
    found: list[tuple[Pair, Sample]] = []
    for pair in rule.pairs:
        try:
            found.append((pair, catalog.get(Sample, pair.sample_id)))
        except NotFound:
            continue
    return found


def _seen_by_code(catalog: Catalog, project: Project, rule: Rule) -> Rule:
    """The rule with what code can see of it, learnt against all that the user let pass."""
    judged = {pair.sample_id: pair for pair in rule.pairs}
    pairs = [(one, judged[one.id]) for one in catalog.named(Sample, judged)]
    bad = [_as_it_was(sample, pair) for sample, pair in pairs]
    kept = TABLES[Sample].c
    passed = (kept.looked.is_(True), kept.state != "rejected")
    good = [one for one in catalog.each(Sample, project.id, passed) if one.id not in judged and not one.real]
    good += [sample for sample, pair in pairs if pair.good]
    traits = shared(bad, good, rule.text) if bad else ()
    waiting = catalog.each(Sample, project.id, NOT_LOOKED) if traits else ()
    matches = sum(unseen(one) and one.id not in judged and has(one, traits, rule.text) for one in waiting)
    return rule.but(traits=traits, matches=matches)


def _as_it_was(sample: Sample, pair: Pair) -> Sample:
    asked_then = Message(role="user", content=pair.bad.input)
    return sample.but(messages=(asked_then, Message(role="assistant", content=pair.bad.output)))


def _pair(sample: Sample) -> Pair:
    shown = Example(input=asked(sample.question), output=sample.answer)
    if sample.was is None:
        return Pair(sample_id=sample.id, bad=shown)
    bad = Example(input=asked(sample.was.input), output=sample.was.output)
    return Pair(sample_id=sample.id, bad=bad, good=shown if sample.state != "rejected" else None)


def _said(text: str) -> str:
    """Words alike but for case and punctuation."""
    return " ".join(re.findall(r"\w+", text.lower()))
