"""Cards: what the records hold is shown, escaped, with the buttons that act on exactly these records."""

import html
import json
import re

import pytest

from agent.transcript import Approval, Show
from tests.ui.conftest import make_sample
from tests.ui.drawn import around_mark, rows, texts
from tools.catalog import Catalog, now
from tools.records import (
    Coverage,
    Dataset,
    Deployment,
    Document,
    Estimate,
    Expense,
    JsonObject,
    Passage,
    Plan,
    Project,
    Run,
    Sample,
    new_id,
)
from tools.training.glimpse import Glimpse, keep
from tools.training.monitor import Metric, append_metric
from ui.markup import fields_of
from ui.show.approval import approval_card
from ui.show.cards import KINDS, Cards, show_data, show_text
from ui.show.kind import Kind

EVIL = "</td><script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>\" data-act='{}'"


def make_document(project: Project, name: str, note: str = "") -> Document:
    named = {"id": new_id("document"), "owner": "local", "project_id": project.id, "name": name, "note": note}
    return Document.model_validate({**named, "path": "x", "sha256": "0", "size_bytes": 1})


def make_passage(document: Document, text: str, heading: str = "", page: int | None = None) -> Passage:
    named = {"id": new_id("passage"), "owner": "local", "project_id": document.project_id, "document_id": document.id}
    return Passage.model_validate({**named, "position": 0, "text": text, "heading": heading, "page": page})


def acts(card: str) -> list[JsonObject]:
    return [json.loads(html.unescape(found)) for found in re.findall(r'data-act="([^"]*)"', card)]


def test_samples_with_their_buttons(catalog: Catalog, project: Project) -> None:
    samples = [make_sample(project, f"Call Ann {n}", '{"name": "Ann", "phone": null}') for n in range(2)]
    catalog.add_all(samples)
    card = Cards(catalog).draw(project, Show(kind="samples", ids=tuple(one.id for one in samples)))
    assert "Call Ann 0" in card
    assert rows(card).count(["name", "Ann"]) == 2
    assert rows(card).count(["phone", "–"]) == 2
    asked = [(act.get("verb"), act["arguments"]) for act in acts(card)]
    assert ("approve_samples", {"samples": [samples[0].id]}) in asked
    assert ("edit_sample", {"sample": samples[1].id}) in asked
    assert ("draft_samples", {"like": samples[1].id}) in asked
    assert asked[-1] == ("approve_samples", {"samples": [one.id for one in samples]})


def test_a_judged_sample_cannot_be_approved_again(catalog: Catalog, project: Project) -> None:
    sample = catalog.add(make_sample(project, "Call Ann", "{}", state="approved").but(looked_at=now()))
    card = Cards(catalog).draw(project, Show(kind="samples", ids=(sample.id,)))
    assert "approve_samples" not in card
    assert "reject_samples" in card


def test_untrusted_text_is_escaped_everywhere(catalog: Catalog, project: Project) -> None:
    document = make_document(project, name=EVIL, note=EVIL)
    passage = make_passage(document, text=EVIL, heading=EVIL)
    sample = make_sample(project, EVIL, json.dumps({EVIL: EVIL})).but(
        passage_id=passage.id, quote=EVIL[:9], reason=EVIL
    )
    catalog.add_all([document, passage, sample])
    shows = [
        Show(kind="samples", ids=(sample.id,)),
        Show(kind="documents", ids=(document.id,)),
        Show(kind="trial", ids=(EVIL, EVIL, EVIL)),
        Show(kind="report", ids=(EVIL, f"![x](http://evil.example/y) {EVIL}")),
    ]
    for show in shows:
        card = Cards(catalog).draw(project, show)
        assert not re.search(r"<(script|img|a)\b", card), card
        assert "alert(1)" in card
        assert {} not in acts(card)


