"""Each dialect end to end against an imitation of its provider: first request to bill, and the limit of money."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.scripted_openai import Reply, ScriptedOpenAI
from tests.synthesis.endpoint import teaching
from tests.synthesis.imitations import (
    READ,
    WROTE,
    Imitation,
    completion,
    counted,
    error,
    imitations,
    openai,
    said,
    samples,
)
from tests.synthesis.tasks import BANK
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.jobs import Stopped
from tools.records import Expense, Message, Project, Sample, SynthesisOrder
from tools.settings import Settings, settings
from tools.synthesis.bill import Bill
from tools.synthesis.connecting import connect
from tools.synthesis.drafting import draft
from tools.synthesis.engine import Engine
from tools.synthesis.making import Maker
from tools.synthesis.teacher import OpenAITeacher
from tools.teacher.asking import ask_each
from tools.teacher.dialect import KEPT, Dialect, remembered
from tools.teacher.endpoint import Endpoint
from tools.teacher.protocol import Passing, Prompt
from tools.teacher.protocol import Reply as Came
from tools.teacher.providers import PROVIDERS, base_url_of, chat_url_of, provider_of

NAMES = sorted(imitations())
ASKED = Prompt(
    messages=(Message(role="system", content="Be brief."), Message(role="user", content="Write 2 new samples.")),
    answer_schema={"type": "object", "properties": {"samples": {"type": "array"}}},
)
ANSWER_USD = (READ * 1.0 + WROTE * 4.0) / 1e6  # at the assumed price


@pytest.fixture
def bank(catalog: Catalog, project: Project) -> Project:
    return catalog.save(project.but(task=BANK))


def served(monkeypatch: pytest.MonkeyPatch, name: str, imitation: Imitation, **more: str) -> Any:
    """The imitation with settings that name its provider, at the server's bare address."""
    key = "" if imitation.keyless else "sk-test"
    return teaching(monkeypatch, imitation.answer, key, imitation.key_header, provider=name, **more)


