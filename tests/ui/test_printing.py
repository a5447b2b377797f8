"""The terminal: entries and cards as text, and a whole exchange through input and output."""

import builtins
from collections.abc import Iterator

import pytest

from agent.transcript import Approval, Entry, Show
from tests.ui.conftest import make_sample
from tools.catalog import Catalog
from tools.records import Estimate, Project, Sample
from ui.show.approval import approval_text
from ui.show.cards import entry_text
from ui.show.kind import columns
from ui.terminal import chat


def test_an_entry_with_its_samples(catalog: Catalog, project: Project) -> None:
    sample = catalog.add(make_sample(project, "Call Ann\non 555-0100", '{"name": "Ann", "phone": null}'))
    entry = Entry(id="e", role="assistant", text="Look.", show=(Show(kind="samples", ids=(sample.id,)),))
    told = entry_text(catalog, project, entry)
    assert told.startswith(" retort  Look.\n")
    assert "Call Ann on 555-0100" in told
    assert "name: Ann | phone: –" in told


def test_a_card_that_cannot_be_read_is_told(catalog: Catalog, project: Project) -> None:
    entry = Entry(id="e", role="event", text="News.", show=(Show(kind="dataset", ids=("dataset-gone",)),))
    assert "There is no dataset 'dataset-gone'" in entry_text(catalog, project, entry)


def test_columns_are_aligned() -> None:
    assert columns(["who", "n"], [["base", "1"], ["step 60", "12"]]).splitlines() == [
        "who       n",
        "-------  --",
        "base      1",
        "step 60  12",
    ]


def test_an_approval_tells_its_arguments() -> None:
    estimate = Estimate(what="Train", minutes_low=4, minutes_high=7, device="cpu")
    told = approval_text(
        Approval(verb="start_training", arguments={"run": "run-1"}, estimate=estimate, risk="spend", digest="d")
    )
    assert "4 to 7 min on cpu" in told
    assert "run = run-1" in told


def test_a_talk_in_the_terminal(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal, drafts, a review and a declined generation, typed as a person would."""
    said = [
        "Extract the name and the phone from short English messages.",
        "skip",
        "draft 2",
        "approve all",
        "generate 5",
        "n",
    ]
    words: Iterator[str] = iter(said)

    def typed(_prompt: str = "") -> str:
        try:
            return next(words)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(builtins, "input", typed)
    chat("")
    told = capsys.readouterr().out
    assert "Drafted 2 samples" in told
    assert "approval needed (spend): generate_samples" in told
    project = catalog.find(Project)[0]
    assert [sample.state for sample in catalog.find(Sample, project.id)] == ["approved", "approved"]
