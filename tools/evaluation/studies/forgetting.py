"""The forgetting guard: the base and a checkpoint answer the same small suite that has nothing to do with the task."""

import time
from collections.abc import Mapping, Sequence

from tools.catalog import Catalog
from tools.dataset.splits import Row
from tools.errors import RetortError
from tools.evaluation.answers import Answer, AnswerFile, read_answers
from tools.evaluation.candidates import Candidate, find_candidate, find_candidates
from tools.evaluation.compare.verdict import p_text
from tools.evaluation.statistics.paired import SIGNIFICANCE, mcnemar
from tools.evaluation.students import LocalStudent
from tools.evaluation.studies.off_task import SUITE, Probe, passes
from tools.jobs import Stopped, Work
from tools.records import Estimate, GuardOrder, Message, Project
from tools.student.reference import has_gpu, resolve

ANSWER_TOKENS = 48  # a probe is answered in a sentence or not at all
MINUTES = {"GPU": (0.3, 1.5), "cpu": (0.5, 4.0)}  # of both candidates, loading included; SmolLM2 on two cores


def rows() -> list[Row]:
    """The suite as rows to ask; nothing but the question is said, for the task's own prompt belongs to the task."""
    return [
        Row(
            id=probe.id,
            messages=(Message(role="user", content=probe.prompt), Message(role="assistant", content="")),
        )
        for probe in SUITE
    ]


def estimate(order: GuardOrder) -> Estimate:
    device = "GPU" if has_gpu() else "cpu"
    low, high = MINUTES[device]
    what = f"{len(order.candidates)} x {len(SUITE)} questions that have nothing to do with the task"
    return Estimate(what=what, minutes_low=low, minutes_high=high, device=device)


def run(work: Work) -> str:
    """Ask both and tell what was forgotten. Goes on from the answers on disk."""
    order = work.job.order
    if not isinstance(order, GuardOrder):
        raise TypeError(f"a guarding job was given a {order.kind} order")
    asked = candidates(work.catalog, work.project, order)
    loaded: tuple[str, LocalStudent] | None = None
    started, done = time.monotonic(), 0
    try:
        for candidate in asked:
            with AnswerFile(work.folder / path_of(candidate)) as file:
                missing = [row for row in rows() if row.id not in file.known]
                done += len(SUITE) - len(missing)
                if missing and (loaded is None or loaded[0] != candidate.loads):
                    loaded = None  # frees the other student before this one is loaded
                    work.phase(f"loading {candidate.student}")
                    loaded = (candidate.loads, LocalStudent(resolve(candidate.loads), candidate.precision))
                for row, text in loaded[1].answer(missing, candidate, ANSWER_TOKENS) if loaded and missing else ():
                    file.append(Answer(row_id=row.id, answer=text))
                    done += 1
                    work.report(done, len(asked) * len(SUITE), "answers", candidate.label)
                    if work.should_stop():
                        raise Stopped(f"Stopped after {done} answers; say 'resume' to continue from there.")
    finally:
        work.book(
            "questions off the task",
            kind="compute",
            seconds=time.monotonic() - started,
            device=loaded[1].device_name() if loaded else "cpu",
        )
    base, trained = (read_answers(work.folder / path_of(one)) for one in asked)
    return sentence(asked[1].label, base, trained)


def candidates(catalog: Catalog, project: Project, order: GuardOrder) -> list[Candidate]:
    """The base that the checkpoint stands on, then the checkpoint."""
    if find_candidate(catalog, project, order.candidates[-1]).deployment is not None:
        raise RetortError("Name its checkpoint instead.", "Questions outside the task are not asked of a served model.")
    return find_candidates(catalog, project, order.candidates)


def path_of(candidate: Candidate) -> str:
    return f"evaluations/off-task-{candidate.file_name}.jsonl"


def sentence(label: str, base: Mapping[str, str], trained: Mapping[str, str]) -> str:
    """Whether it forgot: by kind of question, with McNemar's exact test over all of them."""
    before = {probe.id: passes(probe, base[probe.id]) for probe in SUITE}
    after = {probe.id: passes(probe, trained[probe.id]) for probe in SUITE}
    lost = [one for one in SUITE if before[one.id] and not after[one.id]]
    gained = [one for one in SUITE if after[one.id] and not before[one.id]]
    p = mcnemar(len(lost), len(gained))
    told = (
        f"On questions outside the task, the base passes {sum(before.values())} of {len(SUITE)} and "
        f"{label} passes {sum(after.values())}"
    )
    kinds = ", ".join(f"{kind} {_count(kind, before)} to {_count(kind, after)}" for kind in _kinds(SUITE))
    if p < SIGNIFICANCE and len(lost) > len(gained):
        advice = (
            "Fewer epochs, a lower learning rate or a lower rank make it forget less; so do general rows "
            "in the training data."
        )
        return f"{told}: it has forgotten ({kinds}; {p_text(p)}). {advice}"
    if not lost:
        return f"{told}: nothing was lost ({kinds})."
    return (
        f"{told}: {len(lost)} were lost and {len(gained)} gained ({kinds}); so few questions do not show "
        "that it has forgotten anything."
    )


def _count(kind: str, found: Mapping[str, bool]) -> int:
    return sum(found[probe.id] for probe in SUITE if probe.about == kind)


def _kinds(suite: Sequence[Probe]) -> list[str]:
    return list(dict.fromkeys(probe.about for probe in suite))
