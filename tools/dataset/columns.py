"""Which column (or key) of flat rows is the input and which the answer: by name, else proposed from what they hold."""

import json
from collections.abc import Mapping, Sequence

from pydantic import Field, JsonValue

from tools.errors import RetortError
from tools.records import JsonObject, Value

NAMES = {
    "input": (
        *("query", "prompt", "question", "input", "text", "request", "instruction", "utterance", "sentence"),
        *("message", "body", "content", "email", "mail", "ticket", "comment", "review", "tweet", "post", "source"),
        *("问题", "输入", "文本", "内容", "消息", "正文", "评论", "留言"),
    ),
    "output": (
        *("response", "completion", "answer", "output", "label", "intent", "target", "category"),
        *("class", "topic", "sentiment", "tag", "reply", "result", "summary", "translation"),
        *("答案", "输出", "标签", "回答", "类别", "分类", "意图", "情感", "回复"),
    ),
    "system": ("system", "system_prompt", "system_message"),
    "history": ("history",),
    "tools": ("tools", "functions"),
}
TOLD = (*NAMES, "instruction")  # the parts that a user may name columns for
ALPACA = ("instruction", "input", "output")
LOOKED_AT = 200  # rows that a proposal is made from
FEWEST_ROWS = 3  # fewer show nothing


class Columns(Value):
    """The parts of a row and where they stand."""

    parts: dict[str, str] = Field(description="input, output, system, history, tools, instruction -> column.")
    certain: bool = Field(description="Named so, or told by the user; a proposal from what the columns hold is not.")
    why: str = ""


def find_columns(
    header: Sequence[str], rows: Sequence[JsonObject], name: str, told: Mapping[str, str] | None = None
) -> Columns:
    """The columns as told, else by name when exactly one fits each part, else a proposal from the first `rows`.

    Raises RetortError when a told column is not there, or when nothing can be proposed.
    """
    spelled = {_key(column): column for column in header}
    if told:
        chosen = _as_told(header, name, told)
    elif {"instruction", "output"} <= set(spelled):
        chosen = {part: spelled[part] for part in ALPACA if part in spelled}
    elif {"tools", "answers"} <= set(header):  # xLAM: the answers are calls
        chosen = {"output": "answers"}
    else:
        chosen = {}
    for part, names in NAMES.items():
        if part in chosen or (part == "input" and "instruction" in chosen):
            continue
        fitting = [column for column in header if _key(column) in names and column not in chosen.values()]
        if len(fitting) == 1:
            chosen[part] = fitting[0]
    if missing := [part for part in ("input", "output") if part not in {*chosen, *_instead(chosen)}]:
        chosen |= _the_other(header, rows, chosen, missing)
    if {"input", "output"} <= {*chosen, *_instead(chosen)}:
        return Columns(parts=chosen, certain=True)
    return _proposed(header, rows, name, chosen)


def _instead(chosen: Mapping[str, str]) -> set[str]:
    """An instruction stands for an input that a row may lack."""
    return {"input"} if "instruction" in chosen else set()


def _the_other(
    header: Sequence[str], rows: Sequence[JsonObject], chosen: Mapping[str, str], missing: Sequence[str]
) -> dict[str, str]:
    """Of two columns of which one is known the other, unless it says nothing."""
    left = [column for column in header if column not in chosen.values()]
    if len(header) != 2 or len(left) != 1 or len(missing) != 1 or len(rows) < FEWEST_ROWS:
        return {}
    return {} if _tells_nothing([_text(row.get(left[0])) for row in rows]) else {missing[0]: left[0]}


def unclear(header: Sequence[str], name: str, why: str) -> RetortError:
    return RetortError(
        f"{name} cannot be read as input and output: {why}. Its columns are {', '.join(header[:30])}.",
        "Say which column is the input and which is the output, for example 'input is text, output is intent'.",
    )


def _as_told(header: Sequence[str], name: str, told: Mapping[str, str]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for part, column in told.items():
        if part not in TOLD:
            raise unclear(header, name, f"a column can be {', '.join(TOLD)}, but not {part!r}")
        exact = [found for found in header if found == column]
        fitting = exact or [found for found in header if found.casefold() == column.casefold()]
        if len(fitting) != 1:
            raise unclear(header, name, f"it has {len(fitting) or 'no'} columns called {column!r}")
        if fitting[0] in chosen.values():
            raise unclear(header, name, f"the column {column!r} cannot be used for two parts at once")
        chosen[part] = fitting[0]
    return chosen


def _proposed(header: Sequence[str], rows: Sequence[JsonObject], name: str, named: Mapping[str, str]) -> Columns:
    """The longest texts as the input; as the output a column called so, an object, or what repeats itself most."""
    if len(rows) < FEWEST_ROWS:
        lacks = " and ".join(part for part in ("input", "output") if part not in named)
        raise unclear(
            header, name, f"no column name shows which is the {lacks}, and {len(rows)} rows are too few to guess from"
        )
    once = [column for column in dict.fromkeys(header) if column.strip() and list(header).count(column) == 1]
    texts = {column: [_text(row.get(column)) for row in rows] for column in once if column not in named.values()}
    free = {column: found for column, found in texts.items() if not _tells_nothing(found)}
    parts, reasons = dict(named), []
    if "output" not in parts:
        calls_itself = [column for column in free if any(word in column.casefold() for word in NAMES["output"])]
        objects = [column for column, found in free.items() if all(text.startswith("{") for text in found if text)]
        shortest_first = sorted(free, key=lambda column: sum(map(len, free[column])))
        others = shortest_first if "input" in parts else shortest_first[:-1]
        repeats = min(others, key=lambda column: len(set(free[column])), default="")
        parts["output"] = next(iter([*calls_itself, *objects, repeats]))
        how = "has a fitting name" if calls_itself else "holds objects" if objects else "repeats its values"
        reasons.append(f"{parts['output']!r} {how}")
    if "input" not in parts and "instruction" not in parts:
        left = [column for column in free if column != parts["output"] and not _mostly_one(free[column])]
        parts["input"] = max(left, key=lambda column: sum(map(len, free[column])), default="")
        reasons.insert(0, f"{parts['input']!r} holds the longest texts")
    if missing := [part for part in ("input", "output") if parts.get(part) == ""]:
        raise unclear(header, name, f"it is not clear which column is the {' and the '.join(missing)} (none fits)")
    return Columns(parts=parts, certain=False, why=" and ".join(reasons))


def _key(column: str) -> str:
    """'System Prompt' and 'system-prompt' are system_prompt."""
    return "_".join(column.casefold().replace("-", " ").replace("_", " ").split())


def _mostly_one(texts: Sequence[str]) -> bool:
    """One text in more than half of the rows is an instruction, and no question."""
    return max(map(texts.count, set(texts)), default=0) > len(texts) / 2


def _text(value: JsonValue) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value).strip()


def _tells_nothing(texts: Sequence[str]) -> bool:
    """Ids, prices and mostly empty columns are neither asked nor answered."""
    filled = [text for text in texts if text]
    if len(filled) <= len(texts) / 2 or all(text.replace(".", "", 1).lstrip("-").isdigit() for text in filled):
        return True
    return len(set(filled)) == len(filled) and all(len(text) <= 40 and " " not in text for text in filled)
