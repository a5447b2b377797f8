"""How people spread samples and treat their sources: coverage, inputs to label, personal data. For `agent.words`."""

import re

from pydantic import JsonValue

from agent.score_words import Build, none
from tools.records import JsonObject

_AXES = (
    ("topics", r"topics?|主题|话题"),
    ("personas", r"personas?|writers?|人物|身份"),
    ("difficulties", r"difficult(?:y|ies)|难度"),
    ("lengths", r"lengths?|长度"),
    ("languages", r"languages|语言种类|多语言"),
)


def _axis(match: re.Match[str]) -> JsonObject:
    values = [one.strip() for one in re.split(r"[,，、;；\n]", match["values"]) if one.strip()]
    return {name: list[JsonValue](values) for name, pattern in _AXES if re.fullmatch(pattern, match["axis"], re.I)}


COVERAGE_RULES: tuple[tuple[str, str, Build], ...] = (
    (
        "set_coverage",
        rf"(?:the\s+)?(?P<axis>{'|'.join(pattern for _, pattern in _AXES)})\s*(?:are|is)?\s*[:：]\s*(?P<values>.+)",
        _axis,
    ),
    ("show_coverage", r"(?:show\s+)?(?:the\s+)?coverage(?:\s+table)?|(?:显示|查看)?覆盖(?:率|表)?", none),
    (
        "show_request",
        r"(?:show|preview)(?:\s+me)?\s+(?:the\s+)?(?:next\s+)?(?:request|prompt)"
        r"|what (?:does|will) the teacher (?:see|get)"
        r"|(?:预览|查看)(?:请求|提示词)|老师会看到什么",
        none,
    ),
    (
        "set_task",
        r"(?:(?:mask|hide)|(?P<keep>keep|show))\s+(?:the\s+)?(?:personal (?:data|information)|pii)"
        r"|(?:隐藏|遮盖|脱敏)(?:个人信息|隐私)|(?P<keep_zh>保留)(?:个人信息|隐私)",
        lambda match: {"personal_data": "keep" if match["keep"] or match["keep_zh"] else "mask"},
    ),
    (
        "remove_source",
        r"(?:remove|delete)\s+(?:the\s+)?(?:source|document|file)\s+[\"'`“]?(?P<document>[^\"'`“”]+?)[\"'`”]?"
        r"|(?:删除|移除)(?:来源|文档|文件)\s*[“「]?(?P<document_zh>[^”」]+?)[”」]?",
        lambda match: {"document": (match["document"] or match["document_zh"]).strip()},
    ),
    (
        "label_inputs",
        r"label(?:\s+(?:it|them|these|this|all)?(?:\s*(?:the\s+)?(?:inputs|file|rows|texts))?)?|标注(?:这些|它们)?(?:数据|文件|输入|文本)?",
        none,
    ),
    (
        "label_inputs",
        r"(?:label|use)\s+(?:the\s+)?(?:passages|inputs)\s+of\s+(?P<file>.+?)(?:\s+as\s+inputs)?",
        lambda match: {"file": match["file"].strip()},
    ),
)
