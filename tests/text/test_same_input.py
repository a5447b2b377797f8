"""Every stage that asks whether two inputs are the same gets the same answer."""

import asyncio
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CONTACTS
from tests.dataset.rows import sample
from tests.synthesis.tasks import BANK
from tools.catalog import Catalog
from tools.dataset.grouping import near_duplicates
from tools.dataset.splits import Row
from tools.evaluation.job import find_leaks
from tools.records import Message, Project, Sample
from tools.simulator.simulator import Simulator
from tools.synthesis.check.judging import fingerprints, repeats
from tools.synthesis.making import Finished, Maker
from tools.synthesis.request.writing import write
from tools.teacher.protocol import Drafted, Prompt, TeacherRequest
from tools.text.same_input import input_key, same_key

SAME = (
    ("Call Ann, please!", "call ann please"),
    ("Wait ... what’s 12+30?", "wait, WHAT'S 12 + 30"),
    ('He said: "well - known"', "he said ‘well-known’."),
    ("电话：１２３，谢谢！", "电话 123 谢谢"),
    ("你好，我想订一张票。", "你好我想订一张票"),
    ("《红楼梦》的作者是谁？", "红楼梦 的作者是谁"),
)
TWO = (
    ("Room A-1", "Room A 1"),
    ("What is 12 + 30?", "What is 12 - 30?"),
    ("I can't come", "I cant come"),
    ("请看A-1座", "请看A1座"),
    ("十二＋３０是多少", "十二－３０是多少"),
    ("一共3.5元", "一共35元"),
)
MORE_TWO = (
    ("take .5 mg", "take 5 mg"),
    ("at 12:30", "at 1230"),
    ("2 * (3 + 4)", "2 * 3 + 4"),
    ("a != b", "a = b"),
    ("write to a.b@c.org", "write to ab@c.org"),
    ("thanks 😊", "thanks"),
    ("3、5号", "35号"),
)
Asked = Callable[[Catalog, Project, str, str], bool]


def by_generation(catalog: Catalog, project: Project, first: str, second: str) -> bool:
    """The second of two drafts is counted as a repeat."""
    maker = Maker(catalog, project, Simulator(CONTACTS, "x"), seed="x", state="approved")
    drafts = tuple(Drafted(input=text, output="{}") for text in (first, second))
    [kept] = maker.keep([Finished(request=maker.request(0, 2), samples=drafts)], 2)
    assert kept.answer.duplicates in (0, 1)
    return kept.answer.duplicates == 1


def by_generation_of_stored(catalog: Catalog, project: Project, first: str, second: str) -> bool:
    """A draft repeats what an earlier job left."""
    catalog.add(sample(project, first))
    maker = Maker(catalog, project, Simulator(CONTACTS, "x"), seed="x", state="approved")
    [kept] = maker.keep([Finished(request=maker.request(0, 1), samples=(Drafted(input=second, output="{}"),))], 1)
    return kept.answer.duplicates == 1


def by_fingerprints(_catalog: Catalog, project: Project, first: str, second: str) -> bool:
    """The answers differ, so that a near copy would be another scope."""
    sealed = fingerprints(CONTACTS, [sample(project, first, '{"name": "Ann"}')])
    return repeats(CONTACTS, sample(project, second, '{"name": "Bob"}'), [sealed])


def by_split(_catalog: Catalog, project: Project, first: str, second: str) -> bool:
    """Among sums only equal inputs are kept together, so that near ones are not."""
    a, b = sample(project, first), sample(project, second)
    near = near_duplicates([a, b, *(sample(project, f"{at} + {at + 1}") for at in range(40))])
    assert "only equal inputs" in near.notes[0]
    return near.leader(a) == near.leader(b)


def by_leak_check(_catalog: Catalog, project: Project, first: str, second: str) -> bool:
    """The answers differ, so that a near match would be none."""

    def row(made: Sample) -> Row:
        return Row(id=made.id, messages=made.messages)

    asked = row(sample(project, second, "no"))
    return find_leaks([row(sample(project, first, "yes"))], [asked]) == (asked.id,)


def by_vote(_catalog: Catalog, _project: Project, first: str, second: str) -> bool:
    """Two of the teacher's answers to one input agree."""
    replies = [
        json.dumps({"samples": [{"input": "a message", "output": first}]}),
        json.dumps({"answers": [{"number": 1, "output": second}]}),
    ]

    async def ask(_prompt: Prompt) -> str:
        return replies.pop(0)

    request = TeacherRequest(task=BANK, number=0, first=0, count=1, answers_each=2)
    [drafted] = asyncio.run(write(request, ask))
    assert drafted.problem in ("", "only 1 of 2 answers agree")
    return drafted.problem == ""


USERS = [by_generation, by_generation_of_stored, by_fingerprints, by_split, by_leak_check, by_vote]


@pytest.mark.parametrize("asked", USERS)
@pytest.mark.parametrize(("first", "second"), SAME)
def test_one_input_is_one_everywhere(catalog: Catalog, project: Project, asked: Asked, first: str, second: str) -> None:
    assert asked(catalog, project, first, second)


@pytest.mark.parametrize("asked", USERS)
@pytest.mark.parametrize(("first", "second"), TWO)
def test_two_inputs_stay_two_everywhere(
    catalog: Catalog, project: Project, asked: Asked, first: str, second: str
) -> None:
    assert not asked(catalog, project, first, second)


@pytest.mark.parametrize(("first", "second"), MORE_TWO)
def test_what_may_carry_a_meaning_counts(first: str, second: str) -> None:
    assert same_key(first) != same_key(second)


def test_an_accent_that_stands_for_an_apostrophe_is_one() -> None:
    assert same_key("I can´t") == same_key("i can't")
    assert same_key(same_key("a¨")) == same_key("a¨")


@given(st.text(st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from(" .,:!='-+()a1你")), max_size=20))
def test_a_key_is_its_own_key(text: str) -> None:
    key = same_key(text)
    assert same_key(key) == key
    assert bool(key) == bool(text.split())


def test_an_input_is_all_that_is_read_but_the_system_prompt() -> None:
    def told(*turns: tuple[str, str]) -> str:
        return input_key([Message(role=role, content=text) for role, text in turns])  # type: ignore[arg-type]

    talk = [("user", "Is it open?"), ("assistant", "Shall I ask?"), ("user", "yes")]
    plain = told(*talk, ("assistant", "It is."))
    assert plain == told(("system", "Be brief."), *talk, ("assistant", "No."))
    assert plain != told(("user", "yes"), ("assistant", "It is."))
    assert plain != told(*talk[:1], ("assistant", "Shall I call?"), *talk[2:], ("assistant", "It is."))
