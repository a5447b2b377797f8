"""`retort replay CARD`: the run of a card again, in a home of its own, with its progress printed."""

from pathlib import Path

from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.evaluation.compare.replay import judge, lay_out, replay_home
from tools.evaluation.compare.run_card import read_card
from tools.records import Dataset, Run
from tools.settings import settings
from tools.training.estimate import estimate
from tools.training.starting import start
from ui.progress import whole_line
from ui.units import minutes_range

TELL_EVERY_S = 15.0


def replay(path: Path) -> int:
    """0 when dataset and losses are the card's, 1 when the losses are not; RetortError when it cannot be tried."""
    card, samples = read_card(path)
    home = replay_home(card)
    catalog = Catalog(f"sqlite:///{home / 'catalog.sqlite'}", settings().owner, home)
    try:
        project, run = lay_out(catalog, card, samples)
        dataset = catalog.get(Dataset, run.dataset_id)
        print(f"The {sum(dataset.rows.values())} samples give the same dataset (test {dataset.sha256['test'][:12]}).")
        expected = estimate(catalog, project, dataset, run.plan)
        print(f"Training takes {minutes_range(expected.minutes_low, expected.minutes_high)}; all files go to {home}.")
        job = start(catalog, project, run, max(10.0, 3 * expected.minutes_high))
        while job.active:
            print(f"  {whole_line(job)}", flush=True)
            job = jobs.wait(catalog, job, timeout_s=TELL_EVERY_S)
        if job.state != "done":
            raise RetortError(job.problem or f"{job.id} was {job.state}.", job.fix or "Replay it again.")
        found = judge(catalog, card, catalog.get(Run, run.id))
        print(found.sentence)
        return 0 if found.same else 1
    finally:
        catalog.close()
