"""What happened while nobody spoke: a job ended, a deployment began to serve. Told once, with what to look at."""

from agent.transcript import Outcome, Show
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import (
    CurveOrder,
    Deployment,
    Document,
    Evaluation,
    EvaluationOrder,
    Job,
    Project,
    ReadingOrder,
    Sample,
    ScreeningOrder,
    ServingOrder,
    SynthesisOrder,
    TrainingOrder,
)

SHOWN_NEW = 5  # samples of a finished generation that are shown for a look
NOUNS = {
    "read": "Reading",
    "synthesize": "Generation",
    "screen": "Screening",
    "train": "Training",
    "evaluate": "Evaluation",
    "judge": "Judging",
    "guard": "The forgetting guard",
    "curve": "The learning curve",
    "serve": "Serving",
}


def job_ended(catalog: Catalog, project: Project, job: Job) -> Outcome:
    """The end of a job in words: its closing sentence, or what went wrong and what to do."""
    name = f"{NOUNS[job.order.kind]} ({job.id})"
    if job.state in ("failed", "died"):
        text = f"{name} {job.state}. {job.problem} {job.fix}"
        return Outcome(text=text.strip(), show=_made(catalog, project, job))
    ending = "has finished" if job.state == "done" else "was stopped"
    parity = _parity(catalog, project, job) if job.state == "done" else ""
    return Outcome(text=f"{name} {ending}. {job.result}{parity}".strip(), show=_made(catalog, project, job))


def serving(deployment: Deployment, curl: str) -> Outcome:
    """A deployment answers from now on."""
    text = f"{deployment.id} is serving {deployment.model} at {deployment.url}.\n\n```\n{curl}\n```"
    return Outcome(text=text, show=(Show(kind="deployment", ids=(deployment.id,)),))


def _made(catalog: Catalog, project: Project, job: Job) -> tuple[Show, ...]:
    """What the job left to look at."""
    order = job.order
    if isinstance(order, ReadingOrder):
        read = tuple(one.id for one in catalog.find(Document, project.id) if one.job_id == job.id)
        return (Show(kind="documents", ids=read),) if read else ()
    if isinstance(order, SynthesisOrder):
        samples = [one.id for one in catalog.find(Sample, project.id) if one.job_id == job.id]
        return (Show(kind="samples", ids=tuple(samples[-SHOWN_NEW:])),) if samples else ()
    if isinstance(order, ScreeningOrder):
        return (Show(kind="rule", ids=(order.rule_id,)),)
    if isinstance(order, TrainingOrder | CurveOrder):
        drawn = isinstance(order, CurveOrder) and job.state == "done"
        return (Show(kind="learning" if drawn else "run", ids=(order.run_id,)),)
    if isinstance(order, EvaluationOrder):
        found = evaluations_of(catalog, project, order)
        return (Show(kind="comparison", ids=tuple(one.id for one in found)),) if found else ()
    return (Show(kind="deployment", ids=(order.deployment_id,)),) if isinstance(order, ServingOrder) else ()


def evaluations_of(catalog: Catalog, project: Project, order: EvaluationOrder) -> list[Evaluation]:
    """The newest evaluation of each candidate of the order, in its order; a base of each student it stands on."""
    newest: dict[tuple[str, str], Evaluation] = {}
    for one in catalog.find(Evaluation, project.id):
        if (one.dataset_id, one.split) == (order.dataset_id, order.split) and one.candidate in order.candidates:
            newest[one.candidate, one.student] = one
    return sorted(newest.values(), key=lambda one: order.candidates.index(one.candidate))


def _parity(catalog: Catalog, project: Project, job: Job) -> str:
    """For a served model that was asked the sealed test: whether it answers as its checkpoint did."""
    order = job.order
    if not isinstance(order, EvaluationOrder) or not any(one.startswith("deployment-") for one in order.candidates):
        return ""
    from tools.deployment.parity import parity

    told = []
    for served in evaluations_of(catalog, project, order):
        if not served.candidate.startswith("deployment-"):
            continue
        deployment = catalog.get(Deployment, served.candidate)
        wanted = order.model_copy(update={"candidates": (deployment.checkpoint_id or "base",)})
        references = evaluations_of(catalog, project, wanted)
        if not references:
            told.append(" Its checkpoint has not been scored on these rows: say 'evaluate' to compare the two.")
            continue
        try:
            told.append(f" {parity(catalog, project, deployment, references[0], served).sentence}")
        except RetortError as error:
            told.append(f" {error}")
    return "".join(told)
