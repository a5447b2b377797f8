"""How commands are said: templates in three languages, read whole or not at all, no model anywhere.

    draft [me] {count} (samples|drafts)     (a|b) one of them, [a|b] one of them or none, {count} an argument

A space stands for space or a comma, nothing for nothing or space; `:` also for the full-width colon. The argument's
type says what a slot takes. `parse` reads a whole message or nothing: a sentence that merely contains 'approve all'
says nothing here. What it reads is (1) what the guide acts on and (2) the only text that can authorise a review
command without a click.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal, get_args, get_origin

from pydantic import Field, JsonValue

from agent.command import COMMANDS, LOOKS, Command, Parameter, Tongue
from tools.records import JsonObject, Value

MAX_CHARS = 600  # longer messages are prose, not commands, but for those that hold pasted lines
_BETWEEN = {"en": r"(?:\s*[,，]\s*|\s+)", "pt": r"(?:\s*[,，]\s*|\s+)", "zh": r"[\s,，、]*"}
# A question may mean them: they only look, or ask with a card before anything is done.
NO_HARM = (LOOKS, "spend", "publish", "overwrite", "delete", "review")
LARGEST = 10**12  # a number of people's; beyond it the conversation's store would not take it
_NUMBERS = {
    int: r"(?<![\d.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?![\d]|[.,]\d)",
    float: r"(?<![\d.])\d+(?:\.\d+)?(?!\.?\d)",
}  # never a part of a number
_TOKEN = re.compile(r"\s+|[()\[\]|:]|\{\w+\}|[^\s()\[\]|:{}]+")


class Said(Value):
    """A command with arguments as a caller would pass them; yes, no, help and skip are no commands."""

    verb: str
    arguments: JsonObject = Field(default={})


# --- templates ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A piece of a template: a word, a slot, or a choice of sequences; `apart` when space stands before it."""

    kind: Literal["word", "slot", "choice", "option"]
    apart: bool
    text: str = ""
    choices: tuple[tuple["Part", ...], ...] = ()


@cache
def read_template(template: str) -> tuple[Part, ...]:
    tokens = _TOKEN.findall(template)
    if "".join(tokens) != template:
        raise ValueError(f"the phrase {template!r} has an unreadable character")
    parts, rest = _sequence(tokens)
    if rest:
        raise ValueError(f"the phrase {template!r} has a bracket too many")
    return parts


def _sequence(tokens: list[str]) -> tuple[tuple[Part, ...], list[str]]:
    parts: list[Part] = []
    apart = True
    while tokens and tokens[0] not in (")", "]", "|"):
        piece, tokens = tokens[0], tokens[1:]
        if piece.isspace():
            apart = True
            continue
        if piece in ("(", "["):
            choices, tokens = _choices(tokens, ")" if piece == "(" else "]")
            parts.append(Part("choice" if piece == "(" else "option", apart, choices=choices))
        elif piece.startswith("{"):
            parts.append(Part("slot", apart, piece[1:-1]))
        else:
            parts.append(Part("word", apart, piece))
        apart = False
    return tuple(parts), tokens


def _choices(tokens: list[str], closing: str) -> tuple[tuple[tuple[Part, ...], ...], list[str]]:
    found = []
    while True:
        parts, tokens = _sequence(tokens)
        found.append(parts)
        if not tokens:
            raise ValueError("a bracket of a phrase is not closed")
        piece, tokens = tokens[0], tokens[1:]
        if piece == closing:
            return tuple(found), tokens


# --- from a template to a regular expression ----------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """A compiled phrase: the pattern, the argument behind each group, and what it means by itself."""

    pattern: re.Pattern[str]
    slots: dict[str, Parameter]
    constants: JsonObject
    free: bool  # ends in the user's own text
    bare: bool  # is a slot and nothing else
    long: bool  # of any length

    def read(self, text: str) -> JsonObject | None:
        """The arguments that the whole text says; None when it is not this phrase."""
        match = self.pattern.fullmatch(f" {text}")
        if match is None:
            return None
        found: JsonObject = dict(self.constants)
        for group, said in match.groupdict().items():
            if said is None or not said.strip():
                continue
            value = value_of(self.slots[group], said.strip())
            if value is None:
                return None
            found[self.slots[group].name] = value
        return found


