"""Text from people, models and documents as safe HTML: everything is escaped, then a little emphasis is put back.

No link and no image is ever made from a text, so nothing that a model or a document says can make the browser load
something or lead the reader elsewhere; addresses stay readable as plain text.
"""

import html
import json
import re
from difflib import SequenceMatcher

from pydantic import JsonValue

from tools.text.strict_json import object_of

_CODE = re.compile(r"`([^`\n]+)`")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_BULLET = re.compile(r"^\s*(?:[-*•])\s+(.*)$")
_NUMBER = re.compile(r"^\s*\d+[.)]\s+(.*)$")
_PIECE = re.compile(r"\s+|\w+|[^\w\s]")
_FENCE = re.compile(r"^```[\w-]*\s*$")


def escape(text: object) -> str:
    """Any value as text that is safe inside an element or a quoted attribute."""
    return html.escape(str(text), quote=True)


def prose(text: str) -> str:
    """A chat message as paragraphs, lists and code blocks."""
    blocks: list[str] = []
    lines = text.strip().splitlines()
    position = 0
    while position < len(lines):
        if _FENCE.match(lines[position]):
            block, position = _fenced(lines, position)
        elif _BULLET.match(lines[position]):
            block, position = _listed(lines, position, _BULLET, "ul")
        elif _NUMBER.match(lines[position]):
            block, position = _listed(lines, position, _NUMBER, "ol")
        elif not lines[position].strip():
            block, position = "", position + 1
        else:
            block, position = _paragraph(lines, position)
        if block:
            blocks.append(block)
    return "".join(blocks)


def fields_of(text: str) -> list[tuple[str, str]] | None:
    """A JSON object's fields as readable pairs; None when the text is no JSON object."""
    found = object_of(text)
    return None if found is None else [(name, readable(value)) for name, value in found.items()]


def readable(value: JsonValue) -> str:
    """A JSON value as a person writes it; null is told apart from the empty text."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        return ("; " if any(isinstance(one, dict) for one in value) else ", ").join(map(readable, value))
    if isinstance(value, dict) and value:
        return ", ".join(f"{name}: {readable(one)}" for name, one in value.items())
    return json.dumps(value, ensure_ascii=False)


def in_short(value: JsonValue, most_chars: int = 600) -> str:
    """The value as a person writes it; of a long list its beginning, and how many there are in all."""
    text = readable(value)
    if len(text) <= most_chars or not isinstance(value, list):
        return text
    return f"{text[:most_chars].rsplit(' ', 1)[0]} … ({len(value)} in all)"


def changes(old: str, new: str) -> str:
    """The new text with what is gone struck through and what is new marked, word by word."""
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    made = []
    for what, start, end, begin, until in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        gone, come = escape("".join(before[start:end])), escape("".join(after[begin:until]))
        if what == "equal":
            made.append(come)
            continue
        made.append((f"<del>{gone}</del>" if gone else "") + (f"<ins>{come}</ins>" if come else ""))
    return "".join(made)


def _inline(line: str) -> str:
    """Escape first; the marks that follow are ours, so no tag of the text's can survive."""
    parts = _CODE.split(line)  # odd positions are code, where ** means itself
    made = [
        f"<code>{escape(part)}</code>" if number % 2 else _BOLD.sub(r"<strong>\1</strong>", escape(part))
        for number, part in enumerate(parts)
    ]
    return "".join(made)


def _fenced(lines: list[str], start: int) -> tuple[str, int]:
    end = start + 1
    while end < len(lines) and not _FENCE.match(lines[end]):
        end += 1
    return f"<pre>{escape(chr(10).join(lines[start + 1 : end]))}</pre>", end + 1


def _listed(lines: list[str], start: int, mark: re.Pattern[str], tag: str) -> tuple[str, int]:
    items: list[str] = []
    position = start
    while position < len(lines) and (found := mark.match(lines[position])):
        items.append(f"<li>{_inline(found.group(1))}</li>")
        position += 1
    return f"<{tag}>{''.join(items)}</{tag}>", position


def _paragraph(lines: list[str], start: int) -> tuple[str, int]:
    position = start
    while position < len(lines) and lines[position].strip():
        line = lines[position]
        if position > start and (_FENCE.match(line) or _BULLET.match(line) or _NUMBER.match(line)):
            break
        position += 1
    return f"<p>{'<br>'.join(_inline(line) for line in lines[start:position])}</p>", position
