"""The words around the values, by language. Nothing here may read like a value: no names, places, numbers or days."""

from pydantic import Field

from tools.records import Value
from tools.synthesis.meanings import Meaning


class Phrases(Value):
    """One language's carrier words. `{v}` is where the value stands, `{label}` the field's label."""

    colons: tuple[str, ...] = (": ",)
    labels: dict[Meaning, tuple[str, ...]] = Field({})  # in a list or before a value
    clauses: dict[Meaning, tuple[str, ...]] = Field({})  # inside a sentence; only when no other field could be meant
    any_clause: tuple[str, ...] = ()  # for every other field
    greetings: tuple[str, ...] = ()
    openers: tuple[str, ...] = ()  # a line before a list or a signature
    chatter: tuple[str, ...] = ()  # irrelevant sentences
    closings: tuple[str, ...] = ()  # above a signature
    stop: str = ". "  # between sentences
    pause: str = ", "  # between short clauses
    end: str = "."
    yes_no: tuple[str, str] = ("yes", "no")
    spaced: bool = True  # whether words are parted by spaces


ENGLISH = Phrases(
    colons=(": ", ": ", ": ", " - ", " = ", ":"),
    labels={
        "name": ("Name", "Full name", "Contact"),
        "phone": ("Phone", "Tel", "Mobile", "Cell", "Phone number"),
        "email": ("Email", "E-mail", "Mail", "Email address"),
        "address": ("Address", "Addr", "Home address"),
        "company": ("Company", "Organisation", "Firm"),
        "job": ("Job title", "Position", "Role"),
        "product": ("Product", "Item"),
        "quantity": ("Quantity", "Qty"),
        "amount": ("Amount", "Total"),
        "date": ("Date",),
        "time": ("Time",),
        "city": ("City", "Town"),
        "country": ("Country",),
        "postcode": ("Postcode", "ZIP", "Postal code"),
        "url": ("Website", "Web", "Link"),
        "color": ("Colour", "Color"),
        "username": ("Username", "User", "Login"),
    },
    clauses={
        "name": ("my name is {v}", "this is {v}", "I am {v}", "{v} here", "it's {v}"),
        "phone": (
            "call me at {v}",
            "my number is {v}",
            "phone is {v}",
            "you can ring {v}",
            "reach me on {v}",
            "text me at {v}",
        ),
        "email": ("my email is {v}", "write to {v}", "mail me at {v}", "email {v}", "send it to {v}"),
        "address": ("I live at {v}", "ship it to {v}", "the address is {v}", "my address is {v}", "we moved to {v}"),
        "company": ("I work for {v}", "we are {v}", "the company is {v}"),
        "job": ("I work as {v}", "my role is {v}"),
        "product": ("I would like {v}", "it is about {v}", "the item is {v}"),
        "quantity": ("the quantity is {v}", "we need {v} of them"),
        "amount": ("the total is {v}", "it comes to {v}", "I paid {v}"),
        "date": ("the date is {v}", "it is for {v}", "please note {v}"),
        "time": ("the time is {v}", "it starts at {v}"),
        "city": ("I am in {v}", "the city is {v}"),
        "country": ("the country is {v}", "we ship to {v}"),
        "postcode": ("the postcode is {v}",),
        "url": ("see {v}", "the site is {v}"),
        "color": ("the colour is {v}", "in {v} please"),
        "username": ("my username is {v}", "I log in as {v}"),
        "age": ("I am {v} years old", "aged {v}"),
    },
    any_clause=("the {label} is {v}", "{label} is {v}", "{label}: {v}"),
    greetings=("Hi", "Hello", "Hi there", "Hey", "Good day", "Dear team", "Hello all"),
    openers=(
        "Here are the details",
        "Details below",
        "Please update my record",
        "As asked",
        "New entry",
        "See below",
        "FYI",
        "Please add this",
    ),
    chatter=(
        "Thanks a lot",
        "Please update your records",
        "No rush",
        "Let me know if anything is missing",
        "Thank you for the help",
        "Hope all is well",
        "Sorry for the delay",
        "Have a nice day",
        "Just in case you need it",
        "That is all for now",
        "Looking forward to it",
        "Please confirm",
    ),
    closings=("Best,", "Thanks,", "Kind regards,", "Cheers,", "Regards,", "--"),
)

CHINESE = Phrases(
    colons=("：", "：", ":", ": "),
    labels={
        "name": ("姓名", "名字", "联系人"),
        "phone": ("电话", "手机", "手机号", "联系电话"),
        "email": ("邮箱", "邮件", "电子邮箱"),
        "address": ("地址", "住址", "详细地址"),
        "company": ("公司", "单位"),
        "job": ("职位", "岗位"),
        "product": ("商品", "产品"),
        "quantity": ("数量",),
        "amount": ("金额", "总价"),
        "date": ("日期",),
        "time": ("时间",),
        "city": ("城市",),
        "country": ("国家",),
        "postcode": ("邮编", "邮政编码"),
        "url": ("网址", "网站"),
        "color": ("颜色",),
        "username": ("用户名", "账号"),
        "age": ("年龄",),
        "percent": ("比例",),
        "state": ("省份",),
        "street": ("街道",),
        "weekday": ("星期",),
    },
    clauses={
        "name": ("我叫{v}", "我是{v}", "这里是{v}", "我的名字是{v}"),
        "phone": ("电话是{v}", "可以打{v}", "我的手机号是{v}", "请拨打{v}", "联系我{v}"),
        "email": ("邮箱是{v}", "请发到{v}", "我的邮箱{v}", "发邮件到{v}"),
        "address": ("我住在{v}", "请寄到{v}", "地址是{v}", "送到{v}"),
        "company": ("我在{v}工作", "我们是{v}", "公司是{v}"),
        "job": ("职位是{v}",),
        "product": ("我想要{v}", "商品是{v}"),
        "quantity": ("数量是{v}", "一共要{v}件"),
        "amount": ("一共{v}", "金额是{v}"),
        "date": ("日期是{v}", "时间定在{v}"),
        "time": ("时间是{v}", "{v}开始"),
        "city": ("我在{v}", "城市是{v}"),
        "country": ("国家是{v}",),
        "postcode": ("邮编是{v}",),
        "url": ("网址是{v}", "请看{v}"),
        "color": ("颜色要{v}", "颜色是{v}"),
        "username": ("用户名是{v}",),
        "age": ("我今年{v}岁",),
    },
    any_clause=("{label}是{v}", "{label}为{v}", "{label}：{v}"),
    greetings=("你好", "您好", "大家好", "嗨", "打扰了"),
    openers=("信息如下", "请登记", "麻烦更新一下资料", "请看下面", "资料发您", "请记录一下"),
    chatter=("谢谢", "麻烦了", "不着急", "辛苦了", "有问题请告诉我", "祝好", "收到请回复", "感谢帮助", "请确认"),
    closings=("谢谢！", "此致", "祝好", "--"),
    stop="。",
    pause="，",
    end="。",
    yes_no=("是", "否"),
    spaced=False,
)


def phrases(language: str) -> Phrases:
    """The language's words; a language without any gets labelled and separated values only."""
    return {"en": ENGLISH, "zh": CHINESE}.get(language.lower()[:2], Phrases())
