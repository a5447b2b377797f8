"""What the scores hide: rows side by side, failures in clusters, samples aimed at them, what was forgotten."""

from typing import Annotated

from agent.candidates import CheckpointRef, Scored, candidate_id, label
from agent.command import FREE, LOOKS, Here, MaxMinutes, MaxUsd, Settled, Spoken, command, job
from agent.commands.scores import Split
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.evaluation.compare.side_by_side import Filter, side_by_side, unique_labels
from tools.records import Estimate, Evaluation, GuardOrder, Run, SynthesisOrder

SHOWN_ROWS = 10
AIMED_SAMPLES = 60


# --- rows and failures --------------------------------------------------------------------------------------------


@command(
    risk=LOOKS,
    shows=("rows",),
    terminal="rows",
    clicked="note",
    examples={
        "en": "rows where step 60 is right and base is wrong",
        "zh": "看看第60步对而基础模型错的行",
        "pt": "linhas em que o passo 60 acerta e o base erra",
    },
    phrases={
        "en": ["[show] [the] rows (where|that) [the] {right} [is|has|are] right and [the] {wrong} [is|has] wrong"],
        "zh": ["[显示|看看]{right}对[而|但]{wrong}错的(行|题|样本)"],
        "pt": ["[mostra|mostre] [as] linhas em que [o] {right} acerta e [o] {wrong} erra"],
    },
)
def show_rows(
    here: Here,
    *,
    right: Scored = "",
    wrong: Scored = "",
    field: str = "",
    label: str = "",
    document: str = "",
    split: Split = "test",
) -> Outcome:
    """Show scored rows side by side: those that `right` (a label like 'step 60' or 'base') gets right and `wrong` gets
    wrong, those with this field wrong, this right label or value, or from this document. All filters apply."""
    from tools.evaluation.compare.comparison import latest

    evaluations = latest(here.catalog, here.project, split)
    if not evaluations:
        on_split = "" if split == "test" else f" on {split}"
        raise RetortError(f"Nothing has been scored on {split} yet.", f"Say 'evaluate{on_split}' first.")
    labels = list(unique_labels(evaluations).values())
    for name in (right, wrong):
        if name and name not in labels:
            raise RetortError(
                f"{name!r} is not among the scored candidates: {', '.join(labels)}.", "Name one of these."
            )
    chosen = Filter(right=right, wrong=wrong, field=field, label=label, document=document)
    found = side_by_side(here.catalog, here.project, evaluations, chosen)
    shown = f"; the first {SHOWN_ROWS} are below" if len(found) > SHOWN_ROWS else ""
    ids = (chosen.model_dump_json(exclude_defaults=True), *(one.id for one in evaluations))
    text = f"{len(found)} {'row matches' if len(found) == 1 else 'rows match'} on {split}{shown}."
    return Outcome(text=text, show=(Show(kind="rows", ids=ids),) if found else ())


def _failing(here: Here, candidate: str = "") -> Evaluation:
    """The evaluation whose failures are meant: the candidate's on dev, the best checkpoint's unless named."""
    from tools.evaluation.compare.comparison import compare, latest

    known = latest(here.catalog, here.project, "dev")
    if not known:
        raise RetortError(
            "No dev row has been scored yet, and failures are found on dev rows.", "Say 'evaluate on dev' first."
        )
    if candidate:
        wanted = candidate_id(here, candidate)
        found = next((one for one in known if one.candidate == wanted), None)
        if found is None:
            raise RetortError(f"{label(here, wanted)} has not been scored on dev.", "Say 'evaluate on dev' first.")
        return found
    best = compare(here.catalog, here.project, [one.id for one in known]).best
    return here.catalog.get(Evaluation, best)


@command(
    risk=LOOKS,
    shows=("failures",),
    terminal="failures [candidate]",
    examples={"en": "show failures", "zh": "看看失败", "pt": "mostra as falhas"},
    phrases={
        "en": ["show [me] [the] failures", "(what|where) does it (get wrong|fail)", "what goes wrong"],
        "zh": ["[看看|显示|分析](失败|错误)[分析]", "哪里[出]错[了]"],
        "pt": [
            "(mostra|mostre|mostrar) [as] (falhas|erros)",
            "[mostra|mostre|mostrar] os erros",
            "onde (ele|ela) erra",
        ],
    },
)
def show_failures(here: Here, *, candidate: str = "") -> Outcome:
    """Group what a checkpoint (the best unless named) gets wrong on dev into named, numbered clusters."""
    from tools.evaluation.compare.failures import failures

    evaluation = _failing(here, candidate)
    clusters = failures(here.catalog, here.project, evaluation)
    if not clusters:
        return Outcome(text=f"{evaluation.label} gets every {evaluation.split} row right.")
    wrong = sum(len(one.row_ids) for one in clusters)
    named = "; ".join(f"{at}. {one.name} ({len(one.row_ids)})" for at, one in enumerate(clusters[:5], start=1))
    text = f"{evaluation.label} gets {wrong} {evaluation.split} rows wrong: {named}."
    return Outcome(text=text, show=(Show(kind="failures", ids=(evaluation.id,)),))


