"""The JSON in what models write around it."""

import html
import json
from typing import Any

import pytest

from tools.text.model_json import json_in, last_object
from tools.text.strict_json import parse_json

ONE: dict[str, Any] = {"samples": [{"input": "a </think> b", "output": "x"}]}
TEXT = json.dumps(ONE)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"```json\n{TEXT}\n```",
        f"Here you are:\n```JSON\n{TEXT}\n```\nShall I go on?",
        f"~~~\n{TEXT}\n~~~",
        f"Okay, samples: {{}} \n</think>\n\n{TEXT}",
        f"<think>{TEXT.replace('a', 'draft')}</think>{TEXT}",
        f"<thought>\nplan\n</thought>\n{TEXT}",
        f"<seed:think>[{{}}]</seed:think>{TEXT}",
        f"[THINK]{{}}[/THINK]{TEXT}",
        f'<|channel|>analysis<|message|>{{"a": 1}}<|end|><|start|>assistant<|channel|>final<|message|>{TEXT}<|return|>',
        f"\ufeff{TEXT}<|im_end|>",
        f"{TEXT}</s>",
        f"See [1] and [this](x): {TEXT} as in arr[0].",
        TEXT.replace("}]}", "},]}"),
        TEXT.replace('": ', '":\u00a0'),
        f"{TEXT}\n</think>",
        TEXT.replace("}]}", "} // the only one\n]}"),
        TEXT.replace('"', '\\"'),
        repr(ONE),
        html.escape(TEXT),
        TEXT.replace('"', "”"),
        f"samples = {ONE!r}",
        json.dumps(TEXT),
        f"```json\n{json.dumps(TEXT)}\n```",
    ],
)
def test_one_value_whatever_stands_around_it(text: str) -> None:
    assert json_in(text) == ([ONE], "")
    assert last_object(text) == ONE


def test_lines_and_lists_and_broken_ones_among_them() -> None:
    lines = '{"a": 1}\n{"a": 2}\n'
    assert json_in(lines).values == [{"a": 1}, {"a": 2}]
    assert json_in(f"[{lines.strip().replace(chr(10), ', ')}]").values == [[{"a": 1}, {"a": 2}]]
    found = json_in('{"samples": [{"a": 1}, {"a": NaN}, {"a": 1e999}, {"a": "x" "y"}, {"a": 5}')
    assert found.values == [{"a": 1}, {"a": 5}]
    assert found.broken
    assert json_in('{"a": "two\nlines"}').values == [{"a": "two\nlines"}]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 3000,
        '{"a":' * 3000,
        "[" * 100_000,
        '{"a":' * 500 + "1" + "}" * 500,
        "",
        "no",
        "[1, 2]",
        '"text"',
        "{x}",
        "{",
    ],
)
def test_what_is_no_json_is_none_and_soon_said(text: str) -> None:
    assert json_in(text).values == []
    assert last_object(text) is None


def test_a_value_alone_is_read_strictly() -> None:
    assert parse_json("[1]") == [1]
    for text in ("NaN", "1e999", "[" * 3000, "[" * 500 + "]" * 500, "{} x", "-Infinity"):
        with pytest.raises(ValueError, match=r"."):
            parse_json(text)
