"""From a goal to compared checkpoints in a real browser, with a real (tiny) student; then the same under kill -9."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.documents.intake import add_file
from tests.ui.conftest import Server, make_sample
from tools import jobs
from tools.catalog import Catalog
from tools.records import Checkpoint, Dataset, Evaluation, Job, Passage, Project, Sample
from tools.synthesis.request.framing import frame

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

GOAL = "Extract the name, phone, address and email from short English messages."
JOB_MS = 300_000
COUNT = 80


def typed(page: "Page", text: str) -> None:
    page.locator("#composer textarea").fill(text)
    page.locator("#composer textarea").press("Enter")


def say(page: "Page", text: str, answered: str) -> None:
    """Type into the box and wait until a later entry matches."""
    before = page.locator(".item[data-key] .entry").count()
    typed(page, text)
    page.wait_for_function(
        """([before, pattern]) => [...document.querySelectorAll('.item[data-key] .entry')].slice(before)
            .some((entry) => !entry.classList.contains('user') && new RegExp(pattern, 'i').test(entry.innerText))
            && !document.querySelector('#chat .busy')""",
        arg=[before, answered],
        timeout=60_000,
    )


def approve(page: "Page", verb: str) -> None:
    """Click the approval that waits, after looking that it is the one for `verb`."""
    card = page.locator(".approval")
    card.wait_for(timeout=60_000)
    assert verb in card.inner_text()
    card.locator("button", has_text="Approve").click()
    page.wait_for_function("() => !document.querySelector('.approval')", timeout=60_000)


def ended(page: "Page", noun: str) -> None:
    """Wait until the page itself tells that the job has ended."""
    page.wait_for_selector(f".entry.event:has-text('{noun}'):has-text('finished')", timeout=JOB_MS)


def entries(page: "Page") -> list[str]:
    return [text.strip() for text in page.locator("#chat .entry .said").all_inner_texts()]


def to_drafts(page: "Page") -> None:
    say(page, GOAL, "Task: extract")
    say(page, "skip", "real messages")
    say(page, "skip", "draft")
    say(page, "draft 4", "Drafted 4")


def test_from_goal_to_compared_checkpoints(page: "Page", server: Server, catalog: Catalog, tmp_path: Path) -> None:
    to_drafts(page)
    assert page.locator(".sample.draft").count() == 4
    page.screenshot(path=tmp_path / "1-drafts.png")
    page.locator("button", has_text="Approve all").click()
    page.wait_for_selector(".sample.approved >> nth=3", timeout=30_000)

    typed(page, f"generate {COUNT}")
    approve(page, "generate_samples")
    ended(page, "Generation")
    project = catalog.find(Project)[0]
    assert sum(catalog.count(Sample, project.id).values()) >= COUNT

    before = entries(page)
    page.reload()
    page.wait_for_selector("#chat .entry")
    page.wait_for_timeout(1_000)
    assert entries(page) == before
    assert f"project={project.id}" in page.url
    page.screenshot(path=tmp_path / "2-reloaded.png")

    approve_new_samples(page, catalog, project)
    say(page, "freeze with 20 test rows", "version 1|frozen")
    assert page.locator(".tile").count() == 3
    say(page, "use 1 epoch, 2 checkpoints", "plan|epoch")
    assert page.locator(".plan tbody tr").count() >= 10
    assert "epochs" in page.locator(".plan").last.inner_text()
    typed(page, "train")
    approve(page, "start_training")
    page.wait_for_selector("#live .job", timeout=60_000)
    page.screenshot(path=tmp_path / "3-training.png")
    ended(page, "Training")
    assert page.locator("#live svg.curve polyline.train").count() == 1
    assert len(catalog.find(Checkpoint, project.id)) == 2

    typed(page, "evaluate")
    approve(page, "evaluate")
    ended(page, "Evaluation")
    say(page, "compare", ".")
    scores = page.locator(".scores").last
    assert scores.locator("tbody tr").count() == 3  # the base and two checkpoints
    assert {one.candidate for one in catalog.find(Evaluation, project.id)} > {"base"}
    page.screenshot(path=tmp_path / "4-compared.png")
    page.set_viewport_size({"width": 420, "height": 900})
    page.wait_for_timeout(500)
    page.screenshot(path=tmp_path / "5-narrow.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


def approve_new_samples(page: "Page", catalog: Catalog, project: Project) -> None:
    """A generation may leave drafts to look at; a person says the word."""
    if catalog.count(Sample, project.id).get("draft", 0):
        say(page, "approve all", ".")
        assert catalog.count(Sample, project.id).get("approved", 0) >= COUNT / 2


def test_untrusted_text_stays_text(page: "Page", catalog: Catalog, tmp_path: Path) -> None:
    """A sample and a message that try to run something, to load something and to click for the user."""
    say(page, "<img src=x onerror=alert(1)> ![x](http://evil.example/x.png) **hi**", ".")
    project = catalog.find(Project)[0]
    say(page, GOAL, "Task: extract")
    say(page, "skip", ".")
    evil = '</div><script>alert(2)</script>${alert(3)} {{constructor}} <button class="btn" data-act="{}">x</button>'
    catalog.add(make_sample(project, evil, '{"name": "<b onmouseover=alert(4)>x</b>"}'))
    say(page, "show samples", ".")
    assert "<script>alert(2)</script>" in page.locator(".sample .text").first.inner_text()
    assert page.locator("#chat img, #chat script, #chat b, #chat a").count() == 0
    page.screenshot(path=tmp_path / "untrusted.png")


def test_a_click_shows_the_passage_and_a_form_fills_the_coverage(
    page: "Page", catalog: Catalog, tmp_path: Path
) -> None:
    say(page, "Answer questions about our handbook in English.", ".")
    project = catalog.find(Project)[0]
    source = tmp_path / "handbook.md"
    source.write_text("# Rooms\n\nThe house has <b>nine</b> rooms.\nThey open at two.\n")
    document = add_file(catalog, project, source)
    [passage] = catalog.find(Passage, project.id)
    quote = "They open at two"
    sample = make_sample(project, frame(passage.text, "When do the rooms of the house open?"), "At two.")
    grounds = {"document_id": document.id, "passage_id": passage.id, "quote": quote}
    catalog.add(sample.but(**grounds, quote_start=passage.text.index(quote)))
    say(page, "show samples", ".")
    card = page.locator(".sample").last
    assert not card.locator("mark").is_visible()
    card.locator("summary", has_text="From handbook.md").click()
    assert card.locator("mark").inner_text() == quote
    assert "<b>nine</b> rooms" in card.locator("details[open]").inner_text()
    page.screenshot(path=tmp_path / "passage.png")

    for told, kept in (("check-in\nbreakfast", ("check-in", "breakfast")), ("", ())):
        say(page, "coverage", ".")
        form = page.locator("details.edit:has(textarea[name=topics])").last
        form.locator("summary").click()
        form.locator("textarea[name=topics]").fill(told)
        shown = page.locator("textarea[name=topics]").count()  # one a card; an emptied axis leaves its table
        form.locator("button", has_text="Save").click()
        page.wait_for_function("shown => document.querySelectorAll('[name=topics]').length > shown", arg=shown)
        assert catalog.get(Project, project.id).task.coverage.topics == kept
    page.screenshot(path=tmp_path / "coverage.png")


def test_a_kill_of_the_page_loses_nothing(page: "Page", server: Server, catalog: Catalog) -> None:
    """kill -9 during synthesis, training and evaluation: each job goes on, and the new page tells its end."""
    to_drafts(page)
    page.locator("button", has_text="Approve all").click()
    page.wait_for_selector(".sample.approved >> nth=3", timeout=30_000)

    typed(page, "generate 600")
    approve(page, "generate_samples")
    project = catalog.find(Project)[0]
    killed_while(page, server, catalog, project, "synthesize")
    ended(page, "Generation")
    assert sum(catalog.count(Sample, project.id).values()) >= 600
    approve_new_samples(page, catalog, project)

    say(page, "freeze with 20 test rows", "version 1|frozen")
    say(page, "use 1 epoch, 2 checkpoints", "plan|epoch")
    typed(page, "train")
    approve(page, "start_training")
    killed_while(page, server, catalog, project, "train")
    ended(page, "Training")
    assert len(catalog.find(Checkpoint, project.id)) == 2

    typed(page, "evaluate")
    approve(page, "evaluate")
    killed_while(page, server, catalog, project, "evaluate")
    ended(page, "Evaluation")
    assert len(catalog.find(Evaluation, project.id)) == 3
    assert len(catalog.find(Dataset, project.id)) == 1


def killed_while(page: "Page", server: Server, catalog: Catalog, project: Project, kind: str) -> None:
    """Kill the page while the job of this kind runs, start it again, and look that it shows the same as before."""
    job = [job for job in catalog.find(Job, project.id) if job.order.kind == kind][-1]
    before = entries(page)
    page.goto("about:blank")  # an open page comes back by itself, which would race with the test's own visit
    server.kill()
    job = jobs.check(catalog, catalog.get(Job, job.id))
    assert job.active, job
    server.start()
    page.goto(f"{server.url}?project={project.id}")
    page.wait_for_selector("#chat .entry", timeout=30_000)
    page.wait_for_timeout(500)
    assert entries(page)[: len(before)] == before
    assert re.search(r"project=project-\w+", page.url)
