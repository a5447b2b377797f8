"""From what people call what was trained, and what answers, to ids: the newest run, 'step 60', 'best', 'served'.

As types of arguments, like `agent.references`.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from agent.command import Here, Settled, Spoken
from tools.errors import RetortError
from tools.records import Checkpoint, Dataset, Deployment, Evaluation, Run
from tools.settings import settings

# --- datasets and runs --------------------------------------------------------------------------------------------


def newest_dataset(here: Here) -> Dataset:
    found = here.catalog.find(Dataset, here.project_id, newest=1)
    if not found:
        raise RetortError("There is no frozen dataset yet.", "Approve or import samples, then say 'freeze'.")
    return found[0]


def dataset_of(here: Here, version: int) -> Dataset:
    """The frozen version of this number; 0 is the newest."""
    newest = newest_dataset(here)
    known = {one.version: one for one in here.catalog.find(Dataset, here.project_id)} | {0: newest}
    if version not in known:
        raise RetortError(f"There is no version {version}.", f"The newest version is {newest.version}.")
    return known[version]


Version = Annotated[int, Settled(by=lambda here, said: dataset_of(here, said).version), Spoken(sample="2")]
# Nobody says which dataset: the one that is newest when it is asked, and no other afterwards.
NewestDataset = Annotated[str, Settled(by=lambda here, _: newest_dataset(here).id, offered=False)]


def planned_run(here: Here, said: str) -> str:
    """The run that waits to be started; a plan that was shown, never one made up on the way."""
    planned = [run.id for run in here.catalog.find(Run, here.project_id, states=("planned",))]
    if said and said not in planned:
        raise RetortError(f"{said!r} is not a planned run.", "Say 'plan' to get a plan.")
    if not planned:
        raise RetortError("There is no training plan yet.", "Say 'plan', then 'train'.")
    return said or planned[-1]


def _run(here: Here, said: str, states: Sequence[str], otherwise: RetortError) -> str:
    """The named run, or the newest in one of these states."""
    runs = [one.id for one in here.catalog.find(Run, here.project_id, states=states) if said in ("", one.id)]
    if not runs:
        raise otherwise
    return runs[-1]


def ended_run(here: Here, said: str) -> str:
    what = f"{said!r} is not a run that has ended" if said else "No run has been trained yet"
    otherwise = RetortError(f"{what}.", "Say 'status' to see the runs, or 'train' to start a run.")
    return _run(here, said, ("stopped", "finished", "failed"), otherwise)


def started_run(here: Here, said: str) -> str:
    what = f"{said!r} is not a run that was started" if said else "No run has been trained yet"
    otherwise = RetortError(f"{what}.", "Say 'status' to see the runs, or 'train' to start a run.")
    return _run(here, said, ("training", "stopped", "finished", "failed"), otherwise)


def finished_run(here: Here, said: str) -> str:
    problem = f"{said!r} is not a finished run." if said else "No run has finished training yet."
    return _run(here, said, ("finished",), RetortError(problem, "Train first: say 'plan', then 'train'."))


_RUN = Spoken(pattern=r"run-\w+", sample="run-0a1b2c")
PlannedRun = Annotated[str, Settled(by=planned_run), _RUN]
EndedRun = Annotated[str, Settled(by=ended_run), _RUN]
StartedRun = Annotated[str, Settled(by=started_run), _RUN]
FinishedRun = Annotated[str, Settled(by=finished_run), _RUN]

# --- checkpoints and candidates -----------------------------------------------------------------------------------


def checkpoint_id(here: Here, said: str) -> str:
    """'best' (by the sealed test), 'step 60' (of the newest run that has it), 'last', 'base' or an id."""
    if said == "base":
        return "base"
    known = here.catalog.find(Checkpoint, here.project_id)
    if not known:
        raise RetortError("There is no checkpoint yet.", "Train first: say 'plan', then 'train'.")
    if said == "best":
        return best_checkpoint(here).id
    if said == "last":
        return known[-1].id
    if step := re.fullmatch(r"(?:step\s*)?(\d+)", said):
        known = [one for one in known if one.step == int(step[1])]
    else:
        known = [one for one in known if one.id == said]
    if not known:
        raise RetortError(f"There is no checkpoint {said!r}.", "Say 'status' to see the checkpoints.")
    return known[-1].id


def best_checkpoint(here: Here) -> Checkpoint:
    """The checkpoint that the comparison on the newest dataset calls best: chosen on dev, confirmed on the test."""
    from tools.evaluation.compare.comparison import compare

    known = {one.id for one in here.catalog.find(Checkpoint, here.project_id)}
    ranked = compare(here.catalog, here.project).rows
    first = next((row.candidate for row in ranked if row.best and row.candidate in known), None)
    if first is None:
        raise RetortError("No checkpoint has been scored yet.", "Say 'evaluate' first.")
    return here.catalog.get(Checkpoint, first)


def candidate_id(here: Here, said: str) -> str:
    """Whatever answers: 'base', 'served', a deployment id, or any name of a checkpoint; '' picks the best."""
    if not said:
        return _default_candidate(here)
    if said in ("few-shot", "few shot"):
        return "few-shot"
    if said == "teacher":
        return "teacher"
    if said == "served" or said.startswith("deployment-"):
        return deployment_id(here, said.removeprefix("served"))
    return checkpoint_id(here, said)


def _default_candidate(here: Here) -> str:
    serving = here.catalog.find(Deployment, here.project_id, states=("serving",), newest=1)
    if serving:
        return serving[0].id
    known = here.catalog.find(Checkpoint, here.project_id)
    scored = {one.candidate for one in here.catalog.find(Evaluation, here.project_id) if one.split == "test"}
    if any(one.id in scored for one in known):
        return best_checkpoint(here).id
    return known[-1].id if known else "base"


def candidate_ids(here: Here, said: Sequence[str]) -> list[str]:
    """Candidates of an evaluation; nothing said means the base and every checkpoint of the newest run."""
    if [one.lower() for one in said] == ["ladder"]:  # what can be had without training
        return ["base", "few-shot", *(["teacher"] if settings().teacher_model else [])]
    if said and [one.lower() for one in said] != ["all"]:
        return [candidate_id(here, one) for one in said]
    checkpoints = here.catalog.find(Checkpoint, here.project_id)
    newest = [one.id for one in checkpoints if one.run_id == checkpoints[-1].run_id]
    return ["base", *_earlier_best(here, checkpoints), *newest]


def _earlier_best(here: Here, checkpoints: Sequence[Checkpoint]) -> list[str]:
    """What the newest run must beat: the best checkpoint of the runs before it, if any was scored."""
    from tools.evaluation.compare.comparison import compare

    earlier = {one.id for one in checkpoints if one.run_id != checkpoints[-1].run_id}
    scored = [one for one in here.catalog.find(Evaluation, here.project_id) if one.candidate in earlier]
    if not scored:
        return []
    alike = {(one.dataset_id, one.split) for one in scored[-1:]}
    last = {one.candidate: one.id for one in scored if (one.dataset_id, one.split) in alike}
    compared = compare(here.catalog, here.project, list(last.values()))
    return [row.candidate for row in compared.rows if row.best]


def label(here: Here, candidate: str) -> str:
    """What a person calls a candidate: base, step 60, served."""
    from tools.evaluation.candidates import checkpoint_label

    if candidate in ("base", "few-shot", "teacher"):
        return candidate
    if candidate.startswith("deployment-"):
        return "served"
    return checkpoint_label(here.catalog, here.project, here.catalog.get(Checkpoint, candidate))


_CALLED = {"最好": "best", "最好的": "best", "最佳": "best", "最佳的": "best", "基础模型": "base"}
_CALLED |= {"melhor": "best", "o melhor": "best", "a melhor": "best", "modelo base": "base", "servido": "served"}


def _called(said: str) -> str:
    """'第 60 步' and 'Step60' as 'step 60', '最好的' as 'best'; ids stay as they are."""
    text = said.strip().lower()
    if number := re.fullmatch(r"(?:step|第|passo|etapa)\s*(\d+)\s*步?", text):
        return f"step {number[1]}"
    return _CALLED.get(text, text)


_CANDIDATE = Spoken(
    pattern=r"best|base|served|last|few-?shot|teacher|step\s*\d+|(?:checkpoint|ckpt|deployment)-\w+"
    r"|最好的?|最佳的?|第\s*\d+\s*步|基础模型|[oa]\s+melhor|melhor|modelo\s+base|servido|(?:passo|etapa)\s*\d+",
    read=_called,
    sample="best",
)
Scored = Annotated[  # a label of the comparison: nothing to settle
    str, Spoken(pattern=rf"(?:run\s*\d+\s*,?\s*)?(?:{_CANDIDATE.pattern})", read=_called, sample="step 60")
]
CheckpointRef = Annotated[str, Settled(by=checkpoint_id), _CANDIDATE]
CandidateRef = Annotated[str, Settled(by=candidate_id), _CANDIDATE]
CandidateRefs = Annotated[Sequence[str], Settled(by=candidate_ids), Spoken(sample="base")]

# --- deployments -----------------------------------------------------------------------------------------------------


def serving_mode(_here: Here, said: str) -> str:
    """How a checkpoint is served unless told: vLLM adds adapters on a CPU by copying matrices for every token."""
    from tools.student.reference import has_gpu

    return said or ("adapter" if has_gpu() else "merged")


ServingMode = Annotated[
    Literal["adapter", "merged"],
    Settled(by=serving_mode, said_as=Literal["", "adapter", "merged"], default=""),
    Spoken(words={"merged": ["合并", "mesclado", "mesclada"], "adapter": ["适配器", "adaptador"]}),
]


def deployment_id(here: Here, said: str) -> str:
    live = here.catalog.find(Deployment, here.project_id, states=("starting", "serving"))
    live = [one for one in live if said in ("", one.id)]
    if not live:
        name = f"{said} is not a running deployment" if said else "No deployment is running"
        raise RetortError(f"{name}.", "Say 'deploy best' to start one, or 'status' to see the deployments.")
    return live[-1].id


DeploymentRef = Annotated[str, Settled(by=deployment_id), Spoken(pattern=r"deployment-\w+", sample="deployment-0a1b2c")]
