"""What the server sends to the page: keyed pieces of HTML, and a mark that tells whether anything changed."""

import hashlib
import json
import time
from collections.abc import Sequence

from pydantic import Field

from tools.records import JsonObject, Value
from ui.markup import escape


class Item(Value):
    """One piece of a panel. The page replaces it only when its HTML changed, so open forms and scroll places stay."""

    key: str
    html: str


class View(Value):
    """One panel as it should look."""

    serial: int  # nanoseconds when drawing began: the page never goes back to an older view
    asked: str  # project the page showed when it asked; an answer for another project is dropped
    project: str  # project the view belongs to; differs from `asked` when a first message made one
    mark: str  # hash of the items
    items: tuple[Item, ...]


def view(asked: str, project: str, items: Sequence[Item], serial: int = 0) -> View:
    text = "\0".join(f"{item.key}\1{item.html}" for item in items)
    mark = hashlib.sha256(f"{project}\0{text}".encode()).hexdigest()[:16]
    return View(serial=serial or time.time_ns(), asked=asked, project=project, mark=mark, items=tuple(items))


class Act(Value):
    """What a button asks for; it travels to the browser in the button and comes back with the click."""

    do: str  # verb, decide, say, open, look, news
    verb: str = ""
    arguments: JsonObject = Field({})
    digest: str = ""
    approved: bool = False
    text: str = ""
    project: str = ""


def button(label: str, act: Act, style: str = "", title: str = "", key: str = "") -> str:
    """A button of the page; `style` is one of the sheet's: primary, quiet, danger. `key` presses it."""
    hint = f' title="{escape(title)}"' if title else ""
    hint += f' data-key="{escape(key)}"' if key else ""
    return f'<button type="button" class="btn {style}"{hint} data-act="{packed(act)}">{escape(label)}</button>'


def packed(act: Act) -> str:
    return escape(act.model_dump_json(exclude_defaults=True))


def verb(name: str, **arguments: object) -> Act:
    return Act.model_validate({"do": "verb", "verb": name, "arguments": arguments})


def undo() -> str:
    """The button that takes the newest judgement back; the review's key for it presses the same."""
    hint = "Restores exactly what was there before your last judgement"
    return button("Undo", verb("undo_review"), "quiet", hint).replace("<button ", "<button data-undo ", 1)


def look(label: str, **changes: object) -> str:
    """A button that changes what the table of a review shows; the browser's address holds it."""
    return f'<button type="button" class="btn quiet" data-show="{escape(json.dumps(changes))}">{escape(label)}</button>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], style: str = "") -> str:
    """A table of cells that are HTML already; `head` is text."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="{style}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def pairs(rows: Sequence[tuple[str, str]], style: str = "pairs") -> str:
    """Names and values, one a line; both are text."""
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="{style}"><tbody>{body}</tbody></table>'


def card(title: str, body: str, foot: str = "", style: str = "", chip: str = "") -> str:
    """A card; `title` is text, the rest HTML."""
    end = f'<footer class="foot">{foot}</footer>' if foot else ""
    head = f'<header class="head"><h4>{escape(title)}</h4>{chip}</header>' if title else ""
    return f'<section class="card {style}">{head}{body}{end}</section>'


def chip(text: str, tone: str = "") -> str:
    return f'<span class="chip {tone}">{escape(text)}</span>'
