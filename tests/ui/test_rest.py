"""A page at rest: nothing is read and nothing drawn, and whatever changes, by whatever process, is on the page."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from langchain_core.messages import AnyMessage
from sqlalchemy import event

from agent import cards
from agent import session as sessions
from agent.session import Session
from agent.transcript import Show
from tests.agent.test_scores import PLAN
from tests.ui.conftest import make_sample
from tools.catalog import Catalog
from tools.records import Job, Progress, Project, Run, Sample, SynthesisOrder, new_id
from tools.training.monitor import Metric, append_metric
from ui.desk import Desk
from ui.show.cards import Cards
from ui.views import View


def html(view: View) -> str:
    return "".join(item.html for item in view.items)


def converse(catalog: Catalog, project: Project, messages: list[AnyMessage]) -> None:
    """Put messages into the conversation, as another process would."""
    with Session(catalog, project.id)._turn(project.id) as turn:
        turn.graph.update_state(turn.config, {"messages": messages}, as_node="think")


def shows(catalog: Catalog, project: Project, count: int) -> list[Sample]:
    """A conversation of so many entries, each with a sample of its own."""
    samples = [make_sample(project, f"Call Ann {at}", '{"name": "Ann"}') for at in range(count)]
    catalog.add_all(samples)
    converse(
        catalog,
        project,
        [
            cards.event(new_id("event"), f"Look {at}.", [Show(kind="samples", ids=(one.id,))])
            for at, one in enumerate(samples)
        ],
    )
    return samples


class Asked:
    """What a page costs: statements to the catalog, cards drawn, graphs compiled."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.cards: list[tuple[str, ...]] = []
        self.graphs = 0

    def forget(self) -> None:
        self.statements, self.cards, self.graphs = [], [], 0


@pytest.fixture
def asked(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    found, draw, build = Asked(), Cards.draw, sessions.build

    def noted(_c: object, _k: object, statement: str, *_: object) -> None:
        found.statements.append(statement)

    def drawn(self: Cards, project: Project, show: Show, *more: object) -> str:
        found.cards.append(show.ids)
        return draw(self, project, show, *more)  # type: ignore[arg-type]

    def compiled(*given: object, **named: object) -> object:
        found.graphs += 1
        return build(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Cards, "draw", drawn)
    monkeypatch.setattr(sessions, "build", compiled)
    event.listen(catalog._engine, "before_cursor_execute", noted)
    yield found
    event.remove(catalog._engine, "before_cursor_execute", noted)


def poll(desk: Desk, project: Project) -> tuple[View, View, View, View]:
    desk.tick(project.id)
    return desk.views(project.id, project.id)


@pytest.mark.parametrize("entries", [6, 200])
def test_a_page_at_rest_reads_nothing_and_draws_nothing(
    catalog: Catalog, project: Project, asked: Asked, entries: int
) -> None:
    shows(catalog, project, entries)
    desk = Desk(catalog)
    first = poll(desk, project)
    asked.forget()
    for _ in range(5):
        assert [view.mark for view in poll(desk, project)] == [view.mark for view in first]
    assert (asked.statements, asked.cards, asked.graphs) == ([], [], 0)


def test_the_graph_is_compiled_once_for_a_project(catalog: Catalog, project: Project, asked: Asked) -> None:
    desk = Desk(catalog)
    for words in ("status", "costs", "status"):
        desk.say(project.id, words)
        poll(desk, project)
    assert asked.graphs == 1


def test_only_the_entry_that_changed_is_drawn_anew(catalog: Catalog, project: Project, asked: Asked) -> None:
    samples = shows(catalog, project, 40)
    desk = Desk(catalog)
    poll(desk, project)
    asked.forget()
    catalog.save(samples[7].but(state="approved"))
    chat = poll(desk, project)[0]
    assert asked.cards == [(samples[7].id,)]
    assert "sample approved" in html(chat)
    assert len(asked.statements) < 40  # by kinds of record, not by entries


def test_what_another_process_does_is_on_the_page(catalog: Catalog, project: Project) -> None:
    desk = Desk(catalog)
    shows(catalog, project, 1)
    poll(desk, project)
    other = Catalog(catalog.url, "local", catalog.home)
    Session(other, project.id).say("costs")
    assert "costs" in html(poll(desk, project)[0])
    other.add(make_sample(project, "Call Bob", '{"name": "Bob"}', state="approved"))
    assert "1 let through by policy" in html(poll(desk, project)[1])
    other.delete(project)
    other.close()
    assert "There is no project" in html(poll(desk, project)[0])


def test_a_record_that_comes_back_is_drawn_again(catalog: Catalog, project: Project) -> None:
    [sample] = shows(catalog, project, 1)
    catalog.delete(sample)
    desk = Desk(catalog)
    assert "There is no sample" in html(poll(desk, project)[0])
    catalog.add(sample)
    assert "There is no sample" not in html(poll(desk, project)[0])


def running(catalog: Catalog, project: Project, pid: int) -> Job:
    return catalog.add(
        Job(
            id=new_id("job"),
            owner="local",
            project_id=project.id,
            order=SynthesisOrder(count=80, max_usd=0),
            state="running",
            pid=pid,
            process_started_at=psutil.Process(pid).create_time(),
            progress=Progress(done=20, total=80, unit="samples"),
        )
    )


def test_a_job_that_dies_without_a_word_is_on_the_page(catalog: Catalog, project: Project) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    running(catalog, project, child.pid)
    desk = Desk(catalog)
    assert "20 of 80" in html(poll(desk, project)[1])
    child.kill()
    child.communicate()
    poll(desk, project)  # finds it dead and writes it down
    live = poll(desk, project)[1]
    assert "died" in html(live)


def test_a_curve_that_grows_is_on_the_page(catalog: Catalog, project: Project) -> None:
    running(catalog, project, psutil.Process().pid)
    run = Run(
        id=new_id("run"),
        owner="local",
        project_id=project.id,
        dataset_id="d",
        plan=PLAN,
        folder="runs/first",
        state="training",
    )
    catalog.add(run)
    folder = catalog.folder(project) / run.folder
    folder.mkdir(parents=True)
    desk = Desk(catalog)
    append_metric(folder, Metric(step=1, epoch=0.1, loss_per_token=2.0))
    before = poll(desk, project)[1].mark
    assert poll(desk, project)[1].mark == before
    append_metric(folder, Metric(step=2, epoch=0.2, loss_per_token=1.5))
    assert poll(desk, project)[1].mark != before
