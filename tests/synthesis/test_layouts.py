"""An answer in any layout is read and billed, and an error told in its provider's words."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scripted_openai import Reply
from tests.synthesis.asking import ANSWER_USD, ASKED, completed, generated
from tests.synthesis.endpoint import teaching
from tests.synthesis.imitations import WROTE, completion, counted, error, samples
from tests.synthesis.tasks import BANK
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Expense, Project
from tools.settings import settings
from tools.teacher.endpoint import Endpoint
from tools.teacher.protocol import Passing


@pytest.fixture
def bank(catalog: Catalog, project: Project) -> Project:
    return catalog.save(project.but(task=BANK))


TEXT = '{"samples": []}'
ARGUMENTS = {"function": {"name": "samples", "arguments": TEXT}}
LAYOUTS: dict[str, Any] = {
    "a list of parts": {"content": [{"type": "text", "text": TEXT[:5]}, {"type": "text", "text": TEXT[5:]}]},
    "thoughts as a part": {
        "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "{}"}]}, {"type": "text", "text": TEXT}]
    },
    "parts of another name": {"content": [{"type": "output_text", "text": TEXT}]},
    "bare texts": {"content": [TEXT]},
    "a call of a tool": {"content": None, "tool_calls": [ARGUMENTS]},
    "arguments as an object": {"content": "", "tool_calls": [{"function": {"arguments": json.loads(TEXT)}}]},
    "an older call": {"content": None, "function_call": {"name": "samples", "arguments": TEXT}},
    "JSON itself": {"content": json.loads(TEXT)},
    "thoughts beside it": {"content": TEXT, "reasoning_content": "{}", "reasoning": "{}"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_text_of_an_answer_in_any_layout(monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    with teaching(monkeypatch, lambda body: completion(LAYOUTS[layout], counted())):
        assert completed(Endpoint(settings()), ASKED).text == TEXT


def test_two_calls_are_one_list_and_a_stream_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    with teaching(monkeypatch, lambda body: completion({"tool_calls": [ARGUMENTS, ARGUMENTS]}, counted())):
        assert completed(Endpoint(settings()), ASKED).text == f"[{TEXT}, {TEXT}]"
    events = [{"choices": [{"delta": {"reasoning_content": "hm", "content": None}}]}]
    events += [{"choices": [{"delta": {"content": part}, "finish_reason": None}]} for part in (TEXT[:4], TEXT[4:])]
    events += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": counted()}]
    stream = "".join(f"data: {json.dumps(one)}\n\n" for one in events) + ": still here\n\ndata: [DONE]\n\n"
    with teaching(monkeypatch, lambda body: Reply(body=stream.encode())):
        reply = completed(Endpoint(settings()), ASKED)
    assert (reply.text, reply.usage.output_tokens) == (TEXT, WROTE)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        "no",
        {"prompt_tokens": 900, "completion_tokens": None},
        {"prompt_tokens": -1, "completion_tokens": 0},
        {"prompt_tokens": "many", "completion_tokens": True},
    ],
)
def test_what_is_not_counted_is_billed_by_a_guess_and_never_nothing(
    monkeypatch: pytest.MonkeyPatch, usage: Any
) -> None:
    with teaching(monkeypatch, lambda body: completion({"content": samples(body)}, usage)):
        used = completed(Endpoint(settings()), ASKED).usage
    assert used.guessed == 1
    assert used.input_tokens > 0
    assert used.output_tokens > 0
    assert used.usd > 0


@pytest.mark.parametrize(
    ("usage", "read", "wrote", "cached"),
    [
        ({"prompt_tokens": "900", "completion_tokens": 300.0}, 900, 300, 0),
        ({"input_tokens": 900, "output_tokens": 300}, 900, 300, 0),
        ({"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1500}, 900, 600, 0),
        ({"prompt_tokens": 900, "total_tokens": 1200}, 900, 300, 0),
        ({"prompt_tokens": None, "completion_tokens": 300, "total_tokens": 1200}, 900, 300, 0),
        ({"prompt_tokens": 900, "completion_tokens": 300, "prompt_cache_hit_tokens": 800}, 900, 300, 800),
    ],
)
def test_counts_under_any_name(monkeypatch: pytest.MonkeyPatch, usage: Any, read: int, wrote: int, cached: int) -> None:
    with teaching(monkeypatch, lambda body: completion({"content": samples(body)}, usage)):
        used = completed(Endpoint(settings()), ASKED).usage
    assert (used.input_tokens, used.output_tokens, used.cached_tokens, used.guessed) == (read, wrote, cached, 0)


def test_an_answer_that_broke_off_is_billed_and_asked_again_within_the_limit(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Iterator[bool]:
        yield from (False, True, True)
        while True:
            yield False

    turns = broken()

    def answer(body: dict[str, Any]) -> Reply:
        return Reply(body=b'{"choices": [{"mess') if next(turns) else completion({"content": samples(body)}, counted())

    with teaching(monkeypatch, answer, concurrency="1") as server:
        bill, ended = generated(catalog, bank, 10, max_usd=0.1)
    assert (ended, len(server.requests)) == ("", 4)
    assert bill.usage.guessed == 2
    assert bill.usage.usd > 2 * ANSWER_USD
    with teaching(monkeypatch, lambda body: Reply(body=b'{"choices": [{"mess'), concurrency="1") as server:
        _, ended = generated(catalog, bank, 50, max_usd=0.0125)
    assert "limit of $0.01" in ended
    assert 1 < len(server.requests) < 5
    assert 0 < sum(one.usd for one in catalog.find(Expense, bank.id)) - bill.usage.usd <= 0.0125


# --- errors in the provider's own words ------------------------------------------------------------------------------

ERRORS: list[tuple[Reply, type[Exception], str, str]] = [
    (Reply(body={"error": {"message": "overloaded", "code": 502}}), Passing, "(502): overloaded", "Wait"),
    (
        Reply(body={"choices": [{"error": {"message": "upstream died", "code": 429}}]}),
        Passing,
        "(429): upstream died",
        "Wait",
    ),
    (
        Reply(status=400, body={"code": 20012, "message": "Model does not exist.", "data": None}),
        RetortError,
        "for the model 'big': Model does not exist.",
        "RETORT_TEACHER_MODEL",
    ),
    (
        Reply(status=400, body=[{"error": {"code": 400, "message": "API key not valid."}}]),
        RetortError,
        "the key was not accepted (API key not valid)",
        "RETORT_TEACHER_API_KEY",
    ),
    (
        error(401, "Incorrect API key provided: sk-test. You can find it at your account."),
        RetortError,
        "the key was not accepted (Incorrect API key provided: ...",
        "RETORT_TEACHER_API_KEY",
    ),
    (error(429, "Insufficient Balance"), RetortError, "Insufficient Balance", "Pay at the provider"),
    (Reply(status=400, body={"code": "Arrearage", "message": "Access denied"}), RetortError, "Access denied", "Pay"),
    (error(403, "Model is not open to you"), RetortError, "answered 403: Model is not open", "may use the model 'big'"),
    (Reply(status=404, body={"error": "no model big"}), RetortError, "no model big", "RETORT_TEACHER_MODEL"),
    (error(503, "Loading model"), Passing, "503: Loading model", "Wait"),
    (Reply(body={"status": "ok"}), RetortError, "other JSON instead of a chat completion", "/v1"),
]


@pytest.mark.parametrize(("reply", "kind", "problem", "fix"), ERRORS)
def test_an_error_is_told_in_the_providers_words_with_its_own_fix(
    monkeypatch: pytest.MonkeyPatch, reply: Reply, kind: type[RetortError | Passing], problem: str, fix: str
) -> None:
    with teaching(monkeypatch, lambda body: reply) as server, pytest.raises(kind) as told:
        completed(Endpoint(settings()), ASKED)
    assert problem in told.value.problem
    assert fix in told.value.fix
    assert "sk-test" not in told.value.problem
    assert len(server.requests) == 1


def test_one_prompt_that_a_policy_forbids_is_no_fault_of_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
    with teaching(monkeypatch, lambda body: error(400, told, code="content_filter")):
        reply = completed(Endpoint(settings()), ASKED)
    assert reply.unusable is not None
    assert (reply.unusable.reason, told in reply.unusable.problem) == ("refused", True)


def test_the_wait_that_is_asked_for_in_words_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "Rate limit reached for gpt-4o on tokens per min. Please try again in 250ms."
    with teaching(monkeypatch, lambda body: error(429, told)), pytest.raises(Passing) as passing:
        completed(Endpoint(settings()), ASKED)
    assert passing.value.retry_after_s == 0.25
