"""Invented values of one locale: what stands in the input and what the answer holds, always the same characters."""

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tools.errors import RetortError
from tools.records import Form, Value
from tools.simulator.codes import code, like
from tools.simulator.forms import currency, drawn
from tools.simulator.meanings import NUMERIC, FieldMeaning, words
from tools.simulator.people import Person, firm, person, written
from tools.simulator.phrasebook import words_of
from tools.simulator.places import Town, phone, town
from tools.simulator.roles import Sort

if TYPE_CHECKING:
    from faker import Faker

LOCALES = {
    "en": "en_US", "zh": "zh_CN", "de": "de_DE", "fr": "fr_FR", "es": "es_ES", "it": "it_IT", "pt": "pt_BR",
    "nl": "nl_NL", "pl": "pl_PL", "ru": "ru_RU", "ja": "ja_JP", "ko": "ko_KR", "tr": "tr_TR", "sv": "sv_SE",
    "da": "da_DK", "no": "no_NO", "fi": "fi_FI", "cs": "cs_CZ", "uk": "uk_UA", "hu": "hu_HU", "ro": "ro_RO",
}  # fmt: skip
# A few common shapes each, in English there is more to say (`places.py`); # is any digit, % one that is not zero.
_PHONES = {
    "zh": (
        "13%########", "15%########", "18% #### ####", "+86 13%########", "17%-####-####", "010-8#######",
        "19%########",
        "0571-8#######", "(021)6#######", "0755 8### ####", "86-139########", "400-###-####", "020-3#######转8##",
        "+86-15%-####-####", "133 ### #####", "186.####.####", "852 9### ####",
    ),
    "de": ("0151 ########", "+49 30 #######", "0221 / ######", "089-#######"),
    "fr": ("06 ## ## ## ##", "+33 1 ## ## ## ##", "07.##.##.##.##"),
    "es": ("6## ### ###", "+34 9## ## ## ##", "91 ### ## ##"),
}  # fmt: skip
_MAIL_HOSTS = ("gmail.com", "outlook.com", "yahoo.com", "proton.me", "example.com", "example.org")
_ZH_MAIL_HOSTS = ("163.com", "qq.com", "126.com", "sina.com", "example.cn")
_PRODUCTS = {
    "en": (
        ("large", "wireless", "steel", "oak", "portable", "classic", "smart", "cotton", "slim"),
        ("lamp", "backpack", "keyboard", "kettle", "desk", "jacket", "headphones", "bottle", "chair", "speaker"),
    ),
    "zh": (("无线", "便携", "大号", "智能", "纯棉", "经典"), ("台灯", "背包", "键盘", "水壶", "书桌", "耳机", "椅子")),
}
_ZH_CITIES = (
    ("浙江省", "杭州市", "西湖区"), ("浙江省", "宁波市", "海曙区"), ("江苏省", "南京市", "鼓楼区"),
    ("江苏省", "苏州市", "姑苏区"), ("广东省", "广州市", "天河区"), ("广东省", "深圳市", "南山区"),
    ("四川省", "成都市", "武侯区"), ("湖北省", "武汉市", "江汉区"), ("山东省", "青岛市", "市南区"),
    ("福建省", "厦门市", "思明区"), ("", "北京市", "海淀区"), ("", "上海市", "徐汇区"), ("", "重庆市", "渝中区"),
    ("湖南省", "长沙", "岳麓区"), ("陕西省", "西安", "雁塔区"), ("云南省", "大理", "古城"),
    ("黑龙江省", "哈尔滨", "道里区"),
    ("内蒙古", "呼和浩特", "新城区"), ("新疆", "乌鲁木齐", "天山区"), ("河北省", "石家庄", "长安区"),
    ("海南省", "三亚", "吉阳区"),
    ("安徽省", "马鞍山市", "雨山区"), ("四川省", "攀枝花", "东区"), ("广东省", "佛山", "禅城区"),
    ("江西省", "景德镇", "珠山区"),
)  # fmt: skip
MISSING_SHARE = 0.18  # of the fields that need not be there
_ZH_TITLES = ("先生", "女士", "老师", "总", "阿姨", "师傅", "小姐")
_ZH_ROADS = ("文三路", "中山路", "人民路", "解放大道", "建设街", "和平路", "长江路", "学院路", "青年路", "新华街")


