"""From a plan to a planned run, and from an approved one to a running job."""

import shutil
from pathlib import Path

from tools.catalog import Catalog, now
from tools.errors import RetortError
from tools.files import need_space, sync_folder
from tools.jobs import active, launch
from tools.records import Dataset, Job, Plan, Project, Run, TrainingOrder, new_id
from tools.training.checkpoint import complete_ones, position_of
from tools.training.monitor import METRICS, forget_after, read_metrics


def plan_run(catalog: Catalog, project: Project, dataset: Dataset, plan: Plan) -> Run:
    """Keep the plan as the project's planned run. An earlier one goes; a plan, once shown, never changes."""
    for old in catalog.find(Run, project.id, states=("planned",)):
        catalog.delete(old)
    run_id = new_id("run")
    return catalog.add(
        Run(
            id=run_id,
            owner=catalog.owner,
            project_id=project.id,
            dataset_id=dataset.id,
            plan=plan,
            folder=f"runs/{run_id}",
        )
    )


def continued(catalog: Catalog, project: Project, run: Run, epochs: float) -> tuple[Plan, float]:
    """The plan of a run that goes on from where `run` stands for so many more epochs, and the epochs done by then.

    The learning rate goes on as if the longer run had been planned from the start.
    """
    step, _ = _newest(catalog, project, run)
    done = next((m.epoch for m in read_metrics(catalog.folder(project) / run.folder) if m.step == step), 0.0)
    reasons = {**run.plan.reasons, "epochs": f"{done:g} are done, {epochs:g} more as you asked"}
    plan = run.plan.model_copy(update={"epochs": done + epochs, "reasons": reasons})
    return Plan.model_validate(plan.model_dump()), done


def continue_run(catalog: Catalog, project: Project, run: Run, epochs: float) -> Run:
    """A planned run of its own that begins with the newest checkpoint and the curve of `run`."""
    need_idle(catalog, project)
    plan, _ = continued(catalog, project, run, epochs)
    step, checkpoint = _newest(catalog, project, run)
    home, run_id = catalog.folder(project), new_id("run")
    folder = home / "runs" / run_id
    copied = folder / "checkpoints" / checkpoint.name
    need_space(home, 2 * sum(path.stat().st_size for path in checkpoint.iterdir()), "the run that goes on")
    shutil.copytree(checkpoint, copied)  # a torn copy fails its manifest and is no checkpoint
    shutil.copyfile(home / run.folder / METRICS, folder / METRICS)
    forget_after(folder, step)
    sync_folder(copied.parent)
    fresh = {"id": run_id, "plan": plan, "folder": f"runs/{run_id}", "state": "planned"}
    return catalog.add(run.but(**fresh, continues=run.id, from_step=step, created_at=now()))


def _newest(catalog: Catalog, project: Project, run: Run) -> tuple[int, Path]:
    found = complete_ones(catalog.folder(project) / run.folder)
    if not found:
        raise RetortError(f"{run.id} has no checkpoint to go on from.", "Say 'train' for a new run.")
    return position_of(found[-1]).step, found[-1]


def start(catalog: Catalog, project: Project, run: Run, max_minutes: float) -> Job:
    """Launch the job of a planned run; at `max_minutes` it stops with a checkpoint."""
    need_idle(catalog, project)
    dataset = catalog.get(Dataset, run.dataset_id)
    if dataset.rows.get("train", 0) < 1:
        raise RetortError(f"Dataset v{dataset.version} has no training rows.", "Approve more samples and freeze again.")
    folder = catalog.folder(project) / run.folder
    need_space(catalog.folder(project), 200_000_000, "checkpoints")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return launch(catalog, project, TrainingOrder(run_id=run.id, max_minutes=max_minutes))
    except RetortError:
        shutil.rmtree(folder)
        if run.continues:
            catalog.delete(run)  # without its copied checkpoint it would begin at the base
        raise


def need_idle(catalog: Catalog, project: Project) -> None:
    """Raises RetortError while the project trains: two runs at once are both slow."""
    if any(job.order.kind in ("train", "curve") for job in active(catalog, project.id)):
        raise RetortError("A run is already training.", "Wait for it, or stop it first.")
