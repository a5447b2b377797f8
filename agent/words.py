"""The product's verbs as people say them, in English and Chinese: a deterministic grammar, no model anywhere.

`parse` reads a whole message or nothing: a sentence that merely contains 'approve all' says nothing here. What it
reads is (1) what the guide acts on and (2) the only text that can authorise a review verb without a click.
"""

import re

from pydantic import Field

from agent.coverage_words import COVERAGE_RULES
from agent.judging_words import JUDGING_RULES
from agent.plan_words import plan_changes
from agent.review_words import REVIEW_RULES, SAMPLES
from agent.score_words import SCORE_RULES, Build, none, split
from agent.task_words import TASK_RULES
from tools.records import JsonObject, Value

MAX_WORDS_CHARS = 600  # longer messages are prose, not commands


class Said(Value):
    """A verb with its arguments, exactly as the toolbox takes them; yes, no, help and skip are no tools."""

    verb: str
    arguments: JsonObject = Field(default={})


_MONEY = (
    r"(?:\s*,?\s*(?:for|at most|up to|最多)\s*(?:at most\s*)?\$?\s*(?P<usd>\d+(?:\.\d+)?)\s*(?:\$|usd|dollars|美元)?"
    r"(?:\s*(?:,|and|和|，)\s*(?P<minutes>\d+(?:\.\d+)?)\s*(?:minutes?|min|分钟))?)?"
)
_MINUTES = r"(?:\s*,?\s*(?:for|at most|最多)\s*(?:at most\s*)?(?P<minutes>\d+(?:\.\d+)?)\s*(?:minutes?|min|分钟))?"
_TIME = r"(?:\s*[,，]?\s*(?:for|at most|up to|最多)\s*(?:at most\s*)?(?P<time>\d+(?:\.\d+)?)\s*(?:minutes?|min|分钟))?"
_WHICH = (
    r"(?P<which>best|base|served|step\s*\d+|(?:checkpoint|ckpt|deployment)-\w+"
    r"|最好的?|最佳的?|第\s*\d+\s*步|基础模型)"
)
_LAYOUT = r"messages|openai|alpaca|share-?gpt|llama-?factory|(?:ms-?)?swift|datasets|huggingface|parquet|csv"
_JOB = r"(?:\s*(?P<job>job-\w+))?"


def _count(match: re.Match[str], key: str = "count") -> JsonObject:
    said = match.groupdict()
    found: JsonObject = {key: int(said["count"].replace(",", ""))} if said.get("count") else {}
    if said.get("usd"):
        found["max_usd"] = float(said["usd"])
    if minutes := said.get("minutes") or said.get("time"):
        found["max_minutes"] = float(minutes)
    return found


def _like(match: re.Match[str]) -> JsonObject:
    return {"like": match["number"], **({"count": int(match["count"])} if match["count"] else {})}


def _train(match: re.Match[str]) -> JsonObject:
    return {"max_minutes": float(match["minutes"])} if match["minutes"] else {}


def _more(match: re.Match[str]) -> JsonObject:
    said = match["epochs"]
    return {**({"epochs": float(said)} if said else {}), **_train(match)}


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


def _columns(match: re.Match[str]) -> JsonObject:
    return {f"{part}_column": match[part].strip(" '\"`") for part in ("input", "output")}