class Drawn(Value):
    """One value: the characters that stand in the input, and the JSON value of the answer."""

    text: str
    answer: JsonValue


def open_faker(language: str) -> "Faker":
    """Faker in the language's locale. Raises RetortError for a language it does not know."""
    from faker import Faker
    from faker.config import AVAILABLE_LOCALES

    code = language.replace("-", "_")
    region = code[:2].lower() + code[2:].upper()
    locale = region if region in AVAILABLE_LOCALES else LOCALES.get(code[:2].lower(), "")
    if not locale:
        raise RetortError(
            f"The simulator has no names and addresses in the language {language!r}.",
            f"Use one of {', '.join(sorted(LOCALES))}, or name a teacher with RETORT_TEACHER_MODEL.",
        )
    return Faker(locale)


class Inventor:
    """Draws the values of one record, so that they may fit each other (an email after its person)."""

    def __init__(self, faker: "Faker", language: str, rng: random.Random, *, firms: bool = False) -> None:
        """`firms`: a name may be that of a firm."""
        self.faker = faker
        self.language = language[:2].lower()
        self.rng = rng
        self.firms = firms
        self._person: Person | None = None
        self._town: Town | None = None
        self._money = ""  # one record's amounts are of one currency

    def another(self, *, firms: bool = True) -> "Inventor":
        """One that knows nothing of this record's person and town."""
        return Inventor(self.faker, self.language, self.rng, firms=self.firms and firms)

    def draw(self, found: FieldMeaning, sort: Sort = "") -> Drawn:
        """A value of the field; `sort` says what a number numbers."""
        if found.parts:
            return self._records(found) if found.field.kind == "list" else self._record(found)
        if found.field.kind == "list":
            return self._list(found)
        if found.field.form:
            return self._written(found, found.field.form, sort)
        if found.field.kind in ("number", "integer"):
            return self._number(found)
        if found.meaning == "yes_no":
            agreed = self.rng.random() < 0.5
            return Drawn(text=words_of(self.language).yes_no[0 if agreed else 1], answer=agreed)
        text = self._text(found, sort)
        return Drawn(text=text, answer=text)

    def _list(self, found: FieldMeaning) -> Drawn:
        form = found.field.form
        several = [
            self._written(found, form, "") if form else Drawn(text=(text := self._text(found)), answer=text)
            for _ in range(self.rng.randint(1, 3))
        ]
        items = list({one.text: one for one in several}.values())
        joint = "; " if any("," in item.text for item in items) else ", "
        return Drawn(text=joint.join(item.text for item in items), answer=[item.answer for item in items])

    def _written(self, found: FieldMeaning, form: Form, sort: Sort) -> Drawn:
        """A value whose text is not the answer's: the answer is in the field's form."""
        if form.name in ("upper", "lower"):
            text = self._text(found, sort)
            return Drawn(text=text, answer=text.upper() if form.name == "upper" else text.lower())
        self._money = self._money or currency(self.rng)
        text, value = drawn(form, found.meaning, self.language, self.rng, self._money)
        return Drawn(text=text, answer=value)

    def _records(self, found: FieldMeaning) -> Drawn:
        made = [self._record(found) for _ in range(self.rng.randint(1, 3))]
        different = list({one.text: one for one in made}.values())
        return Drawn(text="; ".join(one.text for one in different), answer=[one.answer for one in different])

    def _record(self, found: FieldMeaning) -> Drawn:
        """Each key's words and value, in order; keys that need not be there may be left out."""
        self._person = None  # each record may be of another person
        optional = [part for part in found.parts if not part.field.required]
        missing = [part for part in optional if self.rng.random() < MISSING_SHARE]
        there = [part for part in found.parts if part not in missing] or list(found.parts)
        drawn = {part.field.name: self.draw(part) for part in there}
        text = ", ".join(f"{words(name)} {one.text}" for name, one in drawn.items())
        told = (drawn.get(part.field.name) for part in found.parts)
        return Drawn(
            text=text,
            answer={part.field.name: one and one.answer for part, one in zip(found.parts, told, strict=True)},
        )

    def _number(self, found: FieldMeaning) -> Drawn:
        if found.field.kind == "integer" or found.meaning in ("quantity", "age"):
            low, high = {"age": (18, 90), "quantity": (1, 60), "percent": (1, 100)}.get(found.meaning, (1, 999))
            whole = self.rng.randint(low, high)
            return Drawn(text=str(whole), answer=whole)
        # Cents that do not end in a zero, so that the answer's JSON has the very characters of the input.
        value = self.rng.randint(2, 950) + self.rng.choice((0.25, 0.49, 0.75, 0.95, 0.99, 0.5))
        return Drawn(text=f"{'$' if found.meaning == 'amount' and self.language == 'en' else ''}{value}", answer=value)

    def _text(self, found: FieldMeaning, sort: Sort = "") -> str:
        if found.meaning == "choice":
            return self.rng.choice(found.choices)
        if found.meaning == "pattern":
            return like(found.example, self.rng) if found.example else code(self.rng, sort, self.language)
        if found.meaning in NUMERIC:
            return self._figure(found.meaning)
        own: str = getattr(self, f"_{found.meaning}")()
        return own.replace("\n", ", ").strip()

    def _figure(self, meaning: str) -> str:
        rng = self.rng
        if meaning == "amount":
            cents = f"{rng.randint(5, 1900)}.{rng.choice(('00', '50', '95', '99'))}"
            return {"en": f"${cents}", "zh": f"{rng.randint(5, 5000)}元"}.get(self.language, f"{cents} EUR")
        if meaning == "percent":
            return f"{rng.randint(1, 99)}%"
        return str(rng.randint(18, 90) if meaning == "age" else rng.randint(2, 60))

    def _fake(self, *names: str) -> str:
        """The first of Faker's providers that this locale has."""
        for name in names:
            if hasattr(self.faker, name):
                return str(getattr(self.faker, name)())
        raise RetortError(
            f"The simulator knows no {names[0]} for the language {self.language!r}.",
            "Leave the field out, write the inputs in English or Chinese, or name a teacher with RETORT_TEACHER_MODEL.",
        )

    # --- one method a meaning, found by its name ---

    def _names(self) -> Person:
        if self._person is None:
            if self.language == "en":
                self._person = person(self.rng, self._place().country)
            else:
                self._person = Person(self.faker.first_name(), self.faker.last_name())
        return self._person

    def _place(self) -> Town:
        if self._town is None:
            self._town = town(self.rng)
        return self._town

    def _name(self) -> str:
        rng, someone = self.rng, self._names()
        if self.language == "en":
            country = self._place().country
            if self.firms and rng.random() < 0.08:
                return firm(rng, country)
            return written(someone, rng, spare=person(rng, country))
        if self.language == "zh":
            return someone.last + (rng.choice(_ZH_TITLES) if rng.random() < 0.15 else someone.first)
        return someone.last + someone.first if self.language in ("ja", "ko") else f"{someone.first} {someone.last}"

    def _first_name(self) -> str:
        return self._names().first

    def _last_name(self) -> str:
        return self._names().last

    def _phone(self) -> str:
        if self.language == "en":
            return phone(self.rng, self._place().country)
        shapes = _PHONES.get(self.language, ("+%# ### ### ###",))
        return str(self.faker.numerify(self.rng.choice(shapes)))

    def _email(self) -> str:
        hosts = _ZH_MAIL_HOSTS if self.language == "zh" else _MAIL_HOSTS
        host = self.rng.choice(hosts) if self.rng.random() < 0.7 else str(self.faker.domain_name())
        return f"{self._username()}@{host}"

    def _username(self) -> str:
        first, last = ("".join(char for char in part.lower() if char.isalpha()) for part in self._names())
        if not (first + last).isascii():
            return str(self.faker.ascii_free_email()).partition("@")[0]
        shape = self.rng.randrange(4)
        tail = str(self.rng.randint(1, 99)) if shape == 3 else ""
        return (f"{first}.{last}", f"{first[0]}{last}", f"{first}_{last}", f"{first}")[shape] + tail

    def _company(self) -> str:
        if self.language == "en" and self.rng.random() < 0.6:
            return firm(self.rng, self._place().country)
        return self._fake("company")

    def _job(self) -> str:
        return self._fake("job").replace(",", "")

    def _address(self) -> str:
        rng = self.rng
        if self.language == "en":
            city, country = self._place()
            if country != "US":
                return f"{self._street()}, {rng.choice((city, f'{rng.randint(1000, 99999)} {city}'))}"
            state = self.faker.state_abbr(include_territories=False, include_freely_associated_states=False)
            return f"{self._street()}, {city}, {state} {self.faker.postcode()}"
        if self.language == "zh":
            return "".join(rng.choice(_ZH_CITIES)) + self._street()
        return str(self.faker.address())

    def _street(self) -> str:
        if self.language == "zh":
            house = f"{self.rng.randint(1, 399)}号"
            flat = f"{self.rng.randint(1, 20)}栋{self.rng.randint(1, 18)}0{self.rng.randint(1, 6)}室"
            return self.rng.choice(_ZH_ROADS) + house + (flat if self.rng.random() < 0.3 else "")
        if self.language == "en":
            unit = f" Apt {self.rng.randint(1, 60)}" if self.rng.random() < 0.15 else ""
            return f"{self.rng.randint(1, 9999)} {self.faker.street_name()}{unit}"
        return str(self.faker.street_address())

    def _city(self) -> str:
        if self.language == "zh":
            if self.rng.random() < 0.35:  # one that no list holds
                return str(self.faker.city())
            name = self.rng.choice(_ZH_CITIES)[1]
            return name.removesuffix("市") if self.rng.random() < 0.5 else name
        if self.language == "en":
            return self._place().name
        return self._fake("city")

    def _state(self) -> str:
        if self.language == "zh":
            return self.rng.choice(_ZH_CITIES[:10])[0]
        return self._fake("state", "administrative_unit", "province", "region")

    def _country(self) -> str:
        return self._fake("country")

    def _postcode(self) -> str:
        return self._fake("postcode")

    def _date(self) -> str:
        day = date(2023, 1, 1) + timedelta(days=self.rng.randrange(1800))  # never "today": a seed gives one stream
        shapes = {
            "en": ("%Y-%m-%d", "%m/%d/%Y", "%B %d, %Y", "%d %b %Y"),
            "zh": ("%Y-%m-%d", "%Y年%m月%d日", "%Y/%m/%d"),
        }
        return day.strftime(self.rng.choice(shapes.get(self.language, ("%d.%m.%Y", "%Y-%m-%d"))))

    def _time(self) -> str:
        hour, minute = self.rng.randint(1, 12), self.rng.choice(("00", "15", "30", "45"))
        half = self.rng.choice((" am", " pm")) if self.language == "en" else ""
        return f"{hour}:{minute}{half}"

    def _weekday(self) -> str:
        return self._fake("day_of_week")

    def _currency(self) -> str:
        return self.rng.choice(("USD", "EUR", "GBP", "CNY", "JPY", "CHF"))

    def _product(self) -> str:
        kinds, things = _PRODUCTS.get(self.language, _PRODUCTS["en"])
        return f"{self.rng.choice(kinds)}{'' if self.language == 'zh' else ' '}{self.rng.choice(things)}"

    def _color(self) -> str:
        zh = ("红色", "蓝色", "黑色", "白色", "绿色", "灰色")
        en = ("red", "navy blue", "black", "white", "dark green", "grey")
        return self.rng.choice(zh if self.language == "zh" else en)

    def _url(self) -> str:
        page = self.rng.choice(("", "/shop", "/about", "/team", "/docs", "/news", f"/p/{self.rng.randint(10, 999)}"))
        return f"https://{self.faker.domain_name()}{page}"

    def _iban(self) -> str:
        return self._fake("iban")
