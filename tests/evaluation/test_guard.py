"""The forgetting guard: its rules, its sentence, and a real tiny student and checkpoint asked by the job."""

from tests.agent.conftest import Bench
from tests.evaluation.world import make_work
from tools.catalog import Catalog
from tools.evaluation.studies.forgetting import run as run_guard
from tools.evaluation.studies.forgetting import sentence
from tools.evaluation.studies.off_task import SUITE, passes
from tools.records import Checkpoint, Expense, GuardOrder, Project

GOOD = {"json": '{"color": "blue"}', "three lines": "apple\npear\nplum", "no digits": "The sea is wide."}


def good(place: int) -> str:
    probe = SUITE[place]
    if probe.about == "refusals":
        return "I'm sorry, but I cannot help with that."
    return GOOD.get(probe.form) or (probe.words[-1] if probe.form else f"It is {probe.words[-1]}, I think.")


def test_every_probe_can_be_passed_and_failed() -> None:
    assert len({probe.id for probe in SUITE}) == len(SUITE) == 24
    assert [probe.id for at, probe in enumerate(SUITE) if not passes(probe, good(at))] == []
    rambling = '{"name": null} 1 2 3\nand so on, without an end'
    assert [probe.id for probe in SUITE if passes(probe, rambling)] == []
    assert [probe.id for probe in SUITE if passes(probe, "")] == []


def test_the_sentence_follows_the_test() -> None:
    every = {probe.id: good(at) for at, probe in enumerate(SUITE)}
    none = dict.fromkeys(every, "{}")
    few = {**every, **{probe.id: "{}" for probe in SUITE[:2]}}
    assert sentence("step 60", every, every).startswith(
        "On questions outside the task, the base passes 24 of 24 and step 60 passes 24: nothing was lost (general "
        "questions 12 to 12"
    )
    told = sentence("step 60", every, none)
    assert "it has forgotten (general questions 12 to 0, refusals 4 to 0, form 8 to 2; p < 0.001)" in told
    assert "2 were lost and 0 gained" in sentence("step 60", every, few)
    assert "do not show that it has forgotten anything" in sentence("step 60", every, few)


def test_the_job_asks_the_base_and_the_checkpoint_once(
    catalog: Catalog, project: Project, checkpoints: list[Checkpoint]
) -> None:
    order = GuardOrder(candidates=("base", checkpoints[0].id))
    told = run_guard(make_work(catalog, project, order))
    assert told.startswith("On questions outside the task, the base passes ")
    assert "step 20" in told
    files = sorted((catalog.folder(project) / "evaluations").glob("off-task-*.jsonl"))
    before = [path.read_bytes() for path in files]
    assert [data.count(b"\n") for data in before] == [24, 24]
    assert before[0] != before[1]
    assert run_guard(make_work(catalog, project, order)) == told
    assert [path.read_bytes() for path in files] == before
    assert {one.what for one in catalog.find(Expense, project.id)} == {"questions off the task"}


def test_it_needs_the_users_yes(catalog: Catalog, project: Project, checkpoints: list[Checkpoint]) -> None:
    bench = Bench(catalog, project)
    settled = bench.settle("check_forgetting", {"checkpoint": "step 20"})
    assert settled.json == {"checkpoint": checkpoints[0].id}
    assert settled.command.risk == "spend"
    assert settled.estimate(bench.here).what.startswith("2 x 24 questions")
