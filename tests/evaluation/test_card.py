"""A card replays: the same dataset from its samples, the same losses from its plan."""

import json
from pathlib import Path

import pytest

from tests.evaluation.world import SYSTEM, make_evaluation, make_work
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.dataset.sealed import read_test
from tools.errors import RetortError
from tools.evaluation.compare.replay import judge
from tools.evaluation.compare.report import write_report
from tools.evaluation.compare.run_card import read_card, write_card
from tools.evaluation.score.metrics import score
from tools.files import seal_folder
from tools.records import Checkpoint, Dataset, Message, Plan, Project, Run, Sample, TrainingOrder, new_id
from tools.training.job import run as train
from tools.training.starting import plan_run
from ui.replaying import replay

WORDS = "amber birch cedar delta ember fjord grove heath islet knoll larch maple oasis pearl quartz ridge slate thorn"


@pytest.fixture
def trained(catalog: Catalog, project: Project, tiny_student: Path) -> Run:
    """Forty samples split by freezing itself, two checkpoints on the tiny student."""

    def sample(number: int) -> Sample:
        words = WORDS.split()
        place = f"{words[number % 18]} {words[(number * 7 + number // 18) % 18]} {words[(number * 5 + 3) % 18]}"
        answer = json.dumps({"name": words[number % 18], "phone": None, "address": place, "email": None})
        turns = (("system", SYSTEM), ("user", f"{place}, number {number}"), ("assistant", answer))
        return Sample(
            id=new_id("sample"),
            owner="local",
            project_id=project.id,
            messages=tuple(Message(role=role, content=text) for role, text in turns),
            state="approved",
            source="user",
        )

    catalog.add_all([sample(number) for number in range(40)])
    plan = Plan(
        student=f"path:{tiny_student}",
        epochs=2,
        learning_rate=1e-2,
        batch_samples=4,
        row_tokens=512,
        max_sample_tokens=512,
        lora_rank=4,
        lora_alpha=8,
        precision="fp32",
        checkpoints=2,
    )
    run = plan_run(catalog, project, freeze(catalog, project), plan)
    (catalog.folder(project) / run.folder).mkdir(parents=True)
    train(make_work(catalog, project, TrainingOrder(run_id=run.id, max_minutes=5)))
    return catalog.get(Run, run.id)


def test_a_card_replays(catalog: Catalog, project: Project, trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_card(catalog, project, trained)
    card, samples = read_card(folder / "card.json")
    catalog.save(catalog.get(Sample, samples[0].id).but(state="rejected"))  # what was frozen counts
    assert len(samples) == 40
    assert len(card.checkpoints) == 2
    assert card.versions["torch"]
    assert replay(folder) == 0
    told = capsys.readouterr().out
    assert f"the same dataset (test {card.dataset.sha256['test'][:12]})" in told
    assert "the run is reproduced" in told
    shifted = [one.but(dev_loss=one.dev_loss + 0.01) for one in card.checkpoints]
    found = judge(catalog, card.model_copy(update={"checkpoints": tuple(shifted)}), trained)
    assert not found.same
    assert found.largest_difference == pytest.approx(0.01)


def test_a_changed_card_is_refused(catalog: Catalog, project: Project, trained: Run) -> None:
    folder = write_card(catalog, project, trained)
    path = folder / "samples.jsonl"
    changed = path.read_bytes().replace(b"amber", b"umber")
    path.write_bytes(changed)
    with pytest.raises(RetortError, match="damaged"):
        read_card(folder)
    seal_folder(folder)
    with pytest.raises(RetortError, match="do not give its dataset again"):
        replay(folder)


def test_a_run_without_checkpoints_has_no_card(catalog: Catalog, project: Project, trained: Run) -> None:
    with pytest.raises(RetortError, match="no checkpoint yet"):
        write_card(catalog, project, trained.but(id="run-other"))


def test_a_report_is_one_page(catalog: Catalog, project: Project, trained: Run) -> None:
    catalog.save(project.but(goal="contacts <script>alert(1)</script>"))
    dataset = catalog.get(Dataset, trained.dataset_id)
    last = catalog.find(Checkpoint, project.id)[-1]
    rows = read_test(catalog, dataset)
    for candidate, right, label in (("base", 0, "base"), (last.id, len(rows) - 1, f"step {last.step}")):
        answers = {row.id: row.answer if at < right else "{}" for at, row in enumerate(rows)}
        scores = score(project.task, rows, answers)
        make_evaluation(catalog, project, dataset, candidate, answers, scores=scores, label=label)
    folder = write_report(catalog, catalog.get(Project, project.id), trained)
    text, page = (folder / "report.md").read_text(), (folder / "report.html").read_text()
    for told in (f"step {last.step}", dataset.sha256["test"], "better than the base", "retort replay", "learning_rate"):
        assert told in text
        assert told in page
    assert page.count("data:image/png;base64,") == 2
    assert "<script" not in page
