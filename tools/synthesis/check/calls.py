"""Calls of functions: are they offered, and do their arguments keep to the schema?"""

from jsonschema import Draft202012Validator

from tools.records import JsonObject, Sample, ToolCall


def function_of(tool: JsonObject) -> JsonObject:
    """The function in a tool of OpenAI's layout."""
    found = tool.get("function")
    return found if isinstance(found, dict) else {}


def name_of(tool: JsonObject) -> str:
    return str(function_of(tool).get("name", ""))


def check_calls(sample: Sample) -> str:
    """The reason why one of the sample's calls cannot be made; empty when all can."""
    offered = {name_of(tool): function_of(tool) for tool in sample.tools}
    for message in sample.messages:
        for call in message.tool_calls:
            if reason := _check_call(call, offered):
                return reason
    answer = sample.messages[-1]
    if "<tool_call>" in answer.content:
        return "a call in the answer is not valid JSON"
    called = [(call.name, str(call.arguments)) for call in answer.tool_calls]
    return "the answer makes the same call twice" if len(set(called)) < len(called) else ""


def _check_call(call: ToolCall, offered: dict[str, JsonObject]) -> str:
    if call.name not in offered:
        return f"{call.name!r} is not one of the functions {', '.join(offered)}"
    schema = offered[call.name].get("parameters")
    shape: JsonObject = {**schema, "additionalProperties": False} if isinstance(schema, dict) else {}
    worst = next(Draft202012Validator(shape).iter_errors(call.arguments), None)
    if worst is None:
        return ""
    where = ".".join(str(step) for step in worst.absolute_path)
    return f"the call of {call.name} breaks its schema{f' at {where}' if where else ''}: {worst.message[:200]}"