@cache
def readings(command: Command) -> tuple[tuple[Tongue, Reading], ...]:
    """The command's phrases, compiled."""
    parameters = {one.name: one for one in command.parameters}
    found = []
    for tongue, phrases in command.phrases.items():
        for phrase in phrases:
            template, constants = (phrase, {}) if isinstance(phrase, str) else phrase
            slots: dict[str, Parameter] = {}
            parts = read_template(template)
            pattern = re.compile(_pattern(parts, tongue, parameters, slots), re.IGNORECASE | re.DOTALL)
            free = bool(parts) and parts[-1].kind == "slot" and parameters[parts[-1].text].spoken.free
            bare = [part.kind for part in parts] == ["slot"]
            long = any(one.spoken.long for one in slots.values())
            found.append((tongue, Reading(pattern, slots, constants, free, bare, long)))
    return tuple(found)


def _pattern(
    parts: Sequence[Part], tongue: Tongue, known: dict[str, Parameter], slots: dict[str, Parameter], first: str = ""
) -> str:
    made, colon = "", False
    for place, part in enumerate(parts):
        between = first if first and not place else _BETWEEN[tongue] if part.apart or tongue == "zh" else r"\s*"
        between = r"\s*" if colon or part.text == ":" else between
        colon = part.text == ":"
        if part.kind == "word":
            made += between + _word(part.text)
        elif part.kind == "slot":
            group = f"{part.text}__{len(slots)}"
            slots[group] = known[part.text]
            made += f"{between}(?P<{group}>{spoken(known[part.text])})"
        else:
            inside = "|".join(_pattern(one, tongue, known, slots, between) for one in part.choices)
            made += f"(?:{inside})" + ("?" if part.kind == "option" else "")
    return made


def _word(text: str) -> str:
    if text == ":":
        return "[:：]"
    return re.escape(text).replace("'", "['’]?").replace(r"\-", r"[-\s]?").replace("%", "[%％]")


# --- slots --------------------------------------------------------------------------------------------------------


def spoken(parameter: Parameter) -> str:
    """The regular expression of what the argument looks like in a sentence."""
    if parameter.spoken.pattern:
        return parameter.spoken.pattern
    if words := _words(parameter):
        return "|".join(f"(?:{one})" for several in words.values() for one in several)
    return _NUMBERS.get(parameter.kind, r"\S.*?")


def _words(parameter: Parameter) -> dict[Any, list[str]]:
    """Choices and the expressions that mean them: a Literal's own names, and those that the type adds."""
    named = {one: [re.escape(one)] for one in get_args(parameter.kind) if get_origin(parameter.kind) is Literal and one}
    for value, several in parameter.spoken.words.items():
        named[value] = [*named.get(value, []), *several]
    return named


def value_of(parameter: Parameter, said: str) -> JsonValue:
    """What was said for an argument as a caller would pass it; None when it cannot be read."""
    if parameter.spoken.read:
        return parameter.spoken.read(said)
    for value, several in _words(parameter).items():
        if any(re.fullmatch(one, said, re.IGNORECASE) for one in several):
            return True if parameter.kind is bool else str(value)
    if parameter.kind is int:
        number = int(said.replace(",", ""))
        return number if number <= LARGEST else None
    if parameter.kind is float:
        return float(said)
    return None if _words(parameter) else said


# --- whole messages -----------------------------------------------------------------------------------------------

_TALK = {
    "help": r"help|what can (?:you|i) do|what now|next|帮助|你能做什么|下一步|ajuda|o que posso fazer|e agora|próximo",
    "skip": r"skip(?: it| this)?|no examples?|none|(?:maybe )?later|not (?:now|yet)"
    r"|跳过|没有|无|以后(?:再说)?|稍后(?:再说)?|pular|pula|sem exemplos?|nenhum|depois|mais tarde",
}
_YES = re.compile(
    r"yes|y|yep|yeah|ok|okay|sure|go|go ahead|do it|approved?|i approve|confirm(?:ed)?|agreed?"
    r"|同意|好|好的|好吧|可以|行|是|是的|确认|批准|通过|没问题"
    r"|sim|claro|pode|pode ser|certo|aprovado|confirmo|de acordo|vai|vamos",
    re.IGNORECASE,
)
_NO = re.compile(
    r"no|n|nope|cancel|decline|stop|don'?t|do not|not now|never mind|取消|不|不要|不行|不用|否|拒绝|算了|不同意"
    r"|não|nao|cancelar|cancela|agora não|deixa|recuso",
    re.IGNORECASE,
)
_POLITE_BEFORE = re.compile(
    r"^(?:please|now|then|so|let'?s|(?:can|could|would) you|请|请你|那就|现在|por favor|agora|então)[\s,，]*",
    re.IGNORECASE,
)
_POLITE_AFTER = re.compile(
    r"(?:[\s,，]*(?:please|now|thanks?|thank you|por favor|agora|obrigad[oa])|吧|谢谢|[.!?。！？\s])+$", re.IGNORECASE
)


