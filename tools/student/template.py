"""What a chat template cannot take, found by trying it, and put right in the template itself.

Templates differ in what they accept: some know no system role or drop its text without a word, some want the user to
speak first and in turn, some write today's date. Each is tried on conversations of marked texts. Where one fails, a few
lines of Jinja before or behind the template bring the messages into the form it takes. What comes out is a template
again, and training, evaluation and vLLM are all given this one, so they see the same text.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from tools.errors import RetortError
from tools.records import Value
from tools.text.reasoning import LEFT_OPEN, TAGS

# (template, messages, whether an answer is asked for, whether it begins with reasoning) -> text
Render: TypeAlias = Callable[[str, Sequence[Mapping[str, str]], bool, bool], str]
OTHER_STUDENT = "or choose another student, e.g. hf:Qwen/Qwen3-0.6B."
_SYSTEM, _ASKED, _SAID, _MORE, _LAST = (f"{name}text7" for name in ("System", "Input", "Answer", "More", "Last"))
# The day that a template without a clock writes: the fallback in Llama 3's own.
_DAY = {
    "%-d": "26", "%-m": "7", "%d": "26", "%e": "26", "%b": "Jul", "%B": "July", "%m": "07", "%Y": "2024", "%y": "24",
    "%A": "Friday", "%a": "Fri", "%H": "12", "%I": "12", "%M": "00", "%S": "00", "%p": "PM", "%j": "208",
    "%F": "2024-07-26", "%D": "07/26/24", "%x": "07/26/24", "%X": "12:00:00", "%T": "12:00:00", "%Z": "", "%z": "",
}  # fmt: skip


class Mends(Value):
    """What is done to make a template take any conversation."""

    parts: bool = False
    system: Literal["as it is", "first only", "none"] = "as it is"
    joined: bool = False
    user_first: bool = False
    header: str = ""  # what stands before an answer, where asking for one writes nothing
    closing: str = ""  # what ends the reasoning that asking for an answer begins
    once: str = ""  # a beginning that stands there twice
    dated: bool = False
    renamed: bool = False  # the switch for reasoning has another name

    @property
    def notes(self) -> tuple[str, ...]:
        """Each as a predicate of 'its chat template'."""
        told = (
            (self.parts, "takes content as parts, so each text is given as one"),
            (self.system == "none", "shows no system text, so it goes into the first user turn"),
            (self.system == "first only", "takes system text at the beginning only, so later one is told by the user"),
            (self.joined, "wants user and assistant in turn, so turns of one role in a row are joined"),
            (self.user_first, "wants the user to speak first, so an empty turn stands before a greeting"),
            (bool(self.header), f"does not ask for an answer, so {self.header.strip()!r} is put before it"),
            (bool(self.closing), "begins to reason by itself, which is ended at once where answers do not reason"),
            (bool(self.once), f"begins with {self.once!r} twice, so one is left out"),
            (self.dated, "tells the date, which is always 26 July 2024, as answers must not depend on the day"),
        )
        return tuple(note for holds, note in told if holds)


class Refused(RetortError):
    """A template that does not take what it is given; `said` is what it says about it."""

    def __init__(self, said: str, what: str) -> None:
        super().__init__(
            f"The student's chat template does not take {what}: {said}.", f"Correct its template, {OTHER_STUDENT}"
        )
        self.said = said


def find_mends(source: str, render: Render, begin: str = "") -> Mends:
    """What the template needs; `begin` is the tokenizer's first token, if it has one.

    Raises RetortError where what a user or a system message says, or an answer, cannot be made to stand in its text.
    """
    trial = _Trial(source, render)
    trial.change(dated="strftime_now" in source, renamed=_other_switch(source))
    trial.need("what the user says", [_user(_ASKED)], parts=True)
    trial.need("an answer", [_user(_ASKED), _told(_SAID)])
    trial.need("what a system message says", [_system(_SYSTEM), _user(_ASKED), _told(_SAID)], system="none")
    trial.want([_user(_ASKED), _user(_MORE), _told(_SAID)], joined=True)
    trial.want([_told(_SAID), _user(_ASKED), _told(_LAST)], user_first=True)
    late = [_system(_SYSTEM), _user(_ASKED), _told(_SAID), _system(_MORE), _user(_LAST)]
    trial.want(late, system="first only")
    trial.change(header=_header(trial))
    asked = trial.text([_user(_ASKED)], ask=True)
    if found := LEFT_OPEN.search(asked):
        tag = found[0].strip()
        trial.change(closing=("" if found[0].endswith("\n") else "\n") + f"\n{tag[0]}/{tag[1:]}\n\n")
    if begin and asked.startswith(begin * 2):
        trial.change(once=begin)
    return trial.mends


def mended(source: str, mends: Mends, special: Sequence[str] = ()) -> str:
    """The template with its mends. Of `special` tokens that stand in a text, the first letter is set apart by a space
    of no width: a reader sees the same, and no tokenizer reads a control token."""
    lines = []
    if mends.dated:
        told = "".join(f" | replace({json.dumps(form)}, {json.dumps(text)})" for form, text in _DAY.items())
        lines.append("{%- macro strftime_now(form) %}{{ form" + told + " }}{% endmacro -%}")
    if mends.renamed:
        lines.append("{%- set thinking = enable_thinking -%}")
    body = source.removesuffix("\n")  # as Jinja does at the end of a template
    if mends.header:
        body += "{{ " + json.dumps(mends.header) + " if add_generation_prompt else '' }}"
    if mends.closing:
        body += "{{ " + json.dumps(mends.closing) + " if add_generation_prompt and not enable_thinking else '' }}"
    if mends.once:
        begin = json.dumps(mends.once)
        body = f"{{% set whole %}}\n{body}{{% endset %}}{{{{ whole | replace({begin} * 2, {begin}, 1) }}}}"
    # One line, and a newline at its end that Jinja takes away: the template begins at a line's start as before.
    return "".join([*lines, *_retelling(mends, special)]) + "\n" + body


def _retelling(mends: Mends, special: Sequence[str]) -> list[str]:
    """Jinja that tells the messages in the form that the template takes."""
    role = {
        "as it is": "one.role",
        "first only": "'user' if one.role == 'system' and not loop.first else one.role",
        "none": "'user' if one.role == 'system' else one.role",
    }[mends.system]
    joins = mends.joined or mends.system == "none"
    alike = "before and before.role == role and role in ('user', 'assistant')"
    bare = "not one.tool_calls and not before.tool_calls"
    tokens = json.dumps(sorted({token for token in special if _can_be_set_apart(token)}, key=len, reverse=True))
    content = "[{'type': 'text', 'text': one.content}]" if mends.parts else "one.content"
    lines = [
        "{%- set told = namespace(turns=[], text='') -%}",
        "{%- for one in messages -%}",
        f"{{%- set role = {role} -%}}",
        "{%- set told.text = one.content or '' -%}",
        f"{{%- for token in {tokens} if token in told.text -%}}"
        "{%- set told.text = told.text | replace(token, token[0] + '\\u200b' + token[1:]) -%}{%- endfor -%}",
        "{%- set before = told.turns[-1] if told.turns else none -%}",
        f"{{%- if {joins and f'{alike} and {bare}'} -%}}",
        "{%- set both = [before.content, told.text] | select | join('\\n\\n') -%}",
        "{%- set told.turns = told.turns[:-1] + [dict(before, content=both)] -%}",
        "{%- else -%}",
    ]
    if mends.user_first:
        lines += [
            "{%- if role == 'assistant' and not told.turns | rejectattr('role', 'equalto', 'system') | list -%}",
            "{%- set told.turns = told.turns + [{'role': 'user', 'content': ''}] -%}{%- endif -%}",
        ]
    lines += [
        "{%- set told.turns = told.turns + [dict(one, role=role, content=told.text)] -%}",
        "{%- endif -%}{%- endfor -%}",
        "{%- set messages = told.turns -%}",
    ]
    if mends.parts:
        lines += [
            "{%- set told.turns = [] -%}{%- for one in messages -%}",
            f"{{%- set told.turns = told.turns + [dict(one, content={content})] -%}}{{%- endfor -%}}",
            "{%- set messages = told.turns -%}",
        ]
    return lines


class _Trial:
    """A template under trial, with the mends that were found so far."""

    def __init__(self, source: str, render: Render) -> None:
        self.source, self.render = source, render
        self.mends = Mends()

    def change(self, **mends: object) -> None:
        self.mends = self.mends.model_copy(update=mends)

    def text(self, turns: Sequence[Mapping[str, str]], *, ask: bool = False) -> str:
        return self.render(mended(self.source, self.mends), turns, ask, False)

    def need(self, what: str, turns: Sequence[Mapping[str, str]], **mends: object) -> None:
        """Raises RetortError where the texts of the turns do not show, with these mends neither."""
        if fault := self.want(turns, **mends):
            raise Refused(fault, what)

    def want(self, turns: Sequence[Mapping[str, str]], **mends: object) -> str:
        """Take these mends where the turns show with them and not without; returns what is wrong where neither do."""
        if not (fault := self._fault(turns)):
            return ""
        before = self.mends
        self.change(**mends)
        if not self._fault(turns):
            return ""
        self.mends = before
        return fault

    def _fault(self, turns: Sequence[Mapping[str, str]]) -> str:
        try:
            text = self.text(turns)
        except Refused as error:
            return error.said
        return "" if all(turn["content"] in text for turn in turns) else "it is left out without a word"


def _header(trial: _Trial) -> str:
    """What stands before an answer, if asking for one writes nothing and it is more than space."""
    told, asked = trial.text([_user(_ASKED)]), trial.text([_user(_ASKED)], ask=True)
    whole = trial.text([_user(_ASKED), _told(_SAID)])
    if told != asked or not whole.startswith(told):
        return ""
    header = whole[len(told) :].partition(_SAID)[0]
    return header if header.strip() else ""


def _other_switch(source: str) -> bool:
    """Whether reasoning is switched by `thinking` (DeepSeek, Granite) and not by `enable_thinking` (Qwen, SmolLM3)."""
    return "enable_thinking" not in source and bool(re.search(r"(?<![\w.'\"-])thinking(?![\w'\":-])", source))


def _can_be_set_apart(token: str) -> bool:
    return len(token.strip()) > 1 and not TAGS.fullmatch(token)


def _system(text: str) -> dict[str, str]:
    return {"role": "system", "content": text}


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _told(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
