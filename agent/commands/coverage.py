"""What samples are made of: what they spread over, and what a teacher is sent."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import JsonValue

from agent.command import FREE, LOOKS, Here, Spoken, command
from agent.transcript import Outcome, Show
from tools.errors import RetortError
from tools.records import Coverage
from tools.synthesis.check.asked_length import read_range


def _values(said: str) -> list[JsonValue]:
    return [one.strip() for one in re.split(r"[,，、;；\n]", said) if one.strip()]


Values = Annotated[Sequence[str] | None, Spoken(pattern=r"\S.*", read=_values, sample="refunds, delivery")]
Ranges = Annotated[Sequence[str] | None, Spoken(pattern=r"\S.*", read=_values, sample="5-20, 20-60")]
Codes = Annotated[Sequence[str] | None, Spoken(pattern=r"\S.*", read=_values, sample="en, zh")]


@command(
    risk=FREE,
    shows=("coverage",),
    terminal="cover",
    examples={"en": "topics: refunds, delivery", "zh": "主题：退款、物流", "pt": "temas: reembolso, entrega"},
    phrases={
        "en": [
            "[the] (topics|topic) [are|is]: {topics}",
            "[the] (personas|persona|writers|writer) [are|is]: {personas}",
            "[the] (difficulties|difficulty) [are|is]: {difficulties}",
            "[the] (lengths|length) [are|is]: {lengths}",
            "[the] languages [are]: {languages}",
        ],
        "zh": [
            "(主题|话题):{topics}",
            "(人物|身份):{personas}",
            "难度:{difficulties}",
            "长度:{lengths}",
            "(语言种类|多语言):{languages}",
        ],
        "pt": [
            "[os] (temas|tema|tópicos|tópico): {topics}",
            "[as] (personas|pessoas): {personas}",
            "[as] (dificuldades|dificuldade): {difficulties}",
            "[os] (comprimentos|comprimento|tamanhos|tamanho): {lengths}",
            "[os] (idiomas|línguas): {languages}",
        ],
    },
)
def set_coverage(
    here: Here,
    *,
    topics: Values = None,
    personas: Values = None,
    difficulties: Values = None,
    lengths: Ranges = None,
    languages: Codes = None,
) -> Outcome:
    """Say what samples should vary in. What is left out stays as it is; an empty list restores the defaults.
    `lengths` are ranges for the number of words in an input, e.g. 5-20; `languages` are codes."""
    project = here.project
    said = {
        "topics": topics,
        "personas": personas,
        "difficulties": difficulties,
        "lengths": lengths,
        "languages": languages and [one.lower() for one in languages],
    }
    if unread := [one for one in lengths or () if read_range(one) is None]:
        raise RetortError(
            f"The length {unread[0]!r} is not a range of words.", "Say, for example, 'lengths: 5-20, 20-60'."
        )
    changed = {
        axis: tuple(dict.fromkeys(one.strip() for one in values)) for axis, values in said.items() if values is not None
    }
    coverage = Coverage.model_validate({**project.task.coverage.model_dump(), **changed})
    here.catalog.save(project.but(task=project.task.model_copy(update={"coverage": coverage})))
    return _table()


@command(
    risk=LOOKS,
    shows=("coverage",),
    terminal="coverage",
    examples={"en": "coverage", "zh": "覆盖表", "pt": "cobertura"},
    phrases={
        "en": ["[show] [the] coverage [table]"],
        "zh": ["[显示|查看]覆盖[率|表]"],
        "pt": ["[mostra|mostre|mostrar] [a] [tabela de] cobertura"],
    },
)
def show_coverage(here: Here) -> Outcome:
    """Show what samples vary in, and how many samples each value has."""
    return _table()


def _table() -> Outcome:
    return Outcome(
        text="This is what the samples vary in, and how many there are so far of each kind.",
        show=(Show(kind="coverage"),),
    )


@command(
    risk=LOOKS,
    shows=("report",),
    terminal="request",
    examples={"en": "show the request", "zh": "预览请求", "pt": "mostra a requisição"},
    phrases={
        "en": [
            "show [me] [the] [next] (request|prompt)",
            "preview [the] [next] (request|prompt)",
            "what (does|will) the teacher (see|get)",
        ],
        "zh": ["(预览|查看)(请求|提示词)", "老师会看到什么"],
        "pt": ["(mostra|mostre|mostrar|ver) [a] (requisição|solicitação)", "o que o professor (vê|vai ver|recebe)"],
    },
)
def show_request(here: Here) -> Outcome:
    """Show, word for word, what the teacher will be sent next. Nothing is sent."""
    from tools.synthesis.making import Maker
    from tools.synthesis.request.wording import prompt
    from tools.synthesis.teacher import pick_teacher

    project = here.project
    teacher = pick_teacher(project.task, "preview")
    if not teacher.reads_documents:
        raise RetortError(
            "Nothing is sent to the simulator, so there is no request to show.",
            "Set RETORT_TEACHER_MODEL to use a teacher that receives requests.",
        )
    maker = Maker(here.catalog, project, teacher, seed="preview", state="draft")
    request = maker.request(0, teacher.samples_per_request)
    lines = [f"**{message.role}**\n{message.content}" for message in prompt(request).messages]
    return Outcome(
        text=f"This is what will be sent to {teacher.source}.", show=(Show(kind="report", ids=tuple(lines)),)
    )
