"""A plan changed in words: 'use rank 16, 3 epochs', 'train longer'."""

import json
import re

from tools.records import JsonObject

_CHANGES: tuple[tuple[str, str], ...] = (
    ("lora_rank", r"(?:lora\s+)?(?:rank|秩)\s*(?:to\s+|of\s+|[=:：]\s*|为\s*)?(\d+)"),
    ("lora_alpha", r"(?:lora\s+)?alpha\s*(?:to\s+|of\s+|=\s*|为\s*)?(\d+)"),
    ("method", r"(?:method\s+|方法\s*)?(rslora|qlora|dora|lora|full)(?:\s+(?:fine-?tuning|training))?"),
    ("lora_dropout", r"(?:lora\s+)?dropout\s*(?:to\s+|of\s+|=\s*|为\s*)?(\d?\.?\d+)"),
    (
        "tracker",
        r"track(?:er|ing|ed)?(?:\s+(?:it|the run))?\s*(?:with|by|in|to)?\s*"
        r"(none|trackio|swanlab|wandb|mlflow|tensorboard)",
    ),
    ("patience", r"patience\s*(?:to\s+|of\s+|=\s*)?(\d+)"),
    ("epochs", r"(?:train(?:ing)?\s+)?(longer|shorter)(?:\s+training)?"),
    ("epochs", r"(more|fewer)\s+epochs"),
    ("warmup_fraction", r"warm-?up\s*(?:of\s+|to\s+|=\s*)?(\d+(?:\.\d+)?)\s*%"),
    ("processes", r"(\d+)\s*(?:gpus?|processes)"),
    ("patience", r"(no)\s+early\s+stop(?:ping)?"),
    ("epochs", r"(?:训练)?(更?[久长短])(?:一[点些])?"),
    ("learning_rate", r"(更低|更高)的?学习率"),
    ("learning_rate", r"(lower|smaller|higher|larger)\s+(?:learning rate|lr)"),
    ("epochs", r"(?:train(?:\s+for)?\s+)?(\d+(?:\.\d+)?)\s*(?:epochs?|轮|遍)"),
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
_RELATIVE = {
    "more": "longer",
    "fewer": "shorter",
    **dict.fromkeys(("longer", "久", "长", "更久", "更长"), "longer"),
    **dict.fromkeys(("shorter", "短", "更短"), "shorter"),
    **dict.fromkeys(("lower", "smaller", "更低"), "lower"),
    **dict.fromkeys(("higher", "larger", "更高"), "higher"),
}
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
        key, said = hit
        if key == "patience" and said.lower() == "no":
            found[key] = 0
        elif key == "warmup_fraction":
            found[key] = float(said) / 100
        elif key in ("method", "tracker"):
            found[key] = said.lower()
        else:
            as_said = key in ("precision", "student")
            found[key] = said if as_said else _RELATIVE.get(said.lower()) or _number(said)
    return found


def _number(text: str) -> int | float:
    found = json.loads(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else float(text)
    return int(found) if float(found).is_integer() else float(found)
