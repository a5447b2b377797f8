"""How people judge samples: approve, reject, edit, undo, look at more, rules, policy. For `agent.words`."""

import re

from agent.score_words import Build, none
from tools.records import JsonObject

_ITEM = r"(?:#|第|sample\s+)?\d+(?:\s*(?:-|–|to|到|至)\s*\d+)?\s*(?:号|条|个)?"
_NUMBERS = rf"{_ITEM}(?:(?:\s*(?:,|，|、|and|和|&)\s*|\s+){_ITEM})*"
_ALL = r"(?:all|everything|all of them|them all|全部|所有|全都)(?:\s*(?:the\s+)?(?:of\s+)?(?:samples|drafts|样本|的))?"
SAMPLES = r"(?:the\s+)?(?:samples?\s+|drafts?\s+|样本\s*)?"
_REASON = r"(?:\s*(?:[:：,，]|because|因为|since)\s*(?P<reason>.+))?"
_BY = {
    "unusual": "unusual|odd|异常的?",
    "uncertain": "uncertain|unsure|不确定的?",
    "coverage": "coverage|each cell|覆盖",
}


def _samples(match: re.Match[str]) -> JsonObject:
    numbers = match.groupdict().get("numbers")
    return {"samples": list(_spread(numbers)) if numbers else ["all"]}


def _spread(numbers: str) -> list[str]:
    """'1, 3-5 and 7' as ['1', '3', '4', '5', '7'], each once, in the order said."""
    found: list[str] = []
    for first, last in re.findall(r"(\d+)(?:\s*(?:-|–|to|到|至)\s*(\d+))?", numbers):
        end = min(int(last or first), int(first) + 999)
        found += [str(number) for number in range(int(first), end + 1) if str(number) not in found]
    return found


def _reject(match: re.Match[str]) -> JsonObject:
    return {**_samples(match), "reason": (match["reason"] or "").strip()}


def _edit(match: re.Match[str]) -> JsonObject:
    part = "question" if (match["part"] or "").strip().lower() in ("question", "input", "问题", "输入") else "answer"
    return {"sample": match["number"], part: match["rest"].strip()}


def _review(match: re.Match[str]) -> JsonObject:
    said = (match["by"] or "").lower()
    by = next((name for name, pattern in _BY.items() if said and re.fullmatch(pattern, said)), "")
    return {**({"count": int(match["count"])} if match["count"] else {}), **({"by": by} if by else {})}


def _rule(match: re.Match[str]) -> JsonObject:
    numbers = match["numbers"]
    return {**({"samples": list(_spread(numbers))} if numbers else {}), "text": match["text"].strip()}


def _policy(match: re.Match[str]) -> JsonObject:
    if match["all"]:
        return {"kind": "all"}
    return {"kind": "sampled", **({"most_bad_percent": float(match["percent"])} if match["percent"] else {})}


REVIEW_RULES: tuple[tuple[str, str, Build], ...] = (
    (
        "approve_samples",
        rf"(?:approve|accept|批准|通过|认可|接受)\s*{SAMPLES}(?:{_ALL}|(?P<numbers>{_NUMBERS}))",
        _samples,
    ),
    ("approve_samples", r"(?:全部|所有|都)(?:样本)?(?:都)?(?:批准|通过|认可|接受)", _samples),
    (
        "reject_samples",
        rf"(?:reject|drop|拒绝|否决|去掉)\s*{SAMPLES}(?:{_ALL}|(?P<numbers>{_NUMBERS})){_REASON}",
        _reject,
    ),
    (
        "edit_sample",
        rf"(?:edit|change|修改|编辑)\s*{SAMPLES}(?:#|第)?(?P<number>\d+)\s*(?:号|条|个)?"
        r"(?P<part>\s*(?:question|input|answer|问题|输入|答案))?\s*[:：]\s*(?P<rest>.+)",
        _edit,
    ),
    ("undo_review", r"undo(?:\s+(?:that|it|this|the (?:last|rule|edit|rejection|approval)))?|撤销|撤回", none),
    (
        "review_samples",
        r"(?:review|look at)(?:\s+(?P<count>\d+))?"
        r"(?:\s+(?:the\s+)?(?P<by>unusual|odd|uncertain|unsure|coverage|each cell))?"
        r"(?:\s+more)?(?:\s+(?:samples?|ones))?",
        _review,
    ),
    (
        "review_samples",
        r"(?:审阅|抽查)\s*(?P<count>\d+)?\s*(?:个|条)?\s*(?P<by>异常的?|不确定的?|覆盖)?\s*(?:样本)?",
        _review,
    ),
    ("show_rules", r"(?:show\s+)?(?:the\s+|my\s+)?rules|(?:显示|查看)?规则", none),
    (
        "confirm_rule",
        r"(?:confirm|enforce)\s+(?:the\s+|this\s+)?rule(?:\s+(?P<rule>rule-\w+))?",
        lambda match: {"rule": match["rule"]} if match["rule"] else {},
    ),
    ("confirm_rule", r"(?:确认|执行)(?:这条|该)?规则", none),
    ("propose_rule", r"make\s+(?:it|that|this)\s+a\s+rule|make\s+a\s+rule|(?:定|立)为规则", none),
    (
        "propose_rule",
        rf"(?:rule|规则)(?:\s*(?:from|自)\s*{SAMPLES}(?P<numbers>{_NUMBERS}))?\s*[:：]\s*(?P<text>.+)",
        _rule,
    ),
    ("show_policy", r"(?:show\s+)?(?:the\s+)?(?:review\s+)?policy|what was (?:reviewed|looked at)|(?:审阅)?策略", none),
    (
        "set_policy",
        r"(?:review\s+)?policy\s*(?:is|[:：])?\s*(?:(?P<all>all(?:\s+(?:reviewed|looked at))?)|any|none"
        r"|(?:sampled\s*,?\s*)?(?:at most|up to|below)\s*(?P<percent>\d+(?:\.\d+)?)\s*%?(?:\s*(?:percent|bad))*)",
        _policy,
    ),
    (
        "set_policy",
        r"(?:审阅)?策略\s*[:：]?\s*(?:(?P<all>全部审阅|全部)|不限"
        r"|(?:最多|至多)\s*(?P<percent>\d+(?:\.\d+)?)\s*%?\s*(?:坏|错误)?(?:样本)?)",
        _policy,
    ),
)
