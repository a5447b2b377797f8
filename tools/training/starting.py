"""From a plan to a planned run, and from an approved one to a running job."""

import shutil
from pathlib import Path

from tools.catalog import Catalog, now
from tools.errors import RetortError
from tools.files import need_space, sync_folder
from tools.jobs import active, launch
from tools.records import Dataset, Job, Plan, Project, Run, TrainingOrder, new_id
from tools.training.checkpoint import complete_ones, position_of
from tools.training.monitor import dev_points, read_metrics, standing, write_metrics


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
    """The plan of a run that goes on after `run` for so many more epochs, and the epochs that it need not do again."""
    metrics = read_metrics(catalog.folder(project) / run.folder)
    newest = position_of(_complete(catalog, project, run)[-1]).step
    done, _ = standing(metrics, newest)
    kept, _ = standing(metrics, position_of(_trunk(catalog, project, run)).step)
    why = {
        "epochs": f"{done:g} are done, and {epochs:g} more as you asked",
        "learning_rate": "as before",
    }
    if kept < done:
        why["learning_rate"] = (
            f"as before: it goes on from epoch {kept:.3g}, where the rate began to fall, as if the run had been "
            "planned this long at once"
        )
    plan = run.plan.model_copy(update={"epochs": done + epochs, "reasons": {**run.plan.reasons, **why}})
    return Plan.model_validate(plan.model_dump()), kept


def continue_run(catalog: Catalog, project: Project, run: Run, epochs: float, dataset: Dataset | None = None) -> Run:
    """A planned run of its own that begins where the rate of `run` began to fall, or else with its newest checkpoint.

    On another `dataset` than the run's, its dev losses are left out of the curve: they are not of these dev rows.
    """
    need_idle(catalog, project)
    plan, _ = continued(catalog, project, run, epochs)
    checkpoint = _trunk(catalog, project, run)
    step = position_of(checkpoint).step
    home, run_id = catalog.folder(project), new_id("run")
    folder = home / "runs" / run_id
    copied = folder / "checkpoints" / checkpoint.name
    need_space(home, 2 * sum(path.stat().st_size for path in checkpoint.iterdir()), "the run that continues")
    shutil.copytree(checkpoint, copied)  # a torn copy fails its manifest and is no checkpoint
    same = dataset is None or dataset.id == run.dataset_id
    whole = read_metrics(home / run.folder)
    curve = [metric for metric in whole if metric.step <= step]
    write_metrics(folder, curve if same else [m.model_copy(update={"dev_loss_per_token": None}) for m in curve])
    sync_folder(copied.parent)
    fresh = {"id": run_id, "plan": plan, "folder": f"runs/{run_id}", "state": "planned", "created_at": now()}
    place: dict[str, object] = {"from_batches": run.from_batches + step - run.from_step, "from_loss": 0.0}
    if same and dev_points(whole):
        place["from_loss"] = dev_points(whole)[-1][1]
    if dataset is not None and not same:
        learnt = {*run.learnt, run.dataset_id} - {dataset.id}
        place |= {"from_batches": 0, "dataset_id": dataset.id, "learnt": tuple(sorted(learnt))}
    return catalog.add(run.but(**fresh, **place, continues=run.id, from_step=step))


def _trunk(catalog: Catalog, project: Project, run: Run) -> Path:
    """The newest checkpoint with the rate at its height; the newest of all where none was kept."""
    found = _complete(catalog, project, run)
    turn = position_of(found[-1]).turn
    at_turn = [folder for folder in found if position_of(folder).step == turn]
    return at_turn[0] if at_turn and position_of(found[-1]).step > turn else found[-1]


def _complete(catalog: Catalog, project: Project, run: Run) -> list[Path]:
    found = complete_ones(catalog.folder(project) / run.folder)
    if not found:
        raise RetortError(f"{run.id} has no checkpoint to continue from.", "Say 'train' for a new run.")
    return found


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
        raise RetortError("A run is already training.", "Wait for it to end, or stop it first.")