def bare(server: ScriptedOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address as people paste it: without the path."""
    monkeypatch.setenv("RETORT_TEACHER_BASE_URL", server.base_url.removesuffix("/v1"))
    settings.cache_clear()


def generated(catalog: Catalog, project: Project, count: int, max_usd: float) -> tuple[Bill, str]:
    """A generation, and why it ended too soon."""
    teacher = OpenAITeacher(settings())
    maker = Maker(catalog, project, teacher, seed="seed", state="approved")
    bill = Bill()
    engine = Engine([teacher], maker, SynthesisOrder(count=count, max_usd=max_usd), bill, second_s=0.01)
    try:
        asyncio.run(engine.run())
    except Stopped as stopped:
        return bill, str(stopped)
    return bill, ""


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_from_its_first_request_to_the_bill(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    imitation = imitations()[name]
    with served(monkeypatch, name, imitation, concurrency="1") as server:
        server.key = "" if imitation.keyless else server.key
        bare(server, monkeypatch)
        bill, ended = generated(catalog, bank, 10, max_usd=0.1)
    assert (ended, catalog.count(Sample, bank.id)) == ("", {"approved": 10})
    assert set(server.paths) == {imitation.path}
    passed = {"openrouter": 1, "llamacpp": 1}.get(name, 0)  # told once that it is busy
    assert len(server.requests) == 2 + imitation.refusals + passed
    spent = sum(one.usd for one in catalog.find(Expense, bank.id))
    assert spent == pytest.approx(bill.usage.usd)
    assert bill.usage.guessed == (2 if imitation.guessed else 0)
    if imitation.guessed:
        assert "a guess for 2 answers that the endpoint did not count" in bill.costs[-1]
        assert 0 < spent < 10 * ANSWER_USD
    else:
        assert spent == pytest.approx(2 * ANSWER_USD)


@pytest.mark.parametrize("name", NAMES)
def test_the_limit_of_money_holds(catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    imitation = imitations()[name]
    with served(monkeypatch, name, imitation, concurrency="4", max_output_tokens="1000") as server:
        server.key = "" if imitation.keyless else server.key
        bare(server, monkeypatch)
        most = 0.025
        _, ended = generated(catalog, bank, 200, max_usd=most)
    assert ended.startswith("Stopped at the limit of $0.0")
    assert 0 < sum(one.usd for one in catalog.find(Expense, bank.id)) <= most
    assert catalog.count(Sample, bank.id)["approved"] > 0


@pytest.mark.parametrize("name", [one for one in NAMES if imitations()[one].unknown])
def test_an_unknown_endpoint_is_understood_by_asking_once_and_remembered(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    imitation = imitations()[name]
    with teaching(monkeypatch, imitation.answer) as server:
        teacher, again = Endpoint(settings()), None
        assert "samples" in completed(teacher, ASKED).text
        assert len(server.requests) == 1 + imitation.unknown
        completed(teacher, ASKED)
        assert len(server.requests) == 2 + imitation.unknown
        again = Endpoint(settings())  # another process, as far as it knows
        completed(again, ASKED)
    assert len(server.requests) == 3 + imitation.unknown
    assert again.dialect == teacher.dialect != Dialect()


def completed(teacher: Endpoint, wanted: Prompt) -> Came:
    async def once() -> Came:
        try:
            return await teacher.complete(wanted)
        finally:
            await teacher.close()

    return asyncio.run(once())


def refusing(*refused: Callable[[dict[str, Any]], Reply | None]) -> Callable[[dict[str, Any]], Reply]:
    def answer(body: dict[str, Any]) -> Reply:
        return next((reply for one in refused if (reply := one(body))), None) or completion(
            {"content": samples(body)}, counted()
        )

    return answer


def has(name: str, value: Any = None) -> Callable[[dict[str, Any]], bool]:
    return lambda body: name in body and value in (None, body[name])


def shaped(*types: str) -> Callable[[dict[str, Any]], bool]:
    return lambda body: body.get("response_format", {}).get("type") in types


REFUSALS: dict[str, tuple[Callable[[dict[str, Any]], bool], Reply, dict[str, Any]]] = {
    "schema, by its name": (
        shaped("json_schema"),
        error(400, "json_schema is not supported"),
        {"shape": "json_object"},
    ),
    "all formats": (
        shaped("json_schema", "json_object"),
        error(422, "Extra inputs are not permitted: body.response_format"),
        {"shape": "words"},
    ),
    "without a word": (shaped("json_schema", "json_object"), Reply(status=400, body=b""), {"shape": "words"}),
    "a strict schema": (
        lambda body: body.get("response_format", {}).get("json_schema", {}).get("strict") is True,
        error(
            400, "Invalid schema for response_format 'samples': In context=(), 'required' is required to be supplied"
        ),
        {"strict": False},
    ),
    "the length's name": (
        has("max_completion_tokens"),
        error(400, "Unrecognized request argument supplied: max_completion_tokens"),
        {"length": "max_tokens"},
    ),
    "a length out of range": (
        lambda body: body["max_completion_tokens"] > 1024,
        error(400, "Invalid max_completion_tokens value, the valid range is [1, 1,024]"),
        {"longest": 1024},
    ),
    "temperature": (
        has("temperature"),
        error(400, "`temperature` is deprecated for this model."),
        {"temperature": False},
    ),
    "a system message": (
        lambda body: body["messages"][0]["role"] == "system",
        Reply(status=400, body={"detail": [{"loc": ["messages"], "msg": "System role not supported"}]}),
        {"system": False},
    ),
    "thoughts without a stream": (
        lambda body: body.get("enable_thinking") is not False,
        error(400, "enable thinking can not be support when `stream=False`."),
        {"extra": {"enable_thinking": False}},
    ),
    "all but a stream": (
        lambda body: not body.get("stream"),
        error(400, "This model only support stream mode, please enable the stream parameter to access the model."),
        {"stream": True},
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_refusal_names_is_changed_and_nothing_else(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    refuses, refusal, learnt = REFUSALS[name]
    with teaching(monkeypatch, refusing(lambda body: refusal if refuses(body) else None)) as server:
        teacher = Endpoint(settings())
        reply = completed(teacher, ASKED)
    assert reply.unusable is None
    assert teacher.dialect == Dialect().model_copy(update=learnt)
    if learnt.get("shape"):
        assert '"samples"' in server.requests[-1]["messages"][-1]["content"]  # the schema, in words
    assert reply.usage.usd == pytest.approx(ANSWER_USD)  # what was refused cost nothing


def test_a_known_field_of_its_own_that_a_model_does_not_take_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = error(400, "Value error, current model does not support parameter `enable_thinking`.")
    script = refusing(lambda body: unknown if "enable_thinking" in body else None)
    with teaching(monkeypatch, script, provider="dashscope"):
        teacher = Endpoint(settings())
        completed(teacher, ASKED)
    assert teacher.dialect.extra == {}
    assert not teacher.dialect.stream


def test_an_endpoint_that_ignores_the_length_or_the_schema_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    running_on = {"prompt_tokens": 10, "completion_tokens": 9000}
    with teaching(monkeypatch, lambda body: completion({"content": samples(body)}, running_on)):
        teacher = Endpoint(settings())
        reply = completed(teacher, ASKED)
    assert reply.usage.output_tokens == 9000  # billed as it was
    assert teacher.dialect.length == "max_tokens"
    with teaching(monkeypatch, imitations()["anthropic"].answer):
        teacher = Endpoint(settings())
        assert completed(teacher, ASKED).text.startswith("Sure!")
        assert teacher.dialect.in_words
        assert "samples" in completed(teacher, ASKED).text


def test_a_prompt_that_no_way_of_asking_helps_leaves_the_dialect_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = ASKED.model_copy(update={"messages": (Message(role="user", content="odd"),)})
    script = refusing(lambda body: error(400, "bad schema") if "odd" in said(body) else None)
    with teaching(monkeypatch, script) as server:
        teacher = Endpoint(settings())
        completed(teacher, ASKED)
        reply = completed(teacher, odd)
        assert reply.unusable is not None
        assert reply.unusable.reason == "refused"
        completed(teacher, ASKED)
    assert teacher.dialect == Dialect()
    assert "response_format" in server.requests[-1]


def test_what_was_learnt_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    with teaching(monkeypatch, openai):
        completed(teacher := Endpoint(settings()), ASKED)
        home = settings().home_dir
        assert remembered(home, teacher.base_url, "big") == teacher.dialect
        monkeypatch.setattr("tools.teacher.dialect.KEPT", KEPT * 0)
        assert remembered(home, teacher.base_url, "big") is None
    kept = next((home / "cache").glob("dialect-*.json")).read_text()
    assert "sk-test" not in kept


# --- a reply's layout ------------------------------------------------------------------------------------------------


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


# --- presets ---------------------------------------------------------------------------------------------------------


def test_a_provider_is_chosen_by_name_or_known_by_its_address() -> None:
    for name, provider in PROVIDERS.items():
        if not provider.base_url.startswith("/"):
            chosen = Settings(teacher_provider=name, teacher_base_url="")
            assert base_url_of(chosen, provider_of(chosen)) == provider.base_url
        assert provider.source.startswith("https://")
    known = {
        "https://api.deepseek.com": ("deepseek", "https://api.deepseek.com/v1/chat/completions"),
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/": (
            "dashscope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions"),
        "https://mine.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21": (
            "azure", "https://mine.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21"),
        "https://mine.openai.azure.com/": ("azure", "https://mine.openai.azure.com/openai/v1/chat/completions"),
        "http://localhost:11434": ("ollama", "http://localhost:11434/v1/chat/completions"),
        "https://api.openai.com/v1/chat/completions": ("openai", "https://api.openai.com/v1/chat/completions"),
        "https://api.openai.com.evil.example/v1": ("", "https://api.openai.com.evil.example/v1/chat/completions"),
        "": ("", "https://api.openai.com/v1/chat/completions"),
    }  # fmt: skip
    for url, (name, whole) in known.items():
        given = Settings(teacher_base_url=url)
        provider = provider_of(given)
        assert (provider.name, chat_url_of(base_url_of(given, provider))) == (name, whole)
    assert provider_of(Settings(teacher_provider="LM Studio")).name == "lmstudio"
    assert provider_of(Settings(teacher_provider="llama.cpp")).name == "llamacpp"


def test_a_provider_that_is_none_and_an_address_that_lacks_are_told() -> None:
    with pytest.raises(RetortError, match=r"'opneai' is no provider.*deepseek") as told:
        provider_of(Settings(teacher_provider="opneai"))
    assert "RETORT_TEACHER_PROVIDER" in told.value.fix
    azure = Settings(teacher_provider="azure", teacher_base_url="")
    with pytest.raises(RetortError, match="address of its own") as told:
        base_url_of(azure, provider_of(azure))
    assert "openai.azure.com" in told.value.fix


# --- the test of a connection ----------------------------------------------------------------------------------------


def test_a_connection_is_told_in_a_sentence_and_booked(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with teaching(monkeypatch, imitations()["deepseek"].answer):
        told = connect(catalog, bank, max_usd=0.05)
    assert "big at http://127.0.0.1:" in told
    assert f"for ${ANSWER_USD:.4f}" in told
    assert "response_format json_object" in told
    assert "assumed" in told
    assert sum(one.usd for one in catalog.find(Expense, bank.id)) == pytest.approx(ANSWER_USD)


def test_a_connection_that_fails_says_what_is_wrong_and_the_fix(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RetortError, match=r"No teacher is set.*RETORT_TEACHER_PROVIDER"):
        connect(catalog, bank, max_usd=1)
    for reply, problem in ((error(401, "no"), "not accepted"), (error(500, "on fire"), "500: on fire")):
        with (
            teaching(monkeypatch, lambda body, reply=reply: reply),
            pytest.raises(RetortError, match=problem) as failed,
        ):
            connect(catalog, bank, max_usd=1)
        assert "resume" not in failed.value.fix
    with teaching(monkeypatch, openai, "sk-test,sk-wrong", model="big,small") as server:
        told = connect(catalog, bank, max_usd=1).splitlines()
        assert [one for one in ("big at", "answered in") if one in told[0]] == ["big at", "answered in"]
        assert "key was not accepted" in told[1]
    with teaching(monkeypatch, openai) as server, pytest.raises(RetortError, match="may cost up to"):
        connect(catalog, bank, max_usd=0.000001)
    assert server.requests == []
    with teaching(monkeypatch, lambda body: completion({"content": "I am ready!"}, counted())):
        assert "no JSON ('I am ready!')" in connect(catalog, bank, max_usd=1)


# --- what is seen meanwhile, and advised afterwards ------------------------------------------------------------------


def test_a_request_that_is_asked_again_is_seen_with_the_time_and_the_reason(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    down = iter([True, True, True])

    def answer(body: dict[str, Any]) -> Reply:
        return error(500, "on fire") if next(down, False) else completion({"content": samples(body)}, counted())

    with teaching(monkeypatch, answer, concurrency="1"):
        teacher = OpenAITeacher(settings())
        maker = Maker(catalog, bank, teacher, seed="seed", state="approved")
        order = SynthesisOrder(count=5, max_usd=1)
        engine = Engine([teacher], maker, order, Bill(), second_s=0.01, retrying=lambda: seen.extend(engine.retries))
        asyncio.run(engine.run())
        down = iter([True])
        heard: list[str] = []
        [(_, told)] = ask_each(teacher, {1: ASKED}, max_usd=1, second_s=0.01, retrying=heard.append)
    assert [one.split(": ")[0] for one in seen] == [
        f"asking teacher:big again, {n} time" for n in ("2nd", "3rd", "4th")
    ]
    assert all("answered 500: on fire" in one for one in (*seen, *heard))
    assert json.loads(told.text)["samples"]
    assert engine.retries == []


def test_the_words_around_an_answer_to_a_row_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with teaching(monkeypatch, lambda body: completion({"content": 'Sure:\n```json\n{"a": 1}\n```'}, counted())):
        [(_, told)] = ask_each(Endpoint(settings()), {1: ASKED}, max_usd=1)
        [(_, plain)] = ask_each(Endpoint(settings()), {1: ASKED.model_copy(update={"answer_schema": None})}, max_usd=1)
    assert told.text == '{"a": 1}'
    assert plain.text.startswith("Sure")


@pytest.mark.parametrize(
    ("reply", "advice"),
    [
        (completion({"content": "I would write"}, counted()), "does not keep to the JSON"),
        (completion({"content": '{"sam'}, counted(), finish="length"), "RETORT_TEACHER_MAX_OUTPUT_TOKENS"),
        (completion({"content": None, "refusal": "no"}, counted()), "declines"),
        (completion({"content": '{"samples": [{"input": "", "output": "x"}]}'}, counted()), "Describe the task"),
    ],
)
def test_the_advice_fits_the_failure(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch, reply: Reply, advice: str
) -> None:
    with teaching(monkeypatch, lambda body: reply), pytest.raises(RetortError) as told:
        draft(catalog, bank, 2)
    assert advice in told.value.fix
