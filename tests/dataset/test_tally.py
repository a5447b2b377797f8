"""What the database counts for a review is what a look at every sample gives; and how few samples are read for it."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.dataset.rows import sample
from tools.catalog import Catalog, Page
from tools.dataset import looking
from tools.dataset.looking import Standing, draw_next, standing
from tools.dataset.reviewing import approve, newest_act, reject, undo
from tools.dataset.tally import COLUMNS
from tools.errors import RetortError
from tools.records import Project, Rule, Sample
from tools.synthesis.check.rules import unseen
from tools.synthesis.check.traits import has

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ("Zürich", "Σίσυφος", 'a "quoted" word', "plain")
SOURCES = ("teacher:big", "simulator:chat", "import:mine.csv", "Import:no", "user", "user's", "USER")


def some(project: Project, seed: int) -> list[Sample]:
    """Samples in any state, drawn and looked at or not, made at few distinct times so that some are equal."""
    draws = random.Random(seed)

    def moment(most: int) -> datetime:
        zone = timezone(timedelta(hours=draws.choice((0, 8, -5))))
        return (START + timedelta(hours=draws.randrange(most))).astimezone(zone)

    return [
        sample(
            project,
            f"{draws.choice(WORDS)} {number}",
            draws.choice(('{"a": "B\\nc"}', "text")),
            state=draws.choice(("draft", "approved", "approved", "edited", "rejected")),
            source=draws.choice(SOURCES),
            created_at=moment(6),
            looked_at=draws.choice((None, None, moment(20))),
            drawn_at=draws.choice((None, moment(20))),
            reason=draws.choice(("", "No phone")),
            cell=draws.choice(({}, {"x": "1", "y": "2"}, {"y": "2", "x": "1"}, {"x": 'a"b%'})),
        )
        for number in range(draws.randrange(25))
    ]


# --- by a look at every sample, as the definitions are -------------------------------------------------------------


def counting(every: Sequence[Sample], rules: Sequence[Rule]) -> list[Sample]:
    made = [one.created_at for one in every if one.drawn_at or may_be_drawn(one)]
    changed = max([*made, *(one.enforced_at for one in rules if one.enforced_at)], default=None)
    return [one for one in every if one.drawn_at and changed and one.drawn_at > changed]


def may_be_drawn(one: Sample) -> bool:
    return one.state == "approved" and unseen(one)


def by_all(every: Sequence[Sample], rules: Sequence[Rule]) -> Standing:
    usable = [one for one in every if one.state in ("approved", "edited")]
    given = sum(one.source.startswith("import:") for one in usable)
    fresh = sum(map(unseen, usable))
    counted = counting(every, rules)
    judged = [one for one in counted if one.looked_at]
    return Standing(
        given=given,
        seen=len(usable) - given - fresh,
        unseen=fresh,
        drawn=len(judged),
        bad=sum(one.state != "approved" for one in judged),
        waiting=sum(unseen(one) for one in counted),
    )


@pytest.fixture(params=range(40))
def every(request: pytest.FixtureRequest, catalog: Catalog, project: Project) -> list[Sample]:
    made = some(project, request.param)
    catalog.add_all(made)
    other = catalog.add(project.but(id="project-other", slug="other"))
    catalog.add_all(some(other, request.param + 1000))
    if request.param % 3 == 0:
        rule = Rule(id="rule-1", owner="local", project_id=project.id, text="x", enforced_at=START + timedelta(hours=9))
        catalog.add(rule)
    return made


def test_the_bound_is_what_a_look_at_all_gives(catalog: Catalog, project: Project, every: list[Sample]) -> None:
    assert standing(catalog, project) == by_all(every, catalog.find(Rule, project.id))


def test_the_same_samples_are_drawn(
    catalog: Catalog, project: Project, every: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same random numbers, those by place in the list of what may be drawn."""
    pool = [one for one in every if may_be_drawn(one)]
    waiting = [one for one in counting(every, catalog.find(Rule, project.id)) if may_be_drawn(one)][:3]
    free = [one for one in pool if one not in waiting]
    expected = [*waiting, *random.Random(5).sample(free, min(3 - len(waiting), len(free)))]
    monkeypatch.setattr(looking, "SystemRandom", lambda: random.Random(5))
    if not pool:
        with pytest.raises(RetortError, match="reviewed every sample"):
            draw_next(catalog, project, 3, "random")
        return
    drawn = draw_next(catalog, project, 3, "random")
    assert [one.id for one in drawn] == [one.id for one in expected]
    assert all(one.drawn_at for one in drawn)


