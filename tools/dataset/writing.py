"""One sample in the layouts of other tools. What a layout cannot hold exactly is refused, by reading it back."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import count, groupby
from typing import Literal, TypeAlias

from pydantic import JsonValue

from tools.dataset.layouts import Read, read_chat, read_columns
from tools.dataset.turns import SEVERAL_RESULTS, Unfit
from tools.records import Dialogue, JsonObject, Message, ToolCall

Format: TypeAlias = Literal["messages", "alpaca", "sharegpt", "ms-swift", "datasets", "csv"]
ALPACA_PARTS = {name: name for name in ("instruction", "input", "output", "system", "history")}
CSV_PARTS = {"system": "system", "history": "history", "input": "query", "output": "response", "tools": "tools"}
SHAREGPT_ROLES = {"user": "human", "assistant": "gpt"}


def write(sample: Dialogue, layout: Format) -> JsonObject:
    """The sample as a record of this layout. Raises Unfit when reading the record back would give another sample."""
    writer, reader = LAYOUTS[layout]
    record = writer(sample)
    back = reader(record)
    if (back.messages, back.tools) != (sample.messages, sample.tools):
        raise Unfit(f"its turns or tool calls cannot be written exactly in the {layout} layout")
    return record


def openai_messages(messages: Sequence[Message]) -> list[JsonObject]:
    """Calls get ids in order, `call_1` and on; results name the calls they answer, which they follow in order."""
    numbers = count(1)
    waiting: list[str] = []
    rows: list[JsonObject] = []
    for message in messages:
        row: JsonObject = {"role": message.role, "content": message.content}
        if message.tool_calls:
            waiting = [f"call_{next(numbers)}" for _ in message.tool_calls]
            row["tool_calls"] = [
                {"id": id_, "type": "function", "function": {"name": call.name, "arguments": _json(call.arguments)}}
                for id_, call in zip(waiting, message.tool_calls, strict=True)
            ]
        if message.role == "tool" and waiting:
            row["tool_call_id"] = waiting.pop(0)
        rows.append(row)
    return rows


def _messages(sample: Dialogue) -> JsonObject:
    """OpenAI's fine-tuning layout."""
    return {
        "messages": [
            row if message.learnt else {**row, "weight": 0}
            for row, message in zip(openai_messages(sample.messages), sample.messages, strict=True)
        ],
        **({"tools": list(sample.tools)} if sample.tools else {}),
    }


def _datasets(sample: Dialogue) -> JsonObject:
    """The same for a columnar file: every record has every key, and schemas of many shapes are one JSON text."""
    rows = openai_messages(sample.messages)
    turns: list[JsonValue] = [{"tool_calls": None, "tool_call_id": None, **row} for row in rows]
    return {"messages": turns, "tools": _json(list(sample.tools)) if sample.tools else ""}


def _alpaca(sample: Dialogue) -> JsonObject:
    """https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md, Alpaca Format."""
    system, turns = _apart(sample)
    return {
        "instruction": sample.question,
        "input": "",
        "output": sample.messages[-1].content,
        "system": system,
        "history": _pairs(turns),
    }


def _sharegpt(sample: Dialogue) -> JsonObject:
    """The same page, Sharegpt Format: human and observation stand at odd places, gpt and function_call at even ones."""
    system, turns = _apart(sample)
    told: list[JsonValue] = []
    for are_results, group in groupby(turns, key=lambda turn: turn.role == "tool"):
        members = list(group)
        if are_results:
            told.append({"from": "observation", "value": SEVERAL_RESULTS.join(turn.content for turn in members)})
            continue
        for turn in members:
            calls: list[JsonValue] = [_call(call) for call in turn.tool_calls]
            value = _json(calls[0] if len(calls) == 1 else calls) if calls else turn.content
            told.append({"from": "function_call" if calls else SHAREGPT_ROLES[turn.role], "value": value})
    asking = [turn["from"] in ("human", "observation") for turn in told if isinstance(turn, dict)]
    if asking != [True, False] * (len(asking) // 2):
        raise Unfit("its turns do not alternate, as the sharegpt layout requires")
    bare: list[JsonValue] = [tool["function"] for tool in sample.tools]
    return {"conversations": told, "system": system, "tools": _json(bare) if bare else ""}


def _swift(sample: Dialogue) -> JsonObject:
    """https://swift.readthedocs.io/en/latest/Customization/Custom-dataset.html, and Agent-support for the calls."""
    rows: list[JsonValue] = []
    for turn in sample.messages:
        role = "tool_response" if turn.role == "tool" else turn.role
        if turn.content or not turn.tool_calls:
            rows.append({"role": role, "content": turn.content})
        rows += [{"role": "tool_call", "content": _json(_call(call))} for call in turn.tool_calls]
    return {"messages": rows, **({"tools": _json(list(sample.tools))} if sample.tools else {})}


def _csv(sample: Dialogue) -> JsonObject:
    """The query-response layout that ms-swift reads from CSV; an answer that calls tools is the list of its calls."""
    system, turns = _apart(sample)
    calls: list[JsonValue] = [_call(call) for call in sample.messages[-1].tool_calls]
    return {
        "system": system,
        "history": _json(_pairs(turns)) if len(turns) > 2 else "",
        "query": sample.question,
        "response": _json(calls) if calls else sample.messages[-1].content,
        "tools": _json(list(sample.tools)) if sample.tools else "",
    }


def _apart(sample: Dialogue) -> tuple[str, Sequence[Message]]:
    """The system message's text, and the turns."""
    first, *rest = sample.messages
    return (first.content, rest) if first.role == "system" else ("", sample.messages)


def _pairs(turns: Sequence[Message]) -> list[JsonValue]:
    """Questions and answers before the last; turns that are no such pairs read back as others and are refused."""
    return [[asked.content, said.content] for asked, said in zip(turns[:-2:2], turns[1:-2:2], strict=False)]


def _call(call: ToolCall) -> JsonObject:
    return {"name": call.name, "arguments": call.arguments}


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)


def _columns(parts: Mapping[str, str]) -> Callable[[JsonObject], Read]:
    return lambda record: read_columns(record, parts)


LAYOUTS: dict[Format, tuple[Callable[[Dialogue], JsonObject], Callable[[JsonObject], Read]]] = {
    "messages": (_messages, read_chat),
    "alpaca": (_alpaca, _columns(ALPACA_PARTS)),
    "sharegpt": (_sharegpt, read_chat),
    "ms-swift": (_swift, read_chat),
    "datasets": (_datasets, read_chat),
    "csv": (_csv, _columns(CSV_PARTS)),
}
