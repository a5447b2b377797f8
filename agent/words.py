"""The product's verbs as people say them, in English and Chinese: a deterministic grammar, no model anywhere.

`parse` reads a whole message or nothing: a sentence that merely contains 'approve all' says nothing here. What it
reads is (1) what the guide acts on and (2) the only text that can authorise a review verb without a click.
"""

import re
from collections.abc import Callable

from pydantic import Field, JsonValue

from agent.plan_words import plan_changes
from tools.records import JsonObject, Value

MAX_WORDS_CHARS = 600  # longer messages are prose, not commands


class Said(Value):
    """A verb with its arguments, exactly as the toolbox takes them; yes, no, help and skip are no tools."""

    verb: str
    arguments: JsonObject = Field(default={})


_ITEM = r"(?:#|第|sample\s+)?\d+(?:\s*(?:-|–|to|到|至)\s*\d+)?\s*(?:号|条|个)?"
_NUMBERS = rf"{_ITEM}(?:(?:\s*(?:,|，|、|and|和|&)\s*|\s+){_ITEM})*"
_ALL = r"(?:all|everything|all of them|them all|全部|所有|全都)(?:\s*(?:the\s+)?(?:of\s+)?(?:samples|drafts|样本|的))?"
_SAMPLES = r"(?:the\s+)?(?:samples?\s+|drafts?\s+|样本\s*)?"
_MONEY = (
    r"(?:\s*,?\s*(?:for|at most|up to|最多)\s*(?:at most\s*)?\$?\s*(?P<usd>\d+(?:\.\d+)?)\s*(?:\$|usd|dollars|美元)?"
    r"(?:\s*(?:,|and|和|，)\s*(?P<minutes>\d+(?:\.\d+)?)\s*(?:minutes?|min|分钟))?)?"
)
_MINUTES = r"(?:\s*,?\s*(?:for|at most|最多)\s*(?:at most\s*)?(?P<minutes>\d+(?:\.\d+)?)\s*(?:minutes?|min|分钟))?"
_WHICH = (
    r"(?P<which>best|base|served|step\s*\d+|(?:checkpoint|ckpt|deployment)-\w+"
    r"|最好的?|最佳的?|第\s*\d+\s*步|基础模型)"
)
_LAYOUT = r"messages|openai|alpaca|share-?gpt|llama-?factory|(?:ms-?)?swift|datasets|huggingface|parquet|csv"
_JOB = r"(?:\s*(?P<job>job-\w+))?"
_REASON = r"(?:\s*(?:[:：,，]|because|因为|since)\s*(?P<reason>.+))?"

Build = Callable[[re.Match[str]], JsonObject]


def _none(_match: re.Match[str]) -> JsonObject:
    return {}


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


def _count(match: re.Match[str], key: str = "count") -> JsonObject:
    said = match.groupdict()
    found: JsonObject = {key: int(said["count"].replace(",", ""))} if said.get("count") else {}
    if said.get("usd"):
        found["max_usd"] = float(said["usd"])
    if said.get("minutes"):
        found["max_minutes"] = float(said["minutes"])
    return found


def _like(match: re.Match[str]) -> JsonObject:
    return {"like": match["number"], **({"count": int(match["count"])} if match["count"] else {})}


def _train(match: re.Match[str]) -> JsonObject:
    return {"max_minutes": float(match["minutes"])} if match["minutes"] else {}


def _job(match: re.Match[str]) -> JsonObject:
    return {"job": match["job"]} if match["job"] else {}


def _which(key: str) -> Build:
    def build(match: re.Match[str]) -> JsonObject:
        said = match.groupdict()
        found: JsonObject = {key: candidate(said["which"])} if said.get("which") else {}
        if said.get("text"):
            found["text"] = said["text"].strip()
        if said.get("merged"):
            found["mode"] = "merged"
        return found

    return build


def candidate(said: str) -> str:
    """'第 60 步' and 'Step60' as 'step 60', '最好的' as 'best'; ids stay as they are."""
    text = said.strip().lower()
    if number := re.fullmatch(r"(?:step|第)\s*(\d+)\s*步?", text):
        return f"step {number[1]}"
    return {"最好": "best", "最好的": "best", "最佳": "best", "最佳的": "best", "基础模型": "base"}.get(text, text)


def _split(match: re.Match[str]) -> JsonObject:
    said = (match["split"] or "").lower()
    known = {"训练": "train", "training": "train", "验证": "dev", "validation": "dev", "测试": "test"}
    return {"split": known.get(said, said)} if said else {}


