"""What a field means, guessed from its name and description, English and Chinese; no guess is an error, never noise."""

import re
from typing import Literal

from tools.errors import RetortError
from tools.records import FormName, TaskField, Value

Meaning = Literal[
    "name", "first_name", "last_name", "phone", "email", "username", "company", "job", "address", "street", "city",
    "state", "country", "postcode", "date", "time", "weekday", "amount", "currency", "percent", "quantity", "age",
    "product", "color", "url", "iban", "pattern", "choice", "number", "measure", "yes_no", "record",
]  # fmt: skip

# In order: the first rule that matches wins, so the narrow ones stand before the wide ones.
_RULES: tuple[tuple[Meaning, str], ...] = (
    ("email", r"e ?mails?|mail address|邮箱|电邮|邮件地址"),
    ("url", r"urls?|web ?sites?|web ?page|links?|home ?page|网址|链接|网站"),
    ("phone", r"(tele)?phones?|tel|mobiles?|cell(phone)?|fax|whats ?app|电话|手机|联系方式|传真"),
    ("postcode", r"zip( code)?|post ?code|postal( code)?|邮编|邮政编码"),
    ("iban", r"iban|bank account"),
    ("username", r"user ?names?|user id|login|handle|nick ?name|screen name|用户名|账号|昵称"),
    ("pattern", r"(order|invoice|tracking|ticket|booking|reservation|confirmation|reference|ref|case|customer|serial"
                r"|parcel|shipment|flight|part|model|account|contract|policy|member|employee|student|product|item)"
                r" (number|no|nr|num|id|code|reference|ref)|tracking|sku|reference|ref|id|code"
                r"|订单号?|单号|编号|编码|票号|发票号|运单|快递号|工号|学号|型号|航班"),
    ("percent", r"percent(age)?|discount|rate|百分比|折扣|比例"),
    ("first_name", r"(first|given|fore) ?names?"),
    ("last_name", r"(last|family|sur) ?names?|姓氏"),
    ("company", r"compan(y|ies)|organi[sz]ations?|employers?|firm|business|vendor|supplier|公司|企业|单位|机构|供应商"),
    ("job", r"job( title)?|positions?|occupation|profession|role|职位|职务|岗位|职业"),
    ("color", r"colou?rs?|颜色"),
    ("currency", r"currency|币种|货币"),
    ("weekday", r"week ?day|day of (the )?week|星期几?|周几"),
    ("date", r"dates?|days?|deadline|birth ?day|dob|due|日期|日子|生日|截止|到期"),
    ("time", r"times?|hour|o clock|时间|时刻|几点"),
    ("amount", r"amounts?|prices?|totals?|costs?|fees?|sum|budget|salary|payment|paid|revenue"
               r"|金额|价格|总价|费用|单价|价钱|工资|预算"),
    ("age", r"age|年龄|岁数"),
    ("quantity", r"quantit(y|ies)|qty|count|pieces|number of \w+|how many|guests|units|people|party size"
                 r"|数量|件数|个数|人数"),
    ("city", r"cit(y|ies)|town|城市|市"),
    ("state", r"states?|provinces?|省份?|州"),
    ("country", r"countr(y|ies)|nation(ality)?|国家|国籍"),
    ("street", r"streets?|街道"),
    ("address", r"address(es)?|地址|住址|location|place of residence"),
    ("product", r"products?|items?|goods|article|merchandise|商品|产品|货物|货品|物品"),
    ("name", r"names?|full name|persons?|people|customers?|contacts?|senders?|recipients?|receiver|client|author|who"
             r"|姓名|名字|名称|人名|收件人|寄件人|联系人|客户|顾客|称呼"),
)  # fmt: skip
_PERSON = r"person|customer|contact|sender|recipient|client|user|patient|人|客户"
_EXAMPLE = re.compile(
    r"(?:\blike|\be\.?\s?g\.?|\bfor example|\bsuch as|例如|比如|如|像)[:：,，]?\s*[\"'“‘`「]?([A-Za-z0-9][\w#/.\-]*\w)",
    re.IGNORECASE,
)
_CHOICES = re.compile(
    r"(?:\bone of|\beither|\bchoices?\b|\boptions?\b|取值为?|之一|可选值?)(?:\s+(?:are|is))?[:：,，]?\s*(.+)",
    re.IGNORECASE,
)
_OF_FORMS: dict[FormName, Meaning] = {"date": "date", "phone": "phone", "currency": "currency", "unit": "measure"}
NUMERIC = ("amount", "percent", "quantity", "age", "number")


