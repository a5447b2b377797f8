"""A review in a real browser, by keyboard: judge twenty, edit one by its form, reject with a reason, see the rest
screened, and take it back."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.dataset.rows import WORDS
from tests.ui.conftest import Server, make_sample
from tools.catalog import Catalog
from tools.records import Project, Rule, Sample

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def contact(project: Project, number: int) -> Sample:
    """Samples 15 to 17, and every fifth after, have lost the area code of the phone."""
    name = f"{WORDS[number].title()} {WORDS[-number - 1].title()}"
    local = f"010-{number:04}"
    cut = number in (15, 16, 17) or (number > 20 and number % 5 == 0)
    phone = local if cut else f"(555) {local}"
    told = {"name": name, "phone": phone, "address": None, "email": f"{WORDS[number]}@mail.org"}
    question = f"Hi, {name} here, my number is (555) {local}, or write to {WORDS[number]}@mail.org."
    return make_sample(project, question, json.dumps(told), "approved").but(job_id="job-1")


@pytest.fixture
def made(catalog: Catalog, project: Project) -> list[Sample]:
    samples = [contact(project, number) for number in range(60)]
    catalog.add_all(samples)
    return samples


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_twenty_by_keyboard(  # noqa: PLR0917  fixtures
    made: list[Sample], page: "Page", server: Server, catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    def state(number: int) -> str:
        return catalog.get(Sample, made[number].id).state

    def seen() -> int:
        return sum(one.looked_at is not None for one in catalog.find(Sample, project.id))

    page.goto(f"{server.url}?project={project.id}")
    page.locator("button", has_text="Review samples").click()
    page.wait_for_selector(".here .more")
    assert page.locator("#review .look").count() == 40
    assert "approve" in page.locator(".keys").inner_text()
    page.screenshot(path=tmp_path / "1-table.png")

    for _ in range(14):
        page.keyboard.press("a")
    until(lambda: seen() == 14)
    assert {state(number) for number in range(14)} == {"approved"}

    page.keyboard.press("e")
    name = page.locator(".here .more [data-field=name]")
    name.wait_for()
    assert name.evaluate("box => document.activeElement === box")
    name.fill(json.loads(made[14].answer)["name"].split()[0])
    page.screenshot(path=tmp_path / "2-form.png")
    page.keyboard.press("Enter")
    until(lambda: state(14) == "edited")
    edited = json.loads(catalog.get(Sample, made[14].id).answer)
    assert edited == {**json.loads(made[14].answer), "name": edited["name"]}

    page.wait_for_function("id => document.querySelector('#review .here').dataset.key === id", arg=made[15].id)
    for _ in range(3):
        page.keyboard.press("x")
    page.keyboard.press("r")
    page.keyboard.type("the phone lost its area code")
    page.screenshot(path=tmp_path / "3-reason.png")
    page.keyboard.press("Enter")
    until(lambda: {state(number) for number in (15, 16, 17)} == {"rejected"})
    rule = page.locator("#review .card.rule", has_text="area code")
    rule.wait_for()
    planted = [number for number in range(18, 60) if number > 20 and number % 5 == 0]
    assert f"{len(planted)} samples" in rule.inner_text()
    page.screenshot(path=tmp_path / "4-rule.png")
    before = {one.id: one.model_dump_json() for one in catalog.find(Sample, project.id)}

    rule.locator("button", has_text=f"Reject {len(planted)} samples").click()
    until(lambda: {state(number) for number in planted} == {"rejected"})
    assert catalog.find(Rule, project.id, states=("confirmed",))
    page.wait_for_selector("#review .card.rule .hits li")
    page.screenshot(path=tmp_path / "5-screened.png")
    assert len(catalog.find(Sample, project.id, states=("rejected",))) == 3 + len(planted)

    page.keyboard.press("u")
    until(lambda: state(planted[0]) == "approved")
    assert {one.id: one.model_dump_json() for one in catalog.find(Sample, project.id)} == before
    page.locator("select[data-look=state]").select_option("edited")
    page.wait_for_selector(".more ins, .more del")
    page.screenshot(path=tmp_path / "6-edited.png")
    page.locator("select[data-look=state]").select_option("to judge")
    page.wait_for_function("document.querySelectorAll('#review .look').length > 20")
    page.keyboard.press("Escape")
    page.wait_for_selector("#composer")
    until(lambda: seen() >= 18)
    page.screenshot(path=tmp_path / "7-chat.png")
    for _ in range(2):
        page.locator("button", has_text="Review samples").click()
        page.wait_for_selector(".here .more")
        page.keyboard.press("a")
        until(lambda: seen() >= 19)
        page.keyboard.press("Escape")
        page.wait_for_selector("#composer")
    assert seen() == 20
    page.set_viewport_size({"width": 900, "height": 900})
    page.locator("button", has_text="Review samples").click()
    page.wait_for_selector(".here .more")
    page.screenshot(path=tmp_path / "8-narrow.png")
