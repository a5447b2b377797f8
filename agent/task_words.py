"""What is said about the task besides its goal: required fields, the label of what fits none, turns, reasoning."""

import re

from pydantic import JsonValue

from agent.score_words import Build
from tools.records import JsonObject

_REASONING = {"keep": "kept", "with": "kept", "保留": "kept", "drop": "dropped", "丢弃": "dropped"}


def _scope(match: re.Match[str]) -> JsonObject:
    return {"out_of_scope": match["label"].strip(" \"'`“”「」.。!！")}


def _turns(match: re.Match[str]) -> JsonObject:
    return {"turns": int(match["turns"])}


def _reasoning(match: re.Match[str]) -> JsonObject:
    return {"reasoning": _REASONING.get(match["word"].lower(), "none")}


def _prompt(match: re.Match[str]) -> JsonObject:
    return {"system_prompt": match["text"].strip()}


def _required(match: re.Match[str]) -> JsonObject:
    names = re.split(r"\s*(?:,\s*(?:and\s+)?|，|、|\band\b|和)\s*", match["names"])
    return {"required": list[JsonValue]([name.strip(" '\"`") for name in names if name.strip()])}


TASK_RULES: tuple[tuple[str, str, Build], ...] = (
    (
        "set_task",
        r"(?:the\s+)?(?:out[- ]of[- ]scope|none[- ]of[- ]these|fallback)(?:\s+label)?"
        r"(?:\s*[:：=]|\s+is(?:\s+called)?)\s*(?P<label>\S.{0,60})",
        _scope,
    ),
    (
        "set_task",
        r"(?:超出范围|都不(?:是|符合)|以上都不是)(?:时)?(?:的标签)?(?:(?:是|为|用)\s*[:：]?|[:：])\s*(?P<label>\S.{0,60})",
        _scope,
    ),
    (
        "set_task",
        r"(?:use\s+|with\s+|make\s+)?(?P<turns>\d{1,2})[- ](?:user[- ])?turns?"
        r"(?:\s+(?:a\s+sample|each|conversations?|dialogu?es?|samples?))?",
        _turns,
    ),
    ("set_task", r"(?:每个?样本)?\s*(?P<turns>\d{1,2})\s*轮对话", _turns),
    ("set_task", r"(?P<word>keep|drop|no|with|without)\s+(?:the\s+)?(?:reasoning|thinking|thoughts)", _reasoning),
    ("set_task", r"(?P<word>保留|丢弃|不要)(?:推理|思考)(?:过程)?", _reasoning),
    ("set_task", r"(?:the\s+)?system\s+prompt(?:\s+is)?\s*[:：]\s*(?P<text>.+)", _prompt),
    ("set_task", r"系统提示词?\s*[:：]\s*(?P<text>.+)", _prompt),
    (
        "set_task",
        r"(?P<names>[\w \-,，、'\"`]{1,200}?)\s+(?:is|are)\s+(?:always\s+(?:there|present)|required|mandatory)",
        _required,
    ),
    ("set_task", r"(?P<names>[\w \-,，、]{1,200}?)\s*(?:是|为)?必(?:填|有|须有)的?", _required),
)
