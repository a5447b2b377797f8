"""Rows of a user's file become samples; what cannot be used is told by line, and nothing is lost in silence."""

import json
from pathlib import Path

import pytest

from tests.dataset.rows import chat, write_lines
from tools.catalog import Catalog
from tools.dataset.importing import import_rows, read_rows
from tools.errors import RetortError, ToConfirm
from tools.records import Project, Sample, Task

GOOD = chat("Ann, 555 0100", '{"name": "Ann"}', "Find the contact.")


def test_chat_lines_become_approved_samples(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [GOOD, "", chat("Bob\u2028lives", '{"name": "Bob"}')])
    report = import_rows(catalog, project, path, "test")
    assert (report.imported, report.duplicates, report.skipped, report.format) == (
        2,
        0,
        (),
        "chat messages in JSON lines",
    )
    first, second = catalog.find(Sample, project.id)
    assert [message.role for message in first.messages] == ["system", "user", "assistant"]
    assert (first.state, first.source, first.split) == ("approved", "import:rows.jsonl", "test")
    assert second.question == "Bob\u2028lives"  # a line separator inside a string ends no line
    assert report.sample_ids == (first.id, second.id)


LAYOUTS = {
    "not valid JSON": '{"messages": [',
    "not a JSON object": '["a"]',
    "NaN is not JSON": '{"messages": NaN}',
    "does not follow a tool call": '{"messages": [{"role": "user", "content": "q"}, {"role": "tool", "content": "x"},'
    '{"role": "assistant", "content": "a"}]}',
    "the role 'npc' is unknown": '{"messages": [{"role": "npc", "content": "x"}]}',
    "a tool call has no name": '{"messages": [{"role": "assistant", "content": null, "tool_calls": [{}]}]}',
    "a tool has no name": json.dumps({"tools": [{}], **json.loads(GOOD)}),
    "not the assistant's answer": '{"messages": [{"role": "user", "content": "x"}]}',
    "no user message": '{"messages": [{"role": "system", "content": "s"}, {"role": "assistant", "content": "x"}]}',
    "not the first message": '{"messages": [{"role":"user","content":"x"},{"role":"system","content":"s"},'
    '{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}',
    "the answer is empty": chat("x", " "),
    "the input is empty": chat("", "y"),
    "no text content": '{"messages": [{"role": "user", "content": 7}]}',
    "something other than text": '{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
    "a message is not an object": '{"messages": ["hello"]}',
    "surrogate": '{"messages": [{"role": "user", "content": "\\ud800"}, {"role": "assistant", "content": "y"}]}',
    "cannot be read as JSON": "[" * 100_000,
    "2,000,000 that a sample may have": chat("x" * 2_000_000, "y"),
    "preference pair": json.dumps({**json.loads(GOOD), "rejected_response": "no"}),
    "bad answer": json.dumps({**json.loads(GOOD), "label": False}),
    '"images"': json.dumps({**json.loads(GOOD), "images": ["a.png"]}),
    "not meant to be learnt": '{"messages": [{"role": "user", "content": "q"},'
    '{"role": "assistant", "content": "a", "loss_weight": 0.0}]}',
}


@pytest.mark.parametrize("reason", LAYOUTS)
def test_a_line_that_is_no_sample_is_told_and_the_good_ones_are_kept(
    catalog: Catalog, project: Project, tmp_path: Path, reason: str
) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [GOOD, LAYOUTS[reason], chat("Bob", "{}")])
    report = import_rows(catalog, project, path)
    assert report.imported == 2
    [(line, told)] = report.skipped
    assert line == 2
    assert reason in told


