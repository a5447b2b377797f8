"""Each dialect end to end against an imitation of its provider: first request to bill, and the limit of money."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_openai import Reply, ScriptedOpenAI
from tests.synthesis.asking import ANSWER_USD, ASKED, completed, generated
from tests.synthesis.endpoint import teaching
from tests.synthesis.imitations import (
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
from tools.records import Expense, Message, Project, Sample
from tools.settings import Settings, settings
from tools.teacher.dialect import KEPT, Dialect, remembered
from tools.teacher.endpoint import Endpoint
from tools.teacher.providers import PROVIDERS, base_url_of, chat_url_of, provider_of

NAMES = sorted(imitations())


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