def test_cells_are_drawn_evenly_as_before(catalog: Catalog, project: Project, every: list[Sample]) -> None:
    seen = Counter(cell for one in every if one.looked_at for cell in one.cell.items())
    left = [one for one in every if may_be_drawn(one) and one.cell]
    if not left:
        with pytest.raises(RetortError):
            draw_next(catalog, project, 4, "coverage")
        return
    chosen: list[Sample] = []
    while left and len(chosen) < 4:
        chosen.append(min(left, key=lambda one: min(seen[cell] for cell in one.cell.items())))
        left.remove(chosen[-1])
        seen.update(chosen[-1].cell.items())
    assert draw_next(catalog, project, 4, "coverage") == chosen


# --- how much is read ----------------------------------------------------------------------------------------------


@contextmanager
def reading() -> Iterator[list[str]]:
    """The kinds of the records that are read meanwhile."""
    from pydantic import BaseModel

    from tools.records import Record

    read: list[str] = []
    real = BaseModel.model_validate_json.__func__  # type: ignore[attr-defined]

    def counted(cls: type[Record], *arguments: Any, **named: Any) -> Any:
        read.append(cls.__name__)
        return real(cls, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Record, "model_validate_json", classmethod(counted))
        yield read


@pytest.fixture
def many(catalog: Catalog, project: Project) -> list[Sample]:
    made = [sample(project, f"question {number}", source="teacher:big") for number in range(600)]
    catalog.add_all(made)
    return made


def test_judging_drawing_and_undo_read_what_they_change(catalog: Catalog, project: Project, many: list[Sample]) -> None:
    with reading() as read:
        drawn = draw_next(catalog, project, 5, "random")
    assert read.count("Sample") == 5
    with reading() as read:
        standing(catalog, project)
    assert "Sample" not in read
    with reading() as read:
        approve(catalog, project, [drawn[0].id])
        reject(catalog, project, [drawn[1].id], "no")
    assert read == ["Sample"] * 2
    with reading() as read:
        assert (newest_act(catalog, project) or pytest.fail("no act")).verb == "reject"
    assert not read
    with reading() as read:
        assert undo(catalog, project).samples == (drawn[1],)
    assert sorted(read) == ["Judgement", "Sample"]


def test_a_page_reads_its_own_samples(catalog: Catalog, project: Project, many: list[Sample]) -> None:
    with reading() as read:
        page = catalog.find(Sample, project.id, where=(COLUMNS.looked.is_(False),), page=Page(590, 40))
        newest = catalog.find(Sample, project.id, newest=2)
        named = catalog.named(Sample, [many[3].id, "sample-none", many[1].id, many[3].id])
    assert (page, newest, named) == (many[590:], many[-2:], [many[1], many[3]])
    assert len(read) == 14


def test_a_rule_learns_without_reading_what_it_need_not(catalog: Catalog, project: Project, many: list[Sample]) -> None:
    from tools.synthesis.check.rules import propose

    [bad] = reject(catalog, project, [many[5].id], "wrong tone")
    approve(catalog, project, [many[6].id])
    with reading() as read:
        rule = propose(catalog, project, [bad], "wrong tone")
    assert not rule.traits
    assert read.count("Sample") <= 2
    [bad] = reject(catalog, project, [many[7].id], "it says question")
    rule = propose(catalog, project, [bad], "it says question")
    assert rule.matches == sum(
        has(one, rule.traits, rule.text) for one in catalog.each(Sample, project.id) if unseen(one)
    )
