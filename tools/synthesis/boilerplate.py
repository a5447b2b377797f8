"""Phrases that no sample should hold: refusals, chatter around an answer, blanks, pointing at a text out of sight."""

import re

_REFUSAL = re.compile(
    r"\b(?:as|i am|i'm) (?:an? )?(?:ai|artificial intelligence|(?:large )?language model)\b(?! (?:named|called))"
    r"|^\W*(?:i'?m |i am )?(?:sorry|afraid)\b.{0,40}\b(?:can(?:'|no)t|can not|unable|not able)\b"
    r"|^\W*i (?:can(?:'|no)t|can not|am unable to|won't) (?:help|assist|provide|comply|fulfil|do that|answer)"
    r"|作为(?:一个|一名)?(?:人工智能|AI|大?语言模型)|^\W*(?:很)?(?:抱歉|对不起).{0,12}(?:无法|不能)|^\W*我(?:无法|不能)(?:提供|回答|帮助|完成)",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"^\W*(?:(?:sure|certainly|of course|absolutely|great question)\b[^.\n]{0,40}[!:]|here(?:'s| is| are) "
    r"(?:the|your|an?) [^.\n]{0,60}:|当然[！!，,].{0,20}[：:]|好的[，,]?(?:以下|这是).{0,20}[：:]|以下是.{0,30}[：:])"
    r"|\b(?:i hope this helps|let me know if you (?:need|have)|feel free to ask)\b|希望(?:这|以上).{0,6}(?:帮助|有用)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\[(?:your|insert|name|company|date|address|phone|e-?mail|customer)[^\]\n]{0,30}\]|\{\{\s*\w+\s*\}\}|<(?:insert|your)[^>\n]{0,30}>"
    r"|\blorem ipsum\b|\[(?:您|你|请填|姓名|公司|日期)[^\]\n]{0,12}\]",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:according to|based on|as (?:stated|mentioned|described|written) in|in|from|does|what does) the "
    r"(?:(?:given|provided|above|following) )?(?:text|passage|document|article|paragraph|excerpt|context)\b"
    r"|(?:根据|依据|按照|据)(?:以上|上述|上面|所给|给定|本|该|这(?:篇|段|份))?(?:的)?(?:文本|文章|文档|段落|材料|原文|内容|短文|资料)|(?:文中|上文|本文|文章中|材料中|原文中)",
    re.IGNORECASE,
)


def refusal(answer: str) -> str:
    """The words in which the answer declines, or nothing."""
    return _found(_REFUSAL, answer)


def chatter(text: str) -> str:
    """Words around the matter, or a blank that was never filled in."""
    return _found(_CHATTER, text) or placeholder(text)


def placeholder(text: str) -> str:
    return _found(_PLACEHOLDER, text)


def pointing(question: str) -> str:
    """Words that point at a text the asker cannot see ("according to the passage"), or nothing."""
    return _found(_POINTING, question)


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[0].strip() if match else ""
