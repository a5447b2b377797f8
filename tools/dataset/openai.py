"""Messages in the layout of the OpenAI protocol, which `messages` files have too."""

import json
from collections.abc import Sequence
from itertools import count

from tools.records import JsonObject, Message


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
                {
                    "id": id_,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
                }
                for id_, call in zip(waiting, message.tool_calls, strict=True)
            ]
        if message.role == "tool" and waiting:
            row["tool_call_id"] = waiting.pop(0)
        rows.append(row)
    return rows
