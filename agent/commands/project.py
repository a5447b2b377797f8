"""The whole project: where it stands, what it cost, its jobs, and its end."""

import shutil

from agent.command import FREE, JOBS, LOOKS, Here, command
from agent.references import ActiveJob, EndedJob
from agent.status import job_line, lines
from agent.status import status as look
from agent.transcript import Outcome, Show
from tools import jobs
from tools.dataset.tally import in_counts
from tools.errors import RetortError
from tools.records import Document, Estimate, Evaluation, Expense, Job, Run, Sample

DELETE_GRACE_S = 30.0


@command(
    risk=LOOKS,
    shows=("report",),
    terminal="status",
    phrases={
        "en": ["status", "[show] [the] (status|progress)", "where are we", "how is it going", "how far are (we|you)"],
        "zh": ["状态", "进度", "进展[如何]"],
        "pt": ["status", "estado", "progresso", "onde estamos", "como (vai|está) (indo|isso)"],
    },
)
def status(here: Here) -> Outcome:
    """Show where the project stands: task, samples, dataset, runs, checkpoints, deployments, jobs."""
    found = look(here.catalog, here.project)
    working = " ".join(job_line(one) for one in found.active_jobs) or "Nothing is running."
    how = f" ({in_counts(found.vouched)})" if found.vouched else ""
    text = f"{found.usable} samples can be trained on{how}. {working}"
    return Outcome(text=text, show=(Show(kind="report", ids=tuple(lines(found))),))


@command(
    risk=LOOKS,
    shows=("costs",),
    terminal="costs",
    phrases={
        "en": [
            "costs",
            "[show] [the] (cost|costs)",
            "(how much|what) (did|does|has) (it|this|that) (cost|costs)",
            "(what|how much) (have|did) (we|i) (spend|spent)",
        ],
        "zh": ["费用", "成本", "花费", "[一共]花了多少[钱]"],
        "pt": ["custos", "[mostra|mostre|mostrar] [os] custos", "quanto (custou|gastei|gastamos|já gastei)"],
    },
)
def costs(here: Here) -> Outcome:
    """Show what has been spent so far: teacher money and machine time."""
    spent = here.catalog.find(Expense, here.project_id)
    usd = sum(one.usd for one in spent)
    minutes = sum(one.seconds for one in spent if one.kind == "compute") / 60
    tokens = sum(one.input_tokens + one.output_tokens for one in spent)
    text = f"You have spent ${usd:.2f} on teachers ({tokens:,} tokens) and {minutes:.1f} minutes of compute so far."
    return Outcome(text=text, show=(Show(kind="costs"),))


@command(
    risk=FREE,
    terminal="stop [job]",
    examples={"en": "stop", "zh": "停止", "pt": "para o treino"},
    phrases={
        "en": ["stop", "stop [the] [job|training|run|generation|evaluation|it] [{job}]"],
        "zh": ["停止[训练|任务|生成|评测]"],
        "pt": ["(para|pare|parar|interrompe|interrompa) [o|a] [trabalho|treino|geração|avaliação] [{job}]"],
    },
)
def stop_job(here: Here, *, job: ActiveJob = "") -> Outcome:
    """Stop a running job (the newest unless named); it saves its work first."""
    found = here.catalog.get(Job, job)
    if not found.order.ends:
        raise RetortError(
            f"{found.id} is serving a model, and a deployment has its own command to stop it.",
            "Say 'stop the deployment' instead.",
        )
    stopped = jobs.stop(here.catalog, found)
    return Outcome(
        text=(f"{stopped.id} is {stopped.state}. What it has made so far is kept; say 'resume' to continue from there.")
    )


def _rest(here: Here, *, job: str) -> Estimate:
    """What the whole order takes: what was done before is not subtracted, so this is the upper side."""
    found = here.catalog.get(Job, job)
    estimate = JOBS[type(found.order)].estimate
    if estimate is None:
        raise RetortError(
            f"{found.id} served a model, and serving cannot be resumed.", "Say 'deploy best' to serve again."
        )
    whole = estimate(here, found.order)
    return whole.model_copy(update={"what": f"Resume {found.id}: {whole.what}", "minutes_low": 0.0, "usd_low": 0.0})


@command(
    risk="spend",
    estimate=_rest,
    terminal="resume [job]",
    examples={"en": "resume", "zh": "继续", "pt": "retoma"},
    phrases={
        "en": ["(resume|continue) [the] [job|training|run|generation|evaluation|it] [{job}]"],
        "zh": ["(继续|恢复)[训练|任务|生成|评测][{job}]"],
        "pt": ["(retoma|retome|retomar|continua|continue|continuar) [o|a] [trabalho|treino|geração|avaliação] [{job}]"],
    },
)
def resume_job(here: Here, *, job: EndedJob = "") -> Outcome:
    """Resume a stopped or failed job from what it has saved. Needs approval."""
    resumed = jobs.resume(here.catalog, here.catalog.get(Job, job))
    return Outcome(text=f"{resumed.id} ({resumed.order.kind}) is running again.")


def _deletion(here: Here) -> Estimate:
    catalog, project = here.catalog, here.project

    def number(kind: type[Document] | type[Sample] | type[Run] | type[Evaluation]) -> int:
        return sum(catalog.count(kind, project.id).values())

    notes = [f"{number(Document)} documents, {number(Sample)} samples, {number(Run)} runs, {number(Evaluation)} scores"]
    running = jobs.active(catalog, project.id)
    notes += [f"{one.id} ({one.order.kind}) is running and will be stopped." for one in running]
    return Estimate(what=f"Delete the project {project.name!r} for good", notes=tuple(notes))


@command(
    risk="delete",
    estimate=_deletion,
    terminal="delete",
    examples={"en": "delete the project", "zh": "删除项目", "pt": "apaga o projeto"},
    phrases={
        "en": ["delete the project", "(delete|remove) [the|this] project"],
        "zh": ["删除[这个|该|本]项目"],
        "pt": ["(apaga|apague|apagar|exclui|exclua|excluir) [o|este] projeto"],
    },
)
def delete_project(here: Here) -> Outcome:
    """Delete the project and everything in it for good. Needs approval."""
    project = here.project
    for one in jobs.active(here.catalog, project.id):
        ended = jobs.wait(here.catalog, jobs.stop(here.catalog, one), DELETE_GRACE_S)
        if ended.active:
            raise RetortError(f"{one.id} has not stopped yet.", "Wait a moment, then delete the project again.")
    folder = here.catalog.folder(project)
    here.catalog.delete(project)  # first the records: files without records are only lost space
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(text=f"Deleted the project {project.name!r} and all its files.")
