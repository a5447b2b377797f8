"""Lists of chat turns under whatever names: OpenAI `messages`, ShareGPT `conversations`, pairs of two speakers."""

import json
import re
from collections.abc import Sequence
from itertools import groupby

from pydantic import JsonValue

from tools.dataset.strict import loads
from tools.records import JsonObject, Message, ToolCall

CALL = "call"  # a turn that is nothing but a call of a tool
ROLES = {
    "system": ("system", "developer", "system_prompt"),
    "user": ("user", "human", "prompter"),
    "assistant": ("assistant", "gpt", "chatgpt", "bard", "bing", "bot", "model", "ai"),
    "tool": ("tool", "function", "observation", "observations", "tool_response", "function_response", "ipython"),
    CALL: ("function_call", "tool_call"),
}
ROLE_OF = {name: role for role, names in ROLES.items() for name in names}
WHO, WHAT = ("role", "from"), ("content", "value")
PAIRS = (("human", "assistant"), ("user", "assistant"), ("human", "gpt"), ("user", "bot"))
REASONING = ("reasoning", "thinking", "reasoning_content")  # what a student who answers at once does not learn
SEVERAL_RESULTS = "\n</tool_response>\n<tool_response>\n"  # how LLaMA-Factory joins the results of one turn
_IMAGE_TAG = re.compile(r"<img>.*?</img>", re.DOTALL)


class Unfit(Exception):
    """This record is no training sample; the text says why."""


def read_turns(turns: Sequence[JsonValue]) -> tuple[list[Message], set[str]]:
    """The messages, and what was left out of them on purpose. Raises Unfit."""
    left_out: set[str] = set()
    found: list[tuple[Message, JsonObject]] = []
    for turn in turns:
        if not isinstance(turn, dict):
            raise Unfit("a message is not an object with role and content")
        pair = next((pair for pair in PAIRS if all(isinstance(turn.get(name), str) for name in pair)), None)
        if pair and not any(turn.get(name) for name in WHO):
            found += [(Message(role=who, content=str(turn[name])), turn) for who, name in zip(_TWO, pair, strict=True)]
        else:
            _add(found, turn, left_out)
    if found and _weight(found[-1][1]) == 0:
        raise Unfit("its answer has the loss weight 0, so it is not meant to be learnt")
    return _in_order_of_calls(found), left_out


_TWO = ("user", "assistant")


def read_calls(value: JsonValue) -> tuple[ToolCall, ...]:
    """One call or a list of calls, as JSON or as its text; `function` may wrap each. Raises Unfit."""
    if isinstance(value, str):
        try:
            value = loads(value)
        except (ValueError, RecursionError) as error:
            raise Unfit(f"a tool call is not valid JSON ({error})") from error
    calls = []
    for one in value if isinstance(value, list) else [value]:
        inner = one.get("function", one) if isinstance(one, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("name"), str) or not inner["name"]:
            raise Unfit("a tool call has no name")
        arguments = inner.get("arguments", inner.get("parameters"))
        if isinstance(arguments, str):
            try:
                arguments = loads(arguments) if arguments.strip() else {}
            except (ValueError, RecursionError) as error:
                raise Unfit(f"the arguments of {inner['name']!r} are not valid JSON ({error})") from error
        if not isinstance(arguments, dict | None):
            raise Unfit(f"the arguments of {inner['name']!r} are not an object")
        calls.append(ToolCall(name=str(inner["name"]), arguments=arguments or {}))
    return tuple(calls)


