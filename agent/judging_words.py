"""How people vote and ask for verdicts: arena, vote, judge, ranking, rubric. For `agent.words`."""

import re

from agent.score_words import Build, none
from tools.records import JsonObject

_CHOICES = {"a": "a", "b": "b", "左": "a", "右": "b", "left": "a", "right": "b"}


def _choice(match: re.Match[str]) -> JsonObject:
    said = (match["choice"] or "").lower()
    return {"choice": _CHOICES.get(said, "tie")}


def _count(match: re.Match[str]) -> JsonObject:
    return {"count": int(match["count"])} if match["count"] else {}


JUDGING_RULES: tuple[tuple[str, str, Build], ...] = (
    (
        "arena",
        r"(?:(?:open|start|show)\s+)?(?:the\s+)?(?:blind\s+)?(?:arena|(?:blind\s+)?vot(?:e|ing)|blind\s+test)"
        r"|(?:let me|i want to)\s+(?:vote|compare\s+blind(?:ly)?)"
        r"|(?:开始|打开)?(?:盲测|竞技场|盲评|投票)|让我(?:来)?(?:投票|盲测)",
        none,
    ),
    (
        "vote",
        r"(?:vote(?:\s+for)?|choose|prefer)\s+(?:the\s+)?(?P<choice>a|b|left|right|tie|neither|both)(?:\s+one)?"
        r"|(?P<tie>it'?s\s+a\s+tie|tie)",
        _choice,
    ),
    ("vote", r"(?:我)?(?:选|投给?)\s*(?P<choice>a|b|左|右|平局)|(?P<tie>平局|一样好|不分上下)", _choice),
    (
        "judge_answers",
        r"(?:let\s+the\s+teacher\s+|have\s+(?:the\s+teacher\s+)?)?judge(?:\s+(?:the\s+|(?P<count>\d+)\s+)?(?:answers|pairs(?:\s+of\s+answers)?))?"
        r"|(?:run|ask)\s+the\s+judge(?P<other>)",
        _count,
    ),
    (
        "judge_answers",
        r"(?:让)?(?:老师|教师|裁判)(?:模型)?(?:来)?(?:评判|裁判|打分|评审)(?:\s*(?P<count>\d+)\s*(?:对|组))?(?:答案|回答)?"
        r"|(?:评判|评审)(?:一下)?(?:答案|回答)",
        _count,
    ),
    (
        "show_ranking",
        r"(?:show\s+)?(?:me\s+)?(?:the\s+)?(?:ranking|leader\s?board)|who\s+wins(?:\s+the\s+arena)?"
        r"|does\s+the\s+judge\s+agree(?:\s+with\s+me)?"
        r"|(?:看看|显示|查看)?(?:排名|排行榜?)|谁(?:的)?(?:排名)?(?:第一|赢了?)|裁判(?:和|与|跟)我一致吗",
        none,
    ),
    (
        "set_rubric",
        r"(?:the\s+)?rubric(?:\s+is)?\s*[:：]\s*(?P<rubric>.+)|(?:评分|评判)标准(?:是)?\s*[:：]?\s*(?P<rubric_zh>.+)",
        lambda match: {"rubric": (match["rubric"] or match["rubric_zh"]).strip()},
    ),
)