def _cluster(here: Here, said: str) -> str:
    """A cluster by its number or its name."""
    from tools.evaluation.compare.failures import failures

    names = [one.name for one in failures(here.catalog, here.project, _failing(here))]
    if said.isdigit() and 1 <= int(said) <= len(names):
        return names[int(said) - 1]
    if said not in names:
        listed = "; ".join(f"{at}. {name}" for at, name in enumerate(names, start=1)) or "none"
        raise RetortError(
            f"There is no cluster of failures {said!r}. The clusters are: {listed}.", "Say 'show failures' to see them."
        )
    return said


ClusterRef = Annotated[
    str, Settled(by=_cluster), Spoken(pattern=r"#?\s*\d+", read=lambda said: said.strip("# "), sample="2")
]
FailingEvaluation = Annotated[str, Settled(by=lambda here, _: _failing(here).id, offered=False)]


def _aimed(here: Here, *, count: int, **_: object) -> Estimate:
    from tools.synthesis.estimate import estimate

    return estimate(here.catalog, here.project, count)


@command(
    risk="spend",
    estimate=_aimed,
    starts=SynthesisOrder,
    terminal="aim cluster",
    examples={"en": "aim at failure 2", "zh": "针对第 2 类失败", "pt": "mira na falha 2"},
    phrases={
        "en": ["(aim at|target) [the] (failure|failures|cluster) {cluster} [[with] {count} (samples|sample)]"],
        "zh": ["针对[第]{cluster}[类|组|个](失败|错误)[[生成]{count}(条|个)[样本]]"],
        "pt": ["(mira|mire|foca|foque) [na|no] (falha|erro|grupo) {cluster} [[com] {count} amostras]"],
    },
)
def aim_at_failures(
    here: Here,
    *,
    cluster: ClusterRef,
    count: int = AIMED_SAMPLES,
    max_usd: MaxUsd,
    max_minutes: MaxMinutes,
    evaluation: FailingEvaluation,
) -> Outcome:
    """Have the teacher write samples aimed at one cluster of failures (its number or name); they are drawn from train
    rows and documents only, and used for training only. `max_usd` and `max_minutes` are hard limits. Needs approval."""
    from tools.evaluation.studies.aiming import aim_at

    aim = aim_at(here.catalog, here.project, here.catalog.get(Evaluation, evaluation), cluster)
    order = SynthesisOrder(count=count, max_usd=max_usd, max_minutes=max_minutes, aim=aim)
    started = jobs.launch(here.catalog, here.project, order)
    limits = f"at most ${max_usd:.2f} and {max_minutes:g} minutes"
    text = f"Started {started.id}: {count} samples aimed at {aim.focus}, {limits}."
    return Outcome(
        text=f"{text} Then freeze, plan and train again, and say 'evaluate on dev' to see whether they helped."
    )


# --- beside the task, and the whole on one page -------------------------------------------------------------------


def _guarding(_here: Here, *, checkpoint: str) -> Estimate:
    from tools.evaluation.studies.forgetting import estimate

    return estimate(GuardOrder(candidates=("base", checkpoint)))


job(
    GuardOrder,
    estimate=lambda here, order: _guarding(here, checkpoint=order.candidates[1]),
    shows=lambda _here, _order, _ended: (),
)


@command(
    risk="spend",
    estimate=_guarding,
    starts=GuardOrder,
    terminal="check-forgetting [checkpoint]",
    phrases={
        "en": [
            "check forgetting",
            "(check|test) [for] [what] [it|was] (forgot|forgotten|forgetting)",
            "[what] (did|has) it (forget|forgotten) [anything|something]",
        ],
        "zh": ["(检查|测试)[一下][有没有]遗忘", "[它][有没有]忘(了|记)[什么|东西][吗]"],
        "pt": ["(verifica|verifique|testa|teste) [o] esquecimento", "(ele|ela) esqueceu [alguma coisa|algo]"],
    },
)
def check_forgetting(here: Here, *, checkpoint: CheckpointRef = "best") -> Outcome:
    """Ask the base and a checkpoint general questions, refusals and forms that have nothing to do with the task,
    and say whether training made it forget. Needs approval."""
    started = jobs.launch(here.catalog, here.project, GuardOrder(candidates=("base", checkpoint)))
    return Outcome(
        text=(f"Started {started.id}: the base and {label(here, checkpoint)} are asked questions outside the task.")
    )


@command(
    risk=FREE,
    terminal="report [run]",
    examples={"en": "report", "zh": "生成报告", "pt": "escreve o relatório"},
    phrases={
        "en": ["[write|make|show] [me] [the|a] [run] (report|card)"],
        "zh": ["[写|生成|导出](报告|卡片)"],
        "pt": ["[escreve|escreva|faz|faça|mostra|mostre] [o|um] relatório"],
    },
)
def write_report(here: Here, *, run: str = "") -> Outcome:
    """Write a one-page report on a run (the newest unless named) with scores, plots, plan, hashes and cost, as Markdown
    and HTML, and the card that replays it."""
    from tools.evaluation.compare.report import write_report

    known = [one for one in here.catalog.find(Run, here.project_id) if one.state != "planned"]
    found = next((one for one in reversed(known) if run in ("", one.id)), None)
    if found is None:
        problem = f"There is no run {run!r} to report on." if run else "Nothing has been trained yet."
        raise RetortError(problem, "Say 'plan', then 'train'.")
    folder = write_report(here.catalog, here.project, found)
    card = folder.parent.parent / "cards" / found.id
    return Outcome(text=f"The report is {folder / 'report.html'}; `retort replay {card}` repeats the run.")
