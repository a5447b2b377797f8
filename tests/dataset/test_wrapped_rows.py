"""Rows as other programs leave them: wrapped, padded with null, under a title; read, or told by line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools.dataset.reading import read_file
from tools.dataset.rows import FileRows
from tools.errors import RetortError
from tools.records import JsonObject


def read(tmp_path: Path, content: str | bytes, name: str = "rows.json", told: dict[str, str] | None = None) -> FileRows:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, name, told)


def pairs(found: FileRows) -> list[tuple[str, str]]:
    return [(row.question, row.answer) for row in found.rows]


def chat(asked: str, said: Any, **more: Any) -> JsonObject:
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}], **more}


ROWS = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]


@pytest.mark.parametrize(
    ("wrapped", "where"),
    [
        ({"data": ROWS}, "data"),
        ({"version": "1", "train": ROWS[:1], "test": ROWS[1:]}, "train and test"),
        ({"corpus": {"rows": ROWS}}, "corpus > rows"),
        ({"features": [{"name": "text"}], "rows": [{"row_idx": n, "row": row} for n, row in enumerate(ROWS)]}, "rows"),
        ({"columns": ["text", "label"], "index": [0, 1], "data": [["a", "x"], ["b", "y"]]}, "data"),
        ({"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}}, "columns"),
        ({"0": ROWS[0], "1": ROWS[1]}, "numbers"),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_are_found_under_what_wraps_them(tmp_path: Path, wrapped: Any, where: str, indent: int | None) -> None:
    found = read(tmp_path, json.dumps(wrapped, indent=indent))
    assert pairs(found) == [("a", "x"), ("b", "y")]
    assert found.format == f"text and label in the rows under {where!r}"


def test_a_viewers_cut_rows_and_single_records_are_what_they_are(tmp_path: Path) -> None:
    rows = [{"row_idx": 0, "row": ROWS[0], "truncated_cells": ["text"]}, {"row_idx": 1, "row": ROWS[1]}]
    found = read(tmp_path, json.dumps({"rows": rows}))
    assert found.skipped == ((1, "the viewer cut text short: take the file itself"),)
    assert pairs(read(tmp_path, json.dumps(chat("a", "b")))) == [("a", "b")]
    record = {"text": "two lamps", "answer": {"items": [{"sku": "lamp"}]}}
    assert pairs(read(tmp_path, json.dumps(record))) == [("two lamps", '{"items": [{"sku": "lamp"}]}')]


def node(who: str, text: str, parent: str) -> JsonObject:
    return {"message": {"author": {"role": who}, "content": {"parts": [text]}}, "parent": parent}


def test_exports_of_chats_are_read_along_the_branch_that_was_kept(tmp_path: Path) -> None:
    tree = {
        "root": {"message": None, "parent": None},
        "sys": node("system", "", "root"),
        "a": node("user", "hi", "sys"),
        "b": node("assistant", "regenerated", "a"),
        "c": node("assistant", "kept", "a"),
    }
    claude = {"uuid": "1", "chat_messages": [{"sender": "human", "text": "hi"}, {"sender": "assistant", "text": "ho"}]}
    assert pairs(read(tmp_path, json.dumps([{"title": "t", "mapping": tree, "current_node": "b"}]))) == [
        ("hi", "regenerated")
    ]
    assert pairs(read(tmp_path, json.dumps([{"mapping": tree}, claude]))) == [("hi", "kept"), ("hi", "ho")]


@pytest.mark.parametrize("column", ["messages", "Conversations"])
def test_conversations_as_text_in_a_cell_are_read(tmp_path: Path, column: str) -> None:
    turns = chat("it's a", "b")["messages"]
    for told in (json.dumps(turns), repr(turns)):
        cell = '"' + told.replace('"', '""') + '"'
        found = read(tmp_path, f"id,{column}\n1,{cell}\n", "rows.csv")
        assert pairs(found) == [("it's a", "b")]
        assert found.notes == ("These columns are not used: id.",)
        assert pairs(read(tmp_path, json.dumps({column: told}), "rows.jsonl")) == [("it's a", "b")]


@pytest.mark.parametrize("answer", [{"city": "Bonn", "n": None}, [{"a": 1}, {"a": 2}], ["x"], 7, True])
def test_an_answer_that_is_a_value_is_its_json(tmp_path: Path, answer: Any) -> None:
    found = read(tmp_path, json.dumps(chat("q", answer)), "rows.jsonl")
    assert pairs(found) == [("q", json.dumps(answer))]


@pytest.mark.parametrize("key", ["system", "system_prompt", "system_message"])
def test_a_system_text_beside_the_turns_counts_and_what_is_not_used_is_named(tmp_path: Path, key: str) -> None:
    row = chat("q", "a", **{key: "Be brief.", "id": 7, "meta": {"x": 1}, "split": None})
    found = read(tmp_path, json.dumps(row), "rows.jsonl")
    assert [one.content for one in found.rows[0].messages] == ["Be brief.", "q", "a"]
    assert found.notes == ("These columns are not used: id, meta.",)
    row["messages"] = [{"role": "system", "content": "Mine."}, *chat("q", "a")["messages"]]  # type: ignore[misc]
    assert read(tmp_path, json.dumps(row), "rows.jsonl").notes == (f"These columns are not used: {key}, id, meta.",)


@pytest.mark.parametrize("key", ["reasoning", "thinking", "reasoning_content"])
def test_reasoning_beside_the_content_is_left_out_and_told(tmp_path: Path, key: str) -> None:
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", key: "hm"}]
    assert read(tmp_path, json.dumps({"messages": turns})).notes == ("The reasoning of 1 rows was left out.",)


# --- null that only fills a column ----------------------------------------------------------------------------------


def tool(name: str, **properties: Any) -> JsonObject:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": properties}}}


def calling(name: str, arguments: Any, tools: list[JsonObject]) -> JsonObject:
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [call]}], "tools": tools}


STRING, MAYBE = {"type": "string", "default": None}, {"type": ["string", "null"]}
PADDED = [
    calling("tide", {"port": "Kiel", "knots": None}, [tool("tide", port={**STRING, "enum": None}, knots=None)]),
    calling("wind", {"port": None, "knots": 5}, [tool("wind", port=None, knots={"type": "integer"})]),
]


def test_null_padding_is_no_part_of_calls_and_schemas(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(PADDED), tmp_path / "rows.parquet")
    lines = read(tmp_path, "\n".join(map(json.dumps, PADDED)), "rows.jsonl")
    for found in (lines, read_file(tmp_path / "rows.parquet", "rows.parquet")):
        assert [row.messages[-1].tool_calls[0].arguments for row in found.rows] == [{"port": "Kiel"}, {"knots": 5}]
        schemas = [row.tools[0]["function"]["parameters"]["properties"] for row in found.rows]  # type: ignore[index,call-overload]
        assert schemas[1] == {"knots": {"type": "integer"}}
        assert "enum" not in schemas[0]["port"]  # type: ignore[operator,index]
        assert "left out of tool schemas (2) and calls (2)" in found.notes[0]


def test_null_that_may_be_meant_stays_and_is_told(tmp_path: Path) -> None:
    rows = [
        calling("tide", {"port": None}, [tool("tide", port=MAYBE)]),
        calling("tide", '{"port": null}', [tool("tide")]),
    ]
    found = read(tmp_path, json.dumps(rows))
    assert [row.messages[-1].tool_calls[0].arguments for row in found.rows] == [{"port": None}] * 2
    assert found.notes == ("1 calls or answers give null for a key that may be meant so; it was kept.",)
    kept = read(tmp_path, json.dumps([chat("a", {"name": "A", "phone": None}), chat("b", {"name": "B", "phone": "1"})]))
    assert [row.answer for row in kept.rows] == ['{"name": "A", "phone": null}', '{"name": "B", "phone": "1"}']
    assert kept.notes == ()


def test_answers_of_kinds_that_share_no_key_lose_the_others_keys(tmp_path: Path) -> None:
    kinds = [{"city": "Bonn", "zip": "5", "sku": None}, {"city": None, "zip": None, "sku": "X"}]
    found = read(tmp_path, json.dumps([{"text": str(n), "answer": one} for n, one in enumerate(kinds)]))
    assert [row.answer for row in found.rows] == ['{"city": "Bonn", "zip": "5"}', '{"sku": "X"}']
    assert "left out of answers (2)" in " ".join(found.notes)


def test_a_call_without_arguments_is_a_call_and_a_name_is_none(tmp_path: Path) -> None:
    offered = [tool("now")]
    row = calling("now", None, offered)
    del row["messages"][1]["tool_calls"][0]["function"]["arguments"]  # type: ignore[index,call-overload,union-attr]
    found = read(tmp_path, json.dumps([row, calling("now", " ", offered)]))
    assert [one.messages[-1].tool_calls[0].arguments for one in found.rows] == [{}, {}]
    answers = [{"query": "q", "answers": {"name": name}, "tools": offered} for name in ("Ann", "now")]
    found = read(tmp_path, json.dumps(answers))
    assert [bool(one.messages[-1].tool_calls) for one in found.rows] == [False, True]


# --- JSON that is none, or nearly ------------------------------------------------------------------------------------


def test_numbers_that_overflow_are_refused_by_line_with_the_number(tmp_path: Path) -> None:
    text = '{"text": "a", "answer": {"n": 1e999}}\n{"text": "b", "answer": {"n": 12345678901234567890}}\n'
    found = read(tmp_path, text, "rows.jsonl")
    assert pairs(found) == [("b", '{"n": 12345678901234567890}')]
    [(line, why)] = found.skipped
    assert (line, "1e999" in why) == (1, True)
    inside = read(tmp_path, json.dumps(calling("f", '{"n": -1e999}', [tool("f")])))
    assert "-1e999" in inside.skipped[0][1]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_odd_spaces_between_tokens_are_spaces_and_stay_in_texts(tmp_path: Path, name: str) -> None:
    row = '{"text":\u00a0"a\u00a0b",\u3000"label":\ufeff"x"}'
    found = read(tmp_path, row if name == "rows.jsonl" else f"[\u00a0{row}\u00a0]", name)
    assert pairs(found) == [("a\u00a0b", "x")]


# --- tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("sep=;\r\ntext;label\r\n", 0),
        ('"sep=;"\r\ntext;label\r\n', 0),
        ("Tickets of 2024\n\ntext;label\n", 3),
        ("Tickets, all of them\ntext;label\n", 2),
        (";;\nReport;;\n;;\ntext;label;\n", 4),
        ("# exported, today\n# by us\ntext;label\n", 0),
    ],
)
def test_what_stands_above_the_header_is_passed_over_and_titles_are_told(
    tmp_path: Path, text: str, header: int
) -> None:
    found = read(tmp_path, f"{text}late, a;x\nlate b;y\nlate, c;x\n", "rows.csv")
    assert pairs(found) == [("late, a", "x"), ("late b", "y"), ("late, c", "x")]
    assert found.rows[0].line == len(text.splitlines()) + 1
    assert any(f"the header is line {header}." in note for note in found.notes) == bool(header)


def test_a_column_called_by_a_sign_is_no_remark(tmp_path: Path) -> None:
    assert pairs(read(tmp_path, "#,text,label\n1,a,x\n2,b,y\n", "rows.csv")) == [("a", "x"), ("b", "y")]


def test_a_workbook_with_a_title_merged_labels_and_formulas(tmp_path: Path) -> None:
    from datetime import datetime

    from openpyxl import Workbook

    book = Workbook()
    for cells in (
        ["Tickets", None],
        ["text", "label"],
        ["a", "x"],
        ["b", None],
        ["c", datetime(2024, 3, 1)],
        ["d", "=1+1"],
    ):
        book.active.append(cells)
    book.active.merge_cells("A1:B1")
    book.active.merge_cells("B3:B4")
    book.save(tmp_path / "rows.xlsx")
    found = read_file(tmp_path / "rows.xlsx", "rows.xlsx")
    assert pairs(found) == [("a", "x"), ("b", "x"), ("c", "2024-03-01")]
    assert found.skipped == ((6, "the answer is empty"),)
    told = " ".join(found.notes)
    for sentence in ("the header is line 2.", "1 merged cells count for each", "1 formula has no value in the file"):
        assert sentence in told
    (tmp_path / "rows.dat").write_bytes((tmp_path / "rows.xlsx").read_bytes())
    assert pairs(read_file(tmp_path / "rows.dat", "rows.dat")) == pairs(found)


@pytest.mark.parametrize("name", ["rows.txt", "rows.md", "rows.log"])
def test_rows_are_read_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    assert pairs(read(tmp_path, "text\tlabel\na b\tx\nc d\ty\n", name)) == [("a b", "x"), ("c d", "y")]
    assert pairs(read(tmp_path, f"{json.dumps(chat('a', 'b'))}\n{json.dumps(chat('c', 'd'))}", name)) == [
        ("a", "b"),
        ("c", "d"),
    ]
    with pytest.raises(RetortError, match="not a kind of file"):
        read(tmp_path, "Just words.\nAnd more of them, without any table.", name)


@pytest.mark.parametrize(
    "names", ["Instruction,Input,Output", "INSTRUCTION,INPUT,OUTPUT", "instruction , input, output"]
)
def test_alpaca_is_alpaca_in_any_case(tmp_path: Path, names: str) -> None:
    found = read(tmp_path, f"{names}\nTranslate,cat,chat\nTranslate,dog,chien\n", "rows.csv")
    assert pairs(found) == [("Translate\ncat", "chat"), ("Translate\ndog", "chien")]


def test_a_text_of_most_rows_is_no_question_and_an_instruction_can_be_named(tmp_path: Path) -> None:
    lines = [f"Please put this sentence into French,katze {n} schlaeft,chat {n} ici" for n in range(6)]
    text = "\n".join(["Aufgabe,Satz,Ergebnis", *lines])
    found = read(tmp_path, text, "rows.csv")
    assert (found.certain, found.column_map["input"]) == (False, "Satz")
    told = read(tmp_path, text, "rows.csv", {"instruction": "Aufgabe", "input": "Satz", "output": "Ergebnis"})
    assert pairs(told)[0] == ("Please put this sentence into French\nkatze 0 schlaeft", "chat 0 ici")


def test_a_guessed_encoding_is_told_with_a_row_as_it_was_read(tmp_path: Path) -> None:
    lines = "".join(f"Где моя посылка {n},трек\n" for n in range(5))
    found = read(tmp_path, f"text,label\n{lines}".encode("cp1251"), "rows.csv")
    assert found.notes == ("Its encoding is a guess, cp1251: it reads “Где моя посылка 0”.",)


def test_a_header_that_begins_with_a_sign_is_a_header(tmp_path: Path) -> None:
    lines = ["#text,label", *(f"where is my parcel {number},shipping" for number in range(6))]
    found = read(tmp_path, "\n".join(lines), "rows.csv")
    assert pairs(found) == [(f"where is my parcel {number}", "shipping") for number in range(6)]


def test_lists_of_rows_beside_each_other_are_all_read(tmp_path: Path) -> None:
    rows = [{"text": f"t{number}", "label": "a"} for number in range(5)]
    about = [{"name": "x"}]
    found = read(tmp_path, json.dumps({"train": rows[:2], "holdout": rows[2:], "authors": about}))
    assert [asked for asked, _ in pairs(found)] == ["t0", "t1", "t2", "t3", "t4"]
    record = {"text": "Order two lamps", "label": "order", "items": [{"text": "lamp", "label": "z"}]}
    assert pairs(read(tmp_path, json.dumps(record))) == [("Order two lamps", "order")]


def test_a_split_table_with_a_cell_too_many_and_a_column_called_mapping(tmp_path: Path) -> None:
    table = {"columns": ["text", "label"], "data": [["a", "x"], ["b", "y", "LOST"]]}
    found = read(tmp_path, json.dumps(table))
    assert pairs(found) == [("a", "x")]
    assert "it has 3 cells, but there are 2 columns" in str(found.skipped)
    rows = [{"text": f"t{number}", "label": "l", "mapping": {"a": 1}} for number in range(3)]
    assert len(pairs(read(tmp_path, json.dumps(rows)))) == 3


def test_keys_that_are_missing_one_by_one_keep_their_null(tmp_path: Path) -> None:
    answers = [
        {"order_id": "A1", "email": None},
        {"order_id": None, "email": "x@y.z"},
        {"order_id": None, "email": None},
    ]
    found = read(
        tmp_path, "\n".join(json.dumps({"text": f"t{n}", "output": one}) for n, one in enumerate(answers)), "r.jsonl"
    )
    assert [json.loads(answer) for _, answer in pairs(found)] == answers
