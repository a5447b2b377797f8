"""What may be frozen: which samples count as looked at, what a random draw shows, and that freezing keeps to it."""

import random

import pytest

from tests.dataset.rows import distinct
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.dataset.looking import draw_next, standing
from tools.dataset.reviewing import approve, reject, undo
from tools.dataset.versions import read_index
from tools.errors import RetortError
from tools.records import Policy, Project, Sample
from tools.synthesis.check.rules import confirm_by_code, propose


@pytest.fixture
def made(catalog: Catalog, project: Project) -> list[Sample]:
    """90 generated samples, 10 imported ones."""
    samples = distinct(project, 100, source="teacher:big", job_id="job-1")
    samples[90:] = [one.but(source="import:mine.csv", job_id="") for one in samples[90:]]
    catalog.add_all(samples)
    return samples


def test_by_default_all_goes_in_and_the_truth_is_told(catalog: Catalog, project: Project, made: list[Sample]) -> None:
    approve(catalog, project, [one.id for one in made[:6]])
    dataset = freeze(catalog, project)
    assert sum(dataset.rows.values()) == 100
    assert "6 samples are reviewed, 84 are not. No random draw has been reviewed" in dataset.review
    assert "10 imported rows are used as you gave them" in dataset.review


def test_all_reviewed_leaves_out_what_nobody_saw(catalog: Catalog, project: Project, made: list[Sample]) -> None:
    project = catalog.save(project.but(policy=Policy(kind="all")))
    approve(catalog, project, [one.id for one in made[:20]])
    reject(catalog, project, [made[0].id], "no")
    dataset = freeze(catalog, project, test_rows=5, dev_rows=3)
    expected = {one.id for one in (*made[1:20], *made[90:])}
    assert {entry.id for entry in read_index(catalog, dataset)} == expected
    assert [(one.why, one.rows) for one in dataset.left_out] == [("unreviewed", 70)]


def test_a_bound_wants_a_random_draw(catalog: Catalog, project: Project, made: list[Sample]) -> None:
    """Samples picked by the user say nothing; 29 drawn at random and all good show less than 10 % bad."""
    project = catalog.save(project.but(policy=Policy(most_bad=0.1)))
    approve(catalog, project, [one.id for one in made[:40]])
    with pytest.raises(RetortError, match="review 29"):
        freeze(catalog, project)
    first = draw_next(catalog, project, 10, "random")
    assert {one.id for one in draw_next(catalog, project, 10, "random")} == {one.id for one in first}
    drawn = draw_next(catalog, project, 29, "random")
    assert {one.id for one in first} < {one.id for one in drawn}
    approve(catalog, project, [one.id for one in drawn[:-1]])
    with pytest.raises(RetortError, match=r"28 reviewed, 0 bad, so less than 10\.1 %"):
        freeze(catalog, project)
    approve(catalog, project, [drawn[-1].id])
    dataset = freeze(catalog, project)
    assert "29 reviewed, 0 bad, so less than 9.8 % are bad (95 % confidence)" in dataset.review
    undo(catalog, project)
    reject(catalog, project, [drawn[-1].id], "dull")
    with pytest.raises(RetortError, match="29 reviewed, 1 bad"):
        freeze(catalog, project)


def test_new_samples_and_rules_make_earlier_draws_stale(catalog: Catalog, project: Project, made: list[Sample]) -> None:
    drawn = draw_next(catalog, project, 5, "random")
    approve(catalog, project, [one.id for one in drawn[1:]])
    [bad] = reject(catalog, project, [drawn[0].id], f"it says {drawn[0].question.split()[0]}")
    assert (standing(catalog, project).drawn, standing(catalog, project).bad) == (5, 1)
    rule = propose(catalog, project, [bad], bad.reason)
    confirm_by_code(catalog, project, rule)
    assert standing(catalog, project).drawn == 0
    approve(catalog, project, [one.id for one in draw_next(catalog, project, 5, "random")])
    assert standing(catalog, project).drawn == 5
    catalog.add(distinct(project, 101)[100].but(source="teacher:big"))
    assert standing(catalog, project).drawn == 0


def test_what_is_odd_is_found_and_does_not_count(catalog: Catalog, project: Project, made: list[Sample]) -> None:
    odd = catalog.save(
        made[7].but(messages=(made[7].messages[0].model_copy(update={"content": "zq#! xw9%"}), made[7].messages[1]))
    )
    assert draw_next(catalog, project, 1, "unusual")[0].id == odd.id
    with pytest.raises(RetortError, match="approved some samples and rejected others"):
        draw_next(catalog, project, 1, "uncertain")
    cells = [one.but(cell={"length": random.Random(at).choice(["short", "long"])}) for at, one in enumerate(made[:30])]
    catalog.save_all([*cells, made[30].but(cell={"length": "rare"})])
    chosen = draw_next(catalog, project, 3, "coverage")
    assert {one.cell["length"] for one in chosen} == {"short", "long", "rare"}
    approve(catalog, project, [one.id for one in chosen])
    assert standing(catalog, project).drawn == 0
