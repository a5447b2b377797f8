"""Settings: explicit argument > environment > .env > default; keys are never shown."""

from pathlib import Path

import pytest

from tools.errors import RetortError
from tools.settings import Settings, settings


def test_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().teacher_concurrency == 8
    (tmp_path / ".env").write_text("RETORT_TEACHER_CONCURRENCY=3\nOTHER=1\n")
    settings.cache_clear()
    assert settings().teacher_concurrency == 3
    monkeypatch.setenv("RETORT_TEACHER_CONCURRENCY", "5")
    assert settings().teacher_concurrency == 3  # read once
    settings.cache_clear()
    assert settings().teacher_concurrency == 5
    assert Settings(teacher_concurrency=7).teacher_concurrency == 7


def test_home_is_made_and_holds_the_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().home_dir == tmp_path / "home"
    assert (tmp_path / "home").is_dir()
    assert settings().database_url == f"sqlite:///{tmp_path}/home/catalog.sqlite"
    monkeypatch.setenv("RETORT_CATALOG_URL", "postgresql://db/retort")
    settings.cache_clear()
    assert settings().database_url == "postgresql://db/retort"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings(home=Path("~/elsewhere")).home_dir == tmp_path / "elsewhere"


def test_keys_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETORT_CHAT_API_KEY", "sk-1")
    monkeypatch.setenv("RETORT_TEACHER_API_KEY", "sk-2")
    found = Settings()
    assert "sk-" not in f"{found!r} {found} {found.model_dump_json()}"
    assert found.chat_api_key.get_secret_value() == "sk-1"


def test_every_key_is_a_secret_and_every_setting_is_explained() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert name.endswith("_key") == ("SecretStr" in str(field.annotation)), name


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "0"), ("PORT", "x"), ("TEACHER_TIMEOUT_S", "-1"), ("HUB", "often"), ("PRICES", '{"m": {"input": -1}}')],
)
def test_nonsense_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RETORT_{name}", value)
    with pytest.raises(RetortError, match=rf"RETORT_{name}.*=.*: input should") as told:
        settings()
    assert ".env" in told.value.fix


def test_prices_that_are_no_json_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETORT_PRICES", "cheap")
    with pytest.raises(RetortError, match=r'cannot be read: .*"prices"'):
        settings()


def test_only_loopback_is_listened_to_unless_told() -> None:
    assert Settings().host == "127.0.0.1"
