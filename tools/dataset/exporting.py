"""A frozen version in the files of other tools. Train and dev only: the sealed test set never leaves its folder."""

import csv
import io
import json
from collections.abc import Mapping, Sequence

from pydantic import Field

from tools.catalog import Catalog
from tools.dataset.splits import Row, read_dev, read_train
from tools.dataset.turns import Unfit
from tools.dataset.writing import Format, write
from tools.errors import RetortError
from tools.files import need_space, to_jsonl, write_atomic
from tools.records import Dataset, JsonObject, Project, Value

ENDINGS: dict[Format, str] = {
    "messages": ".jsonl",
    "alpaca": ".json",
    "sharegpt": ".json",
    "ms-swift": ".jsonl",
    "datasets": ".parquet",
    "csv": ".csv",
}
# https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md: its names of the columns -> ours.
LLAMA_FACTORY: dict[Format, JsonObject] = {
    "alpaca": {
        "formatting": "alpaca",
        "columns": {
            "prompt": "instruction",
            "query": "input",
            "response": "output",
            "system": "system",
            "history": "history",
        },
    },
    "sharegpt": {
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "system": "system", "tools": "tools"},
    },
}
VIEWER = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: train.parquet
  - split: validation
    path: dev.parquet
---
"""


class Export(Value):
    """The files that were written."""

    folder: str = Field(description="Relative to the project folder.")
    files: tuple[str, ...]
    rows: dict[str, int]
    left_out: str = Field("", description="What cannot be held by the layout and was therefore not written.")


def export(catalog: Catalog, project: Project, dataset: Dataset, layout: Format) -> Export:
    """Write train and dev of this version in `layout`; the same version and layout give the same bytes.

    Raises RetortError when no row fits the layout. Rows that do not are counted, never written differently.
    """
    parts = {"train": read_train(catalog, dataset), "dev": read_dev(catalog, dataset)}
    home = catalog.folder(project)
    folder = f"exports/v{dataset.version}-{layout}"
    records, refused = _records(parts, layout)
    if not any(records.values()):
        raise RetortError(
            f"No row of version {dataset.version} fits the {layout} layout: {refused[0]}.",
            "Export it as messages: that layout holds everything.",
        )
    data = {f"{split}{ENDINGS[layout]}": _bytes(rows, layout) for split, rows in records.items()}
    if layout in LLAMA_FACTORY:
        info = {f"{project.slug}_{split}": {"file_name": f"{split}.json", **LLAMA_FACTORY[layout]} for split in records}
        data["dataset_info.json"] = json.dumps(info, indent=2, ensure_ascii=False).encode()
    if layout == "datasets":
        data["README.md"] = VIEWER.encode()
    need_space(home, sum(map(len, data.values())), "the export")
    for name, content in data.items():
        write_atomic(home / folder / name, content)
    return Export(
        folder=folder,
        files=tuple(data),
        rows={split: len(rows) for split, rows in records.items()},
        left_out=f"{len(refused)} rows were left out: {refused[0]}." if refused else "",
    )


def _records(parts: Mapping[str, Sequence[Row]], layout: Format) -> tuple[dict[str, list[JsonObject]], list[str]]:
    records: dict[str, list[JsonObject]] = {}
    refused: list[str] = []
    for split, rows in parts.items():
        records[split] = []
        for row in rows:
            try:
                records[split].append(write(row, layout))
            except Unfit as unfit:
                refused.append(str(unfit))
    return records, refused


def _bytes(records: Sequence[JsonObject], layout: Format) -> bytes:
    if ENDINGS[layout] == ".jsonl":
        return to_jsonl(records)
    if ENDINGS[layout] == ".json":
        return ("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in records) + "\n]\n").encode()
    return _parquet(records) if layout == "datasets" else _csv(records)


def _csv(records: Sequence[JsonObject]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["system", "history", "query", "response", "tools"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def _parquet(records: Sequence[JsonObject]) -> bytes:
    """With a schema of its own: an empty column would else have no type, and splits would differ."""
    import pyarrow
    from pyarrow import parquet

    text = pyarrow.string()
    function = pyarrow.struct([("name", text), ("arguments", text)])
    call = pyarrow.struct([("id", text), ("type", text), ("function", function)])
    turn = [("role", text), ("content", text), ("tool_calls", pyarrow.list_(call)), ("tool_call_id", text)]
    schema = pyarrow.schema([("messages", pyarrow.list_(pyarrow.struct(turn))), ("tools", text)])
    buffer = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_pylist(list(records), schema=schema), buffer)
    return bytes(buffer.getvalue())