def test_text_parts_are_joined_and_earlier_turns_kept(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
        {"role": "assistant", "content": "e"},
    ]
    import_rows(catalog, project, write_lines(tmp_path / "rows.jsonl", [json.dumps({"messages": turns})]))
    [sample] = catalog.find(Sample, project.id)
    assert [message.content for message in sample.messages] == ["ab", "c", "d", "e"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("ending", [".jsonl", ".csv"])
def test_encodings(catalog: Catalog, project: Project, tmp_path: Path, encoding: str, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    text = chat("张三，电话 555", '{"name": "张三"}') if ending == ".jsonl" else "问题,答案\n张三，电话 555,张三\n"
    path.write_bytes(text.encode(encoding))
    import_rows(catalog, project, path)
    assert catalog.find(Sample, project.id)[0].question == "张三，电话 555"


def test_a_line_in_another_encoding_costs_only_itself(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(chat("Köln", "{}").encode() + b"\n" + chat("Café", "{}").encode("latin-1"))
    report = import_rows(catalog, project, path)
    assert report.imported == 1
    assert report.skipped == ((2, "it is not UTF-8"),)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Müller wohnt in Köln", "cp1252"), ("Café Zoë", "latin-1"), ("张三住在北京市朝阳区，电话是多少", "gb18030")],
)
def test_a_file_in_another_encoding_is_read_and_told(
    project: Project, tmp_path: Path, text: str, encoding: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(f"text,label\n{text},a\n".encode(encoding))
    found = read_rows(path, project.task)
    assert found.rows[0].question == text
    assert found.encoding == ("cp1252" if encoding == "latin-1" else encoding)


def test_known_rows_are_counted_not_stored_again(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [GOOD, GOOD, chat("Bob", "{}")])
    assert import_rows(catalog, project, path).duplicates == 1
    again = import_rows(catalog, project, path)
    assert (again.imported, again.duplicates) == (0, 3)
    assert len(catalog.find(Sample, project.id)) == 2


def test_all_rows_or_none(catalog: Catalog, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["sample-1", "sample-2", "sample-1", "import-1"])  # the third insert clashes
    monkeypatch.setattr("tools.dataset.importing.new_id", lambda noun: next(ids))
    path = write_lines(tmp_path / "rows.jsonl", [chat(name, "{}") for name in "abc"])
    with pytest.raises(RetortError):
        import_rows(catalog, project, path)
    assert catalog.find(Sample, project.id) == []


# --- tables -------------------------------------------------------------------------------------------------------


def table(tmp_path: Path, text: str, name: str = "rows.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("rows.csv", "id,Question,Label"),
        ("rows.csv", "id;text;output"),
        ("rows.tsv", "id\tprompt\tcompletion"),
        ("rows.csv", "id,问题,标签"),
        ("rows.csv", 'id,"query","answer"'),
    ],
)
def test_columns_are_found_by_name(catalog: Catalog, project: Project, tmp_path: Path, name: str, header: str) -> None:
    separator = next(sign for sign in ";\t," if sign in header)
    path = table(tmp_path, f'{header}\r\n1{separator}"Hello, ""you""; there\nand here"{separator} greet \r\n', name)
    report = import_rows(catalog, project, path)
    [sample] = catalog.find(Sample, project.id)
    assert sample.question == 'Hello, "you"; there\nand here'
    assert sample.answer == "greet"
    assert list(report.column_map.values()) == [column.strip('"') for column in header.split(separator)[1:]]


def test_the_task_gives_a_table_its_system_prompt(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    task = project.task.model_copy(update={"system_prompt": "Find the contact."})
    path = table(tmp_path, "text,label\nhello,greet\n")
    import_rows(catalog, project.but(task=task), path)
    assert catalog.find(Sample, project.id)[0].messages[0].content == "Find the contact."


def test_without_a_task_a_tables_rows_say_what_they_teach(project: Project, tmp_path: Path) -> None:
    lines = [f"text {number},{('spam', 'ham')[number % 2]}" for number in range(8)]
    path = table(tmp_path, "\n".join(["text,label", *lines]))
    told = {row.messages[0].content for row in read_rows(path, Task()).rows}
    assert len(told) == 1
    assert "ham, spam" in told.pop()
    of_the_user = Task(kind="classification", labels=("ham", "spam", "other"))
    assert "ham, spam, other" in read_rows(path, of_the_user).rows[0].messages[0].content
    at_odds = read_rows(path, Task(kind="extraction")).rows[0]  # no fields in the rows, none told
    assert [message.role for message in at_odds.messages] == ["user", "assistant"]


def test_a_system_column_wins_where_it_is_filled(project: Project, tmp_path: Path) -> None:
    path = table(tmp_path, "system,query,response\nBe short.,hi,ho\n,ha,he\n")
    rows = read_rows(path, project.task.model_copy(update={"system_prompt": "Task."})).rows
    assert [row.messages[0].content for row in rows] == ["Be short.", "Task."]


def test_an_explicit_map_wins(project: Project, tmp_path: Path) -> None:
    path = table(tmp_path, "text,Utterance,intent\na,b,c\n")
    found = read_rows(path, project.task, {"input": "utterance", "output": "intent"})
    assert [message.content for message in found.rows[0].messages[-2:]] == ["b", "c"]


@pytest.mark.parametrize(
    ("header", "column_map", "why"),
    [
        ("id,price,size", None, "no column name shows which is the input and output, and 1 rows are too few"),
        ("text,text,label", None, "no column name shows which is the input, and 1 rows"),
        ("text,label", {"input": "utterance"}, "no columns called 'utterance'"),
        ("text,label", {"question": "text"}, "not 'question'"),
        ("text,label", {"input": "text", "output": "text"}, "two parts at once"),
    ],
)
def test_unclear_columns_are_listed_with_the_fix(
    project: Project, tmp_path: Path, header: str, column_map: dict[str, str] | None, why: str
) -> None:
    path = table(tmp_path, f"{header}\na,b,c\n")
    with pytest.raises(RetortError) as caught:
        read_rows(path, project.task, column_map)
    assert why in caught.value.problem
    assert header.replace(",", ", ") in caught.value.problem
    assert "Say which column" in caught.value.fix


def test_broken_table_rows_cost_only_themselves(project: Project, tmp_path: Path) -> None:
    lines = ["text,label", "one,a", "two,b,extra", '"three" x,c', "four", "", 'five,"e', "six,f", '"seven,\nmore",g']
    found = read_rows(table(tmp_path, "\n".join(lines)), project.task)
    kept = [row.messages[-2].content for row in found.rows]
    assert kept == ["one", "six", "seven,\nmore"]
    assert [line for line, _ in found.skipped] == [3, 4, 5, 7]
    assert [row.line for row in found.rows] == [2, 8, 9]


def test_a_guess_is_proposed_with_its_reason_and_a_row(project: Project, tmp_path: Path) -> None:
    lines = [f"u{n},where is parcel number {n} today please,{('track', 'lost')[n % 2]}" for n in range(8)]
    path = table(tmp_path, "\n".join(["id,satz,art", *lines]))
    with pytest.raises(RetortError) as caught:
        read_rows(path, project.task)
    told = caught.value.problem
    assert "'satz' as the input and 'art' as the output" in told
    assert "'satz' holds the longest texts" in told
    assert "'where is parcel number 0 today please' => 'track'" in told
    assert "'yes' if that is right" in caught.value.fix
    assert "'input is satz, output is art'" in caught.value.fix
    assert isinstance(caught.value, ToConfirm)
    assert caught.value.arguments == {"input_column": "satz", "output_column": "art"}
    confirmed = read_rows(path, project.task, {"input": "satz", "output": "art"})
    assert (len(confirmed.rows), confirmed.certain, confirmed.notes) == (8, True, ("These columns are not used: id.",))


def test_a_workbook_is_read_like_a_table(project: Project, tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["title page"])  # a sheet without rows is passed over
    rows = book.create_sheet("rows")
    for cells in (["text", "label"], ["call 5550100", 7.0], [None, None], ["no answer", None]):
        rows.append(cells)
    path = tmp_path / "rows.xlsx"
    book.save(path)
    found = read_rows(path, project.task)
    assert [(row.line, row.question, row.answer) for row in found.rows] == [(2, "call 5550100", "7")]
    assert found.skipped == ((4, "the answer is empty"),)
    assert found.notes[0] == "Only the sheet 'rows' was read, not Sheet."


def test_a_parquet_file_is_read_by_its_rows(project: Project, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = [json.loads(GOOD), json.loads(chat("x", " "))]
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    found = read_rows(path, project.task)
    assert [row.question for row in found.rows] == ["Ann, 555 0100"]
    assert found.skipped == ((2, "the answer is empty"),)


# --- files that give nothing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("rows.jsonl", b"", "is empty"),
        ("rows.csv", b"\xef\xbb\xbf \n", "is empty"),
        ("rows.xlsx", b"PK\x03\x04", "locked with a password"),
        ("rows", b"hello", "(no ending)"),
        ("rows.txt", b"hello", "(.txt)"),
        ("rows.jsonl", b"\x00\x01\x02" * 9, "binary"),
        ("rows.jsonl", b'{"input": 1}\nx\ny', "line 2 and 1 more: it is not valid JSON"),
        ("rows.json", b'[{"messages": []}]', "the last message is not the assistant's answer"),
        ("rows.json", b'{"a": "b", "c": [1, 2', "nothing after it was read"),
        ("rows.json", b'{"version": "1.1", "data": [{"a": 1}]}', "(its keys: a)"),
        ("rows.jsonl", b'{"text": "a long text"}', "add it as a document"),
        ("rows.jsonl", b'{"response": "b"}', "an answer without a question"),
        ("rows.md", b"[link](x)", "(.md)"),
        ("rows.parquet", b"PAR1 and no more", "as a parquet file"),
        ("rows.csv", b"text,label\n", "only a header"),
        ("rows.jsonl", b"\xff\xfea", "UTF-16"),
    ],
)
def test_a_file_without_a_row_is_refused(
    project: Project, tmp_path: Path, name: str, data: bytes, problem: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(RetortError) as caught:
        read_rows(path, project.task)
    assert problem in caught.value.problem
    assert name in caught.value.problem
    assert caught.value.fix


def test_the_shown_name_is_the_users(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    kept = write_lines(tmp_path / "upload-1", [GOOD])
    import_rows(catalog, project, kept, name="contacts.jsonl")
    assert catalog.find(Sample, project.id)[0].source == "import:contacts.jsonl"
    with pytest.raises(RetortError, match=r"gone\.jsonl cannot be read"):
        import_rows(catalog, project, tmp_path / "upload-2", name="gone.jsonl")