def parse(text: str) -> Said | None:
    """The command the whole message says, or None. Politeness and a closing dot are ignored, nothing else is."""
    said = text.strip()
    if not said:
        return None
    if len(said) > MAX_CHARS:
        return next(meanings(said), None)
    bare = _POLITE_AFTER.sub("", _POLITE_BEFORE.sub("", said))
    if (agreed := yes_or_no(bare)) is not None and bare.lower() != "stop":
        return Said(verb="yes" if agreed else "no")
    for verb, pattern in _TALK.items():
        if re.fullmatch(pattern, bare, re.IGNORECASE):
            return Said(verb=verb)
    return next(meanings(said, bare), None)


def meanings(said: str, bare: str = "") -> Iterator[Said]:
    """Every command that the whole text says; `bare` is the text without politeness, for all but the user's own words.

    The first one counts; a test sees to it that there is never a second command.
    """
    for form, (command, reading) in itertools.product((said, bare or said), _every(tuple(COMMANDS.values()))):
        if len(said) > MAX_CHARS and not reading.long:
            continue
        if _asks(said) and command.risk not in NO_HARM and not reading.free:
            continue  # a question is no order: what acts at once is not read out of it
        if form is bare or not bare or reading.free:
            arguments = reading.read(form)
            if arguments is not None:
                yield Said(verb=command.name, arguments=arguments)


def _asks(text: str) -> bool:
    return text.rstrip(" .!。！").endswith(("?", "？"))


@lru_cache(maxsize=4)
def _every(commands: tuple[Command, ...]) -> list[tuple[Command, Reading]]:
    """The phrases of these commands; one that is nothing but the user's own words comes last."""
    every = [(command, reading) for command in commands for _, reading in readings(command)]
    return sorted(every, key=lambda one: one[1].bare)


def yes_or_no(text: str) -> bool | None:
    """Whether the message is a plain yes or a plain no; None for anything else. A question is neither."""
    if _asks(text):
        return None
    bare = _POLITE_AFTER.sub("", text.strip())
    if _YES.fullmatch(bare):
        return True
    return False if _NO.fullmatch(bare) else None


# --- from a template to sentences ---------------------------------------------------------------------------------


def example(command: Command, tongue: Tongue) -> str:
    """How somebody would type the command: its example, or its first phrase with no options and sample values."""
    if said := command.examples.get(tongue):
        return said
    phrases = command.phrases.get(tongue) or command.phrases["en"]
    template = phrases[0] if isinstance(phrases[0], str) else phrases[0][0]
    return next(sentences(command, template, options=False), "")


def sentences(command: Command, template: str, *, options: bool = True) -> Iterator[str]:
    """What the template says with sample values in its slots: with all its options, or the shortest form alone."""
    known = {one.name: one for one in command.parameters}
    for made in _expanded(read_template(template), known, options):
        yield re.sub(r"\s+([:,，])", r"\1", made).strip()


def _expanded(parts: Sequence[Part], known: dict[str, Parameter], options: bool) -> Iterator[str]:
    pieces: list[list[str]] = []
    for part in parts:
        lead = " " if part.apart else ""
        if part.kind == "word":
            pieces.append([lead + part.text])
        elif part.kind == "slot":
            pieces.append([lead + sample(known[part.text])])
        else:
            inside = [lead + made.strip() for one in part.choices for made in _expanded(one, known, options)]
            if part.kind == "option":
                inside = ["", *inside] if options else [""]
            pieces.append(inside if options else inside[:1])
    yield from ("".join(chosen) for chosen in itertools.product(*pieces))


def sample(parameter: Parameter) -> str:
    """A value to show in a sentence of the help."""
    if parameter.spoken.sample:
        return parameter.spoken.sample
    choices = [one for one in get_args(parameter.kind) if one] if get_origin(parameter.kind) is Literal else []
    return choices[0] if choices else {int: "5", float: "2"}.get(parameter.kind, "…")
