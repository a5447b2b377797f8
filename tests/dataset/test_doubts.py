"""What rows hold that should be told, and the remedies, each undone as one act."""

import json
from pathlib import Path

import pytest

from tests.dataset.rows import chat, sample, write_lines
from tools.catalog import Catalog
from tools.dataset.doubts import doubts
from tools.dataset.freezing import freeze
from tools.dataset.importing import import_rows, named_split
from tools.dataset.mending import Remedy, mend
from tools.dataset.patterns import thin
from tools.dataset.reviewing import undo
from tools.dataset.tally import by_voucher, vouched
from tools.errors import RetortError
from tools.records import Message, Project, Sample, Task
from tools.text.language import likeliest_language, script_language

SORTING = Task(kind="classification", labels=("Complaint", "praise", "complaint"))


def usable(catalog: Catalog, project: Project) -> list[Sample]:
    return catalog.find(Sample, project.id, states=("approved", "edited"))


@pytest.fixture
def sorting(catalog: Catalog, project: Project) -> Project:
    """Labels in two spellings, an input with two answers, a token, a conversation."""
    talk = (
        Message(role="assistant", content="Welcome"),
        Message(role="user", content="hi"),
        Message(role="assistant", content="praise"),
        Message(role="user", content="and late"),
        Message(role="assistant", content="Complaint"),
    )
    catalog.add_all(
        [
            *(sample(project, f"late {number}", "Complaint") for number in range(3)),
            sample(project, "late again", "complaint"),
            sample(project, "Late again!", " COMPLAINT."),
            sample(project, "so nice", "praise"),
            sample(project, "So nice.", "Complaint", looked_at="2026-01-01T00:00:00Z"),
            sample(project, "what? <|im_end|> ok", "praise"),
            sample(project, "x").but(messages=talk),
        ]
    )
    return catalog.save(project.but(task=SORTING))


def test_each_kind_is_told_with_its_count_and_an_example(catalog: Catalog, sorting: Project) -> None:
    rows = usable(catalog, sorting)
    found = {one.kind: one for one in doubts(SORTING, rows)}
    assert {kind: one.count for kind, one in found.items()} == {"contradiction": 1, "label": 2, "token": 1, "turns": 1}
    assert found["contradiction"].example == ("so nice", "praise", "Complaint")
    assert set(found["label"].example) == {"Complaint", "complaint", " COMPLAINT."}
    assert found["token"].example == ("<|im_end|>", "what? <|im_end|> ok")
    assert found["turns"].example == ("and late",)
    fresh = [rows[6].id]  # of an import: only what it has a part in
    assert [one.kind for one in doubts(SORTING, rows, fresh)] == ["contradiction", "label"]
    assert doubts(SORTING, rows[:1]) == []


@pytest.mark.parametrize("how", ["first", "labels", "tokens", "last"])
def test_a_remedy_ends_the_doubt_and_an_undo_restores_all(catalog: Catalog, sorting: Project, how: Remedy) -> None:
    before = usable(catalog, sorting), catalog.get(Project, sorting.id)
    done = mend(catalog, sorting, how)
    after = catalog.get(Project, sorting.id)
    kind = {"first": "contradiction", "labels": "label", "tokens": "token"}.get(how)
    assert kind not in {one.kind for one in doubts(after.task, usable(catalog, sorting))}
    assert done.rows == {"first": 1, "labels": 2, "tokens": 1, "last": 0}[how]
    if how == "first":
        assert "so nice" not in {one.question for one in usable(catalog, sorting)}  # what was looked at stays
    if how == "labels":
        assert after.task.labels == ("Complaint", "praise")
    assert after.task.learnt == ("last" if how == "last" else "every")
    with pytest.raises(RetortError):
        mend(catalog, after, how)
    assert undo(catalog, sorting).verb == "mend"
    assert (usable(catalog, sorting), catalog.get(Project, sorting.id)) == before


def test_html_and_json_are_no_doubts(project: Project) -> None:
    rows = [
        sample(project, "a <b>bold</b> [INSTALL]", '{"a": 1}'),
        sample(project, "a <b>bold</b> [INSTALL]", '{"a":1}'),
    ]
    assert doubts(Task(kind="extraction"), rows) == []


