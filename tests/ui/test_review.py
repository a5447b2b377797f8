"""The table of a review: its filters and counts are those of a look at every sample, and a page reads its own."""

import re
from collections import Counter

import pytest

from tests.dataset.test_tally import SOURCES, reading, some
from tools.catalog import Catalog
from tools.records import Message, Project, Sample, ToolCall
from ui.review import MOST_SAYING, ROWS, STATES, Looking, Table
from ui.show.samples import state_of


def fits(one: Sample, looking: Looking) -> bool:
    """The filters as they are said, on a sample."""
    state = state_of(one)
    drawn = one.drawn_at is not None and one.looked_at is None and one.state == "approved"
    wider = {"all": True, "to judge": state in ("draft", "not reviewed"), "drawn": drawn}
    if not wider.get(looking.state, state == looking.state) or (looking.source and one.source != looking.source):
        return False
    axis, _, value = looking.cell.partition("=")
    if axis and one.cell.get(axis) != value:
        return False
    words = looking.text.lower()
    return not words or any(words in text.lower() for text in (one.question, one.answer, one.reason))


def keys(table: Table, project: Project, looking: Looking) -> list[str]:
    return [item.key for item in table.items(project, looking, 0) if item.key.startswith("sample-")]


LOOKS = [
    *(Looking(open=True, state=state) for state in STATES),
    *(Looking(open=True, state="all", source=source) for source in (*SOURCES, "nobody")),
    *(Looking(open=True, state="all", cell=cell) for cell in ("x=1", "y=2", 'x=a"b%', "z=1", "x=2")),
    *(Looking(open=True, state="all", text=text) for text in ("ZÜRICH", "σίσυ", '"Quoted', "no phone", '"b\\nC', "%")),
    Looking(open=True, state="to judge", source="teacher:big", cell="x=1", text="plain"),
]


@pytest.mark.parametrize("seed", range(5))
def test_filters_and_counts_are_those_of_a_look_at_all(catalog: Catalog, project: Project, seed: int) -> None:
    made = some(project, seed) + some(project, seed + 100)
    catalog.add_all(made)
    table = Table(catalog)
    for looking in LOOKS:
        assert keys(table, project, looking) == [one.id for one in made if fits(one, looking)][:ROWS], looking
    bar = table.items(project, Looking(open=True, state="all"), 0)[0].html
    shown = {name: int(count) for name, count in re.findall(r">([a-z ]+) \((\d+)\)</option>", bar)}
    expected = Counter(name for name in STATES for one in made if fits(one, Looking(state=name)))
    assert shown == expected | {"all": len(made)}
    assert set(re.findall(r"<option>([^<]*)</option>", bar)) == {
        one.reason for one in made if one.state == "rejected" and one.looked_at
    }


def test_calls_of_tools_are_found_as_they_are_shown(catalog: Catalog, project: Project) -> None:
    call = ToolCall(name="send", arguments={"to": "Ann", "times": 2})
    turns = (Message(role="user", content="send it"), Message(role="assistant", content="", tool_calls=(call,)))
    made = some(project, 3)
    calls = made[0].but(id="sample-calls", messages=turns)
    catalog.add_all([*made, calls])
    for text in ('"to": "ann", "times"', '<tool_call>\n{"name": "send"'):
        assert keys(Table(catalog), project, Looking(open=True, state="all", text=text)) == ["sample-calls"]


def test_a_page_and_a_common_word_read_no_more_than_they_show(catalog: Catalog, project: Project) -> None:
    one = some(project, 3)[0].but(state="approved", source="teacher:big", looked_at=None, drawn_at=None, passage_id="")
    made = [one.model_copy(update={"id": f"sample-{number:05}"}) for number in range(MOST_SAYING + 200)]
    catalog.add_all(made)
    with reading() as read:
        last = Table(catalog).items(project, Looking(open=True, page=10_000), 0)
    assert [item.key for item in last[1:]] == [one.id for one in made[-ROWS:]]
    assert read == ["Sample"] * ROWS
    with reading() as read:
        bar = Table(catalog).items(project, Looking(open=True, text=one.question), 0)[0]
    assert read.count("Sample") == MOST_SAYING + 1
    assert f"more than {MOST_SAYING:,} samples" in bar.html
    assert "page 1 of 25" in bar.html
    with reading() as read:
        assert keys(Table(catalog), project, Looking(open=True, text="no such words")) == []
    assert not read
