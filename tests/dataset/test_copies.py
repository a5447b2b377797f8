"""What counts as a copy: generated text by its frame, a user's own rows by words and values. What freezing tells."""

import json
import random

import pytest

from tests.dataset.rows import WORDS, distinct, sample
from tools.catalog import Catalog
from tools.dataset.drawing import Sizes, draw
from tools.dataset.freezing import freeze
from tools.dataset.mending import mend
from tools.dataset.reviewing import undo
from tools.dataset.splits import Row, read_train
from tools.evaluation.job import find_leaks
from tools.records import Message, Policy, Project, Sample

OWN = {"source": "import:mine.csv"}


def form(project: Project, draws: random.Random, **fields: object) -> Sample:
    """A filled form of one layout; its values are in its answer."""
    values = {
        "name": " ".join(draws.sample(WORDS, 2)),
        "city": draws.choice(WORDS),
        "date": f"{draws.randrange(1, 29):02}/{draws.randrange(1, 13):02}/2026",
        "total": f"{draws.randrange(3, 90)}.{draws.randrange(10, 99)}",
    }
    text = (
        "ACME STORES LTD, 12 Harbour Road\nCompany No 4471-K\nRECEIPT OF GOODS RETURNED\n"
        "Customer: {name}\nTown: {city}\nDate: {date}\nAmount to be paid back: {total}\n"
        "Goods can be brought back within fourteen days with this receipt. Thank you for shopping with us."
    ).format(**values)
    return sample(project, text, json.dumps(values), **fields)


def reworded(one: Sample, draws: random.Random, *, zh: bool = False) -> Sample:
    """The same with a greeting, in another order."""
    lines = one.question.split("\n") if "\n" in one.question else one.question.split("。" if zh else ". ")
    lines = [*lines[1:], lines[0]]
    hello, thanks = (
        ("您好，", "，谢谢！") if zh else (draws.choice(["Hi, ", "Hello Ann, ", "Dear team,\n"]), " Many thanks!")
    )
    text = hello + ("。" if zh else "\n").join(lines) + thanks
    return one.but(id=f"{one.id}-again", split="test", messages=(Message(role="user", content=text), one.messages[-1]))


def left_out(samples: list[Sample], copies: str = "out") -> set[str]:
    drawn = draw(samples, Sizes(), 17, copies)  # type: ignore[arg-type]
    return {one.id for one in samples} - {one.id for part in (drawn.train, drawn.dev, drawn.test) for one in part}


@pytest.mark.parametrize("kind", ["extraction", "classification"])
def test_forms_of_one_layout_are_documents_of_their_own(project: Project, kind: str) -> None:
    draws = random.Random(3)
    forms = [form(project, draws, **OWN) for _ in range(600)]
    if kind == "classification":
        label = Message(role="assistant", content="refund")
        forms = [one.but(messages=(one.messages[0], label)) for one in forms]
    pinned = [one.but(split="test") for one in forms[:100]]
    assert len(left_out([*pinned, *forms[100:]])) <= 10  # of 500: 2 %


def test_rewordings_of_own_rows_are_found(project: Project) -> None:
    draws = random.Random(4)
    forms = [form(project, draws, **OWN) for _ in range(300)]
    pinned = [reworded(one, draws) for one in forms[:100]]
    gone = left_out([*forms, *pinned])
    assert len(gone & {one.id for one in forms[:100]}) >= 90
    assert len(gone & {one.id for one in forms[100:]}) <= 4


def test_rewordings_of_generated_rows_are_found_whatever_fills_them(project: Project) -> None:
    """Greeting, order and values are others; the frames are unlike each other."""
    draws = random.Random(5)

    def told(frame: list[str], name: str, number: int) -> str:
        return f"My name is {name} and {' '.join(frame[:6])}. Then {' '.join(frame[6:])} cost {number}"

    frames = [draws.sample(WORDS, 12) for _ in range(200)]
    made = []
    for frame in frames:
        name = draws.choice(WORDS)
        made.append(
            sample(project, told(frame, name, draws.randrange(1000)), json.dumps({"name": name}), source="teacher:x")
        )
    pinned = []
    for frame in frames[:100]:
        name = draws.choice(WORDS)
        one = sample(project, told(frame, name, draws.randrange(1000)), json.dumps({"name": name}), **OWN)
        pinned.append(reworded(one, draws))
    gone = left_out([*made, *pinned])
    assert len(gone & {one.id for one in made[:100]}) >= 90
    assert len(gone & {one.id for one in made[100:]}) <= 2


def test_chinese_rows_too(project: Project) -> None:
    draws = random.Random(6)
    signs = "快递包裹地址电话订单退款商品颜色尺寸发票物流客服时间门店优惠会员积分质量破损延迟更换取消支付银行密码登录"

    def text() -> str:
        name, words = "".join(draws.sample("王李张刘陈杨赵黄周吴", 2)), "".join(draws.sample(signs, 14))
        return f"我叫{name}。{words}。订单号{draws.randrange(10**6)}"

    rows = [sample(project, text(), "退款", **OWN) for _ in range(150)]
    pinned = [reworded(one, draws, zh=True) for one in rows[:50]]
    gone = left_out([*rows, *pinned])
    assert len(gone & {one.id for one in rows[:50]}) >= 45
    assert len(gone & {one.id for one in rows[50:]}) <= 2


def test_other_values_in_own_rows_give_nothing_away(project: Project) -> None:
    draws = random.Random(8)
    label = Message(role="assistant", content="refund")
    a, b = (form(project, draws).but(messages=(form(project, draws).messages[0], label)) for _ in range(2))
    train, test = Row(id=a.id, messages=a.messages), Row(id=b.id, messages=b.messages)
    near = Row(id="near", messages=(Message(role="user", content=a.question.replace("Goods", "Good")), label))
    assert find_leaks([train], [test, near], {a.id, b.id, "near"}) == ("near",)


def test_what_is_left_out_is_counted_and_can_be_kept(catalog: Catalog, project: Project) -> None:
    rows = distinct(project, 60, **OWN)
    pinned = [one.but(split="test") for one in rows[:10]]
    equal = [sample(project, pinned[0].question.upper(), **OWN)]
    near = [sample(project, f"Hello there, {one.question}.", **OWN) for one in pinned[1:4]]
    catalog.add_all([*rows[10:], *pinned, *equal, *near])

    def frozen() -> tuple[list[tuple[str, int]], int]:
        made = freeze(catalog, catalog.get(Project, project.id))
        assert all(one.example for one in made.left_out)
        return [(one.why, one.rows) for one in made.left_out], len(read_train(catalog, made)) + made.rows["dev"]

    assert frozen() == ([("equal", 1), ("near", 3)], 50)
    mend(catalog, project, "near")
    assert frozen() == ([("equal", 1)], 53)
    mend(catalog, catalog.get(Project, project.id), "all")
    assert frozen() == ([], 54)
    undo(catalog, project)
    assert catalog.get(Project, project.id).policy == Policy(copies="near")
    undo(catalog, project)
    assert frozen() == ([("equal", 1), ("near", 3)], 50)
    catalog.add(sample(project, pinned[5].question + "!", **OWN))  # nothing else changed: told all the same
    assert frozen()[0] == [("equal", 2), ("near", 3)]
