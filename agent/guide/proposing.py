"""The next step of the way from a goal to a served student, told with the literal words to say."""

from agent.command import Tongue
from agent.phrase import Said
from agent.said.sentences import knows, say
from agent.status import ProjectStatus
from tools.dataset.drawing import FEWEST_ROWS
from tools.records import Job, JsonObject, Value
from tools.simulator.variation import short_of

ENOUGH = 100  # approved samples from which a dataset is worth freezing without being asked for more


class Proposal(Value):
    """What to say, and the call that a plain 'yes' to it means."""

    text: str
    means: Said | None = None


def propose(status: ProjectStatus, tongue: Tongue) -> Proposal:
    """The first thing on the way that is not done yet. The task must be complete."""
    working = [job for job in status.active_jobs if job.order.ends]
    if working:
        return _say("wait", tongue, what=_called(working[0], tongue))
    last = status.last_ended
    if last and last.state in ("failed", "died", "stopped") and last.order.ends and _unfinished(status):
        return _say("resume", tongue, "resume_job", what=_called(last, tongue))
    return _of_deployment(status, tongue) or _of_training(status, tongue) or _of_data(status, tongue)


def _unfinished(status: ProjectStatus) -> bool:
    """Whether the last ended job's work is still wanted: nothing newer of its kind was done since."""
    last = status.last_ended
    if last is None:
        return False
    if last.order.kind == "read":
        return True
    if last.order.kind == "synthesize":
        return status.dataset is None or status.dataset.created_at < last.created_at
    if last.order.kind == "evaluate":
        return not any(one.created_at > last.created_at for one in status.evaluations)
    return status.run is not None and status.run.state in ("stopped", "failed", "training")


def _of_deployment(status: ProjectStatus, tongue: Tongue) -> Proposal | None:
    if not status.live:
        return None
    return _say("served" if status.live[-1].state == "serving" else "starting", tongue)


def _of_training(status: ProjectStatus, tongue: Tongue) -> Proposal | None:
    dataset = status.dataset
    if dataset is None:
        return None
    learnt = dataset.sha256.get("train")  # real messages that came later make a new version of the same training rows
    alike = {
        one.id for one in status.datasets if one.id == dataset.id or (learnt and one.sha256.get("train") == learnt)
    }
    runs = [run for run in status.runs if run.dataset_id in alike]
    if not runs:
        return _say("plan", tongue, "propose_plan")
    if runs[-1].state == "planned":
        return _say("train", tongue, "start_training")
    made = {one.id for one in status.checkpoints if one.run_id == runs[-1].id}
    if not made:
        return _say("plan", tongue, "propose_plan")
    scored = {one.candidate for one in status.evaluations if one.dataset_id == dataset.id and one.split == "test"}
    if not made & scored:
        return _say("evaluate", tongue, "evaluate")
    return _say("choose", tongue, "compare_checkpoints")


def _of_data(status: ProjectStatus, tongue: Tongue) -> Proposal:
    if status.samples.get("draft", 0):
        return _say("fill", tongue, blank=status.blank) if status.blank else _say("judge", tongue)
    if status.task.kind == "answering" and not status.documents:
        return _say("documents", tongue)
    if status.scans and not status.passages:
        return _say("ocr", tongue, "ocr", pages=status.scans)
    if status.usable < (FEWEST_ROWS if status.lacking else 1):
        return _first_samples(status, tongue)
    if status.usable < ENOUGH and not status.lacking:
        return _say(
            "generate", tongue, "generate_samples", {"count": 300}, usable=status.usable, how=_how(status, tongue)
        )
    return _say("freeze", tongue, "freeze_dataset", usable=status.usable)


def _first_samples(status: ProjectStatus, tongue: Tongue) -> Proposal:
    if status.lacking == "teacher":
        return Proposal(text=say("lacking-teacher", tongue))
    if status.lacking == "examples":
        return Proposal(text=say("lacking-examples", tongue, labels=", ".join(short_of(status.task))))
    return _say("draft", tongue, "draft_samples", {"count": 5})


def _how(status: ProjectStatus, tongue: Tongue) -> str:
    """Who says that the usable samples are good, with their numbers."""
    return ", ".join(f"{number} {say(f'vouched.{name}', tongue)}" for name, number in status.vouched.items())


def _say(
    step: str, tongue: Tongue, verb: str = "", arguments: JsonObject | None = None, **fields: str | int
) -> Proposal:
    means = Said(verb=verb, arguments=arguments or {}) if verb else None
    return Proposal(text=say(f"next.{step}", tongue, **fields), means=means)


def _called(job: Job, tongue: Tongue) -> str:
    """What a kind of job is called in a sentence; its title where the language has no word for it."""
    key = f"job.{job.order.kind}"
    return say(key, tongue) if knows(key, tongue) else job.order.title
