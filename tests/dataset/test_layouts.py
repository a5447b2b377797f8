"""Every layout of rows that people have is found by looking, and all of its rows are accounted for."""

import json
from pathlib import Path

import pytest

from tools.catalog import Catalog
from tools.dataset.importing import import_rows, read_rows
from tools.dataset.reading import read_file
from tools.dataset.rows import FileRows
from tools.records import JsonObject, Message, Project, Sample, Task, ToolCall

SYSTEM = Message(role="system", content="Be brief.")
ASKED = Message(role="user", content="Hi")
SAID = Message(role="assistant", content="Ho")
AGAIN = Message(role="user", content="Rain in Köln?")
NO = Message(role="assistant", content="No.")
PLAIN = (SYSTEM, ASKED, SAID, AGAIN, NO)

ROWS: dict[str, JsonObject] = {
    "messages": {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "value": "i"}]},
            {"role": "assistant", "content": "Ho"},
            {"role": "user", "content": "Rain in Köln?"},
            {"role": "assistant", "content": "No.", "tool_calls": None, "reasoning_content": "hm"},
        ]
    },
    "sharegpt": {
        "system": "Be brief.",
        "tools": "[]",
        "conversations": [
            {"from": "human", "value": "Hi"},
            {"from": "gpt", "value": "Ho"},
            {"from": "User", "value": "Rain in Köln?"},
            {"from": "chatgpt", "value": "No."},
        ],
    },
    "pairs": {
        "system": "Be brief.",
        "conversation": [{"human": "Hi", "assistant": "Ho"}, {"human": "Rain in Köln?", "assistant": "No."}],
    },
    "alpaca": {
        "instruction": "Rain in Köln?",
        "input": "",
        "output": "No.",
        "history": [["Hi", "Ho"]],
        "system": "Be brief.",
    },
    "query": {"query": "Rain in Köln?", "response": "No.", "history": [["Hi", "Ho"]], "system": "Be brief."},
    "prompt": {
        "prompt": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Ho"},
            {"role": "user", "content": "Rain in Köln?"},
        ],
        "completion": [{"role": "assistant", "content": "No."}],
    },
}


def read(tmp_path: Path, text: str, name: str = "rows.json") -> FileRows:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return read_file(path, name)


@pytest.mark.parametrize("layout", ROWS)
@pytest.mark.parametrize("holder", ["lines", "array", "values", "pretty array"])
def test_a_layout_is_found_in_whatever_holds_it(tmp_path: Path, layout: str, holder: str) -> None:
    row = ROWS[layout]
    text = {
        "lines": f"{json.dumps(row)}\n\n{json.dumps(row)}\r\n",
        "array": json.dumps([row, row]),
        "values": json.dumps(row, indent=1) + json.dumps(row, indent=1),
        "pretty array": json.dumps([row, row], indent=2, ensure_ascii=False),
    }[holder]
    found = read(tmp_path, text)
    assert [row.messages for row in found.rows] == [PLAIN, PLAIN]
    assert (found.skipped, found.certain, found.fit) == ((), True, 1.0)
    assert found.notes == (("The reasoning of 2 rows was left out.",) if layout == "messages" else ())


def test_instruction_and_input_become_one_question(tmp_path: Path) -> None:
    found = read(tmp_path, '{"instruction": "Translate.", "input": "Haus", "output": "house"}', "rows.jsonl")
    assert [message.content for message in found.rows[0].messages] == ["Translate.\nHaus", "house"]


def test_an_answer_that_is_json_is_written_in_one_spelling(tmp_path: Path) -> None:
    found = read(tmp_path, '{"text": "Ann", "label": {"name":   "Ann"}}', "rows.jsonl")
    assert found.rows[0].answer == '{"name": "Ann"}'


# --- tools --------------------------------------------------------------------------------------------------------

BARE: JsonObject = {"name": "weather", "description": "of a city", "parameters": {"type": "object"}}
TOOL: JsonObject = {"type": "function", "function": BARE}
CALLS = tuple(ToolCall(name="weather", arguments={"city": city}) for city in ("Köln", "Bonn"))
TEXTS = [json.dumps({"name": call.name, "arguments": call.arguments}) for call in CALLS]
CALLED = Message(role="assistant", content="", tool_calls=CALLS)
RESULTS = (Message(role="tool", content="dry"), Message(role="tool", content="wet"))
WITH_TOOLS = (AGAIN, CALLED, *RESULTS, NO)

