"""Real messages in evaluation: asked with the test, told first, and weighed where they separate two checkpoints."""

from pathlib import Path

import pytest

from agent.transcript import Show
from tests.evaluation.world import contact, make_dataset, make_evaluation, make_run, make_work
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.dataset.real import add_answered
from tools.dataset.sealed import read_real, read_test
from tools.errors import RetortError
from tools.evaluation.compare.comparison import compare
from tools.evaluation.compare.report import write_report
from tools.evaluation.compare.run_card import read_card
from tools.evaluation.compare.verdict import NOT_TYPED
from tools.evaluation.estimate import estimate
from tools.evaluation.job import run as run_evaluation
from tools.evaluation.rows import IMPORTED, REWRITTEN, SIMULATED, TYPED, WRITTEN, Split, made_how, rows_of
from tools.evaluation.score.metrics import score
from tools.records import Checkpoint, Dataset, Evaluation, EvaluationOrder, Plan, Project, Run, Sample, new_id
from ui.show.cards import show_data, show_text
from ui.show.kind import Shown
from ui.show.scores import comparison_card

WORDS = "otter heron lynx badger marten stoat weasel ferret beaver vole shrew mole hare fox wolf bear"


@pytest.fixture
def frozen(catalog: Catalog, project: Project) -> Dataset:
    """Twelve test rows and 24 real messages."""
    make_dataset(catalog, project)
    words = WORDS.split()
    pairs = [(f"{words[n % 16]} {words[(n * 5 + n // 16) % 16]} says nr {n}", contact(n)) for n in range(24)]
    add_answered(catalog, project, pairs, "chat")
    return freeze(catalog, project)


@pytest.fixture
def steps(catalog: Catalog, project: Project, frozen: Dataset) -> list[Checkpoint]:
    """Two checkpoints without weights; dev loss prefers the first."""
    plan = Plan(
        student="path:/tiny", epochs=1, learning_rate=1e-3, batch_samples=4, row_tokens=512, max_sample_tokens=512,
        lora_rank=4, lora_alpha=16,
    )  # fmt: skip
    run = Run(id=new_id("run"), owner="local", project_id=project.id, dataset_id=frozen.id, plan=plan, folder="runs/1")
    catalog.add(run.but(state="finished"))
    named = {"owner": "local", "project_id": project.id, "run_id": run.id}
    made = [
        Checkpoint.model_validate(
            {"id": new_id("ckpt"), "step": step, "folder": f"runs/1/{step}", "dev_loss": loss, **named}
        )
        for step, loss in ((40, 0.2), (60, 0.3))
    ]
    catalog.add_all(made)
    return made


def scored(catalog: Catalog, project: Project, dataset: Dataset, candidate: str, label: str, **right: int) -> None:
    """The candidate's first so many rows of each split right; one look for all of them."""
    splits: tuple[Split, ...] = ("test", "dev", "real")
    for split in (one for one in splits if one in right):
        rows, hits = rows_of(catalog, dataset, split), right[split]
        answers = {row.id: row.answer if at < hits else contact(999) for at, row in enumerate(rows)}
        one = make_evaluation(
            catalog, project, dataset, candidate, answers,
            scores=score(project.task, rows, answers), label=label, split=split,
        )  # fmt: skip
        catalog.save(one.but(job_id="job-1"))


def test_they_are_told_first_and_say_how_good_it_is(
    catalog: Catalog, project: Project, frozen: Dataset, steps: list[Checkpoint]
) -> None:
    scored(catalog, project, frozen, "base", "base", test=1, real=3)
    scored(catalog, project, frozen, steps[0].id, "step 40", test=12, real=19)
    found = compare(catalog, project)
    assert found.sentence.startswith(
        "On your 24 real messages: step 40 got 19 right (79 %, 60 to 91 %), the base 3. "
        "On the test: step 40 scores 100.0 % "
    )
    assert found.real is not None
    assert (found.real.n, found.real.made, found.real.looks) == (24, TYPED, 1)
    assert [row.label for row in found.real.rows] == ["step 40", "base"]
    assert found.real.rows[0].best
    shown = tuple(row.evaluation_id for table in (found, found.real) for row in table.rows)
    page = comparison_card(Shown(catalog, project, shown))
    assert page.index("12 rows of the sealed test set") < page.index("24 real messages: your own rows")
    text = show_text(catalog, project, Show(kind="comparison", ids=shown))
    assert "24 real messages: your own rows" in text
    data = show_data(catalog, project, Show(kind="comparison", ids=shown))
    assert (data["split"], data["real"]["split"], data["real"]["rows"][0]["figure"]["hits"]) == ("test", "real", 19)
    alone = compare(catalog, project, [row.evaluation_id for row in found.real.rows])
    assert (alone.split, alone.real, alone.n) == ("real", None, 24)


