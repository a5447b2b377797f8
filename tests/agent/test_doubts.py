"""What is told about rows in the chat, in the user's language, and the words that mend it."""

import json
from pathlib import Path

import pytest

from agent.phrase import parse
from agent.session import Session
from tests.dataset.rows import distinct, sample
from tools.catalog import Catalog
from tools.records import Project, Sample


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("keep the first", "first"),
        ("merge labels", "labels"),
        ("strip tokens", "tokens"),
        ("last answers only", "last"),
        ("every answer", "every"),
        ("unpin", "unpin"),
        ("keep the near ones", "near"),
        ("keep them all", "all"),
        ("保留第一个", "first"),
        ("合并标签", "labels"),
        ("去掉特殊标记", "tokens"),
        ("只学最后回答", "last"),
        ("学每个回答", "every"),
        ("取消固定", "unpin"),
        ("保留相近的", "near"),
        ("全部保留", "all"),
    ],
)
def test_the_words(text: str, how: str) -> None:
    said = parse(text)
    assert said is not None
    assert (said.verb, said.arguments) == ("mend_rows", {"how": how})


def told(session: Session, text: str, files: tuple[Path, ...] = ()) -> str:
    return " ".join(entry.text for entry in session.say(text, files=files) if entry.role != "user")


def rows_file(path: Path) -> Path:
    pairs = [(f"late {number}", "Complaint") for number in range(6)] + [
        (f"nice {number}", "praise") for number in range(6)
    ]
    pairs += [("late 1", "praise"), ("late 77", "complaint"), ("what </s> now", "praise")]
    path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in pairs))
    return path


@pytest.mark.parametrize(
    "case",
    [
        (
            "Classify English messages",
            "merge labels",
            ("Inputs with different answers: 1", "`merge labels`", "</s>", "The file's name says test", "`unpin`"),
            "The labels are merged; rows written anew: 1",
        ),
        (
            "把英文消息分类",
            "合并标签",
            ("同一输入有不同答案：1 个", "`合并标签`", "</s>", "固定为测试行", "`取消固定`"),
            "标签已合并；改写了 1 行",
        ),
    ],
)
def test_an_import_tells_and_a_word_mends(
    catalog: Catalog, project: Project, tmp_path: Path, case: tuple[str, str, tuple[str, ...], str]
) -> None:
    goal, words, tells, done = case
    session = Session(catalog, catalog.save(project.but(goal=goal, task={})).id)
    told(session, "hello" if words.isascii() else "你好，看看这个")
    heard = told(session, "", files=(rows_file(tmp_path / "test.jsonl"),))
    for one in tells:
        assert one in heard, (one, heard)
    assert done in told(session, words)
    assert {one.answer for one in catalog.find(Sample, project.id)} == {"Complaint", "praise"}
    told(session, "undo" if words.isascii() else "撤销")
    assert {one.answer for one in catalog.find(Sample, project.id)} == {"Complaint", "complaint", "praise"}


def test_freezing_tells_what_it_left_out_and_who_vouches(catalog: Catalog, project: Project) -> None:
    rows = distinct(project, 40, source="import:a.csv")
    pinned = [one.but(split="test") for one in rows[:6]]
    near = sample(project, f"Hello there, {rows[1].question}.", source="import:a.csv")
    catalog.add_all([*rows[6:], *pinned, near])
    session = Session(catalog, catalog.save(project.but(goal="Contacts")).id)
    heard = told(session, "freeze")
    assert "nearly that of a pinned dev or test row: 1" in heard
    assert "Hello there" in heard
    assert "`keep the near ones`" in heard
    assert "How they got in: 40 imported" in heard
    assert "are kept" in told(session, "keep the near ones")
    assert "Left out" not in told(session, "freeze")
    told(session, "undo")
    assert "几乎相同，所以没有放进去：1 行" in told(session, "冻结")
    assert "41 imported" in told(session, "状态")


def test_a_goal_in_chinese_is_not_asked_for_its_language(catalog: Catalog) -> None:
    session = Session(catalog)
    told(session, "从短信中提取姓名、电话")
    assert session.project is not None
    assert session.project.task.language == "zh"
    english = Session(catalog)
    told(english, "Extract name and phone from messages")
    assert english.project is not None
    assert english.project.task.language == ""
