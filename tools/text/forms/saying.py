"""What people say of how a value is written, read as a form: 'YYYY-MM-DD', 'E.164', 'kg', 'one of low, high'."""

import re
from datetime import date

from tools.records import Form, FormName
from tools.text.forms import currencies, dates
from tools.text.forms.units import unit_named

HOW = (
    "as YYYY-MM-DD (or another order), as a number, as a whole number, in kg (or another unit), in E.164, "
    "as a currency code, in capitals, in small letters, one of low, medium, high"
)
_NAMES: tuple[tuple[FormName, str, str], ...] = (
    ("date", "YYYY-MM-DD", r"iso(?:[- ]?8601)?(?: dates?)?|年[-/]?月[-/]?日|标准日期"),
    ("date", "MM/DD/YYYY", r"us dates?|american dates?"),
    ("number", "", r"(?:plain |simple )?(?:numbers?|decimals?|floats?)|decimal numbers?|数字|数值|小数|纯数字"),
    ("whole", "", r"(?:whole|integer) numbers?|integers?|整数"),
    ("phone", "", r"e\.?\s?164|international|国际"),
    (
        "currency",
        "",
        r"(?:iso |three-letter |3-letter )?(?:4217 )?currency codes?|(?:iso[- ]?4217|three-letter|3-letter)(?: codes?)?"
        r"|iso codes?|(?:三位|国际)?(?:货币|币种)代码",
    ),
    ("upper", "", r"(?:all )?(?:upper[- ]?case|capitals?|caps)(?: letters)?|capital letters|全?大写(?:字母)?"),
    ("lower", "", r"lower[- ]?case(?: letters)?|small letters|全?小写(?:字母)?"),
)
_LEAD = re.compile(r"^(?:an?|the|its|their|only|just)\s+", re.IGNORECASE)
_TAIL = re.compile(r"\s*(?:formats?|form|notation|style|style dates?|的?格式|的?形式|为单位|表示)$", re.IGNORECASE)
_ORDER = re.compile(r"(?P<a>[YMD]+)(?P<mark>[-/. ]?)(?P<b>[YMD]+)(?P=mark)(?P<c>[YMD]+)")
_SPELLED = re.compile(r"(year|month|day)([-/. ]?)(year|month|day)\2(year|month|day)", re.IGNORECASE)
_ONE_OF = re.compile(
    r"^(?:(?:written )?(?:as |is |are |can be |must be |should be |always )*(?:one of|either|any of|choose from)"
    r"|取值为?|可选值?为?|只能是)[:：]?\s*",
    re.IGNORECASE,
)
_ANY_OF = re.compile(r"\s*(?:之一|中的?一[个种])$")
_PARTS = re.compile(r"\s*(?:[,，、|/;；]\s*(?:or\s+)?|\bor\b|或者?|还是)\s*")
_ALL_PARTS = re.compile(r"\s*(?:[,，、|/;；]\s*(?:(?:or|and)\s+)?|\b(?:or|and)\b|或者?|还是|和)\s*")


def read_form(said: str, *, money: bool = False) -> Form | None:
    """The form of that name, in English or Chinese, or like that example of a date; None for what is no form.

    `money`: what is counted is money, so that pounds are those of a bank and not of a scale.
    """
    bare = _TAIL.sub("", _LEAD.sub("", said.strip(" \t.。,，;；'\"`“”"))).strip()
    if order := _order(bare):
        return Form(name="date", detail=order)
    for form, detail, pattern in _NAMES:
        if re.fullmatch(pattern, bare, re.IGNORECASE):
            return Form(name=form, detail=detail)
    counted = re.fullmatch(r"(?:(?:a|the) )?(?:number|amount|count) (?:of|in) (.+)", bare, re.IGNORECASE)
    name = counted[1] if counted else bare
    unit = (currencies.named(name) if money else "") or unit_named(name)
    return Form(name="unit", detail=unit) if unit else None


def read_choices(said: str) -> tuple[str, ...]:
    """The values of 'low, medium or high', 'one of a, b', '低、中或高'; nothing for a list that says neither."""
    bare = said.strip(" \t.。;；")
    listed = _ANY_OF.sub("", _ONE_OF.sub("", bare))
    if listed == bare and "|" not in bare and not re.search(r"\bor\b(?!.*\band\b)|或|还是", bare):
        return ()
    parts = (_ALL_PARTS if listed != bare else _PARTS).split(listed)
    choices = tuple(dict.fromkeys(one.strip("\"'`“”‘’「」 ") for one in parts if one.strip("\"'`“”‘’「」 ")))
    short = all(len(one.split()) <= 3 and len(one) <= 30 for one in choices)
    return choices if short and len(choices) > 1 else ()


def lists_choices(said: str) -> bool:
    """Whether the words say that what they list are the only values."""
    return any(mark.search(said.strip(" \t.。;；")) for mark in (_ONE_OF, _ANY_OF))


def _order(text: str) -> str:
    """'yyyy/mm/dd', 'day.month.year' or '31/12/2026' as YYYY/MM/DD and so on; empty for no order of a whole date."""
    if spelled := _SPELLED.fullmatch(text):
        names = {"year": "YYYY", "month": "MM", "day": "DD"}
        parts, mark = [names[spelled[at].lower()] for at in (1, 3, 4)], spelled[2]
    elif match := _ORDER.fullmatch(text.upper()):
        parts, mark = [match["a"], match["b"], match["c"]], match["mark"]
    elif re.fullmatch(r"YYYY年MM?月DD?日", text):
        return "YYYY年MM月DD日"
    else:
        return _order_of_example(text)
    known = {"YYYY": "YYYY", "YY": "", "MM": "MM", "M": "MM", "DD": "DD", "D": "DD"}
    whole = [known.get(part, "") for part in parts]
    return mark.join(whole) if sorted(whole) == ["DD", "MM", "YYYY"] else ""


def _order_of_example(text: str) -> str:
    """The order of digits in a day that can be read in one way only."""
    shape = re.fullmatch(r"\d{2,4}([-/.]?)\d{2}\1\d{2,4}", text)
    days = set(dates.found(text)) if shape else set[date]()
    if shape is None or len(days) != 1:
        return ""
    (day,) = days
    orders = [shape[1].join(parts) for parts in (("YYYY", "MM", "DD"), ("DD", "MM", "YYYY"), ("MM", "DD", "YYYY"))]
    fitting = [one for one in orders if day.strftime(Form(name="date", detail=one).strftime) == text]
    return fitting[0] if fitting else ""