LAYOUTS = {"openai": "messages", "llama-factory": "sharegpt", "llamafactory": "sharegpt", "share-gpt": "sharegpt"}
LAYOUTS |= {"swift": "ms-swift", "msswift": "ms-swift", "parquet": "datasets", "huggingface": "datasets"}


def _export(match: re.Match[str]) -> JsonObject:
    said = (match["layout"] or "").lower()
    found: JsonObject = {"layout": LAYOUTS.get(said, said)} if said else {}
    return {**found, **_version(match)}


def _version(match: re.Match[str], key: str = "version") -> JsonObject:
    return {key: int(match["version"])} if match["version"] else {}


def _document(match: re.Match[str]) -> JsonObject:
    page = match["page"] or match["page_after"]
    return {"document": match["document"], **({"page": int(page)} if page else {})}


def _scans(match: re.Match[str]) -> JsonObject:
    return {"documents": [match["document"]]}


def _aimed(match: re.Match[str]) -> JsonObject:
    return {"cluster": match["number"], **({"count": int(match["count"])} if match["count"] else {})}


def _columns(match: re.Match[str]) -> JsonObject:
    return {f"{part}_column": match[part].strip(" '\"`") for part in ("input", "output")}


_AXES = (
    ("topics", r"topics?|主题|话题"),
    ("personas", r"personas?|writers?|人物|身份"),
    ("difficulties", r"difficult(?:y|ies)|难度"),
    ("lengths", r"lengths?|长度"),
    ("languages", r"languages|语言种类|多语言"),
)
_CARE = (
    r"(?:\s*,?\s*(?:with|and)?\s*(?P<answers>\d+)\s+answers(?:\s+each)?)?"
    r"(?:\s*,?\s*(?:with|and)?\s*(?P<critique>(?:a\s+)?critique))?"
    r"(?:\s*,?\s*(?:at most|up to)\s+(?P<cap>\d+)\s+(?:a|per|from each)\s+document)?"
)


def _axis(match: re.Match[str]) -> JsonObject:
    values = [one.strip() for one in re.split(r"[,，、;；\n]", match["values"]) if one.strip()]
    return {name: list[JsonValue](values) for name, pattern in _AXES if re.fullmatch(pattern, match["axis"], re.I)}


def _generate(match: re.Match[str]) -> JsonObject:
    said, found = match.groupdict(), _count(match)
    if said.get("answers"):
        found["answers_each"] = int(said["answers"])
    if said.get("critique"):
        found["critique"] = True
    if said.get("cap"):
        found["per_document"] = int(said["cap"])
    return found


