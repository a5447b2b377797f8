"""Teachers' endpoints as their providers publish them: what each refuses, in its own words, and how it answers.

Each imitation keeps the layout of the examples on the page that its comment names; only the samples are ours.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.scripted_openai import Reply
from tests.synthesis.loopback import words

Body = dict[str, Any]
_numbers = itertools.count(1)
READ, WROTE = 1000, 400  # tokens, where an imitation counts


def samples(body: Body) -> str:
    """As many new samples of the bank's as are wanted, as JSON."""
    asked = body["messages"][-1]["content"]
    if "Write " not in asked:
        return json.dumps({"ready": True})
    made = [
        {"input": f"What is in {words(next(_numbers))}?", "output": "balance"}
        for _ in range(int(asked.split("Write ")[1].split()[0]))
    ]
    return json.dumps({"samples": made})


def said(body: Body) -> str:
    return " ".join(one["content"] for one in body["messages"])


def completion(message: Body, usage: Any, finish: str = "stop", **more: Any) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, "logprobs": None}
    return Reply(body={"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage, **more})


def counted(**more: Any) -> Body:
    return {"prompt_tokens": READ, "completion_tokens": WROTE, "total_tokens": READ + WROTE, **more}


def error(status: int, message: str, **more: Any) -> Reply:
    return Reply(status=status, body={"error": {"message": message, **more}})


@dataclass(frozen=True)
class Imitation:
    answer: Callable[[Body], Reply]
    refusals: int = 0  # requests of the first prompt that are refused for their form, when the provider is known
    unknown: int = 0  # the same when only its address is
    keyless: bool = False
    key_header: str = "Authorization"
    path: str = "/v1/chat/completions"
    guessed: bool = False  # whether it does not count its tokens


# https://platform.openai.com/docs/api-reference/chat/object, and the error of reasoning models
def openai(body: Body) -> Reply:
    if "max_tokens" in body:
        told = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        return error(400, told, type="invalid_request_error", param="max_tokens", code="unsupported_parameter")
    if "temperature" in body:
        told = "Unsupported value: 'temperature' does not support 1.0 with this model."
        return error(400, told, type="invalid_request_error", param="temperature", code="unsupported_value")
    details = {"reasoning_tokens": 0, "audio_tokens": 0}
    return completion(
        {"content": samples(body), "refusal": None, "annotations": []},
        counted(prompt_tokens_details={"cached_tokens": 0}, completion_tokens_details=details),
        service_tier="default",
    )


# https://api-docs.deepseek.com/guides/json_mode, .../api/create-chat-completion; the refusal of json_schema
def deepseek(body: Body) -> Reply:
    shape = body.get("response_format", {}).get("type", "text")
    if shape == "json_schema":
        return error(
            400, "This response_format type is unavailable now", type="invalid_request_error", param=None,
            code="invalid_request_error",
        )  # fmt: skip
    if shape == "json_object" and "json" not in said(body).lower():
        return error(400, "Prompt must contain the word 'json' in some form to use 'response_format'")
    message = {"content": samples(body), "reasoning_content": 'First {"samples": []}, then more.'}
    return completion(message, counted(prompt_cache_hit_tokens=0, prompt_cache_miss_tokens=READ))


# https://www.alibabacloud.com/help/en/model-studio/deep-thinking
def dashscope(body: Body) -> Reply:
    told = "<400> InternalError.Algo.InvalidParameter: "
    more = {"type": "invalid_request_error", "param": None, "code": "invalid_parameter_error"}
    if body.get("enable_thinking", True) and not body.get("stream"):
        return error(400, "parameter.enable_thinking must be set to false for non-streaming calls", **more)
    if body.get("response_format", {}).get("type") == "json_object" and "json" not in said(body).lower():
        told += "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        return error(400, told, **more)
    return completion({"content": samples(body)}, counted(), request_id="07df985b")


# https://docs.siliconflow.cn/en/api-reference/chat-completions/chat-completions; errors are code, message, data
def siliconflow(body: Body) -> Reply:
    if body.get("response_format", {}).get("type") == "json_schema":
        told = {"code": 20015, "message": "The parameter is invalid: response_format.type", "data": None}
        return Reply(status=400, body=told)
    return completion({"content": samples(body), "reasoning_content": ""}, counted())


# https://openrouter.ai/docs/errors: an error after the work began comes with status 200
def openrouter() -> Callable[[Body], Reply]:
    down = iter([True])

    def answer(body: Body) -> Reply:
        if next(down, False):
            return Reply(
                body={"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "busy"}}}
            )
        message = {"content": samples(body), "refusal": None, "reasoning": None}
        return completion(message, counted(cost=0.00014), provider="Together", native_finish_reason="stop")

    return answer


# https://platform.claude.com/docs/en/api/openai-sdk: response_format is ignored
def anthropic(body: Body) -> Reply:
    asked = "schema" in body["messages"][-1]["content"]
    text = (
        f"Here are the samples:\n\n```json\n{samples(body)}\n```\nShall I write more?" if asked else "Sure! What about?"
    )
    return completion({"content": text}, counted())


# https://ai.google.dev/gemini-api/docs/openai: errors are a list; thoughts count in the total alone
def gemini(body: Body) -> Reply:
    if "max_completion_tokens" in body:
        told = 'Invalid JSON payload received. Unknown name "max_completion_tokens": Cannot find field.'
        return Reply(status=400, body=[{"error": {"code": 400, "message": told, "status": "INVALID_ARGUMENT"}}])
    usage = {"prompt_tokens": READ, "completion_tokens": 100, "total_tokens": READ + WROTE}
    return completion({"content": samples(body)}, usage)


# https://learn.microsoft.com/en-us/azure/ai-services/openai/reference
def azure(body: Body) -> Reply:
    filtered = {"hate": {"filtered": False, "severity": "safe"}}
    more = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": filtered}]}
    return completion({"content": samples(body)}, counted(), **more)


# https://github.com/ollama/ollama/blob/main/docs/openai.md
def ollama(body: Body) -> Reply:
    return completion({"content": samples(body), "reasoning": "hm"}, counted(), system_fingerprint="fp_ollama")


# https://docs.vllm.ai: the error of a context that is too small
def vllm(body: Body) -> Reply:
    asked = body.get("max_tokens") or body["max_completion_tokens"]
    read = len(said(body)) // 4
    if asked + read > 2000:
        told = (
            f"'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is "
            f"2000 tokens and your request has {read} input tokens ({asked} > 2000 - {read})."
        )
        return Reply(status=400, body={"object": "error", "message": told, "type": "BadRequestError", "code": 400})
    return completion({"content": samples(body), "reasoning_content": None, "tool_calls": []}, counted())


# https://lmstudio.ai/docs: an error is a bare text
def lmstudio(body: Body) -> Reply:
    if body.get("response_format", {}).get("type") == "json_object":
        return Reply(status=400, body={"error": "'response_format.type' must be 'json_schema' or 'text'"})
    return completion({"content": samples(body)}, {}, stats={})


# https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
def llamacpp() -> Callable[[Body], Reply]:
    loading = iter([True])

    def answer(body: Body) -> Reply:
        if next(loading, False):
            return error(503, "Loading model", type="unavailable_error", code=503)
        return completion({"content": samples(body)}, counted(), timings={"predicted_n": WROTE})

    return answer


def imitations() -> dict[str, Imitation]:
    """Fresh ones: some have a state."""
    return {
        "openai": Imitation(openai, refusals=1, unknown=1),
        "deepseek": Imitation(deepseek, unknown=1),
        "dashscope": Imitation(dashscope, unknown=1, path="/compatible-mode/v1/chat/completions"),
        "siliconflow": Imitation(siliconflow, unknown=1),
        "openrouter": Imitation(openrouter(), path="/api/v1/chat/completions"),
        "anthropic": Imitation(anthropic),
        "gemini": Imitation(gemini, unknown=1, path="/v1beta/openai/chat/completions"),
        "azure": Imitation(azure, key_header="api-key", path="/openai/v1/chat/completions"),
        "ollama": Imitation(ollama, keyless=True),
        "vllm": Imitation(vllm, refusals=1, unknown=1, keyless=True),
        "lmstudio": Imitation(lmstudio, keyless=True, guessed=True),
        "llamacpp": Imitation(llamacpp(), keyless=True),
    }