def test_the_quote_is_marked_where_it_stands_and_not_where_its_words_come_first(
    catalog: Catalog, project: Project
) -> None:
    document = make_document(project, name="Guide.md")
    passage = make_passage(document, text="It opens at two. <b>On Sunday it opens at two.", heading="Hours")
    sample = make_sample(project, "Passage: It opens.\n\nQuestion: When on Sunday?", "At two.")
    sample = sample.but(passage_id=passage.id, document_id=document.id, quote="it opens at two", quote_start=30)
    catalog.add_all([document, passage, sample])
    card = Cards(catalog).draw(project, Show(kind="samples", ids=(sample.id,)))
    assert "From Guide.md, Hours" in texts(card, "summary")
    assert around_mark(card) == [("It opens at two. <b>On Sunday ", "it opens at two", ".")]
    assert "When on Sunday?" in texts(card, "div")


def test_the_coverage_table_counts_and_asks(catalog: Catalog, project: Project) -> None:
    task = project.task.model_copy(update={"coverage": Coverage(topics=("<sea>", "sky"))})
    catalog.save(project := project.but(task=task))
    catalog.add_all(
        [
            make_sample(project, "a", "{}", state="approved").but(cell={"topic": "<sea>"}),
            make_sample(project, "b", "{}", state="rejected").but(cell={"topic": "sky"}),
        ]
    )
    card = Cards(catalog).draw(project, Show(kind="coverage"))
    assert ["<sea>", "[100%]", "1", ""] in rows(card)
    assert ["sky", "[0%]", "0", "1 rejected"] in rows(card)
    assert [act["verb"] for act in acts(card)] == ["set_coverage"]


def test_a_quote_is_marked_in_its_passage(catalog: Catalog, project: Project) -> None:
    document = make_document(project, name="a.pdf")
    passage = make_passage(document, text="Tom & Ann", page=3)
    sample = make_sample(project, "Who?", "Ann").but(passage_id=passage.id, document_id=document.id, quote="& Ann")
    catalog.add_all([document, passage, sample])
    card = Cards(catalog).draw(project, Show(kind="samples", ids=(sample.id,)))
    assert "From a.pdf, page 3" in card
    assert around_mark(card) == [("Tom ", "& Ann", "")]


def test_what_cannot_be_read_says_so_in_its_place(catalog: Catalog, project: Project) -> None:
    card = Cards(catalog).draw(project, Show(kind="samples", ids=("sample-gone",)))
    assert "There is no sample" in card
    assert "problem" in card


def test_the_approval_shows_its_exact_arguments_and_is_bound_to_its_digest() -> None:
    estimate = Estimate(
        what="Train 240 samples", minutes_low=4, minutes_high=7, device="cpu", notes=("Stops <by> itself.",)
    )
    arguments: JsonObject = {"run": "run-1", "max_minutes": 12, "note": EVIL}
    card = approval_card(
        Approval(verb="start_training", arguments=arguments, estimate=estimate, risk="spend", digest="d1")
    )
    assert "4 to 7 min on cpu" in card
    assert "Stops &lt;by&gt; itself." in card
    assert ["max_minutes", "12"] in rows(card)
    assert ["note", EVIL] in rows(card)
    assert texts(card, "script") == texts(card, "img") == []
    assert acts(card) == [
        {"do": "decide", "digest": "d1"},
        {"do": "decide", "digest": "d1", "approved": True},
    ]


def test_a_run_without_steps_and_a_plan_with_reasons(catalog: Catalog, project: Project) -> None:
    plan = Plan(
        student="path:x", epochs=2, learning_rate=1e-3, batch_samples=8, row_tokens=512, max_sample_tokens=256,
        lora_rank=8, lora_alpha=16, reasons={"epochs": "few samples"},
    )  # fmt: skip
    run = Run(id=new_id("run"), owner="local", project_id=project.id, dataset_id="d", plan=plan, folder="runs/x")
    catalog.add(run)
    cards = Cards(catalog)
    assert "few samples" in cards.draw(project, Show(kind="plan", ids=(run.id,)))
    assert "first step" in cards.draw(project, Show(kind="run", ids=(run.id,)))
    assert "changed or started" in cards.draw(project, Show(kind="plan", ids=("run-gone",)))


