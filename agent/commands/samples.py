"""Samples by a teacher: a few to look at, then many as a job, and what was set aside."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from agent.command import LOOKS, Here, MaxMinutes, MaxUsd, Spoken, command, job
from agent.commands.task import need_task
from agent.references import SampleRefIfSaid
from agent.transcript import Outcome, Risk, Show
from tools import jobs
from tools.errors import RetortError
from tools.records import Answer, Care, Estimate, Job, Sample, SynthesisOrder
from tools.schema import TABLES
from tools.settings import settings

SHOWN_SAMPLES = 8  # a card with more is not read
SHOWN_NEW = 5  # of a finished generation, for a look
SHOWN_CHARS = 300  # of an answer that was set aside

AT_MOST = "[(for|at most|up to|for at most|for up to)"  # ... a limit, closed by the phrase that uses it
MONEY = AT_MOST + " [$]{max_usd} [$|usd|dollars] [[and] {max_minutes} (minutes|minute|min)]]"
MINUTES = AT_MOST + " {max_minutes} (minutes|minute|min)]"
MONEY_ZH = "[最多[$]{max_usd}[$|usd|美元|元][(和|，|,){max_minutes}分钟]]"
MINUTES_ZH = "[最多{max_minutes}分钟]"
MONEY_PT = (
    "[(por|até|no máximo|por até|por no máximo) [$|us$]{max_usd} [usd|dólares] [[e] {max_minutes} (minutos|min)]]"
)
MINUTES_PT = "[(por|até|no máximo|por até|por no máximo) {max_minutes} (minutos|min)]"

Critique = Annotated[bool, Spoken(words={True: [r"(?:a\s+)?critique", "(?:uma\\s+)?crítica"]}, sample="a critique")]
State = Annotated[
    Literal["draft", "approved", "edited", "rejected"],
    Spoken(
        words={
            "draft": ["drafts?", "草稿", "rascunhos?"],
            "approved": ["(?:已|被)?批准的?", "aprovad[oa]s"],
            "edited": ["(?:已|被)?编辑的?", "editad[oa]s"],
            "rejected": ["(?:已|被)?拒绝的?", "rejeitad[oa]s"],
        },
        sample="rejected",
    ),
]


def _drafts_cost(_here: Here, **_: object) -> Risk | None:
    """The simulator costs nothing, a teacher does."""
    return "spend" if settings().teacher_model else None


def _synthesis(here: Here, *, count: int, **given: object) -> Estimate:
    from tools.synthesis.estimate import estimate

    care = Care.model_validate({name: given[name] for name in Care.model_fields if name in given})
    return estimate(here.catalog, here.project, count, care)


def _ended(here: Here, _order: SynthesisOrder, ended: Job) -> tuple[Show, ...]:
    since = TABLES[Sample].c.created_at >= ended.created_at
    made = [one.id for one in here.catalog.each(Sample, here.project_id, (since,)) if one.job_id == ended.id]
    return (Show(kind="samples", ids=tuple(made[-SHOWN_NEW:])),) if made else ()


job(
    SynthesisOrder,
    estimate=lambda here, order: _synthesis(here, count=order.count, **order.care.model_dump()),
    shows=_ended,
)


@command(
    risk=_drafts_cost,
    estimate=_synthesis,
    shows=("samples",),
    terminal="draft [count]",
    examples={"en": "draft 5 samples", "zh": "起草 5 个样本", "pt": "rascunha 5 amostras"},
    phrases={
        "en": [
            "draft {count} samples",
            "(draft|write) [me] [a few|some|more|another] [{count}] [more] [samples|sample|drafts|draft|examples"
            "|example]",
            "[draft|give me|show me] [{count}] more [samples|sample] like [the] [samples|sample|drafts|draft] {like}",
        ],
        "zh": [
            "起草{count}个样本",
            "[再]起草[几|{count}][个|条][样本]",
            "(再|多)[来|起草|写][几|{count}][个|条](像|类似)[第]{like}[号|条|个][的|那样的|一样的][样本]",
        ],
        "pt": [
            "rascunha {count} amostras",
            "(rascunha|rascunhe|rascunhar|escreve|escreva|escrever) [algumas|mais] [{count}] [mais] [amostras|amostra"
            "|exemplos|exemplo]",
            "[{count}] mais [amostras|exemplos] (como|parecidas com|iguais à|como a) [a] [amostra] {like}",
        ],
    },
)
def draft_samples(here: Here, *, count: int = 5, like: SampleRefIfSaid = "") -> Outcome:
    """Have the teacher write a few samples (at most 20) and show them; `like` is a sample to resemble."""
    from tools.synthesis.drafting import draft

    need_task(here)
    if not 1 <= count <= 20:
        raise RetortError(
            f"{count} drafts do not fit on one card.", "Draft 1 to 20; say 'generate 300' to make many at once."
        )
    model = here.catalog.get(Sample, like) if like else None
    samples = draft(here.catalog, here.project, count, like=model)
    return _card(
        samples,
        f"Drafted {len(samples)} sample{'s' if len(samples) > 1 else ''}{' like the one you named' if model else ''}",
    )


@command(
    risk=LOOKS,
    shows=("samples",),
    terminal="samples [state]",
    examples={"en": "show rejected samples", "zh": "查看被拒绝的样本", "pt": "mostra as amostras rejeitadas"},
    phrases={
        "en": [
            "show [me] [the] {state} [samples|ones]",
            "show [me] [the] (samples|drafts)",
        ],
        "zh": ["(显示|看看|查看){state}样本", "(显示|看看|查看)样本"],
        "pt": [
            "(mostra|mostre|mostrar|ver) [as] [amostras] {state}",
            "(mostra|mostre|mostrar|ver) [as] (amostras|rascunhos)",
        ],
    },
)
def show_samples(here: Here, *, state: State = "draft") -> Outcome:
    """Show the newest samples in a state, numbered."""
    samples = here.catalog.find(Sample, here.project_id, states=(state,), newest=SHOWN_SAMPLES)
    if not samples:
        raise RetortError(f"There are no samples in state {state!r}.", "Say 'draft 5 samples' to make some.")
    return _card(
        samples,
        f"Here {'are' if len(samples) > 1 else 'is'} the newest {len(samples)} {state} "
        f"sample{'s' if len(samples) > 1 else ''}",
    )


@command(
    risk=LOOKS,
    shows=("report",),
    terminal="answers",
    phrases={
        "en": [
            "show lost answers",
            "show [me] [the] (lost|unusable|quarantined|set-aside) answers",
            "show [me] [the] answers [that were] set aside",
        ],
        "zh": ["(查看|显示|看看)(搁置|不可用)[的]回答"],
        "pt": ["(mostra|mostre|mostrar|ver) [as] respostas (perdidas|descartadas|separadas)"],
    },
)
def show_answers(here: Here) -> Outcome:
    """Show the teacher's newest answers that were set aside: why each gave no sample, and how it begins."""
    found = [one for one in here.catalog.find(Answer, here.project_id) if one.state != "usable"]
    if not found:
        raise RetortError(
            "None of the teacher's answers has been set aside.",
            "Say 'show rejected samples' to see which samples failed the checks.",
        )
    counts = ", ".join(f"{number} {state}" for state, number in Counter(one.state for one in found).most_common())
    lines = tuple(_set_aside(one) for one in found[-SHOWN_SAMPLES:])
    return Outcome(text=f"Answers set aside: {counts}. These are the newest:", show=(Show(kind="report", ids=lines),))


