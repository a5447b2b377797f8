"""Real messages: given by file, by lines or alone; sealed, never trained on, exported or repeated."""

import json
from pathlib import Path

import pytest

from tests.dataset.rows import distinct, sample, write_lines
from tools.catalog import Catalog
from tools.dataset.card import card, markdown
from tools.dataset.exporting import export
from tools.dataset.freezing import freeze
from tools.dataset.importing import import_rows
from tools.dataset.real import add_answered, add_waiting, is_blank, messages_alone, read_lines, typed
from tools.dataset.reviewing import approve, edit
from tools.dataset.sealed import read_real, read_test
from tools.dataset.splits import read_dev, read_train
from tools.errors import RetortError
from tools.files import is_complete
from tools.records import Dataset, Project, Sample, Task
from tools.synthesis.check.judging import repeats
from tools.synthesis.drafting import draft
from tools.text.likeness import FINGERPRINTS, Fingerprints

ANN = '{"name": "Ann Lee", "phone": "555-0101", "address": null, "email": null}'
LABELS = Task(kind="classification", labels=("refund", "delivery"), out_of_scope="other", input_description="mails")


# --- what is given ------------------------------------------------------------------------------------------------


def test_lines_are_messages_with_answers_or_alone(project: Project) -> None:
    text = f"""
    its ann lee 555-0101 => {ANN}
    ann lee here 555-0101 -> {{"name": "Ann Lee", "phone": "555-0101"}}

    fwd: a -> b pls call
    what? => nothing
    hm => {{"fax": "1"}}
    fwd: a -> b pls call"""
    found = read_lines(text, project.task)
    assert [message for message, _ in found.pairs] == ["its ann lee 555-0101", "ann lee here 555-0101"]
    assert [json.loads(answer) for _, answer in found.pairs] == [json.loads(ANN)] * 2
    assert found.alone == ("fwd: a -> b pls call",)
    assert [(line, reason[:14]) for line, reason in found.skipped] == [(6, "its answer is "), (7, "fax: the task ")]
    labelled = read_lines("money back -> Refund\nwhere is it => delivery\nfwd: a -> b\nhi => hello", LABELS)
    assert labelled.pairs == (("money back", "refund"), ("where is it", "delivery"))
    assert (labelled.alone, len(labelled.skipped)) == (("fwd: a -> b",), 1)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.txt", "hi\n\nhello\nhi\n", ("hi", "hello")),
        ("a.csv", "message\nhi there\nhello\n", ("hi there", "hello")),
        ("a.jsonl", '{"text": "hi"}\n"hello"\n', ("hi", "hello")),
        ("a.jsonl", '{"messages": [{"role": "user", "content": "hi"}]}\n', ("hi",)),
        ("a.csv", "message,answer\nhi,x\n", ()),
        ("a.jsonl", '{"text": "hi", "label": "x"}\n', ()),
        ("a.parquet", "hi", ()),
    ],
)
def test_a_file_of_messages_alone_is_told_from_rows(
    tmp_path: Path, name: str, text: str, expected: tuple[str, ...]
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert messages_alone(path, name) == expected


def test_imported_rows_are_the_users_word_also_where_train_has_them(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "typed.csv"
    path.write_text(f"text,answer\ncall ann lee 555-0101,'{ANN}'\n".replace("'{", '"{').replace("}'", '}"').replace(
        ANN, ANN.replace('"', '""')
    ))  # fmt: skip
    import_rows(catalog, project, path, "train")
    report = import_rows(catalog, project, path, "real")
    assert (report.imported, report.duplicates) == (1, 0)
    assert import_rows(catalog, project, path, "real").duplicates == 1
    [real] = typed(catalog, project)
    assert (real.split, real.state, real.source, real.messages[0].role) == (
        "real",
        "approved",
        "real:typed.csv",
        "user",
    )


def test_messages_alone_wait_for_their_answers_and_count_once_they_are_given(
    catalog: Catalog, project: Project
) -> None:
    catalog.add_all(distinct(project, 40))
    made = add_waiting(catalog, project, ["its ann lee 555-0101", "hello?", "hello?"], "chat").samples
    assert [(one.state, is_blank(project.task, one)) for one in made] == [("draft", True)] * 2
    assert set(json.loads(made[0].answer).values()) == {None}
    assert "real" not in freeze(catalog, project).rows
    with pytest.raises(RetortError, match="2 of these real messages have no answer yet"):
        approve(catalog, project, [one.id for one in made])
    edit(catalog, project, made[0].id, answer=ANN)
    approve(catalog, project, [made[1].id])  # nothing is to be found in it
    assert freeze(catalog, project).rows["real"] == 2
    [blank] = add_waiting(catalog, project.but(task=LABELS), ["my parcel"], "chat").samples
    with pytest.raises(RetortError, match="no answer yet"):
        approve(catalog, project.but(task=LABELS), [blank.id])


# --- what freezing makes of them ----------------------------------------------------------------------------------


def texts(catalog: Catalog, dataset: Dataset) -> dict[str, set[str]]:
    readers = {"train": read_train, "dev": read_dev, "test": read_test, "real": read_real}
    return {name: {row.question for row in read(catalog, dataset)} for name, read in readers.items()}


def test_what_repeats_a_real_message_leaves_and_never_the_other_way(catalog: Catalog, project: Project) -> None:
    rows = distinct(project, 60)
    word = rows[0].question
    pinned = [
        sample(project, word.upper() + "!", "{}", split="train"),
        sample(project, f"{word}, please", "answer 1", split="test"),
        sample(project, rows[7].question, "answer 7", split="dev"),
    ]
    catalog.add_all([*rows, *pinned])
    real = add_answered(catalog, project, [(word, "answer 1"), (rows[7].question, "answer 7")], "chat").samples
    dataset = freeze(catalog, project)
    found = texts(catalog, dataset)
    assert found["real"] == {one.question for one in real} == {word, rows[7].question}
    others = found["train"] | found["dev"] | found["test"]
    assert not {word, word.upper() + "!", f"{word}, please", rows[7].question} & others
    assert len(others) == 58
    assert [(one.why, one.rows) for one in dataset.left_out] == [("equal-real", 4), ("near-real", 1)]
    assert dataset.left_out[0].sentence == "4 rows were left out: they repeat real messages."
    assert dataset.rows["real"] == 2
    assert freeze(catalog, project) == dataset


def test_the_seal_holds(catalog: Catalog, project: Project) -> None:
    rows = [one.but(messages=(sample(project, "x").messages[0].model_copy(update={"role": "system", "content": "Do."}),
            *one.messages)) for one in distinct(project, 40)]  # fmt: skip
    catalog.add_all(rows)
    secret = "quite unlike all others zzz"
    add_answered(catalog, project, [(secret, "{}")], "chat")
    dataset = freeze(catalog, project)
    folder = catalog.folder(project) / dataset.folder
    assert is_complete(folder)
    assert (folder / "sealed/real.jsonl").stat().st_mode & 0o777 == 0o400
    [row] = read_real(catalog, dataset)
    assert [message.content for message in row.prompt] == ["Do.", secret]  # told as the training rows are
    made = export(catalog, project, dataset, "messages")
    written = [path.read_text() for path in (catalog.folder(project) / made.folder).iterdir() if path.is_file()]
    assert all(secret not in text for text in written)
    assert "real" not in made.rows
    sealed = Fingerprints.read(folder / FINGERPRINTS)
    assert repeats(project.task, sample(project, secret.upper()), [sealed])
    told = markdown(card(catalog, project, dataset))
    assert "1 real" in told
    assert "real:chat" in told
    assert secret not in told
    path = folder / "sealed/real.jsonl"
    path.chmod(0o600)
    path.write_text(path.read_text().replace("unlike", "like"))
    with pytest.raises(RetortError, match="was changed after it was frozen"):
        read_real(catalog, dataset)


def test_a_real_row_given_for_training_as_well_is_not_trained_on(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    catalog.add_all(distinct(project, 40))
    line = json.dumps({"input": "an odd little message", "output": "yes"})
    path = write_lines(tmp_path / "both.jsonl", [line])
    import_rows(catalog, project, path, "real")
    import_rows(catalog, project, path, "train")
    found = texts(catalog, freeze(catalog, project))
    assert found["real"] == {"an odd little message"}
    assert "an odd little message" not in found["train"] | found["dev"] | found["test"]


def test_nothing_is_written_like_a_real_message(catalog: Catalog, project: Project) -> None:
    [real] = add_answered(catalog, project, [("its ann lee 555-0101", ANN)], "chat").samples
    with pytest.raises(RetortError, match="sealed"):
        draft(catalog, project, 1, like=real)
    assert catalog.find(Sample, project.id) == [real]


def test_a_version_without_real_messages_is_as_before(catalog: Catalog, project: Project) -> None:
    catalog.add_all(distinct(project, 40))
    dataset = freeze(catalog, project)
    assert set(dataset.rows) == set(dataset.sha256) == {"train", "dev", "test"}
    assert read_real(catalog, dataset) == []
    add_answered(catalog, project, [("its ann lee 555-0101", ANN)], "chat")
    later = freeze(catalog, project)
    assert later.version == 2
    assert {name: later.sha256[name] for name in dataset.sha256} == dataset.sha256
