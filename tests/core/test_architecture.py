"""The house's rules that no linter knows: the arrow, the seal, the names, and what an import costs."""

import ast
import importlib.machinery
import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("prompts", "tools", "agent", "ui")  # each may import those before it
STAGES = (  # likewise
    "text",
    "documents",
    "teacher",
    "simulator",
    "synthesis",
    "dataset",
    "student",
    "training",
    "evaluation",
    "deployment",
)
COMPUTE = "tools.training.compute"  # the one room where torch is imported with a module: jobs alone load it
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "base"}
MOST_LINES = 400
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEAVY = set(PROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"])


class Import(NamedTuple):
    """One name that a module takes from another; `name` is empty for `import module`."""

    source: str
    line: int
    module: str
    name: str
    top_level: bool

    @property
    def target(self) -> str:
        """What is imported, as a module: `from tools.dataset import sealed` is about tools.dataset.sealed."""
        return f"{self.module}.{self.name}" if self.name and is_module(f"{self.module}.{self.name}") else self.module

    def __str__(self) -> str:
        return f"{self.source} line {self.line} imports {self.name or 'all'} of {self.module}"


@cache
def files() -> list[Path]:
    return sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def stage_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "tools" and len(parts) > 1 and parts[1] in STAGES else ""


def _walk(node: ast.AST, top_level: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes, and whether each runs when its module is imported."""
    for child in ast.iter_child_nodes(node):
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        inside = top_level and not later and not for_types
        yield child, inside
        yield from _walk(child, inside)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports() -> tuple[Import, ...]:
    found = []
    for path in files():
        source = module_of(path)
        for node, top_level in _walk(tree_of(path)):
            if isinstance(node, ast.Import):
                found += [Import(source, node.lineno, alias.name, "", top_level) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{source} line {node.lineno}: imports are absolute"
                names = [alias.name for alias in node.names]
                found += [Import(source, node.lineno, str(node.module), name, top_level) for name in names]
    return tuple(found)


def test_the_parts_are_there() -> None:
    assert {module_of(path).split(".")[0] for path in files()} == set(LAYERS)
    assert any(one.target.startswith("tools.") for one in imports())


def test_imports_follow_the_arrow() -> None:
    order = {layer: place for place, layer in enumerate(LAYERS)}
    for one in imports():
        target = one.module.split(".")[0]
        assert target != "tests", one
        if target in order:
            assert order[target] <= order[one.source.split(".")[0]], one


def test_no_stage_imports_a_later_one() -> None:
    order = {stage: place for place, stage in enumerate(STAGES)}
    for one in imports():
        here, there = stage_of(one.source), stage_of(one.target)
        if there and one.source.startswith("tools."):
            assert here, f"{one}: what all stages share knows no stage"
            assert order[there] <= order[here], one


def test_only_evaluation_opens_the_sealed_test_set() -> None:
    for one in imports():
        if one.target == "tools.dataset.sealed":
            assert stage_of(one.source) == "evaluation", one
        if one.name == "read_frozen":  # the lock behind the door
            assert one.source == "tools.dataset.sealed", one
    for path in files():
        if stage_of(module_of(path)) not in ("dataset", "evaluation"):
            texts = [node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant)]
            opened = [
                text
                for text in texts
                if isinstance(text, str) and text.endswith(("sealed", "test.jsonl", "real.jsonl"))
            ]
            assert opened == [], f"{module_of(path)} names the sealed file: {opened}"


def test_no_private_name_is_taken_from_another_module() -> None:
    for one in imports():
        if one.module.split(".")[0] in LAYERS:
            private = [part for part in f"{one.module}.{one.name}".split(".") if part.startswith("_")]
            assert private == [], one
    modules: dict[str, set[str]] = {}  # by the module that takes them in
    for one in imports():
        modules.setdefault(one.source, set()).update({one.name} if one.target != one.module else ())
    for path in files():
        taken = modules.get(module_of(path), set())
        for node in ast.walk(tree_of(path)) if taken else ():
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in taken:
                assert not node.attr.startswith("_"), f"{module_of(path)} line {node.lineno}: {ast.unparse(node)}"


def test_nothing_heavy_is_imported_with_a_module() -> None:
    assert {"torch", "gradio", "openai"} <= HEAVY
    for one in imports():
        heavy = one.module.split(".")[0] in HEAVY or one.target.startswith(COMPUTE)
        assert not (one.top_level and heavy) or one.source.startswith(COMPUTE), one


def test_files_are_named_after_what_they_hold_and_stay_readable() -> None:
    for path in files():
        assert path.stem not in FORBIDDEN_NAMES, path
        assert path.parent.name not in FORBIDDEN_NAMES, path
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= MOST_LINES, f"{module_of(path)} has {lines} lines"


def test_a_package_says_what_it_is_and_runs_nothing() -> None:
    for path in files():
        listed = {"prompts", "records"}  # one is a function, the other passes on the nouns
        if path.name == "__init__.py" and path.parent.name not in listed:
            tree = tree_of(path)
            assert ast.get_docstring(tree), f"{module_of(path)} has no docstring"
            assert len(tree.body) == 1, f"{module_of(path)} holds more than its docstring"


# --- in a process of its own --------------------------------------------------------------------------------------

LOADED = f"print(sorted(set({sorted(HEAVY)!r}) & set(sys.modules)))"


HELP = """
import sys
from ui.cli import main
sys.argv = ["retort", "--help"]
try:
    code = main()
except SystemExit as end:
    code = end.code
assert not code, code
"""


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_module_loads_anything_heavy_by_being_imported() -> None:
    """Also not through somebody else's package, which the look at our own imports cannot see."""
    names = [module_of(path) for path in files()]
    names = [name for name in names if not name.startswith(("tools.migrations.", f"{COMPUTE}."))]  # alembic, jobs
    assert python(f"import sys, {', '.join(names)}\n{LOADED}") == "[]\n"


@pytest.mark.skipif(not (ROOT / "ui/cli.py").is_file(), reason="there is no command line yet")
def test_help_loads_nothing_heavy() -> None:
    out = python(f"{HELP}\n{LOADED}").splitlines()
    assert out[-1] == "[]"
    assert any("retort" in line for line in out[:-1])


@pytest.mark.parametrize("name", LAYERS)
def test_our_plain_names_are_ours(name: str) -> None:
    """`tools` or `agent` of another distribution on the path would be imported instead of ours, or beside it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin == str(ROOT / name / "__init__.py")
    for entry in {str(Path(entry).resolve()) for entry in sys.path} - {str(ROOT)}:
        other = importlib.machinery.PathFinder.find_spec(name, [entry])
        assert other is None, f"{entry} has a {name} too: {other}"
