"""Prompts and their callers agree exactly on the fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import prompts
from prompts import render

ROOT = Path(prompts.__file__).parents[1]


@pytest.fixture
def letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(prompts, "__file__", str(tmp_path / "__init__.py"))
    (tmp_path / "letter.md").write_text("Dear {{who}},\n{{ who }} {x} {{who}} from {{place}}.\n", encoding="utf-8")
    return "letter"


def test_fields_are_filled_once_and_only_fields(letter: str) -> None:
    assert (
        render(letter, who="{{place}} \\1", place="Köln")
        == "Dear {{place}} \\1,\n{{ who }} {x} {{place}} \\1 from Köln."
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"who": "Ann"}, r"missing \['place'\], unknown \[\]"),
        ({"who": "Ann", "place": "Rome", "year": "1"}, r"missing \[\], unknown \['year'\]"),
        ({}, r"missing \['place', 'who'\]"),
    ],
)
def test_missing_and_unknown_fields_are_named(letter: str, fields: dict[str, str], told: str) -> None:
    with pytest.raises(KeyError, match=told):
        render(letter, **fields)


class Rendered(NamedTuple):
    """One `render("prompt", field=...)` in the product."""

    where: str
    prompt: str
    fields: set[str]


def rendered() -> Iterator[Rendered]:
    """Calls with a literal name; those with `**fields` are their own tests' to check."""
    for path in (path for layer in ("agent", "tools", "ui") for path in sorted((ROOT / layer).rglob("*.py"))):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "render(" in text else ():
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "render"
                and node.args
            ):
                fields = {keyword.arg for keyword in node.keywords if keyword.arg}
                literal = isinstance(node.args[0], ast.Constant) and len(fields) == len(node.keywords)
                if literal:
                    yield Rendered(f"{path}:{node.lineno}", ast.literal_eval(node.args[0]), fields)


def test_every_call_names_a_prompt_and_its_fields() -> None:
    calls = list(rendered())
    assert calls
    for call in calls:
        text = (ROOT / f"prompts/{call.prompt}.md").read_text(encoding="utf-8")
        assert call.fields == set(re.findall(r"\{\{(\w+)\}\}", text)), f"{call.where}: {call.prompt}"


def test_no_prompt_lies_unused() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("agent", "tools", "ui")
        for path in (ROOT / folder).rglob("*.py")
    )
    for path in (ROOT / "prompts").rglob("*.md"):
        name = path.relative_to(ROOT / "prompts").with_suffix("").as_posix()
        assert name in code or f"{name.rsplit('/', 1)[0]}/{{" in code, f"nothing renders {name}"
