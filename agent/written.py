"""What is said about how a field's value is written: 'date: as YYYY-MM-DD', 'weight in kg', '电话用 E.164 格式'."""

import re

from tools.errors import RetortError
from tools.records import Form, TaskField
from tools.simulator.meanings import meaning_of
from tools.text.forms.saying import HOW, lists_choices, read_choices, read_form

_SHOULD = r"\s*(?:(?:is|are|should be|must be|shall be|to be)\s+)?"
_PUT = r"(?:written|given|formatted|expressed|normali[sz]ed|converted|shown|returned|put)"
_INSISTS = re.compile(
    rf"{_SHOULD}(?:{_PUT}\s+(?:down\s+)?(?:as|in|to|into)|as|in|format(?:ted)?\s*[:：]?)\s+(?:the\s+format\s+)?"
    r"|\s*(?:应|要|请|统一|需)?(?:写成|写作|写为|记为|记作|转成|转为|转换成|转换为|换算成|换算为|格式为|格式是|格式[:：]|统一为)\s*",
    re.IGNORECASE,
)
_MAY_INSIST = re.compile(rf"\s*(?:采用|使用|用|以|为|按|是)\s*|{_SHOULD}(?:{_PUT}\s+)?", re.IGNORECASE)
_IS = re.compile(r"^\s*(?:is|can be|may be|must be|should be|is always)\s+", re.IGNORECASE)
_SAYS_WHERE = re.compile(
    r"\s*(?:in|as)\s+(?:the(?!\s+form)|which|this|that|our|their|every|each|it|they|whatever)\b", re.IGNORECASE
)
_VERBATIM = re.compile(
    r"\s*(?:exactly |just )?(?:as (?:it |they )?(?:is|are|stands?|appears?|written|typed|printed|stated|given|said"
    r"|spelled|spelt|quoted|mentioned|entered|found|in the)\b|verbatim\b)|照抄|原样|保持原文|按?原文",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"\b(?:translated|rounded|abbreviated|summari[sz]ed|transliterated|romani[sz]ed|reversed|capitali[sz]ed"
    r"|normali[sz]ed|reformatted|converted|spelled out|spelt out)\b"
    r"|\bwithout (?:any |the )?(?:spaces|dashes|hyphens|punctuation|accents)\b"
    r"|\b(?:digits|letters) only\b|\bonly (?:the )?(?:digits|letters)\b"
    r"|翻译|四舍五入|换算|转换|缩写|简写|拼音|去掉|不带空格",
    re.IGNORECASE,
)


def noted(field: TaskField, words: str) -> TaskField:
    """The field with what these words say of it: its form, its choices, what belongs in it.

    Raises RetortError for a way of writing that no answer could be held to.
    """
    words = _IS.sub("", words).strip()
    if _VERBATIM.match(words):
        return field.model_copy(update={**_as_text(field), "form": None, "choices": (), "description": words})
    choices = read_choices(words)
    if choices and (lists_choices(words) or not any(meaning_of(one) for one in choices)):
        return _chosen(field, choices)
    description, form = _split(words, money=meaning_of(field.name) == "amount")
    if form is not None:
        return _formed(field, form, description)
    if _insists(words) or _CHANGES.search(words):
        raise RetortError(
            f"{field.name!r} cannot be kept to {words!r}: a value is copied as the input has it, or written in a form "
            "that checks and scores know.",
            f"Say one of these: {HOW}. 'as written' copies it.",
        )
    return field.model_copy(update={"description": words})


def demands(words: str) -> bool:
    """Whether these words, right after a field's name, say how its value is written: 'in kg', 'as a poem', 大写."""
    bare = _IS.sub("", words)
    listed = read_choices(bare) != () and (bare != words or lists_choices(bare))
    return _insists(words) or _named(words) is not None or listed


def names_form(words: str) -> bool:
    """Whether these words are about a form that is known, and about nothing else."""
    return _named(words) is not None


def _insists(words: str) -> bool:
    return _INSISTS.match(words) is not None and not _SAYS_WHERE.match(words)


def _named(words: str, *, money: bool = False) -> Form | None:
    """The form that all the words are about; `money` makes pounds a currency."""
    for lead in (_INSISTS, _MAY_INSIST):
        match = lead.match(words)
        if match and (form := read_form(words[match.end() :], money=money)):
            return form
    return None


def _split(words: str, *, money: bool) -> tuple[str, Form | None]:
    """What the words describe, and the form that they are or end with: 'the gross weight, in kg'."""
    if form := _named(words, money=money):
        return "", form
    for match in re.finditer(r"[\s,，;；(（]+", words):
        tail = words[match.end() :].strip(" ()（）")
        if _insists(tail) and (form := _named(tail, money=money)):
            return words[: match.start()], form
    return words, None


def _chosen(field: TaskField, choices: tuple[str, ...]) -> TaskField:
    text = _as_text(field)
    if text.get("kind", field.kind) not in ("string", "list"):
        raise RetortError(
            f"{field.name!r} is {_a(field.kind)}, and cannot be one of {', '.join(choices)}.",
            f"Say '{field.name} (string): one of {', '.join(choices)}' when you give the fields.",
        )
    description = "" if read_choices(field.description) else field.description
    return field.model_copy(update={**text, "choices": choices, "form": None, "description": description})


def _formed(field: TaskField, form: Form, description: str) -> TaskField:
    if field.fields or field.kind in ("object", "boolean"):
        raise RetortError(
            f"{field.name!r} is {_a(field.kind)}, and cannot be {form.told}.",
            "Name a field that holds a text, a number or a list of them.",
        )
    typed = {"items": form.kind} if field.kind == "list" else {"kind": form.kind}
    told = {"form": form, "choices": (), "description": description or field.description}
    return field.model_copy(update={**typed, **told})


def _as_text(field: TaskField) -> dict[str, str]:
    """The type of a value that a form made a number, as it is without the form."""
    if field.form is None or field.form.kind == "string":
        return {}
    return {"items": "string"} if field.kind == "list" else {"kind": "string"}


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