TOOL_ROWS: dict[str, JsonObject] = {
    "openai": {
        "tools": [TOOL],
        "messages": [
            {"role": "user", "content": "Rain in Köln?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": city,
                        "type": "function",
                        "function": {"name": "weather", "arguments": json.dumps({"city": city})},
                    }
                    for city in ("Köln", "Bonn")
                ],
            },
            {"role": "tool", "tool_call_id": "Bonn", "content": "wet"},  # in another order than the calls
            {"role": "tool", "tool_call_id": "Köln", "content": "dry"},
            {"role": "assistant", "content": "No."},
        ],
    },
    "llama-factory": {
        "tools": json.dumps([BARE]),
        "conversations": [
            {"from": "human", "value": "Rain in Köln?"},
            {"from": "function_call", "value": f"[{', '.join(TEXTS)}]"},
            {"from": "observation", "value": "dry\n</tool_response>\n<tool_response>\nwet"},
            {"from": "gpt", "value": "No."},
        ],
    },
    "ms-swift": {
        "tools": json.dumps([TOOL]),
        "messages": [
            {"role": "user", "content": "Rain in Köln?"},
            *({"role": "tool_call", "content": text} for text in TEXTS),
            *({"role": "tool_response", "content": text} for text in ("dry", "wet")),
            {"role": "assistant", "content": "No."},
        ],
    },
    "parts": {
        "tools": json.dumps([BARE]),
        "messages": [
            {"role": "user", "content": [{"type": "text", "value": "Rain in Köln?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "reasoning", "value": "hm"},
                    *({"type": "tool_call", "value": text} for text in TEXTS),
                ],
            },
            *({"role": "tool", "content": [{"type": "text", "value": text}]} for text in ("dry", "wet")),
            {"role": "assistant", "content": [{"type": "text", "value": "No."}]},
        ],
    },
}


@pytest.mark.parametrize("layout", TOOL_ROWS)
def test_calls_results_and_schemas_are_read_alike_from_each_layout(tmp_path: Path, layout: str) -> None:
    found = read(tmp_path, json.dumps(TOOL_ROWS[layout]), "rows.jsonl")
    assert found.skipped == ()
    [row] = found.rows
    assert row.messages == WITH_TOOLS
    assert row.tools == (TOOL,)


def test_the_old_function_call_and_xlam_are_read(tmp_path: Path) -> None:
    old = [
        {"role": "user", "content": "Rain in Köln?"},
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": '{"city": "Köln"}'}},
    ]
    xlam = {"query": "Rain in Köln?", "answers": f"[{TEXTS[0]}]", "tools": json.dumps([BARE])}
    for row in ({"functions": [BARE], "messages": old}, xlam):
        [found] = read(tmp_path, json.dumps(row), "rows.jsonl").rows
        assert found.messages == (AGAIN, Message(role="assistant", content="", tool_calls=CALLS[:1]))
        assert found.tools == (TOOL,)


# --- every row is accounted for -----------------------------------------------------------------------------------


def test_a_broken_array_keeps_what_came_before_and_says_where_it_broke(tmp_path: Path) -> None:
    good = json.dumps(ROWS["query"])
    found = read(tmp_path, f"[\n{good},\n7,\n{good},\n{{oops}},\n{good}\n]")
    assert [row.line for row in found.rows] == [2, 4]
    assert [line for line, _ in found.skipped] == [3, 5]
    assert found.skipped[1][1].endswith("nothing after it was read")
    cut = read(tmp_path, f"[{good},\n{good}")
    assert (len(cut.rows), cut.skipped) == (2, ((2, "the array is not closed here: the file may have been cut off"),))


def test_a_line_of_50_mb_costs_only_itself(tmp_path: Path) -> None:
    good = json.dumps(ROWS["query"])
    found = read(tmp_path, f"{good}\n{json.dumps({'query': 'x' * 50_000_000, 'response': 'y'})}\n{good}", "rows.jsonl")
    assert [row.line for row in found.rows] == [1, 3]
    assert found.skipped[0][0] == 2
    assert "50,000,0" in found.skipped[0][1]


def test_the_report_is_kept_with_every_line(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([json.dumps(TOOL_ROWS["openai"]), "{", json.dumps(ROWS["query"]), "7", ""]))
    report = import_rows(catalog, project, path, licence="CC-BY-4.0")
    assert (report.imported, [line for line, _ in report.skipped], report.confidence) == (2, [2, 4], "2 of 4 rows fit")
    kept = json.loads((catalog.folder(project) / report.path).read_text())
    assert kept["skipped"][0][0] == 2
    assert {sample.licence for sample in catalog.find(Sample, project.id)} == {"CC-BY-4.0"}
    assert import_rows(catalog, project, path).duplicates == 2


def test_a_table_made_by_a_tool_is_kept_to_the_space(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('system,history,query,response\n,"[[""a"", ""b""]]", hi ," ho\n"\n')
    [row] = read_rows(path, Task(kind="open", input_description="x", language="en")).rows
    assert [message.content for message in row.messages] == ["a", "b", " hi ", " ho\n"]
