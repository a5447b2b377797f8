"""Scores of fields with a form: the same value in another form is right for the field, wrong for the whole answer."""

import json

import pytest

from tests.evaluation.test_metrics import row
from tests.evaluation.world import make_evaluation
from tools.catalog import Catalog
from tools.dataset.splits import read_dev
from tools.evaluation.compare.failures import failures
from tools.evaluation.score.metrics import is_exact, score
from tools.evaluation.score.objects import forms_told
from tools.records import Dataset, Form, Project, Task, TaskField
from ui.show.kind import Shown
from ui.show.scores import comparison_card, comparison_lines

TASK = Task(
    kind="extraction",
    input_description="notes",
    language="en",
    fields=(
        TaskField(name="day", form=Form(name="date", detail="YYYY-MM-DD")),
        TaskField(name="weight", kind="number", form=Form(name="unit", detail="kg")),
        TaskField(name="level", choices=("low", "high")),
        TaskField(name="name"),
        TaskField(name="lines", kind="list", fields=(TaskField(name="cost", kind="number", form=Form(name="number")),)),
    ),
)


def answer(**told: object) -> str:
    right = {"day": "2026-03-31", "weight": 12.5, "level": "low", "name": "Ann", "lines": [{"cost": 3}]}
    return json.dumps({**right, **told})


@pytest.mark.parametrize(
    ("told", "right", "exact"),
    [
        ({}, True, True),
        ({"weight": 12.50, "lines": [{"cost": 3.0}]}, True, True),
        ({"day": "31 March 2026"}, True, False),
        ({"weight": "12,5 kg"}, True, False),
        ({"weight": "12500 g"}, True, False),
        ({"level": "Low"}, True, False),
        ({"lines": [{"cost": "3.00"}]}, True, False),
        ({"day": "30 March 2026"}, False, False),
        ({"day": "03/04/2026"}, False, False),
        ({"day": None}, False, False),
        ({"weight": "12,5 lb"}, False, False),
        ({"name": "ANN"}, False, False),
        ({"lines": []}, False, False),
    ],
)
def test_fields_compare_what_is_meant_and_exact_match_asks_for_the_form(
    told: dict[str, object], right: bool, exact: bool
) -> None:
    scores = score(TASK, [row("1", answer())], {"1": answer(**told)})
    assert scores.exact_match.hits == exact
    assert all(one.hits for one in scores.fields.values()) is right
    assert (scores.measures["F1"].share == 1) is right
    assert is_exact(TASK, answer(), answer(**told)) is exact


def test_a_reference_in_another_form_is_met_by_the_form_alone() -> None:
    typed = answer(day="31 March 2026")
    assert is_exact(TASK, typed, answer())
    assert not is_exact(TASK, typed, typed)
    assert is_exact(TASK, answer(day="tomorrow"), answer(day="tomorrow"))  # nothing that a form could hold it to
    assert not is_exact(TASK, answer(day="03/04/2026"), answer(day="2026-04-03"))


def test_a_right_value_in_another_form_is_a_failure_of_its_own(
    catalog: Catalog, project: Project, dataset: Dataset
) -> None:
    form = Form(name="lower")
    fields = tuple(one.model_copy(update={"form": form} if one.name == "name" else {}) for one in project.task.fields)
    project = catalog.save(project.but(task=project.task.model_copy(update={"fields": fields})))
    rows = read_dev(catalog, dataset)
    answers = {one.id: one.answer for one in rows}
    evaluation = make_evaluation(
        catalog, project, dataset, "ckpt", answers, scores=score(project.task, rows, answers), split="dev"
    )
    assert [one.name for one in failures(catalog, project, evaluation)] == ["name is right, but not in its form"]
    assert evaluation.scores.exact_match.hits == 0
    assert evaluation.scores.fields["name"].share == 1
    shown = Shown(catalog=catalog, project=project, ids=(evaluation.id,), said="")
    for told in (comparison_card(shown), comparison_lines(shown)):
        assert "exact match and valid JSON also ask for its form: name written in small letters." in told


def test_the_rule_is_told_only_where_a_field_has_a_form() -> None:
    assert "day written as 2026-03-31 (YYYY-MM-DD)" in forms_told(TASK.fields)
    assert "lines.cost written as a plain number" in forms_told(TASK.fields)
    assert forms_told((TaskField(name="name"),)) == ""
