"""Answers that call tools: the right tool, with arguments that are right or acceptable.

The rules are those of the Berkeley Function-Calling Leaderboard's AST check for single calls (S. G. Patil et al.,
"Gorilla", 2023; leaderboard v4): strings without regard to case, spaces and `,./-_*^`, each argument one of its
accepted values, no argument too many, none missing.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from pydantic import JsonValue

from tools.records import JsonObject, ToolCall

_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_IGNORED = re.compile(r"[ ,./\-_*^]")
MAY_BE_LEFT_OUT = ""  # among the accepted values of an argument: the call is right without it too

Accepted = Mapping[str, Sequence[JsonValue]]  # accepted values by argument


def read_calls(text: str) -> list[ToolCall] | None:
    """The calls of an answer, in the markup of Hermes and Qwen or as bare JSON; None when one cannot be read."""
    bodies = _CALL.findall(text)
    if not bodies:
        if "<tool_call>" in text:
            return None  # begun and never ended
        bodies = [text] if text.lstrip().startswith("{") and '"arguments"' in text else []
    try:
        return [ToolCall.model_validate_json(body) for body in bodies]
    except ValueError:
        return None


def calls_match(reference: Sequence[ToolCall], answer: Sequence[ToolCall] | None) -> bool:
    """Whether the answer makes the reference's calls, each once and in any order; none where none is wanted."""
    if answer is None or len(reference) != len(answer):
        return False
    left = list(answer)
    for wanted in reference:
        accepted = {name: [_only(value)] for name, value in wanted.arguments.items()}
        found = next((call for call in left if call_matches(call, wanted.name, accepted)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def call_matches(call: ToolCall, name: str, accepted: Accepted, required: Collection[str] = ()) -> bool:
    """Whether a call names the tool and gives each argument an accepted value.

    `MAY_BE_LEFT_OUT` is one of these where the argument may be missing, unless the tool's schema requires it.
    """
    return call.name == name and call.arguments.keys() >= set(required) and _holds(call.arguments, accepted)


def _holds(given: JsonObject, accepted: Accepted) -> bool:
    if not given.keys() <= accepted.keys():
        return False
    return all(
        any(_same(given[name], value) for value in values) if name in given else MAY_BE_LEFT_OUT in values
        for name, values in accepted.items()
    )


def _same(value: JsonValue, accepted: JsonValue) -> bool:
    """Whether one accepted value is met; inside an accepted object stand lists of accepted values again."""
    if isinstance(value, bool) or isinstance(accepted, bool):
        return value is accepted  # Python counts True as 1, JSON does not
    if isinstance(value, str) and isinstance(accepted, str):
        return _plain(value) == _plain(accepted)
    if isinstance(value, list) and isinstance(accepted, list):
        return len(value) == len(accepted) and all(_same(a, b) for a, b in zip(value, accepted, strict=True))
    if isinstance(value, dict) and isinstance(accepted, dict):
        inner = {key: one for key, one in accepted.items() if isinstance(one, list)}
        return len(inner) == len(accepted) and _holds(value, inner)
    return value == accepted


def _only(value: JsonValue) -> JsonValue:
    """A reference's own value as the only accepted one, objects inside it included."""
    if isinstance(value, dict):
        return {key: [_only(inner)] for key, inner in value.items()}
    return [_only(inner) for inner in value] if isinstance(value, list) else value


def _plain(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')