# Order matters only where one pattern's words begin another's; every pattern must match the whole message.
_RULES: tuple[tuple[str, str, Build], ...] = (
    (
        "approve_samples",
        rf"(?:approve|accept|批准|通过|认可|接受)\s*{_SAMPLES}(?:{_ALL}|(?P<numbers>{_NUMBERS}))",
        _samples,
    ),
    ("approve_samples", r"(?:全部|所有|都)(?:样本)?(?:都)?(?:批准|通过|认可|接受)", _samples),
    (
        "reject_samples",
        rf"(?:reject|drop|拒绝|否决|去掉)\s*{_SAMPLES}(?:{_ALL}|(?P<numbers>{_NUMBERS})){_REASON}",
        _reject,
    ),
    (
        "edit_sample",
        rf"(?:edit|change|修改|编辑)\s*{_SAMPLES}(?:#|第)?(?P<number>\d+)\s*(?:号|条|个)?"
        r"(?P<part>\s*(?:question|input|answer|问题|输入|答案))?\s*[:：]\s*(?P<rest>.+)",
        _edit,
    ),
    (
        "draft_samples",
        r"(?:(?:draft|give me|show me)\s+)?(?:(?P<count>\d+)\s+)?"
        rf"more\s+(?:samples?\s+)?like\s+{_SAMPLES}#?(?P<number>\d+)",
        _like,
    ),
    (
        "draft_samples",
        r"(?:再|多)(?:来|起草|写)?\s*(?:几|(?P<count>\d+))?\s*(?:个|条)?\s*(?:像|类似)\s*(?:第)?\s*(?P<number>\d+)\s*"
        r"(?:号|条|个)?(?:的|那样的|一样的)?(?:样本)?",
        _like,
    ),
    (
        "draft_samples",
        r"(?:draft|write)(?:\s+me)?(?:\s+(?:a few|some|more|another))?"
        r"(?:\s+(?P<count>\d+))?(?:\s+more)?(?:\s+(?:samples?|drafts?|examples?))?",
        _count,
    ),
    ("draft_samples", r"(?:再)?起草\s*(?:几|(?P<count>\d+))?\s*(?:个|条)?\s*(?:样本)?", _count),
    ("show_samples", r"show(?:\s+me)?(?:\s+the)?\s+(?:samples|drafts)|(?:显示|看看|查看)样本", _none),
    (
        "generate_samples",
        r"generate(?:\s+me)?(?:\s+the\s+rest|\s+(?P<count>[\d,]+))?(?:\s+more)?(?:\s+(?:samples?|rows|examples?))?"
        + _CARE
        + _MONEY,
        _generate,
    ),
    ("generate_samples", rf"生成\s*(?:剩下的|其余的|(?P<count>\d+))?\s*(?:个|条)?\s*(?:样本|数据)?{_MONEY}", _count),
    (
        "set_coverage",
        rf"(?:the\s+)?(?P<axis>{'|'.join(pattern for _, pattern in _AXES)})\s*(?:are|is)?\s*[:：]\s*(?P<values>.+)",
        _axis,
    ),
    ("show_coverage", r"(?:show\s+)?(?:the\s+)?coverage(?:\s+table)?|(?:显示|查看)?覆盖(?:率|表)?", _none),
    (
        "show_request",
        r"(?:show|preview)(?:\s+me)?\s+(?:the\s+)?(?:next\s+)?(?:request|prompt)"
        r"|what (?:does|will) the teacher (?:see|get)"
        r"|(?:预览|查看)(?:请求|提示词)|老师会看到什么",
        _none,
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
        _none,
    ),
    (
        "label_inputs",
        r"(?:label|use)\s+(?:the\s+)?(?:passages|inputs)\s+of\s+(?P<file>.+?)(?:\s+as\s+inputs)?",
        lambda match: {"file": match["file"].strip()},
    ),
    (
        "freeze_dataset",
        r"(?:freeze(?:\s+(?:the\s+|a\s+)?(?:dataset|data))?|冻结(?:数据集|数据)?)"
        r"(?:\s*,?\s*(?:with\s+)?(?P<count>\d+)\s*(?:test rows|条测试))?",
        lambda match: _count(match, "test_rows"),
    ),
    (
        "export_dataset",
        r"export(?:\s+(?:the\s+)?(?:dataset|data|samples|it))?(?:\s*,?\s*version\s+(?P<version>\d+))?"
        rf"(?:\s+(?:as|to|for|in)\s+(?P<layout>{_LAYOUT}))?",
        _export,
    ),
    (
        "export_dataset",
        rf"导出(?:数据集|数据)?(?:\s*(?:第\s*)?(?P<version>\d+)\s*版)?(?:\s*(?:为|成|到)?\s*(?P<layout>{_LAYOUT}))?",
        _export,
    ),
    (
        "dataset_card",
        r"(?:show\s+)?(?:the\s+)?(?:data\s*set|data)\s+card(?:\s+of\s+version\s+(?P<version>\d+))?",
        _version,
    ),
    ("dataset_card", r"(?:显示|看看)?数据集?卡片?(?P<version>)", _version),
    (
        "dataset_difference",
        r"(?:what(?:\s+has|'s)?\s+changed|(?:show\s+)?(?:the\s+)?difference)"
        r"(?:\s+(?:since|to|from|against)\s+version\s+(?P<version>\d+))?",
        lambda match: _version(match, "older"),
    ),
    ("dataset_difference", r"(?:有什么|有哪些)(?:变化|不同)(?P<version>)", _version),
    (
        "propose_plan",
        r"(?:propose\s+|make\s+|show\s+)?(?:me\s+)?(?:a\s+|the\s+)?plan|(?:制定|给出|看看)?(?:训练)?计划",
        _none,
    ),
    (
        "start_training",
        rf"(?:start\s+)?(?:the\s+)?train(?:ing)?(?:\s+(?:it|now|(?:the\s+)?(?:student|model)))?{_MINUTES}",
        _train,
    ),
    ("start_training", rf"(?:开始)?训练(?:模型|学生模型)?{_MINUTES}", _train),
    (
        "stop_deployment",
        r"(?:stop|shut down)\s+(?:the\s+)?(?:deployment|server|serving|endpoint|served model)|undeploy",
        _none,
    ),
    ("stop_deployment", r"(?:停止|取消|撤下)(?:部署|服务)|下线", _none),
    (
        "stop_job",
        rf"stop(?:\s+(?:the\s+)?(?:job|training|run|generation|evaluation|it))?{_JOB}|停止(?:训练|任务|生成|评测)?",
        _job,
    ),
    ("resume_job", rf"(?:resume|continue)(?:\s+(?:the\s+)?(?:job|training|run|generation|evaluation|it))?{_JOB}", _job),
    ("resume_job", rf"(?:继续|恢复)(?:训练|任务|生成|评测)?{_JOB}", _job),
    (
        "check_served",
        r"check\s+(?:the\s+)?(?:served(?:\s+model)?|deployment|server|parity)|(?:检查|校验|核对)(?:部署|服务)(?:的模型)?",
        _none,
    ),
    (
        "evaluate",
        r"(?:evaluate|score)"
        r"(?:\s+(?:all|everything|it|them|(?:the\s+)?(?:checkpoints|model|base and (?:the\s+)?checkpoints)))?"
        r"(?:\s+on\s+(?:the\s+)?(?P<split>dev|test)(?:\s+(?:set|split))?)?",
        _split,
    ),
    ("evaluate", r"(?:开始)?(?:评测|评估|测评)(?:检查点|模型)?(?P<split>)", _split),
    (
        "evaluate",
        r"should\s+(?:i|we)\s+(?:fine-?tune|train)(?:\s+at\s+all)?|(?:check|try)\s+(?:the\s+)?(?:base\s+and\s+)?few-?shot(?:\s+first)?"
        r"|(?:需要|有必要|值得)(?:微调|训练)吗",
        lambda _: {"candidates": ["base", "few-shot"], "split": "dev"},
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
        _split,
    ),
    (
        "compare_checkpoints",
        r"(?:比较|对比)(?:一下)?(?:所有|全部|各个|这些|几个)?(?:的)?(?:检查点|模型|分数|结果)?"
        r"|哪(?:一)?个(?:检查点|模型)(?:是)?(?:最好|更好|最佳)(?:的)?"
        r"|(?:看看|显示)(?:评测)?(?:分数|得分|对比)|(?:它)?(?:真的)?比基础模型(?:更)?好吗",
        _none,
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
        _none,
    ),
    (
        "write_report",
        r"(?:write|make|show)?\s*(?:me\s+)?(?:the\s+|a\s+)?(?:run\s+)?(?:report|card)|(?:写|生成|导出)?(?:报告|卡片)",
        _none,
    ),
    (
        "show_rows",
        r"(?:show\s+)?(?:the\s+)?rows\s+(?:where|that)\s+(?:the\s+)?(?P<right>\S.*?)\s+(?:is|has|are)?\s*right\s+"
        r"and\s+(?:the\s+)?(?P<wrong>\S.*?)\s+(?:is\s+|has\s+)?wrong",
        lambda match: {part: match[part].strip() for part in ("right", "wrong")},
    ),
    (
        "try_model",
        rf"try(?:\s+(?:it|(?:the\s+)?{_WHICH}(?:\s+(?:checkpoint|model))?))?\s*[:：]\s*(?P<text>.+)",
        _which("candidate"),
    ),
    ("try_model", rf"(?:用\s*{_WHICH}\s*)?(?:试一下|试试|试一试)\s*[:：]\s*(?P<text>.+)", _which("candidate")),
    (
        "deploy",
        rf"deploy(?:\s+(?:it|(?:the\s+)?{_WHICH}))?(?:\s+(?:checkpoint|model))?(?P<merged>\s+merged)?",
        _which("checkpoint"),
    ),
    ("deploy", rf"部署\s*{_WHICH}?\s*(?:检查点|模型)?(?P<merged>\s*合并)?", _which("checkpoint")),
    (
        "status",
        r"(?:show\s+)?(?:the\s+)?(?:status|progress)|where are we|how is it going|how far are (?:we|you)"
        r"|状态|进度|进展(?:如何)?",
        _none,
    ),
    (
        "costs",
        r"(?:show\s+)?(?:the\s+)?costs?|(?:how much|what) (?:did|does|has) (?:it|this|that) costs?"
        r"|(?:what|how much) (?:have|did) (?:we|i) spen[dt]",
        _none,
    ),
    ("costs", r"(?:一共)?花了多少钱?|费用|成本|花费", _none),
    (
        "import_rows",
        r"import(?:\s+(?:it|this|them|the rows|the file))?(?:\s+(?:as|for)\s+(?:the\s+)?"
        r"(?P<split>train|training|dev|validation|test)(?:\s+(?:set|split|data))?)?",
        _split,
    ),
    (
        "import_rows",
        r"(?:the\s+)?input(?:\s+column)?\s+is\s+(?P<input>\S.*?)\s*(?:[,;]|\band\b)\s*(?:and\s+)?"
        r"(?:the\s+)?output(?:\s+column)?\s+is\s+(?P<output>\S.*)",
        _columns,
    ),
    ("import_rows", r"输入(?:列)?是\s*(?P<input>\S.*?)\s*[,，;；]\s*输出(?:列)?是\s*(?P<output>\S.*)", _columns),
    ("import_rows", r"导入(?:数据)?(?:\s*(?:为|到|作为)\s*(?P<split>训练|验证|测试)(?:集|数据)?)?", _split),
    (
        "show_documents",
        r"(?:show|list)(?:\s+me)?(?:\s+(?:the|my|all))*\s+(?:documents|files)|(?:显示|查看|看看|列出)(?:所有|全部)?(?:文档|文件)",
        _none,
    ),
    (
        "show_document",
        r"(?:show|preview)(?:\s+me)?(?:\s+page\s+(?P<page>\d+)\s+of)?(?:\s+the)?(?:\s+document)?\s+"
        r"(?P<document>\S.*\.\w{2,5}|document-\w+)(?:\s*,?\s*page\s+(?P<page_after>\d+))?",
        _document,
    ),
    (
        "show_document",
        r"(?:预览|查看|看看|显示)\s*(?P<document>\S.*\.\w{2,5}|document-\w+)\s*(?:的?第\s*(?P<page>\d+)\s*页)?(?P<page_after>)",
        _document,
    ),
    (
        "ocr",
        r"(?:run\s+)?ocr(?:\s+(?:it|them|all|these|the scans?))?|(?:文字)?识别(?:扫描件|文字)?",
        _none,
    ),
    ("ocr", r"(?:run\s+)?ocr\s+(?:of\s+|on\s+)?(?P<document>\S.*\.\w{2,5}|document-\w+)", _scans),
    ("delete_project", r"(?:delete|remove)\s+(?:the\s+|this\s+)?project|删除(?:这个|该|本)?项目", _none),
    ("help", r"help|what can (?:you|i) do|what now|next|帮助|你能做什么|下一步", _none),
    ("skip", r"skip(?: it| this)?|no examples?|none|跳过|没有|无", _none),
)
_COMPILED = tuple((verb, re.compile(pattern, re.IGNORECASE | re.DOTALL), build) for verb, pattern, build in _RULES)

