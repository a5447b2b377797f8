"""Training: start by the plan that was shown, go on, tell how it goes, and whether more data would help."""

from typing import Annotated

from agent.candidates import EndedRun, FinishedRun, NewestDataset, PlannedRun, StartedRun
from agent.command import LOOKS, Here, MaxMinutes, Spoken, command, job
from agent.commands.samples import MINUTES, MINUTES_PT, MINUTES_ZH
from agent.transcript import Outcome, Show
from tools.records import CurveOrder, Dataset, Estimate, Job, Run, TrainingOrder


def _training(here: Here, *, run: str, **_: object) -> Estimate:
    """What was said when the plan was shown: neither changes afterwards."""
    found = here.catalog.get(Run, run)
    if found.estimate:
        return found.estimate
    from tools.training.estimate import estimate

    return estimate(here.catalog, here.project, here.catalog.get(Dataset, found.dataset_id), found.plan)


def _run_card(_here: Here, order: TrainingOrder, _ended: Job) -> tuple[Show, ...]:
    return (Show(kind="run", ids=(order.run_id,)),)


job(TrainingOrder, estimate=lambda here, order: _training(here, run=order.run_id), shows=_run_card)


@command(
    risk="spend",
    estimate=_training,
    shows=("run",),
    starts=TrainingOrder,
    terminal="train [run]",
    examples={"en": "train", "zh": "开始训练", "pt": "treina"},
    phrases={
        "en": ["[start] [the] (train|training) [it|now|the student|student|the model|model] " + MINUTES],
        "zh": ["[开始]训练[模型|学生模型]" + MINUTES_ZH],
        "pt": ["(treina|treine|treinar|começa o treino|iniciar o treino) [o modelo|o aluno] " + MINUTES_PT],
    },
)
def start_training(here: Here, *, run: PlannedRun = "", max_minutes: MaxMinutes) -> Outcome:
    """Start training with the plan that was shown; `max_minutes` is a hard limit. Needs approval."""
    from tools.training.starting import start

    planned = here.catalog.get(Run, run)
    started = start(here.catalog, here.project, planned, max_minutes)
    text = f"Training of {planned.id} has started ({started.id}) and takes at most {max_minutes:g} minutes."
    return Outcome(text=text, show=(Show(kind="run", ids=(planned.id,)),))


def _more_training(here: Here, *, run: str, epochs: float, dataset: str, **_: object) -> Estimate:
    from tools.training.estimate import estimate
    from tools.training.starting import continued

    found = here.catalog.get(Run, run)
    plan, done = continued(here.catalog, here.project, found, epochs)
    return estimate(here.catalog, here.project, here.catalog.get(Dataset, dataset), plan, done)


@command(
    risk="spend",
    estimate=_more_training,
    shows=("run",),
    starts=TrainingOrder,
    terminal="continue [epochs]",
    examples={"en": "continue 2 more epochs", "zh": "继续训练 2 轮", "pt": "continua mais 2 épocas"},
    phrases={
        "en": [
            "continue {epochs} more (epochs|epoch) " + MINUTES,
            "(continue|go on|train) [for|with|training|training for] {epochs} more (epochs|epoch) " + MINUTES,
        ],
        "zh": ["(继续|再)[训练]{epochs}(轮|遍)" + MINUTES_ZH],
        "pt": [
            "(continua|continue|continuar|treina|treine|treinar) [por] [mais] {epochs} épocas [a mais] " + MINUTES_PT
        ],
    },
)
def continue_training(
    here: Here,
    *,
    epochs: Annotated[float, Spoken(sample="2")] = 2,
    run: EndedRun = "",
    max_minutes: MaxMinutes,
    dataset: NewestDataset,
) -> Outcome:
    """Continue a run (the newest unless named) for `epochs` more. Needs approval."""
    from tools.training.schedule import in_epochs
    from tools.training.starting import continue_run, start

    ended = here.catalog.get(Run, run)
    longer = continue_run(here.catalog, here.project, ended, epochs, here.catalog.get(Dataset, dataset))
    started = start(here.catalog, here.project, longer, max_minutes)
    more = in_epochs(epochs, "more ")
    text = f"{longer.id} continues {ended.id} for {more} ({started.id}) and takes at most {max_minutes:g} minutes."
    return Outcome(text=text, show=(Show(kind="run", ids=(longer.id,)),))


@command(
    risk=LOOKS,
    shows=("run",),
    terminal="diagnose [run]",
    phrases={
        "en": [
            "diagnose [it|run|the run|training|the training]",
            "how (did|does|is) [the] training (go|going)",
            "how well did it (learn|train)",
            "is it (overfit|underfit|overfitting|underfitting|overfitted|underfitted)",
        ],
        "zh": ["诊断[训练]", "训练得怎么样", "训练效果如何"],
        "pt": ["(diagnostica|diagnostique|diagnosticar) [o treino]", "como foi o treino", "está com overfitting"],
    },
)
def diagnose(here: Here, *, run: StartedRun = "") -> Outcome:
    """Say from a run's curves how training is going or went (underfit, overfit, diverging ...) and what to change."""
    from tools.training.diagnosis import diagnose
    from tools.training.monitor import read_metrics

    found = here.catalog.get(Run, run)
    dataset = here.catalog.get(Dataset, found.dataset_id)
    metrics = read_metrics(here.catalog.folder(here.project) / found.folder)
    text = f"{found.id}: {diagnose(metrics, dataset.rows['train'], found.from_step, found.from_loss).sentence}"
    return Outcome(text=text, show=(Show(kind="run", ids=(found.id,)),))


def _curve(here: Here, *, run: str, **_: object) -> Estimate:
    from tools.evaluation.studies.learning import estimate

    return estimate(here.catalog, here.project, here.catalog.get(Run, run))


def _curve_card(_here: Here, order: CurveOrder, ended: Job) -> tuple[Show, ...]:
    return (Show(kind="learning" if ended.state == "done" else "run", ids=(order.run_id,)),)


job(CurveOrder, estimate=lambda here, order: _curve(here, run=order.run_id), shows=_curve_card)


@command(
    risk="spend",
    estimate=_curve,
    starts=CurveOrder,
    terminal="learning-curve [run]",
    phrases={
        "en": [
            "[show|draw|make] [me] [the|a] learning curve",
            "(would|will|does) more (data|samples) [help]",
            "do (i|we) need more (data|samples)",
        ],
        "zh": ["[画|看看|显示]学习曲线", "(更多|再多)[的](数据|样本)[会](有用|有帮助)吗"],
        "pt": [
            "[mostra|mostre|desenha|desenhe] [a] curva de aprendizado",
            "mais (dados|amostras) (ajudaria|ajudariam|ajuda|ajudam)",
        ],
    },
)
def learning_curve(here: Here, *, run: FinishedRun = "", max_minutes: MaxMinutes) -> Outcome:
    """Train a finished run's plan (the newest unless named) again on a quarter and a half of its rows, score all
    three on dev, and say what twice the data should bring. `max_minutes` is a hard limit. Needs approval."""
    from tools.evaluation.studies.learning import start

    full = here.catalog.get(Run, run)
    started = start(here.catalog, here.project, full, max_minutes)
    text = (
        f"Started {started.id}: two runs train on parts of the rows of {full.id}, for at most {max_minutes:g} minutes."
    )
    return Outcome(text=text)
