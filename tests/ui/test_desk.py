"""The desk with real sessions: what a browser asks and gets, and what it is told when something fails."""

import pytest

from agent.session import Session
from tests.ui.conftest import make_sample
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Job, Progress, Project, Sample, SynthesisOrder, new_id
from ui.desk import Desk
from ui.views import Act, View, verb

GOAL = "Extract the name, phone, address and email from short English messages."


@pytest.fixture
def desk(catalog: Catalog) -> Desk:
    return Desk(catalog)


def html(view: View) -> str:
    return "".join(item.html for item in view.items)


def test_a_first_message_makes_the_project_and_the_page_goes_there(desk: Desk, catalog: Catalog) -> None:
    assert "What should the small model learn?" in html(desk.views("", "")[0])
    project_id, trouble = desk.say("", GOAL)
    assert trouble is None
    assert catalog.get(Project, project_id)
    chat, live, projects, _ = desk.views("", project_id)
    assert GOAL in html(chat)
    assert chat.project == live.project == projects.project == project_id
    assert "Nothing is running" in html(live)


def test_a_view_is_the_same_until_something_changes(desk: Desk) -> None:
    project_id, _ = desk.say("", GOAL)
    first, again = desk.views(project_id, project_id), Desk(desk.catalog).views(project_id, project_id)
    assert [view.mark for view in first] == [view.mark for view in again]
    desk.say(project_id, "skip")
    assert desk.views(project_id, project_id)[0].mark != first[0].mark


def test_a_click_reviews_and_a_failed_click_is_told(desk: Desk, catalog: Catalog, project: Project) -> None:
    sample = catalog.add(make_sample(project, "Call Ann on 555-0100", '{"name": "Ann", "phone": "555-0100"}'))
    _, trouble = desk.act(project.id, verb("approve_samples", samples=[sample.id]))
    assert trouble is None
    assert catalog.get(Sample, sample.id).state == "approved"
    _, trouble = desk.act(project.id, verb("approve_samples", samples=["sample-gone"]))
    assert trouble is not None
    assert "sample-gone" in html(desk.views(project.id, project.id)[0])
    desk.act(project.id, verb("status"))
    assert "sample-gone" not in html(desk.views(project.id, project.id)[0])


def test_a_click_cannot_spend(desk: Desk, catalog: Catalog, project: Project) -> None:
    _, trouble = desk.act(project.id, verb("generate_samples", count=5))
    assert trouble is not None
    assert catalog.find(Job, project.id) == []


def test_a_stale_approval_does_nothing(desk: Desk, project: Project) -> None:
    _, trouble = desk.act(project.id, Act(do="decide", digest="0" * 64, approved=True))
    assert trouble is not None
    assert "no longer waiting" in trouble.problem


def test_an_unforeseen_failure_is_a_message_without_a_trace(
    desk: Desk, project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(Session, "say", fail)
    desk.say(project.id, "hello")
    shown = html(desk.views(project.id, project.id)[0])
    assert "ZeroDivisionError: by zero" in shown
    assert "Traceback" not in shown
    assert "Traceback" in caplog.text


def test_a_failure_of_the_first_message_is_not_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RetortError("The disk <is> full.", "Free some space.")

    monkeypatch.setattr(Session, "say", fail)
    project_id, trouble = desk.say("", "hello")
    shown = html(desk.views("", project_id, trouble)[0])
    assert "The disk &lt;is&gt; full." in shown
    assert "Free some space." in shown


def test_an_unknown_project_shows_the_start_and_says_so(desk: Desk) -> None:
    chat, _, projects, _ = desk.views("project-gone", "project-gone")
    assert "There is no project" in html(chat)
    assert projects.project == ""
    desk.tick("project-gone")


def test_jobs_are_shown_with_their_way_on(desk: Desk, catalog: Catalog, project: Project) -> None:
    import psutil

    me = psutil.Process()
    running = Job(
        id=new_id("job"),
        owner="local",
        project_id=project.id,
        order=SynthesisOrder(count=80, max_usd=0),
        state="running",
        pid=me.pid,
        process_started_at=me.create_time(),
        progress=Progress(done=20, total=80, unit="samples", message="<b>5/s</b>", eta_s=75),
    )
    catalog.add(running)
    shown = html(desk.views(project.id, project.id)[1])
    assert "20 of 80 samples · about 1 min 15 s left" in shown
    assert "&lt;b&gt;5/s&lt;/b&gt;" in shown
    assert "width:25.0%" in shown
    assert "stop_job" in shown
    catalog.save(running.but(pid=2**22 - 1, process_started_at=1.0))
    shown = html(desk.views(project.id, project.id)[1])
    assert "died" in shown
    assert f"resume {running.id}" in shown
