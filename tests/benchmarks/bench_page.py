"""An open window at rest: processor time of the page a second at 6, 114 and 1,000 entries.

A second of a window at rest is 1 / STEP_S looks for news and 1 / SELDOM_S questions of the slow timer. Both are timed
by the processor time of this process; what asyncio and Gradio add is not in it. Beside it what a change costs: one of
the samples shown is judged, and the panels are drawn. Each figure is the mean of many.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agent import cards
from agent.session import Session
from agent.transcript import Show
from tests.conftest import CONTACTS
from tests.ui.conftest import make_sample
from tools.catalog import Catalog
from tools.records import Project, Sample
from ui.desk import Desk
from ui.news import STEP_S
from ui.page import SELDOM_S

SIZES = (6, 114, 1000)


def run() -> dict[str, float]:
    """Milliseconds of CPU: a second at rest, and a change, by the number of entries."""
    figures: dict[str, float] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            at_rest, changed = measured(Path(folder), size)
        figures |= {f"page.rest_ms_per_s.{size}": at_rest, f"page.change_ms.{size}": changed}
    return figures


def measured(home: Path, size: int) -> tuple[float, float]:
    catalog = Catalog(f"sqlite:///{home / 'catalog.sqlite'}", "local", home)
    project = catalog.add(Project(id="project-1", owner="local", slug="contacts", name="Contacts", task=CONTACTS))
    samples = _conversation(catalog, project, size)
    desk = Desk(catalog)

    def poll() -> None:
        desk.tick(project.id)
        desk.views(project.id, project.id)

    def judge() -> None:
        sample = catalog.get(Sample, samples[-1].id)
        catalog.save(sample.but(state="approved" if sample.state == "draft" else "draft"))
        poll()

    poll()
    look, ask = _cpu_ms(lambda: desk.news(project.id), 2000), _cpu_ms(poll, 200)
    changed = _cpu_ms(judge, 10)
    catalog.close()
    return look / STEP_S + ask / SELDOM_S, changed


def _conversation(catalog: Catalog, project: Project, size: int) -> list[Sample]:
    """Half of the entries show a sample each."""
    samples = [make_sample(project, f"Call Ann on 555-01{at:04}", '{"name": "Ann"}') for at in range(size // 2)]
    catalog.add_all(samples)
    shown = [cards.event(f"event-{one.id}", "Look.", [Show(kind="samples", ids=(one.id,))]) for one in samples]
    plain = [cards.event(f"event-{at}", f"Step **{at}** is done.") for at in range(size - len(shown))]
    with Session(catalog, project.id)._turn(project.id) as turn:
        turn.graph.update_state(turn.config, {"messages": [*plain, *shown]}, as_node="think")
    return samples


def _cpu_ms(work: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) * 1000 / times