_YES = re.compile(
    r"yes|y|yep|yeah|ok|okay|sure|go|go ahead|do it|approved?|i approve|confirm(?:ed)?|agreed?"
    r"|同意|好|好的|好吧|可以|行|是|是的|确认|批准|通过|没问题",
    re.IGNORECASE,
)
_NO = re.compile(
    r"no|n|nope|cancel|decline|stop|don'?t|do not|not now|never mind|取消|不|不要|不行|不用|否|拒绝|算了|不同意",
    re.IGNORECASE,
)
_POLITE_BEFORE = re.compile(
    r"^(?:please|now|then|so|let'?s|(?:can|could|would) you|请|请你|那就|现在)[\s,，]*", re.IGNORECASE
)
_POLITE_AFTER = re.compile(r"(?:[\s,，]*(?:please|now|thanks?|thank you)|吧|谢谢|[.!?。！？\s])+$", re.IGNORECASE)
_FREE_TEXT = ("edit_sample", "try_model", "reject_samples")  # their tail is the user's text: kept to the last dot


def parse(text: str) -> Said | None:
    """The verb the whole message says, or None. Politeness and a closing dot are ignored, nothing else is."""
    said = text.strip()
    if not said or len(said) > MAX_WORDS_CHARS:
        return None
    bare = _POLITE_AFTER.sub("", _POLITE_BEFORE.sub("", said))
    if (agreed := yes_or_no(bare)) is not None and bare.lower() != "stop":
        return Said(verb="yes" if agreed else "no")
    for form in (said, bare):
        for verb, pattern, build in _COMPILED:
            if (form is bare or verb in _FREE_TEXT) and (match := pattern.fullmatch(form)):
                return Said(verb=verb, arguments=build(match))
    changes = plan_changes(bare)
    return Said(verb="propose_plan", arguments={"changes": changes}) if changes else None


def yes_or_no(text: str) -> bool | None:
    """Whether the message is a plain yes or a plain no; None for anything else."""
    bare = _POLITE_AFTER.sub("", text.strip())
    if _YES.fullmatch(bare):
        return True
    return False if _NO.fullmatch(bare) else None