_CARE = (
    r"(?:\s*,?\s*(?:with|and)?\s*(?P<answers>\d+)\s+answers(?:\s+each)?)?"
    r"(?:\s*,?\s*(?:with|and)?\s*(?P<critique>(?:a\s+)?critique))?"
    r"(?:\s*,?\s*(?:at most|up to)\s+(?P<cap>\d+)\s+(?:a|per|from each)\s+document)?"
)


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
    *REVIEW_RULES,
    (
        "draft_samples",
        r"(?:(?:draft|give me|show me)\s+)?(?:(?P<count>\d+)\s+)?"
        rf"more\s+(?:samples?\s+)?like\s+{SAMPLES}#?(?P<number>\d+)",
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
    ("show_samples", r"show(?:\s+me)?(?:\s+the)?\s+(?:samples|drafts)|(?:显示|看看|查看)样本", none),
    (
        "show_samples",
        r"show(?:\s+me)?(?:\s+the)?\s+(?P<state>approved|edited|rejected)(?:\s+(?:samples|ones))?",
        lambda match: {"state": match["state"].lower()},
    ),
    (
        "show_answers",
        r"show(?:\s+me)?(?:\s+the)?\s+(?:lost|unusable|quarantined|set[- ]aside)\s+answers"
        r"|show(?:\s+me)?(?:\s+the)?\s+answers\s+(?:that\s+were\s+)?set\s+aside|(?:显示|看看|查看)(?:搁置|不可用)的?回答",
        none,
    ),
    ("show_samples", r"(?:显示|看看|查看)(?:被)?拒绝的?样本", lambda _match: {"state": "rejected"}),
    (
        "generate_samples",
        r"generate(?:\s+me)?(?:\s+the\s+rest|\s+(?P<count>[\d,]+))?(?:\s+more)?(?:\s+(?:samples?|rows|examples?))?"
        + _CARE
        + _MONEY
        + _TIME,
        _generate,
    ),
    (
        "generate_samples",
        rf"生成\s*(?:剩下的|其余的|(?P<count>\d+))?\s*(?:个|条)?\s*(?:样本|数据)?{_MONEY}{_TIME}",
        _count,
    ),
    *COVERAGE_RULES,
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
        none,
    ),
    (
        "start_training",
        rf"(?:start\s+)?(?:the\s+)?train(?:ing)?(?:\s+(?:it|now|(?:the\s+)?(?:student|model)))?{_MINUTES}",
        _train,
    ),
    ("start_training", rf"(?:开始)?训练(?:模型|学生模型)?{_MINUTES}", _train),
    (
        "continue_training",
        r"(?:continue|go on|train)(?:\s+(?:for|with|training(?:\s+for)?))?"
        rf"\s+(?P<epochs>\d+(?:\.\d+)?)\s+more\s+epochs?{_MINUTES}",
        _more,
    ),
    ("continue_training", rf"(?:继续|再)(?:训练)?\s*(?P<epochs>\d+(?:\.\d+)?)\s*(?:轮|遍){_MINUTES}", _more),
    (
        "diagnose",
        r"diagnose(?:\s+(?:it|(?:the\s+)?(?:run|training)))?|how (?:did|does|is) (?:the\s+)?training (?:go|going)"
        r"|how well did it (?:learn|train)|is it (?:over|under)fit(?:ting|ted)?"
        r"|(?:诊断|训练得怎么样|训练效果如何)(?:训练)?",
        none,
    ),
    (
        "stop_deployment",
        r"(?:stop|shut down)\s+(?:the\s+)?(?:deployment|server|serving|endpoint|served model)|undeploy",
        none,
    ),
    ("stop_deployment", r"(?:停止|取消|撤下)(?:部署|服务)|下线", none),
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
        none,
    ),
    *SCORE_RULES,
    *JUDGING_RULES,
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
        none,
    ),
    (
        "costs",
        r"(?:show\s+)?(?:the\s+)?costs?|(?:how much|what) (?:did|does|has) (?:it|this|that) costs?"
        r"|(?:what|how much) (?:have|did) (?:we|i) spen[dt]",
        none,
    ),
    ("costs", r"(?:一共)?花了多少钱?|费用|成本|花费", none),
    (
        "import_rows",
        r"import(?:\s+(?:it|this|them|the rows|the file))?(?:\s+(?:as|for)\s+(?:the\s+)?"
        r"(?P<split>train|training|dev|validation|test)(?:\s+(?:set|split|data))?)?",
        split,
    ),
    (
        "import_rows",
        r"(?:the\s+)?input(?:\s+column)?\s+is\s+(?P<input>\S.*?)\s*(?:[,;]|\band\b)\s*(?:and\s+)?"
        r"(?:the\s+)?output(?:\s+column)?\s+is\s+(?P<output>\S.*)",
        _columns,
    ),
    ("import_rows", r"输入(?:列)?是\s*(?P<input>\S.*?)\s*[,，;；]\s*输出(?:列)?是\s*(?P<output>\S.*)", _columns),
    ("import_rows", r"导入(?:数据)?(?:\s*(?:为|到|作为)\s*(?P<split>训练|验证|测试)(?:集|数据)?)?", split),
    (
        "show_documents",
        r"(?:show|list)(?:\s+me)?(?:\s+(?:the|my|all))*\s+(?:documents|files)|(?:显示|查看|看看|列出)(?:所有|全部)?(?:文档|文件)",
        none,
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
        none,
    ),
    ("ocr", r"(?:run\s+)?ocr\s+(?:of\s+|on\s+)?(?P<document>\S.*\.\w{2,5}|document-\w+)", _scans),
    *TASK_RULES,
    ("delete_project", r"(?:delete|remove)\s+(?:the\s+|this\s+)?project|删除(?:这个|该|本)?项目", none),
    ("help", r"help|what can (?:you|i) do|what now|next|帮助|你能做什么|下一步", none),
    ("skip", r"skip(?: it| this)?|no examples?|none|跳过|没有|无", none),
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
_FREE_TEXT = (
    "edit_sample",
    "try_model",
    "reject_samples",
    "propose_rule",
    "set_rubric",
    "set_task",
)  # their tail is the user's text: kept to the last dot


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
