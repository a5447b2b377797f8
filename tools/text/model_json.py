"""The JSON in what a model wrote, read as a person would: fences, words, thoughts and special tokens stand around it.

Everything that a model was asked to write as JSON is read here. Values are taken one by one, so that one broken object
loses none of its siblings; what is no JSON (NaN, 1e999, three thousand brackets) is none.
"""

import ast
import html
import json
import re
import warnings
from typing import NamedTuple

from pydantic import JsonValue

from tools.records import JsonObject
from tools.text.strict_json import finite, parse_json, refused, too_deep

# What ends a model's thoughts, wherever they began: all before it is no answer. Qwen and DeepSeek; Gemini; Kimi;
# Magistral; the final channel of gpt-oss.
_THOUGHT_OUT = (
    r"</(?:\w+:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|analysis|scratchpad)>"
    r"|◁/think▷|\[/think\]|<\|channel\|>\s*final\s*<\|message\|>"
)
_NEXT = re.compile(rf"(?P<thought>{_THOUGHT_OUT})|[\[{{]", re.IGNORECASE)
_OPENING = re.compile(r"[\[{\s]*")
_LIKE_JSON = re.compile(r"\{\s*\"|\[\s*[\[{]")
_LIKE_PYTHON = re.compile(r"\{\s*'|\[\s*\{\s*'")
# Outside strings (one that never ends goes to the end, or each quote in it is looked from again): a comma before a
# closing bracket, a comment, and spaces that JSON does not know.
_SLIPS = re.compile(r'("(?:[^"\\]|\\.)*"?)|,(?=\s*[}\]])|//[^\n]*|[\u00a0\u2000-\u200b\u202f\u3000\ufeff]', re.DOTALL)
_MOST_FAILURES, _DEEP = 2_000, 50  # places that look like a beginning and are none; what one too deep counts as


class Found(NamedTuple):
    """Objects, and lists of objects, in their order; and why something that looked like one could not be read."""

    values: list[JsonValue]
    broken: str = ""


def json_in(text: str) -> Found:
    """All objects and lists of objects that stand in the text after its thoughts, outermost first taken whole."""
    found = _scanned(text)
    if found.broken or not found.values:
        mended = _SLIPS.sub(lambda slip: slip[1] or ("" if slip[0] == "," else " "), text)
        again = _scanned(mended) if mended != text else found
        if again.values and not (found.values and again.broken):
            return again
    for rewritten in (_inside_string, _straight) if not found.values else ():
        if (again := _scanned(rewritten(text))).values:
            return again
    if not found.values and (value := _as_python(text)) is not None:
        return Found([value])
    return found


def last_object(text: str) -> JsonObject | None:
    """The last object in the text."""
    return next((one for one in reversed(json_in(text).values) if isinstance(one, dict)), None)


def looks_like_json(text: str) -> bool:
    """Whether the text was meant as JSON, even if it cannot be read."""
    return bool(_LIKE_JSON.search(text))


def _scanned(text: str) -> Found:
    values: list[JsonValue] = []
    before: list[JsonValue] = []  # a thought's end, which is the answer when nothing comes after it
    broken, failures, at = "", 0, 0
    while failures < _MOST_FAILURES and (match := _NEXT.search(text, at)):
        if match["thought"]:
            before, values, broken, at = values or before, [], "", match.end()
            continue
        try:
            value, at = _DECODER.raw_decode(text, match.start())
        except RecursionError:
            broken, failures = broken or "it nests too deeply", failures + _DEEP
            at = _OPENING.match(text, match.start()).end()  # type: ignore[union-attr]  # it matches anything
        except ValueError as error:
            if _LIKE_JSON.match(text, match.start()):
                broken = broken or str(error)
            failures, at = failures + 1, match.start() + 1
        else:
            if too_deep(value):
                broken = broken or "it nests too deeply"
            elif isinstance(value, dict) or not value or any(isinstance(one, dict) for one in value):
                values.append(value)
    return Found(values or before, broken)


def _inside_string(text: str) -> str:
    """What a JSON string holds, when the text is one, its quotes lost or not: some endpoints encode twice."""
    start, end = text.find('"'), text.rfind('"')
    for encoded in (text[start : end + 1] if 0 <= start < end else "", f'"{text.strip()}"' if '\\"' in text else ""):
        try:
            inner = json.loads(encoded, strict=False)
        except ValueError:
            continue
        if isinstance(inner, str):
            return inner
    return ""


def _straight(text: str) -> str:
    """The text with the quotes of JSON where it has those of print or of HTML."""
    return html.unescape(text).translate(dict.fromkeys(map(ord, "“”„"), '"'))


def _as_python(text: str) -> JsonValue:
    """The object or list of objects that the text holds in Python's quotes, True and None; None where it holds none."""
    start = min((at for at in map(text.find, "[{") if at >= 0), default=-1)
    end = max(text.rfind("]"), text.rfind("}"))
    if start < 0 or end < start or not _LIKE_PYTHON.match(text, start):
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # of escapes that Python knows and doubts
            value: JsonValue = parse_json(json.dumps(ast.literal_eval(text[start : end + 1])))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value


# Line breaks inside a string are no JSON either, but there is one way only to read them.
_DECODER = json.JSONDecoder(strict=False, parse_constant=refused, parse_float=finite)
