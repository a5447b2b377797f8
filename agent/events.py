"""What happened while nobody spoke: a job ended, a deployment began to serve. Told once, with what to look at."""

from agent.command import JOBS, Here
from agent.transcript import Outcome, Show
from tools.records import Deployment, Job


def job_ended(here: Here, job: Job) -> Outcome:
    """The end of a job in words: its closing sentence, or what went wrong and what to do."""
    kind = JOBS[type(job.order)]
    name, show = f"{job.order.title} ({job.id})", kind.shows(here, job.order, job)
    if job.state in ("failed", "died"):
        return Outcome(text=f"{name} {job.state}. {job.problem} {job.fix}".strip(), show=show)
    if job.state != "done":
        return Outcome(text=f"{name} was stopped. {job.result}".strip(), show=show)
    return Outcome(text=f"{name} has finished. {job.result}{kind.sentence(here, job.order)}".strip(), show=show)


def serving(deployment: Deployment, curl: str) -> Outcome:
    """A deployment answers from now on."""
    text = f"{deployment.id} is serving {deployment.model} at {deployment.url}.\n\n```\n{curl}\n```"
    return Outcome(text=text, show=(Show(kind="deployment", ids=(deployment.id,)),))
