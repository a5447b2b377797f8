"""The user's judgement of samples: look, approve, edit, reject, undo."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import JsonValue

from agent.command import FREE, Here, Spoken, command
from agent.commands.rules import proposal
from agent.references import SampleRef, SampleRefs
from agent.transcript import Outcome, Show
from tools.errors import RetortError
from tools.records import Sample
from tools.text.strict_json import object_of

MOST_SHOWN = 20  # samples on one card
_CHOSEN = {
    "unusual": "they are unlike the others",
    "uncertain": "they resemble what you rejected as much as what you approved",
    "coverage": "their part of the coverage table has been reviewed least",
}

By = Annotated[
    Literal["random", "unusual", "uncertain", "coverage"],
    Spoken(
        words={
            "unusual": ["odd", "异常的?", "incomuns", "estranhas"],
            "uncertain": ["unsure", "不确定的?", "incertas"],
            "coverage": ["each cell", "覆盖", "cobertura"],
        },
        sample="unusual",
    ),
]
_TAKES_BACK = re.compile(
    r"(?:but|except|unless|apart|other than|keep|approve|just kidding|menos|exceto|mas)\b|除|但|通过|保留",
    re.IGNORECASE,
)


def _reason(said: str) -> str | None:
    """A reason; what takes a part of the command back is none, and then the whole is not understood."""
    return None if _TAKES_BACK.match(said) else said


Reason = Annotated[str, Spoken(pattern=r"\S.*", read=_reason, sample="no phone", free=True)]
OwnText = Annotated[str, Spoken(pattern=r"\S.*", sample="…", free=True)]
_SAMPLES = "[the] [samples|sample|drafts|draft]"


@command(
    risk=FREE,
    shows=("samples",),
    terminal="review [count]",
    clicked={},
    examples={"en": "review 20", "zh": "抽查 20", "pt": "revisa 20"},
    phrases={
        "en": ["review {count}", "(review|look at) [{count}] [the] [{by}] [more] [samples|sample|ones]"],
        "zh": ["抽查{count}", "(审阅|抽查)[{count}][个|条][{by}][样本]"],
        "pt": ["revisa {count}", "(revisa|revise|revisar|olha|olhar) [{count}] [as] [amostras] [{by}]"],
    },
)
def review_samples(here: Here, *, count: Annotated[int, Spoken(sample="20")] = 10, by: By = "random") -> Outcome:
    """Show generated samples that the user has not reviewed (at most 20): drawn at random, so that the result says
    something about the rest; or unusual samples, uncertain samples or one for each coverage value, which do not."""
    from tools.dataset.looking import draw_next, standing

    if not 1 <= count <= MOST_SHOWN:
        raise RetortError(f"{count} samples do not fit on one card.", "Say 'review 10' as often as you like.")
    found = draw_next(here.catalog, here.project, count, by)
    how = "drawn at random" if by == "random" else f"chosen because {_CHOSEN[by]}, so they say nothing about the rest"
    text = f"{many(len(found), 'sample')} {how}. {standing(here.catalog, here.project).sentence}"
    return Outcome(text=text, show=(Show(kind="samples", ids=tuple(one.id for one in found)),))


@command(
    risk="review",
    terminal="approve samples...",
    clicked={"approved": "samples"},
    examples={"en": "approve all", "zh": "全部批准", "pt": "aprova tudo"},
    phrases={
        "en": [f"(approve|accept) {_SAMPLES} {{samples}}"],
        "zh": ["(批准|通过|认可|接受)[样本]{samples}", "{samples}[样本](批准|通过|认可|接受)"],
        "pt": ["(aprova|aprove|aprovar|aceita|aceite|aceitar) [as|a] [amostras|amostra] {samples}"],
    },
)
def approve_samples(here: Here, *, samples: SampleRefs) -> Outcome:
    """Approve samples for training: by numbers of the last card, ids, or 'all' drafts shown. The user's decision."""
    from tools.dataset.reviewing import approve

    done = approve(here.catalog, here.project, samples)
    return Outcome(text=f"Approved {many(len(done), 'sample')}.{_bound_if_done(here, done)}")


