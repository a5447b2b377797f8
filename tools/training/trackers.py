"""Where else a run's figures go, by name, where that package is installed. Figures and plan only: no sample's text."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tools.errors import RetortError
from tools.records import Run, Tracker
from tools.training.monitor import Metric

FIGURES = ("loss_per_token", "dev_loss_per_token", "learning_rate", "samples_per_s", "tokens_per_s", "memory_bytes")


def default_tracker() -> Tracker:
    """trackio keeps everything on this machine, so it is used where it is installed; else none."""
    return "trackio" if importlib.util.find_spec("trackio") else "none"


def need_tracker(name: Tracker) -> None:
    """Refuse a tracker that is not installed, with the line that installs it."""
    if name != "none" and importlib.util.find_spec(name) is None:
        raise RetortError(f"The tracker {name} is not installed.", f"pip install {name}, or say 'tracker none'.")


class Tracking:
    """A run at its tracker. A tracker that fails is left out from then on: it must not end a run."""

    def __init__(self, run: Run, project_name: str, folder: Path) -> None:
        name = run.plan.tracker
        need_tracker(name)
        config = run.plan.model_dump(mode="json", exclude={"reasons"})
        self._log: Callable[[dict[str, float], int], object] | None = None
        self._close: Callable[[], object] = lambda: None
        try:
            if name in ("trackio", "wandb", "swanlab"):
                self._to_module(name, run.id, project_name, config)
            elif name == "mlflow":
                self._to_mlflow(run.id, project_name, folder, config)
            elif name == "tensorboard":
                self._to_tensorboard(folder)
        except Exception as error:  # noqa: BLE001  somebody else's package and network
            print(f"The tracker {name} could not be opened and is left out: {error}")

    def log(self, metric: Metric) -> None:
        if self._log is None:
            return
        figures = {name: value for name in FIGURES if (value := getattr(metric, name)) is not None}
        try:
            self._log(figures, metric.step)
        except Exception as error:  # noqa: BLE001  somebody else's package and network
            print(f"The tracker failed and is left out from step {metric.step} on: {error}")
            self._log = None

    def close(self) -> None:
        if self._log is None:
            return
        try:
            self._close()
        except Exception as error:  # noqa: BLE001  as above
            print(f"The tracker could not be closed, its last figures may be missing: {error}")

    def _to_module(self, name: str, run_id: str, project_name: str, config: Mapping[str, object]) -> None:
        """Three that share one interface but for the name of a run; resumed under the same name."""
        module = importlib.import_module(name)
        own: dict[str, Any] = {
            "trackio": {"name": run_id},
            "wandb": {"name": run_id, "id": run_id},
            "swanlab": {"experiment_name": run_id, "id": run_id},
        }[name]
        module.init(project=project_name, config=dict(config), resume="allow", **own)
        self._log = lambda figures, step: module.log(figures, step=step)
        self._close = module.finish

    def _to_mlflow(self, run_id: str, project_name: str, folder: Path, config: Mapping[str, object]) -> None:
        mlflow = importlib.import_module("mlflow")
        if not mlflow.is_tracking_uri_set():
            mlflow.set_tracking_uri(f"sqlite:///{folder.parent / 'mlflow.db'}")
        mlflow.set_experiment(project_name)
        mlflow.start_run(run_name=run_id)
        mlflow.log_params(dict(config))
        self._log = lambda figures, step: mlflow.log_metrics(figures, step=step)
        self._close = mlflow.end_run

    def _to_tensorboard(self, folder: Path) -> None:
        writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter(str(folder / "tensorboard"))

        def log(figures: dict[str, float], step: int) -> None:
            for name, value in figures.items():
                writer.add_scalar(name, value, step)

        self._log, self._close = log, writer.close
