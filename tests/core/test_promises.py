"""What the front page promises about settings, commands and the environment."""

import re
import sys
import tomllib
from pathlib import Path

from tools.settings import Settings

ROOT = Path(__file__).parents[2]


def test_the_example_environment_names_every_setting_with_its_default() -> None:
    text = (ROOT / ".env.example").read_text()
    named = dict(re.findall(r"^# RETORT_(\w+)=(.*)$", text, flags=re.MULTILINE))
    assert set(named) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else field.default
        shown = str(default).lower() if isinstance(default, bool) else str(default)
        assert named[name.upper()] == shown, name


def test_the_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^    make (\w+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_environment_is_the_locked_one() -> None:
    """What tests pass with is what set-up installs; vLLM dies at import with the packages that must stay out."""
    from importlib.metadata import PackageNotFoundError, version

    lock = (ROOT / "requirements" / "lock.txt").read_text()
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", lock, flags=re.MULTILINE))
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    exact = dict(re.findall(r"([\w-]+)==([\w.]+)", "\n".join(wanted)))
    for name, pin in exact.items():
        assert version(name).split("+")[0] == pin, name
        if name != "torch":
            assert {key.lower().replace("_", "-"): value for key, value in pins.items()}[name] == pin
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_available():
        return
    for name in ("torchvision", "torchaudio", "torchcodec"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        raise AssertionError(f"{name} is installed; on a CPU it must stay out")