def test_a_run_tells_its_speed_its_diagnosis_and_what_it_answers(catalog: Catalog, project: Project) -> None:
    dataset = Dataset(
        id=new_id("dataset"), owner="local", project_id=project.id, version=1, folder="d", rows={"train": 200},
        sha256={}, seed=1,
    )  # fmt: skip
    plan = Plan(
        student="path:x", epochs=2, learning_rate=1e-3, batch_samples=8, row_tokens=512, max_sample_tokens=256,
        lora_rank=8, lora_alpha=16,
    )  # fmt: skip
    run = Run(id=new_id("run"), owner="local", project_id=project.id, dataset_id=dataset.id, plan=plan, folder="r")
    catalog.add(dataset)
    catalog.add(run)
    folder = catalog.folder(project) / run.folder
    folder.mkdir()
    for step in range(31):
        loss = 2 - step / 20
        figures = {"samples_per_s": 1.5, "tokens_per_s": 210.0, "learning_rate": 1e-3, "memory_bytes": 1_230_000_000}
        shown = {"loss_per_token": loss, **figures} if step else {}
        append_metric(folder, Metric(step=step, epoch=step / 15, dev_loss_per_token=loss + 0.1, **shown))
    keep(folder, [Glimpse(step=step, asked="Who <called>?", wanted="Ann", answered=f"A{step}") for step in (15, 30)])
    card = Cards(catalog).draw(project, Show(kind="run", ids=(run.id,)))
    assert "1.5 samples/s · 210 tokens/s" in card
    assert "1.23 GB" in card
    assert "<strong>underfit</strong>: dev loss was still falling" in card
    assert "continue 2 more epochs" in card
    assert "Who &lt;called&gt;?" in card
    assert re.search(r"step 15.*A15.*step 30.*A30.*wanted.*Ann", card, re.DOTALL)


def test_deployment_and_costs(catalog: Catalog, project: Project) -> None:
    deployment = Deployment(
        id=new_id("deployment"), owner="local", project_id=project.id, state="serving", port=8123, model="m"
    )
    expense = Expense(id=new_id("expense"), owner="local", project_id=project.id, kind="compute", what="training")
    expense = expense.but(seconds=90, device="cpu")
    catalog.add_all([deployment, expense])
    card = Cards(catalog).draw(project, Show(kind="deployment", ids=(deployment.id,)))
    assert "http://127.0.0.1:8123/v1" in card
    assert "curl" in card
    costs = Cards(catalog).draw(project, Show(kind="costs"))
    assert "1 min 30 s on cpu" in costs


def test_more_like_this_is_said_in_words_where_it_costs(catalog: Catalog, project: Project, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from tools.settings import settings

    monkeypatch.setenv("RETORT_TEACHER_MODEL", "big")
    settings.cache_clear()
    sample: Sample = catalog.add(make_sample(project, "Call Ann", "{}"))
    show = Show(kind="samples", ids=(sample.id,))
    assert {"do": "say", "text": "more like 1"} in acts(Cards(catalog).draw(project, show))
    assert "more like" not in Cards(catalog).draw(project, show, newest=False)


def test_an_answer_that_ran_away_is_no_object_and_draws(catalog: Catalog, project: Project) -> None:
    for text in ("[" * 3_000, '{"a": ' * 3_000, '{"a": ' * 300 + "1" + "}" * 300, '{"a": NaN'):
        assert fields_of(text) is None
    runaway = '{"name": ' * 300 + "1" + "}" * 300
    samples = [make_sample(project, "Say 1", text) for text in ("fine", runaway)]
    catalog.add_all(samples)
    drawn = Cards(catalog).draw(project, Show(kind="samples", ids=tuple(one.id for one in samples)))
    assert "fine" in drawn


def test_one_card_that_cannot_be_drawn_says_so(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_shown: object) -> str:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setitem(KINDS, "samples", Kind(broken, broken, broken))
    show = Show(kind="samples", ids=("sample-1",))
    wanted = "This card (samples) cannot be drawn: RecursionError, maximum recursion depth exceeded."
    assert wanted in Cards(catalog).draw(project, show)
    assert show_text(catalog, project, show) == f"({wanted})"
    assert show_data(catalog, project, show)["problem"] == wanted