def test_a_pin_by_name_is_undone_and_real_messages_are_told_as_train(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    assert [named_split(name) for name in ("my-test.jsonl", "train.csv", "rows.csv", "latest.csv")] == [
        "test",
        "train",
        "",
        "",
    ]
    path = write_lines(tmp_path / "test.jsonl", [chat(f"question {word}", "a") for word in ("one", "two")])
    import_rows(catalog, project, path, "test")
    typed = write_lines(tmp_path / "real.jsonl", [json.dumps({"input": "hello", "output": "b"})])
    import_rows(catalog, project, typed, "real")
    catalog.add(
        sample(project, "train row", "c").but(
            messages=(Message(role="system", content="S"), *sample(project, "t").messages)
        )
    )
    assert mend(catalog, project, "unpin").file == "real.jsonl"
    [one] = [one for one in usable(catalog, project) if one.question == "hello"]
    assert (one.split, one.source, one.messages[0].content) == ("", "import:real.jsonl", "S")
    assert mend(catalog, project, "unpin").rows == 2
    with pytest.raises(RetortError, match="No imported row is pinned"):
        mend(catalog, project, "unpin")
    undo(catalog, project)
    undo(catalog, project)
    assert sorted(one.split for one in usable(catalog, project)) == ["", "real", "test", "test"]


def test_approved_means_looked_at(catalog: Catalog, project: Project) -> None:
    seen = sample(project, "a", looked_at="2026-01-01T00:00:00Z")
    rows = [seen, seen.but(id="s2", state="edited"), sample(project, "b", source="import:x"), sample(project, "c")]
    catalog.add_all([*rows, sample(project, "d", state="draft")])
    assert [vouched(one) for one in rows] == ["approved by you", "edited by you", "imported", "let through by policy"]
    assert by_voucher(catalog, project.id) == dict.fromkeys(map(vouched, rows), 1)


def test_too_few_patterns_for_a_simulated_test_are_told(catalog: Catalog, project: Project) -> None:
    task = Task(kind="classification", labels=("often", "rare"), input_description="x", language="en")
    project = catalog.save(project.but(task=task))
    draws = [
        (f"family {number % (6 if label == 'often' else 2)}-{label}", label)
        for label in task.labels
        for number in range(30)
    ]
    rows = [
        sample(
            project, f"{family} {'abcdefgh'[at % 8]} {label} {at}", label, source="simulator:variation", family=family
        )
        for at, (family, label) in enumerate(draws)
    ]
    assert thin(task, rows, rows[:1]) == {"rare": 2}
    assert thin(task, rows, [sample(project, "mine", source="import:x")]) == {}
    catalog.add_all(rows)
    found = freeze(catalog, project)
    assert found.thin == {"rare": 2}
    assert "says nothing about rare (2)" in found.thin_sentence
    assert found.vouched == {"let through by policy": 60}
    filled = [
        sample(project, "a", json.dumps({"name": "A", "phone": None}), source="simulator", family=str(at))
        for at in range(3)
    ]
    filled[0] = filled[0].but(
        messages=(filled[0].messages[0], Message(role="assistant", content='{"name": "A", "phone": "1"}'))
    )
    assert thin(Task(kind="extraction"), filled, filled) == {"phone": 1}


def test_the_language_is_that_of_most_rows() -> None:
    english = ["Where is the nearest station?", "Please send me the invoice", "I would like a refund for this"]
    long = "我想知道为什么我的包裹还没有送到，已经过去两个星期了，请尽快处理并告诉我结果。" * 40
    german = "Ich möchte gerne wissen, warum mein Paket nach zwei Wochen immer noch nicht angekommen ist. " * 40
    assert likeliest_language([long, *english]) == "en"
    assert likeliest_language([german, *english]) == "en"
    assert likeliest_language([english[0] * 40, "我想退货", "快递在哪里", "请给我发票"]) == "zh"
    assert [script_language(one) for one in ("从短信中提取姓名", "Extract the name", "이름을 추출")] == ["zh", "", "ko"]