@command(
    risk="spend",
    estimate=_synthesis,
    starts=SynthesisOrder,
    terminal="generate [count]",
    examples={"en": "generate 300", "zh": "生成 300 条", "pt": "gera 300 amostras"},
    phrases={
        "en": [
            "generate {count} samples " + MONEY,
            "generate [me] [the rest|{count}] [more] [samples|sample|rows|row|examples|example]"
            " [[with|and] {answers_each} answers [each]] [[with|and] {critique}]"
            " [(at most|up to) {per_document} (a|per|from each) document] " + MONEY,
            "generate [me] [the rest|{count}] [more] [samples|sample|rows|row|examples|example] " + MINUTES,
        ],
        "zh": [
            "生成{count}条" + MONEY_ZH,
            "生成[剩下的|其余的|{count}][个|条][样本|数据]" + MONEY_ZH,
            "生成[剩下的|其余的|{count}][个|条][样本|数据]" + MINUTES_ZH,
        ],
        "pt": [
            "gera {count} amostras " + MONEY_PT,
            "(gera|gere|gerar) [o resto|{count}] [mais] [amostras|amostra|linhas|exemplos]"
            " [[com|e] {answers_each} respostas [cada]] [[com|e] {critique}] " + MONEY_PT,
            "(gera|gere|gerar) [o resto|{count}] [mais] [amostras|amostra|linhas|exemplos] " + MINUTES_PT,
        ],
    },
)
def generate_samples(
    here: Here,
    *,
    count: Annotated[int, Spoken(sample="300")] = 300,
    max_usd: MaxUsd,
    max_minutes: MaxMinutes,
    answers_each: int = 1,
    critique: Critique = False,
    per_document: int = 0,
) -> Outcome:
    """Have the teacher write many samples in a job; `max_usd` and `max_minutes` are hard limits. `answers_each` asks
    for that many answers to each input and keeps what most of them agree on; `critique` has the teacher judge its
    samples once more; `per_document` limits the samples of one document. Needs approval."""
    need_task(here)
    care = Care(answers_each=answers_each, critique=critique, per_document=per_document)
    order = SynthesisOrder(count=count, max_usd=max_usd, max_minutes=max_minutes, care=care)
    started = jobs.launch(here.catalog, here.project, order)
    limits = f"at most ${max_usd:.2f} and {max_minutes:g} minutes"
    return Outcome(text=f"Started {started.id}: {count} samples, {limits}.")


def _card(samples: Sequence[Sample], text: str) -> Outcome:
    numbers = f", numbered 1 to {len(samples)}" if len(samples) > 1 else ", number 1"
    return Outcome(text=f"{text}{numbers}.", show=(Show(kind="samples", ids=tuple(one.id for one in samples)),))


def _set_aside(answer: Answer) -> str:
    came = " ".join(answer.text.split())[:SHOWN_CHARS]
    return f"{answer.state}: {answer.problem or 'no reason was given'}" + (f" It begins: {came}" if came else "")