def read_tools(value: JsonValue) -> tuple[JsonObject, ...]:
    """Tool schemas as a list or as its JSON text, each bare or wrapped; wrapped they come out. Raises Unfit."""
    if isinstance(value, str):
        try:
            value = loads(value) if value.strip() else None
        except (ValueError, RecursionError) as error:
            raise Unfit(f'its "tools" are not valid JSON ({error})') from error
    tools: list[JsonObject] = []
    for one in value if isinstance(value, list) else [value] if value else []:
        inner = one.get("function", one) if isinstance(one, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
            raise Unfit("a tool has no name")
        tools.append({"type": "function", "function": inner})
    return tuple(tools)


def text_of(content: JsonValue, left_out: set[str]) -> str:
    """A message's text; the list form of the OpenAI layout is taken when its parts are text."""
    if isinstance(content, str):
        if _IMAGE_TAG.search(content):
            raise Unfit("a message holds something other than text (an image)")
        return content
    if isinstance(content, list) and content:
        texts = []
        for part in content:
            kind = part.get("type") if isinstance(part, dict) else None
            inner = _first(part, ("text", *WHAT, "reasoning", "thinking")) if isinstance(part, dict) else None
            if kind in REASONING:
                left_out.add("reasoning")
            elif kind == "text" and isinstance(inner, str):
                texts.append(inner)
            else:
                raise Unfit(f"a message holds something other than text ({kind or 'a part without a type'})")
        return "".join(texts)
    raise Unfit("a message has no text content")


def _add(found: list[tuple[Message, JsonObject]], turn: JsonObject, left_out: set[str]) -> None:
    said = _first(turn, WHO)
    role = ROLE_OF.get(said.strip().lower().replace(" ", "_")) if isinstance(said, str) else None
    if role is None:
        raise Unfit(f"the role {said!r} is unknown")
    content = _first(turn, WHAT)
    if role == CALL:
        calls = read_calls(content)
        before = found[-1][0] if found else None
        if before is not None and before.role == "assistant":  # ms-swift: words, then a turn for each call
            found[-1] = (before.model_copy(update={"tool_calls": (*before.tool_calls, *calls)}), found[-1][1])
        else:
            found.append((Message(role="assistant", content="", tool_calls=calls), turn))
        return
    if any(turn.get(name) for name in REASONING):
        left_out.add("reasoning")
    calls = _calls_of(turn, content) if role == "assistant" else ()
    if isinstance(content, list):
        content = [part for part in content if not _is_call(part)]
    if role != "user" and _is_value(content):
        content = json.dumps(content, ensure_ascii=False)
    text = "" if calls and not content else text_of(content, left_out)
    if role == "tool":
        found += [(Message(role="tool", content=one), turn) for one in _results(found, text)]
    else:
        learnt = role != "assistant" or _weight(turn) not in (0, False)
        told = {"role": role, "content": text, "tool_calls": calls, "learnt": learnt}
        found.append((Message.model_validate(told), turn))


def _calls_of(turn: JsonObject, content: JsonValue) -> tuple[ToolCall, ...]:
    """Calls beside the content, the old single one, or those among the parts of the content."""
    inside: list[JsonValue] = []
    if isinstance(content, list):
        inside = [_first(part, WHAT) for part in content if isinstance(part, dict) and _is_call(part)]
    beside = turn.get("tool_calls") or turn.get("function_call") or []
    return tuple(call for one in (beside, *inside) if one for call in read_calls(one))


def _is_value(content: JsonValue) -> bool:
    """An object, a number or a list that is no list of parts: an answer or a tool's result, which is its JSON."""
    if isinstance(content, list):
        return bool(content) and not any(isinstance(part, dict) and "type" in part for part in content)
    return isinstance(content, dict | bool | int | float)


def _is_call(part: JsonValue) -> bool:
    return isinstance(part, dict) and part.get("type") == "tool_call"


def _results(found: Sequence[tuple[Message, JsonObject]], text: str) -> list[str]:
    """One result, or those of several calls that stand joined in one turn."""
    calls = found[-1][0].tool_calls if found else ()
    several = text.split(SEVERAL_RESULTS)
    return several if len(several) == len(calls) else [text]


def _in_order_of_calls(found: Sequence[tuple[Message, JsonObject]]) -> list[Message]:
    """The messages, results put into the order of the calls whose ids they name."""
    ordered: list[Message] = []
    order: dict[str, int] = {}
    for are_results, group in groupby(found, key=lambda one: one[0].role == "tool"):
        members = list(group)
        if are_results:
            members.sort(key=lambda one: order.get(str(one[1].get("tool_call_id")), 0))
        else:
            listed = members[-1][1].get("tool_calls")
            ids = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
            order = {str(id_): number for number, id_ in enumerate(ids)}
        ordered += [message for message, _ in members]
    return ordered


def _weight(turn: JsonObject) -> JsonValue:
    weight = _first(turn, ("loss_weight", "weight", "loss"))
    return 1 if weight is None else weight


def _first(holder: JsonObject, names: Sequence[str]) -> JsonValue:
    return next((holder[name] for name in names if holder.get(name) is not None), None)
