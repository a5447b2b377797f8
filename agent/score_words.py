"""How people ask for scores: evaluate, compare, look at rows and failures, aim samples, report. For `agent.words`."""

import re
from collections.abc import Callable

from tools.records import JsonObject

Build = Callable[[re.Match[str]], JsonObject]


def none(_match: re.Match[str]) -> JsonObject:
    return {}


def split(match: re.Match[str]) -> JsonObject:
    said = (match["split"] or "").lower()
    known = {"训练": "train", "training": "train", "验证": "dev", "validation": "dev", "测试": "test"}
    return {"split": known.get(said, said)} if said else {}


def _aimed(match: re.Match[str]) -> JsonObject:
    return {"cluster": match["number"], **({"count": int(match["count"])} if match["count"] else {})}


SCORE_RULES: tuple[tuple[str, str, Build], ...] = (
    (
        "evaluate",
        r"(?:evaluate|score)"
        r"(?:\s+(?:all|everything|it|them|(?:the\s+)?(?:checkpoints|model|base and (?:the\s+)?checkpoints)))?"
        r"(?:\s+on\s+(?:the\s+)?(?P<split>dev|test)(?:\s+(?:set|split))?)?",
        split,
    ),
    ("evaluate", r"(?:开始)?(?:评测|评估|测评)(?:检查点|模型)?(?P<split>)", split),
    (
        "evaluate",
        r"(?:ask|evaluate|score|try)\s+the\s+teacher(?:\s+(?:too|itself))?(?:\s+on\s+(?:the\s+)?(?P<split>dev|test)(?:\s+(?:set|split))?)?"
        r"|how\s+good\s+is\s+the\s+teacher(?:\s+itself)?|(?:评测|评估|测试)(?:一下)?(?:老师|教师)(?:模型)?|(?:老师|教师)(?:模型)?(?:本身)?有多好",
        lambda match: {"candidates": ["teacher"], "split": "dev", **split(match)},
    ),
    (
        "evaluate",
        r"should\s+(?:i|we)\s+(?:fine-?tune|train)(?:\s+at\s+all)?|(?:check|try)\s+(?:the\s+)?(?:base\s+and\s+)?few-?shot(?:\s+first)?"
        r"|(?:需要|有必要|值得)(?:微调|训练)吗",
        lambda _: {"candidates": ["ladder"], "split": "dev"},
    ),
    (
        "compare_checkpoints",
        r"(?:compare|(?:show|see)(?:\s+me)?(?:\s+the)?\s+(?:scores?(?:\s+table)?|comparison))"
        r"(?:\s+(?:of\s+)?(?:all|them|(?:all\s+)?(?:the\s+)?(?:checkpoints|models|candidates)))?"
        r"(?:\s+(?:with|to|and|against)\s+(?:the\s+)?base(?:\s+model)?)?"
        r"(?:\s+on\s+(?:the\s+)?(?P<split>dev|test)(?:\s+(?:set|split))?)?"
        r"|(?:which|what)\s+(?:checkpoint|model|step|one)\s+is\s+(?:the\s+)?(?:best|better)"
        r"|how\s+do\s+(?:the\s+)?(?:checkpoints|models|candidates)\s+compare"
        r"|is\s+(?:it|any(?:\s+of\s+them)?|the\s+best(?:\s+checkpoint)?)\s+(?:really\s+)?better\s+than\s+(?:the\s+)?base",
        split,
    ),
    (
        "compare_checkpoints",
        r"(?:比较|对比)(?:一下)?(?:所有|全部|各个|这些|几个)?(?:的)?(?:检查点|模型|分数|结果)?"
        r"|哪(?:一)?个(?:检查点|模型)(?:是)?(?:最好|更好|最佳)(?:的)?"
        r"|(?:看看|显示)(?:评测)?(?:分数|得分|对比)|(?:它)?(?:真的)?比基础模型(?:更)?好吗",
        none,
    ),
    (
        "aim_at_failures",
        r"(?:aim\s+at|target)\s+(?:the\s+)?(?:failures?|cluster)\s*#?(?P<number>\d+)"
        r"(?:\s*(?:,|:)?\s*(?:with\s+)?(?P<count>\d+)\s+samples?)?",
        _aimed,
    ),
    (
        "aim_at_failures",
        r"针对\s*(?:第)?\s*(?P<number>\d+)\s*(?:类|组|个)?\s*(?:失败|错误)"
        r"(?:\s*(?:，|,)?\s*(?:生成)?\s*(?P<count>\d+)\s*(?:条|个)(?:样本)?)?",
        _aimed,
    ),
    (
        "show_failures",
        r"(?:show\s+(?:me\s+)?(?:the\s+)?failures|(?:what|where)\s+does\s+it\s+(?:get\s+wrong|fail)|what\s+goes\s+wrong)"
        r"|(?:看看|显示|分析)?(?:失败|错误)(?:分析)?|哪里(?:出)?错了?",
        none,
    ),
    (
        "learning_curve",
        r"(?:show\s+|draw\s+|make\s+)?(?:me\s+)?(?:the\s+|a\s+)?learning\s+curve"
        r"|(?:would|will|does|do\s+(?:i|we)\s+need)\s+more\s+(?:data|samples)(?:\s+help)?"
        r"|(?:画|看看|显示)?学习曲线|(?:更多|再多)(?:的)?(?:数据|样本)(?:会)?(?:有用|有帮助)吗",
        none,
    ),
    (
        "check_forgetting",
        r"(?:check|test)\s+(?:for\s+)?(?:what\s+(?:it|was)\s+)?(?:forgot(?:ten)?|forgetting)"
        r"|(?:what\s+)?(?:did|has)\s+it\s+(?:forget|forgotten)(?:\s+(?:anything|something))?"
        r"|(?:检查|测试)(?:一下)?(?:有没有)?遗忘|(?:它)?(?:有没有)?忘(?:了|记)(?:什么|东西)?吗?",
        none,
    ),
    (
        "write_report",
        r"(?:write|make|show)?\s*(?:me\s+)?(?:the\s+|a\s+)?(?:run\s+)?(?:report|card)|(?:写|生成|导出)?(?:报告|卡片)",
        none,
    ),
    (
        "show_rows",
        r"(?:show\s+)?(?:the\s+)?rows\s+(?:where|that)\s+(?:the\s+)?(?P<right>\S.*?)\s+(?:is|has|are)?\s*right\s+"
        r"and\s+(?:the\s+)?(?P<wrong>\S.*?)\s+(?:is\s+|has\s+)?wrong",
        lambda match: {part: match[part].strip() for part in ("right", "wrong")},
    ),
)
