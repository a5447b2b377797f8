"""Who serves teachers: the address, how a key is told, and the dialect to begin with.

What stands here is only where asking begins: a dialect that is refused is learnt anew (`dialect.py`). No price stands
here, for none comes with a date: RETORT_PRICES names it, and until then it is assumed and said to be.
"""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from tools.errors import RetortError
from tools.records import Value
from tools.settings import Settings
from tools.teacher.dialect import Dialect

_OPENAI = "https://api.openai.com/v1"
_OLDER = Dialect(length="max_tokens")  # the name that older servers heed; they ignore the newer one in silence
_OBJECT = Dialect(shape="json_object", length="max_tokens")


class Provider(Value):
    """One provider's endpoint that speaks OpenAI's protocol."""

    name: str
    base_url: str = Field(description="Its address; of Azure's the path alone, for everybody has a host of their own.")
    hosts: str = Field("", description="Regular expression of its hosts, a port with it where that is what tells it.")
    dialect: Dialect = Dialect()
    key_header: Literal["Authorization", "api-key"] = "Authorization"
    needs_key: bool = True
    source: str = Field("", description="The page of the provider's that says so.")


UNKNOWN = Provider(name="", base_url=_OPENAI)
_LOOPBACK = r"(?:127\.0\.0\.1|localhost|\[::1\])"
_ALL = (
    Provider(
        name="openai",
        base_url=_OPENAI,
        hosts=r"api\.openai\.com",
        source="https://platform.openai.com/docs/api-reference/chat/create",
    ),
    Provider(
        name="deepseek",
        base_url="https://api.deepseek.com/v1",
        hosts=r"api\.deepseek\.com",
        dialect=_OBJECT,
        source="https://api-docs.deepseek.com/guides/json_mode",
    ),
    Provider(
        name="dashscope",
        base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
        hosts=r"dashscope[\w-]*\.aliyuncs\.com",
        dialect=_OBJECT.model_copy(update={"extra": {"enable_thinking": False}}),
        source="https://www.alibabacloud.com/help/en/model-studio/deep-thinking",
    ),
    Provider(
        name="siliconflow",
        base_url="https://api.siliconflow.cn/v1",
        hosts=r"api\.siliconflow\.(?:cn|com)",
        dialect=_OBJECT,
        source="https://docs.siliconflow.cn/en/api-reference/chat-completions/chat-completions",
    ),
    Provider(
        name="openrouter",
        base_url="https://openrouter.ai/api/v1",
        hosts=r"openrouter\.ai",
        dialect=_OLDER,
        source="https://openrouter.ai/docs/errors",
    ),
    Provider(
        name="anthropic",
        base_url="https://api.anthropic.com/v1",
        hosts=r"api\.anthropic\.com",
        dialect=Dialect(shape="words", length="max_tokens"),  # response_format is ignored there
        source="https://platform.claude.com/docs/en/api/openai-sdk",
    ),
    Provider(
        name="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        hosts=r"generativelanguage\.googleapis\.com",
        dialect=_OLDER,
        source="https://ai.google.dev/gemini-api/docs/openai",
    ),
    Provider(
        name="azure",
        base_url="/openai/v1",
        hosts=r"[\w-]+\.(?:openai|cognitiveservices|services\.ai)\.azure\.com",
        key_header="api-key",
        source="https://learn.microsoft.com/en-us/azure/ai-services/openai/reference",
    ),
    Provider(
        name="ollama",
        base_url="http://127.0.0.1:11434/v1",
        hosts=rf"{_LOOPBACK}:11434",
        dialect=_OLDER,
        needs_key=False,
        source="https://github.com/ollama/ollama/blob/main/docs/openai.md",
    ),
    Provider(
        name="vllm",
        base_url="http://127.0.0.1:8000/v1",
        dialect=_OLDER,
        needs_key=False,
        source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    ),
    Provider(
        name="lmstudio",
        base_url="http://127.0.0.1:1234/v1",
        hosts=rf"{_LOOPBACK}:1234",
        dialect=_OLDER,
        needs_key=False,
        source="https://lmstudio.ai/docs/app/api/endpoints/openai",
    ),
    Provider(
        name="llamacpp",
        base_url="http://127.0.0.1:8080/v1",
        dialect=_OLDER,
        needs_key=False,
        source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    ),
)
PROVIDERS = {one.name: one for one in _ALL}


def provider_of(settings: Settings) -> Provider:
    """The provider that the settings name, else the one whose host the address is; else an unknown one.

    Raises RetortError for a name that is none.
    """
    named = re.sub(r"[\W_]+", "", settings.teacher_provider.casefold())
    if named and named not in PROVIDERS:
        raise RetortError(
            f"{settings.teacher_provider!r} is no provider that Retort knows.",
            f"Set RETORT_TEACHER_PROVIDER to one of {', '.join(PROVIDERS)}, or clear it and set "
            "RETORT_TEACHER_BASE_URL to the endpoint's address.",
        )
    if named:
        return PROVIDERS[named]
    host = urlsplit(settings.teacher_base_url).netloc.rpartition("@")[2].casefold()
    # A port is the mark of a server on this machine, and says nothing of any other.
    return next((one for one in _ALL if one.hosts and re.fullmatch(rf"{one.hosts}(?::443)?", host)), UNKNOWN)


def base_url_of(settings: Settings, provider: Provider) -> str:
    """The address of the endpoint without what is asked of it; the provider's own where the settings give none.

    Raises RetortError where the provider has none: on Azure everybody has a host of their own.
    """
    given = settings.teacher_base_url.strip().rstrip("/")
    if not given:
        if provider.base_url.startswith("/"):
            raise RetortError(
                f"On {provider.name} every resource has an address of its own, and none is set.",
                "Set RETORT_TEACHER_BASE_URL to it, as in https://NAME.openai.azure.com.",
            )
        return provider.base_url
    parts = urlsplit(given)
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    if not path and provider is not UNKNOWN:
        path = urlsplit(provider.base_url).path
    return parts._replace(path=path).geturl()


def shown(base_url: str) -> str:
    """The address as it may be told: without what some put into it as a password or a key."""
    parts = urlsplit(base_url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def chat_url_of(base_url: str) -> str:
    """Where completions are asked for; a version of the interface in the address stays behind it."""
    parts = urlsplit(base_url)
    return parts._replace(path=f"{parts.path}/chat/completions").geturl()
