"""What is exported and imported again is the same, to the letter; what a layout cannot hold is refused."""

import json
import random
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.dataset.rows import sample
from tools.catalog import Catalog
from tools.dataset.exporting import ENDINGS, Export, export
from tools.dataset.freezing import freeze
from tools.dataset.importing import read_rows
from tools.dataset.splits import Row, read_dev, read_train
from tools.dataset.turns import Unfit
from tools.dataset.writing import Format, write
from tools.errors import RetortError
from tools.records import Dataset, Dialogue, JsonObject, Message, Project, Sample, ToolCall

FORMATS: tuple[Format, ...] = get_args(Format)
PLAIN: tuple[Format, ...] = ("alpaca", "csv")  # hold no results of tools
TOOL: JsonObject = {
    "type": "function",
    "function": {"name": "weather", "description": "of a city", "parameters": {"type": "object", "properties": {}}},
}
HARD = ' "a", b;\t|\r\n{"c": \'d\'} \\n 王\u2028\u0085 <tool_call> [["x", "y"]] ,,\n\n '  # what files break on


def user(text: str) -> Message:
    return Message(role="user", content=text)


def says(text: str, *calls: ToolCall) -> Message:
    return Message(role="assistant", content=text, tool_calls=calls)


def conversation(draws: random.Random, number: int, tools: bool) -> Dialogue:
    """A conversation of one to three turns, some with a system message, hard characters, or calls with results."""

    def text() -> str:
        return f"{number} {draws.random()}{draws.choice(('', HARD))}"

    messages = [Message(role="system", content=text())] if draws.random() < 0.5 else []
    for _ in range(draws.randrange(3)):
        messages += [user(text()), says(text())]
    messages.append(user(text()))
    if not tools or draws.random() < 0.5:
        return Dialogue(messages=(*messages, says(text())))
    calls = [ToolCall(name="weather", arguments={"z": text(), "a": [1, 2.5, None, {"b": True}]})] * draws.randint(1, 3)
    messages.append(says("", *calls))
    if draws.random() < 0.6:
        messages += [*(Message(role="tool", content=text()) for _ in calls), says(text())]
    return Dialogue(messages=tuple(messages), tools=(TOOL,))


def frozen(catalog: Catalog, project: Project, count: int, tools: bool) -> Dataset:
    draws = random.Random(5)
    made: list[Sample] = []
    for number in range(count):
        spoken = conversation(draws, number, tools)
        made.append(sample(project, "x").but(messages=spoken.messages, tools=spoken.tools))
    catalog.add_all(made)
    return freeze(catalog, project, test_rows=count // 10, dev_rows=count // 5)


def same(rows: list[Row], path: Path, project: Project) -> None:
    read = read_rows(path, project.task)
    assert (read.skipped, read.certain) == ((), True)
    assert [dump(row) for row in read.rows] == [dump(row) for row in rows]


def dump(dialogue: Dialogue) -> str:
    """As text, since True and 1 are equal, and an order of arguments is none to a dict."""
    return dialogue.model_dump_json(include={"messages", "tools"})


@pytest.mark.parametrize("layout", FORMATS)
def test_imported_again_it_is_the_same(catalog: Catalog, project: Project, layout: Format) -> None:
    dataset = frozen(catalog, project, 120, tools=layout not in PLAIN)
    made = export(catalog, project, dataset, layout)
    folder = catalog.folder(project) / made.folder
    assert (made.left_out, made.rows) == ("", {"train": 84, "dev": 24})
    same(read_train(catalog, dataset), folder / f"train{ENDINGS[layout]}", project)
    same(read_dev(catalog, dataset), folder / f"dev{ENDINGS[layout]}", project)
    before = {name: (folder / name).read_bytes() for name in made.files}
    assert export(catalog, project, dataset, layout) == made
    assert before == {name: (folder / name).read_bytes() for name in made.files}


@pytest.mark.parametrize("layout", FORMATS)
def test_datasets_loads_every_export(
    catalog: Catalog, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Format
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    import datasets

    made = export(catalog, project, frozen(catalog, project, 60, tools=layout not in PLAIN), layout)
    folder = catalog.folder(project) / made.folder
    cache = str(tmp_path / "cache")
    if layout == "datasets":
        loaded: Any = datasets.load_dataset(str(folder), cache_dir=cache)
        assert set(loaded) == {"train", "validation"}
        assert loaded["train"].num_rows == made.rows["train"]
        return
    kind = {".csv": "csv"}.get(ENDINGS[layout], "json")
    loaded = datasets.load_dataset(kind, data_files=str(folder / f"train{ENDINGS[layout]}"), cache_dir=cache)
    assert loaded["train"].num_rows == made.rows["train"]


def test_the_layouts_are_those_of_their_tools(catalog: Catalog, project: Project) -> None:
    """As LLaMA-Factory's data/README.md and ms-swift's Custom-dataset and Agent-support pages write them."""
    call = ToolCall(name="weather", arguments={"city": "Köln"})
    turns = (Message(role="system", content="S"), user("Rain?"), says("", call), Message(role="tool", content="dry"))
    spoken = Dialogue(messages=(*turns, says("No.")), tools=(TOOL,))
    text = '{"name": "weather", "arguments": {"city": "Köln"}}'
    assert write(spoken, "sharegpt") == {
        "conversations": [
            {"from": "human", "value": "Rain?"},
            {"from": "function_call", "value": text},
            {"from": "observation", "value": "dry"},
            {"from": "gpt", "value": "No."},
        ],
        "system": "S",
        "tools": json.dumps([TOOL["function"]]),
    }
    assert write(spoken, "ms-swift") == {
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "Rain?"},
            {"role": "tool_call", "content": text},
            {"role": "tool_response", "content": "dry"},
            {"role": "assistant", "content": "No."},
        ],
        "tools": json.dumps([TOOL]),
    }
    two = Dialogue(messages=(user("a"), says("b"), user("c"), says("d")))
    assert write(two, "alpaca") == {
        "instruction": "c",
        "input": "",
        "output": "d",
        "system": "",
        "history": [["a", "b"]],
    }
    made = export(catalog, project, frozen(catalog, project, 30, tools=False), "alpaca")
    info = json.loads((catalog.folder(project) / made.folder / "dataset_info.json").read_text())
    assert info["contacts_train"] == {
        "file_name": "train.json",
        "formatting": "alpaca",
        "columns": {
            "prompt": "instruction",
            "query": "input",
            "response": "output",
            "system": "system",
            "history": "history",
        },
    }


