"""Changes of a plan as people say them: 'use rank 16, 3 epochs'."""

import json
import re

from tools.records import JsonObject

_CHANGES: tuple[tuple[str, str], ...] = (
    ("lora_rank", r"(?:lora\s+)?(?:rank|秩)\s*(?:to\s+|of\s+|=\s*|为\s*)?(\d+)"),
    ("lora_alpha", r"(?:lora\s+)?alpha\s*(?:to\s+|of\s+|=\s*|为\s*)?(\d+)"),
    ("epochs", r"(\d+(?:\.\d+)?)\s*(?:epochs?|轮|遍)"),
    ("epochs", r"(?:epochs?|轮数)\s*(?:to\s+|=\s*|为\s*)?(\d+(?:\.\d+)?)"),
    ("learning_rate", r"(?:lr|learning rate|学习率)\s*(?:to\s+|of\s+|=\s*|为\s*)?(\d+(?:\.\d+)?(?:e-?\d+)?)"),
    ("batch_samples", r"(?:batch(?: size)?|批量|批大小)\s*(?:to\s+|of\s+|=\s*|为\s*)?(\d+)"),
    ("row_tokens", r"row tokens\s*(?:to\s+|=\s*)?(\d+)"),
    ("max_sample_tokens", r"max(?:imum)? (?:sample )?tokens\s*(?:to\s+|=\s*)?(\d+)"),
    ("checkpoints", r"(\d+)\s*(?:checkpoints?|个检查点)"),
    ("seed", r"(?:seed|随机种子|种子)\s*(?:to\s+|=\s*|为\s*)?(\d+)"),
    ("precision", r"(?:precision\s+|精度\s*)?(bf16|fp32)"),
    ("student", r"(?:student\s+|学生模型\s*)?((?:hf|modelscope|path|pypi):\S+)"),
)
_PREFIX = re.compile(
    r"^(?:(?:use|with|set|make|take|plan with|用|使用|改为|改成|设置)\s*(?:a\s+|the\s+)?)+", re.IGNORECASE
)


def plan_changes(text: str) -> JsonObject:
    """The plan fields a message like 'use rank 16, 3 epochs' sets; empty unless every part of it is one."""
    body = _PREFIX.sub("", text.strip())
    found: JsonObject = {}
    for part in re.split(r"\s*(?:,|，|、|;|；|\band\b|和)\s*", body):
        matches = ((key, re.fullmatch(pattern, part.strip(), re.IGNORECASE)) for key, pattern in _CHANGES)
        hit = next(((key, match[1]) for key, match in matches if match), None)
        if hit is None:
            return {}
        found[hit[0]] = hit[1] if hit[0] in ("precision", "student") else _number(hit[1])
    return found


def _number(text: str) -> int | float:
    found = json.loads(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else float(text)
    return int(found) if float(found).is_integer() else float(found)
