"""What a person with data of their own does in a browser: each story ends with what the page says and what is kept."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.scripted_openai import ScriptedOpenAI
from tests.synthesis.endpoint import honest
from tests.ui.conftest import Server
from tests.ui.test_browser import GOAL, approve, ended, say, typed
from tools.catalog import Catalog
from tools.dataset.real import typed as real_messages
from tools.records import Dataset, Project, Sample

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def drop(page: "Page", path: Path, answered: str) -> None:
    """Give the page a file as the person's own, and send it without a word."""
    page.locator("#composer input[type=file]").set_input_files(path)
    page.wait_for_selector(
        "#composer .thumbnail-item, #composer .file-pill, #composer [class*=thumbnail]", timeout=30_000
    )
    before = page.locator(".item[data-key] .entry").count()
    page.locator("#composer textarea").press("Enter")
    page.wait_for_function(
        """([before, pattern]) => [...document.querySelectorAll('.item[data-key] .entry')].slice(before)
            .some((entry) => !entry.classList.contains('user') && new RegExp(pattern, 'i').test(entry.innerText))""",
        arg=[before, answered],
        timeout=60_000,
    )


def labelled(path: Path, *more: str) -> Path:
    late = ("my parcel with the {} has not come", "nobody brought the {} so far", "where is the {} I paid for")
    nice = ("the {} is lovely thank you", "what a beautiful {}", "great service around the {}")
    things = ("red lamp", "garden chair", "blue kettle", "winter coat", "toy train", "tea set")
    rows = [
        f"{line.format(thing)},{label}"
        for label, lines in (("complaint", late), ("praise", nice))
        for line in lines
        for thing in things
    ]
    path.write_text("\n".join(["message,topic", *rows, *more]), encoding="utf-8")
    return path


def test_real_messages_are_pasted_answered_and_sealed(page: "Page", catalog: Catalog, tmp_path: Path) -> None:
    say(page, GOAL, "Task: extract")
    say(page, "skip", "real messages")
    say(
        page,
        'ann here, ring 555-0101 => {"name": "ann", "phone": "555-0101"}\nits bo pls call\ncan you write to cy@x.org',
        "fill in the answers",
    )
    cards = page.locator(".sample.draft")
    assert cards.count() == 2
    for number, (name, value) in enumerate((("name", "bo"), ("email", "cy@x.org"))):
        form = page.locator(".sample.draft details.change").first
        form.locator(f"[data-field={name}]").fill(value)
        form.locator("button", has_text="Save").click()
        page.wait_for_function(
            "left => document.querySelectorAll('.sample.draft').length === left", arg=1 - number, timeout=30_000
        )
    page.screenshot(path=tmp_path / "real.png")
    found = real_messages(catalog, catalog.find(Project)[0])
    assert {(one.split, one.state in ("approved", "edited")) for one in found} == {("real", True)}
    say(page, "real messages", "3 real messages")


def test_contradictions_are_told_and_one_word_mends_them(page: "Page", catalog: Catalog, tmp_path: Path) -> None:
    say(page, "Sort our customers' English messages into topics", "labels")
    path = labelled(
        tmp_path / "mine.csv", "my parcel with the red lamp has not come,praise", "what a lovely day,Praise"
    )
    drop(page, path, "Imported 38 rows")
    told = page.locator(".item[data-key] .entry").all_inner_texts()
    assert any("Inputs with different answers: 1" in text and "merge labels" in text for text in told)
    page.screenshot(path=tmp_path / "doubts.png")
    say(page, "merge the labels", "labels are merged")
    say(page, "keep the first", "first answer stays")
    answers = {one.answer for one in catalog.find(Sample) if one.state != "rejected"}
    assert len(answers) == 2


def test_rows_that_a_file_name_pinned_are_set_free(page: "Page", catalog: Catalog, tmp_path: Path) -> None:
    say(page, "Sort our customers' English messages into topics", "labels")
    drop(page, labelled(tmp_path / "test.csv"), "pinned as test rows")
    assert {one.split for one in catalog.find(Sample)} == {"test"}
    say(page, "unpin them", "pinned no more")
    say(page, "freeze", "Froze dataset version 1")
    page.screenshot(path=tmp_path / "unpinned.png")
    assert catalog.find(Dataset)[0].rows["train"] > 0


def test_a_way_of_writing_is_obeyed_or_refused(page: "Page", catalog: Catalog, tmp_path: Path) -> None:
    say(page, "Extract the name, the phone and the date of delivery from English delivery messages", "Task: extract")
    say(page, "the delivery date as YYYY-MM-DD", "written as 2026-03-31")
    say(page, "the delivery date as a Julian day", "cannot be kept to")
    say(page, "later", "draft")
    say(page, "draft 8", "Drafted 8")
    page.screenshot(path=tmp_path / "form.png")
    dates = [json.loads(one.answer)["date_of_delivery"] for one in catalog.find(Sample)]
    assert any(dates)
    assert all(date is None or (len(date) == 10 and date[4] == date[7] == "-") for date in dates)


def test_two_teachers_share_a_job_and_each_sample_names_its_own(
    page: "Page", server: Server, catalog: Catalog, tmp_path: Path
) -> None:
    with ScriptedOpenAI(honest) as teacher:
        server.stop()
        told = {"MODEL": "first,second", "BASE_URL": teacher.base_url, "API_KEY": "sk-test"}
        server.env |= {f"RETORT_TEACHER_{name}": value for name, value in told.items()}
        server.start()
        page.goto(server.url)
        page.wait_for_selector(".welcome", timeout=30_000)
        say(page, GOAL, "Task: extract")
        say(page, "skip", "real messages")
        say(page, "later", "draft")
        typed(page, "draft 5")
        approve(page, "draft_samples")
        page.wait_for_selector(".sample.draft >> nth=4", timeout=30_000)
        say(page, "approve all", "approved")
        typed(page, "generate 60")
        approve(page, "generate_samples")
        ended(page, "Generation")
    sources = {one.source for one in catalog.find(Sample) if one.job_id}
    assert sources == {"teacher:first", "teacher:second"}
    page.screenshot(path=tmp_path / "two.png")


def test_the_first_answer_says_what_the_simulator_cannot_write(page: "Page", tmp_path: Path) -> None:
    say(
        page,
        "I want a small model that rewrites our support answers politely in English",
        "Nothing here can write samples",
    )
    told = page.locator(".item[data-key] .entry").all_inner_texts()
    assert any("RETORT_TEACHER_MODEL" in text and "rows of your own" in text for text in told)
    page.screenshot(path=tmp_path / "refusal.png")
