"""The form that edits a sample: one typed box a field of the task, a choice of labels, or a plain text."""

import json
from collections.abc import Iterable

from pydantic import JsonValue

from tools.dataset.real import is_blank
from tools.records import Sample, Task, TaskField
from tools.synthesis.request.framing import asked
from tools.text.strict_json import object_of
from ui.markup import escape
from ui.views import packed, verb


def edit_form(task: Task, sample: Sample) -> str:
    """A disclosure, so that opening it asks nothing of the server; what was typed stays while the page updates."""
    question = asked(sample.question)
    rows = min(8, 2 + question.count("\n") + len(question) // 60)
    box = f'<label>Input<textarea name="question" rows="{rows}">\n{escape(question)}</textarea></label>'
    why = '<label>Why? Optional: it becomes a rule<input name="reason" autocomplete="off" list="reasons"></label>'
    save = '<div class="bar"><button type="submit" class="btn primary">Save</button></div>'
    act = packed(verb("edit_sample", sample=sample.id))
    form = f'<form data-act="{act}">{box}{_answer(task, sample)}{why}{save}</form>'
    opened = " open" if is_blank(task, sample) else ""
    return f'<details class="edit change"{opened}><summary class="btn quiet">Edit</summary>{form}</details>'


def _answer(task: Task, sample: Sample) -> str:
    found = object_of(sample.answer) if task.kind == "extraction" else None
    if found is not None:
        fields = "".join(_field(field, found.get(field.name)) for field in task.fields)
        return f'<fieldset data-json="answer"><legend>Answer</legend>{fields}</fieldset>'
    if task.kind == "classification":
        labels = list(task.every_label)
        known = labels if sample.answer in labels else [sample.answer, *labels]
        options = "".join(
            f'<option value="{escape(one)}"{" selected" if one == sample.answer else ""}>{escape(one)}</option>'
            for one in known
        )
        return f'<label>Answer<select name="answer" data-was="{escape(sample.answer)}">{options}</select></label>'
    rows = min(10, 3 + sample.answer.count("\n") + len(sample.answer) // 60)
    text = f'<textarea name="answer" rows="{rows}" spellcheck="false">\n{escape(sample.answer)}</textarea>'
    return f"<label>Answer{text}</label>"


def _field(field: TaskField, value: JsonValue) -> str:
    """A box of the field's type; an empty one means that the input does not hold it."""
    name = f'data-field="{escape(field.name)}" data-kind="{field.kind}" aria-label="{escape(field.name)}"'
    if field.kind == "boolean":
        box = _choice(name, value, (("", None, "–"), ("true", True, "yes"), ("false", False, "no")))
    elif field.kind == "string" and (value in field.choices or (field.choices and value is None)):
        box = _choice(name, value, (("", None, "–"), *((one, one, one) for one in field.choices)))
    elif field.kind in ("number", "integer"):
        shown = "" if value is None else escape(value)
        box = f'<input type="number" step="{"1" if field.kind == "integer" else "any"}" {name} value="{shown}">'
    elif field.kind == "string":
        shown = "" if value is None else escape(value)
        box = f'<input type="text" {name} value="{shown}" placeholder="not there" autocomplete="off">'
    else:
        text = "" if value is None else escape(json.dumps(value, ensure_ascii=False, indent=1))
        rows = min(10, max(2, text.count("\n") + 1))
        box = f'<textarea rows="{rows}" spellcheck="false" {name}>\n{text}</textarea>'
    hint = f' title="{escape(field.description)}"' if field.description else ""
    return f"<label{hint}><span>{escape(field.name)}</span>{box}</label>"


def _choice(name: str, value: JsonValue, options: Iterable[tuple[str, JsonValue, str]]) -> str:
    """A box of texts to send, the values they stand for, and labels."""
    told = "".join(
        f'<option value="{escape(text)}"{" selected" if value == meant else ""}>{escape(label)}</option>'
        for text, meant, label in options
    )
    return f"<select {name}>{told}</select>"