class FieldMeaning(Value):
    """A field and what the simulator takes it for."""

    field: TaskField
    meaning: Meaning
    example: str = ""  # of a pattern: AB-1234
    choices: tuple[str, ...] = ()
    parts: tuple["FieldMeaning", ...] = ()  # of a record: an object, or each object of a list


def guess(field: TaskField) -> FieldMeaning:
    """What the field means. Raises RetortError naming the field when neither name nor description tell."""
    if told := _told(field):
        return told
    meaning, example = _by_words(field), _example(field.description)
    if field.kind in ("number", "integer") or (field.form and field.form.kind != "string"):
        return FieldMeaning(field=field, meaning=meaning if meaning in NUMERIC else "number")
    if example and meaning in (None, "pattern", "name", "quantity"):
        return FieldMeaning(field=field, meaning="pattern", example=example)
    if meaning is None:
        raise _cannot(field, "means nothing to the simulator")
    return FieldMeaning(field=field, meaning=meaning)


def _told(field: TaskField) -> FieldMeaning | None:
    """What its shape, its choices or its form say, whatever it is called."""
    if field.fields:
        return FieldMeaning(field=field, meaning="record", parts=tuple(map(guess, field.fields)))
    if field.kind == "object":
        raise _cannot(field, "holds an object whose keys are not told")
    if field.kind == "boolean":
        return FieldMeaning(field=field, meaning="yes_no")
    if choices := field.choices or _choices(field.description):
        return FieldMeaning(field=field, meaning="choice", choices=choices)
    meaning = _OF_FORMS.get(field.form.name) if field.form else None
    return FieldMeaning(field=field, meaning=meaning) if meaning else None


def words(name: str) -> str:
    """A field's name as words: `orderNumber`, `order_number` and `Order-Number` read `order number`."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[\s_\-.]+", " ", split).strip().lower()


def meaning_of(text: str) -> Meaning | None:
    """What these words name, such as a phone or a name; None for words that name nothing of the kind."""
    return _match(words(text))


def _by_words(field: TaskField) -> Meaning | None:
    named, described = _match(words(field.name)), _match(words(field.description))
    if named == "name" and described and not re.search(_PERSON, words(field.description)):
        return described  # `name`: "name of the company"
    return named or described


def _match(text: str) -> Meaning | None:
    for meaning, pattern in _RULES:
        for part in pattern.split("|") if text and not text.isascii() else ():
            if not part.isascii() and re.search(part, text):  # Chinese has no word borders
                return meaning
        if re.search(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", text):
            return meaning
    return None


def _example(description: str) -> str:
    found = _EXAMPLE.search(description)
    return found.group(1) if found and any(letter.isdigit() for letter in found.group(1)) else ""


def _choices(description: str) -> tuple[str, ...]:
    found = _CHOICES.search(description)
    if not found:
        return ()
    parts = re.split(r"\s*(?:[,，、|/;；]|\bor\b|或者?)\s*", found.group(1).rstrip(" .。)）"))
    choices = tuple(dict.fromkeys(part.strip("\"'“”‘’ ") for part in parts if part.strip("\"'“”‘’ ")))
    return choices if len(choices) > 1 else ()


def _cannot(field: TaskField, why: str) -> RetortError:
    return RetortError(
        f"The field {field.name!r} {why}.",
        f'Describe it, e.g. "{field.name}: an id like AB-1234" or "{field.name}: one of red, green, blue", paste a '
        "JSON schema of the whole answer, or name a teacher with RETORT_TEACHER_MODEL and RETORT_TEACHER_API_KEY.",
    )