def test_a_good_test_and_bad_real_messages_are_called_by_their_names(
    catalog: Catalog, project: Project, frozen: Dataset, steps: list[Checkpoint]
) -> None:
    scored(catalog, project, frozen, "base", "base", test=1, real=3)
    scored(catalog, project, frozen, steps[0].id, "step 40", test=12, real=5)
    said = compare(catalog, project).sentence
    assert said.startswith("On your 24 real messages: step 40 got 5 right (21 %, ")
    assert "They do not show that it is better than the base (p = 0.50)" in said
    assert "Believe this figure and not the 100 % below." in said
    catalog.save_all(catalog.get(Sample, row.id).but(source="simulator") for row in read_test(catalog, frozen))
    assert f"not the 100 % below: those rows are {SIMULATED}." in compare(catalog, project).sentence


def test_real_messages_that_separate_two_checkpoints_choose(
    catalog: Catalog, project: Project, frozen: Dataset, steps: list[Checkpoint]
) -> None:
    scored(catalog, project, frozen, steps[0].id, "step 40", test=12, real=10)
    scored(catalog, project, frozen, steps[1].id, "step 60", test=11, real=12)
    found = compare(catalog, project)
    assert (found.chosen_by, found.passed_over) == ("dev loss", "")  # 2 rows separate nothing
    scored(catalog, project, frozen, steps[1].id, "step 60", real=22)
    found = compare(catalog, project)
    assert next(row.label for row in found.rows if row.best) == "step 60"
    assert (found.chosen_by, found.passed_over) == ("real rows", "step 40")
    assert found.real is not None
    assert next(row.label for row in found.real.rows if row.best) == "step 60"
    assert (
        "They separate it from step 40, which dev would choose (10 there, p < 0.001), so step 60 is chosen; what it "
        "got on them flatters it a little, for they chose it." in found.sentence
    )
    assert "step 60, chosen by your real messages, scores 91.7 % exact" in found.sentence


def test_every_look_at_them_counts(
    catalog: Catalog, project: Project, frozen: Dataset, steps: list[Checkpoint]
) -> None:
    scored(catalog, project, frozen, steps[0].id, "step 40", test=12, real=12)
    scored(catalog, project, frozen, steps[1].id, "step 60", test=12, real=18)
    assert compare(catalog, project).chosen_by == "real rows"  # p = 0.03
    one = next(one for one in catalog.find(Evaluation, project.id) if one.split == "real")
    catalog.add(one.but(id=new_id("evaluation"), job_id="job-2"))
    found = compare(catalog, project)
    assert found.chosen_by == "dev loss"
    assert "This is look 2 at them, and p values count it." in found.sentence


def test_they_are_asked_in_the_same_job(catalog: Catalog, project: Project, frozen: Dataset, student: Path) -> None:
    make_run(catalog, project, frozen, student)
    order = EvaluationOrder(dataset_id=frozen.id, candidates=("base",), real=True)
    assert estimate(catalog, project, order).what == "1 x 12 test rows and 1 x 24 real rows"
    told = run_evaluation(make_work(catalog, project, order))
    assert told == "Exact match on 24 real rows: base 0.0%. Exact match on 12 test rows: base 0.0%."
    made = {one.split: one for one in catalog.find(Evaluation, project.id)}
    assert {split: one.scores.exact_match.rows for split, one in made.items()} == {"test": 12, "real": 24}
    assert len({one.job_id for one in made.values()}) == 1
    assert [row.messages[0].role for row in read_real(catalog, frozen)] == ["system"] * 24
    alone = EvaluationOrder(dataset_id=frozen.id, candidates=("base",), split="real")
    assert estimate(catalog, project, alone).what == "0 x 24 real rows"
    other = catalog.add(project.but(id=new_id("project"), slug="none"))
    none = make_work(catalog, other, order.model_copy(update={"dataset_id": make_dataset(catalog, other).id}))
    with pytest.raises(RetortError, match="has no real rows"):
        run_evaluation(none)


def test_every_table_says_what_its_rows_are(catalog: Catalog, project: Project) -> None:
    dataset = make_dataset(catalog, project)
    ids = [row.id for row in read_test(catalog, dataset)]

    def made(count: int, **fields: str) -> str:
        catalog.save_all(catalog.get(Sample, id_).but(**fields) for id_ in ids[:count])
        return made_how(catalog, dataset, "test", ids)

    assert made(12, source="simulator:chat") == SIMULATED
    assert made(12, source="import:mine.csv") == IMPORTED
    assert made(12, source="teacher:big") == REWRITTEN
    assert made(12, document_id="document-1") == WRITTEN
    assert made(3, source="import:mine.csv") == f"9 {WRITTEN}; 3 {IMPORTED}"
    assert made_how(catalog, dataset, "real", ids) == TYPED


def test_the_report_tells_them_or_that_nothing_was_typed(
    catalog: Catalog, project: Project, frozen: Dataset, steps: list[Checkpoint]
) -> None:
    scored(catalog, project, frozen, steps[0].id, "step 40", test=12)
    run = catalog.get(Run, steps[0].run_id)
    assert NOT_TYPED in (write_report(catalog, project, run) / "report.md").read_text()
    scored(catalog, project, frozen, steps[0].id, "step 40", real=19)
    home = write_report(catalog, project, run)
    text = (home / "report.md").read_text()
    assert text.index("## Scores on your real messages") < text.index("## Scores on test")
    assert NOT_TYPED not in text
    _, samples = read_card(catalog.folder(project) / "cards" / run.id)
    assert sum(one.real for one in samples) == 24