@command(
    risk="review",
    shows=("samples", "rule"),
    terminal="edit sample",
    clicked={"edited": ""},
    examples={"en": "edit 3: the right answer", "zh": "编辑 3：正确答案", "pt": "edita 3: a resposta certa"},
    phrases={
        "en": [
            f"(edit|change) {_SAMPLES} {{sample}} [answer]: {{answer}}",
            f"(edit|change) {_SAMPLES} {{sample}} (question|input): {{question}}",
        ],
        "zh": [
            "(编辑|修改)[样本][第]{sample}[号|条|个][答案]:{answer}",
            "(编辑|修改)[样本][第]{sample}[号|条|个](问题|输入):{question}",
        ],
        "pt": [
            "(edita|edite|editar|muda|mude|mudar) [a] [amostra] {sample} [resposta]: {answer}",
            "(edita|edite|editar|muda|mude|mudar) [a] [amostra] {sample} (pergunta|entrada): {question}",
        ],
    },
)
def edit_sample(
    here: Here, *, sample: SampleRef, question: OwnText = "", answer: OwnText = "", reason: str = ""
) -> Outcome:
    """Replace a sample's input or answer with what the user dictated. The user's decision."""
    from tools.dataset.reviewing import edit

    if not question and not answer:
        raise RetortError("The edit contains no new text.", 'Say, for example, \'edit 3: {"name": "Ann"}\'.')
    project = here.project
    found = edit(here.catalog, project, sample, question=question or None, answer=answer or None, reason=reason)
    shows = [Show(kind="samples", ids=(found.id,))]
    if not found.real and (words := reason.strip() or _change_in_words(found)):  # a rule would show it to a teacher
        shows.append(proposal(here, [found], words))
    counts = "as a real message" if found.real else "as approved"
    return Outcome(text=f"The sample is edited and now counts {counts}.", show=tuple(shows))


@command(
    risk="review",
    shows=("rule",),
    terminal="reject samples...",
    clicked={"rejected": "samples"},
    examples={"en": "reject 2: no phone", "zh": "拒绝 2：没有电话", "pt": "rejeita 2: sem telefone"},
    phrases={
        "en": [
            f"(reject|drop) {_SAMPLES} {{samples}}: {{reason}}",
            f"(reject|drop) {_SAMPLES} {{samples}}",
            f"(reject|drop) {_SAMPLES} {{samples}} (because|since|reason:) {{reason}}",
        ],
        "zh": [
            "(拒绝|否决|去掉)[样本]{samples}:{reason}",
            "(拒绝|否决|去掉)[样本]{samples}",
            "(拒绝|否决|去掉)[样本]{samples}因为{reason}",
        ],
        "pt": [
            "(rejeita|rejeite|rejeitar|descarta|descarte) [as|a] [amostras|amostra] {samples}: {reason}",
            "(rejeita|rejeite|rejeitar|descarta|descarte) [as|a] [amostras|amostra] {samples}",
            "(rejeita|rejeite|rejeitar|descarta|descarte) [as|a] [amostras|amostra] {samples} porque {reason}",
        ],
    },
)
def reject_samples(here: Here, *, samples: SampleRefs, reason: Reason = "") -> Outcome:
    """Reject samples, with the reason if the user gave one; a reason is proposed as a rule. The user's decision."""
    from tools.dataset.reviewing import reject

    done = reject(here.catalog, here.project, samples, reason.strip() or "not wanted")
    text = (
        f"Rejected {many(len(done), 'sample')}; rejected samples are never used for "
        f"training.{_bound_if_done(here, done)}"
    )
    made = [one for one in done if not one.real]
    return Outcome(text=text, show=(proposal(here, made, reason),) if reason.strip() and made else ())


@command(
    risk="review",
    shows=("samples",),
    terminal="undo",
    clicked={},
    phrases={
        "en": ["undo [that|it|this|the last|the rule|the edit|the rejection|the approval]"],
        "zh": ["撤销", "撤回"],
        "pt": ["(desfaz|desfaça|desfazer) [isso|isto|a última|a regra|a edição]"],
    },
)
def undo_review(here: Here) -> Outcome:
    """Undo the newest approval, edit, rejection or rule; its samples are restored exactly as they were."""
    from tools.dataset.reviewing import undo

    taken = undo(here.catalog, here.project)
    what = {
        "approve": "the approval",
        "edit": "the edit",
        "reject": "the rejection",
        "screen": "the rule",
        "mend": "the change",
    }[taken.verb]
    as_before = f"{many(len(taken.samples), 'sample')} {'is' if len(taken.samples) == 1 else 'are'} as before"
    shown = tuple(one.id for one in taken.samples[:MOST_SHOWN]) if taken.verb not in ("screen", "mend") else ()
    return Outcome(text=f"Undid {what}: {as_before}.", show=(Show(kind="samples", ids=shown),) if shown else ())


def many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _bound_if_done(here: Here, judged: Sequence[Sample]) -> str:
    """When the last sample of a random draw is judged: what the draw says of the rest."""
    from tools.dataset.looking import standing

    if not any(one.drawn_at for one in judged):
        return ""
    found = standing(here.catalog, here.project)
    return "" if found.waiting else f" {found.sentence}"


def _change_in_words(edited: Sample) -> str:
    """What an edit changed, where it is a value of a JSON answer; elsewhere only the user knows why."""
    old, new = (object_of(text) or {} for text in (edited.was.output if edited.was else "", edited.answer))
    changed = [name for name in new if name in old and old[name] != new[name]]
    return "; ".join(f"{name} is {_json(old[name])} and should be {_json(new[name])}" for name in changed)


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)