CALL = says("", ToolCall(name="weather"))
RESULT = Message(role="tool", content="dry")


@pytest.mark.parametrize(
    ("layout", "messages"),
    [
        ("alpaca", (user("q"), CALL, RESULT, says("a"))),
        ("csv", (user("q"), CALL, RESULT, says("a"))),
        ("alpaca", (Message(role="system", content=""), user("q"), says("a"))),
        ("alpaca", (says("Hello!"), user("q"), says("a"))),
        ("sharegpt", (says("Hello!"), user("q"), says("a"))),
        ("sharegpt", (user("q"), says("Let me see.", *CALL.tool_calls))),
        ("ms-swift", (user("q"), says("Let me see."), CALL)),
    ],
)
def test_what_a_layout_cannot_hold_is_refused(layout: Format, messages: tuple[Message, ...]) -> None:
    tools = (TOOL,) if any(message.tool_calls for message in messages) else ()
    with pytest.raises(Unfit):
        write(Dialogue(messages=messages, tools=tools), layout)
    assert write(Dialogue(messages=messages, tools=tools), "messages")


def test_rows_that_do_not_fit_are_counted_and_none_at_all_is_an_error(catalog: Catalog, project: Project) -> None:
    made = [sample(project, f"{number} words of question", "a") for number in range(40)]
    called = (user("q"), CALL, RESULT, says("a"))
    catalog.add_all(
        [*made, *(one.but(messages=called, tools=(TOOL,), id=f"{one.id}-t", split="train") for one in made[:7])]
    )
    dataset = freeze(catalog, project, test_rows=5, dev_rows=5)
    found: Export = export(catalog, project, dataset, "alpaca")
    assert found.rows["train"] == dataset.rows["train"] - 7
    assert found.left_out.startswith("7 rows were left out: its turns")
    catalog.save_all([one.but(messages=called, tools=(TOOL,)) for one in made])
    catalog.save_all([one.but(messages=(user(f"{one.id}"), *called[1:]), tools=(TOOL,)) for one in made])
    with pytest.raises(RetortError, match="fits the alpaca layout"):
        export(catalog, project, freeze(catalog, project, test_rows=5, dev_rows=5), "alpaca")


def test_the_sealed_test_set_is_not_exported(catalog: Catalog, project: Project) -> None:
    dataset = frozen(catalog, project, 60, tools=False)
    sealed = (catalog.folder(project) / dataset.folder / "sealed/test.jsonl").read_bytes().splitlines()
    texts = [json.loads(line)["messages"][-1]["content"] for line in sealed]
    for layout in FORMATS:
        made = export(catalog, project, dataset, layout)
        whole = b"".join((catalog.folder(project) / made.folder / name).read_bytes() for name in made.files)
        assert not any(text.split()[1].encode() in whole for text in texts)
