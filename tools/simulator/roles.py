"""Whose a field's value is, or which of several: read from its name and description, so that a text can say it."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from tools.records import Task, Value
from tools.simulator.meanings import FieldMeaning, Meaning, words

Role = Literal[
    "", "recipient", "sender", "customer", "staff", "origin", "destination", "old", "new", "billing", "delivery"
]
Sort = Literal["", "tracking", "order", "invoice", "booking", "customer_id", "vat"]

_ROLES: tuple[tuple[Role, str], ...] = (
    ("old", r"old|previous|former|earlier|旧|原来"),
    ("new", r"new|current|updated|新的?|现在"),
    (
        "recipient",
        r"recipients?|receivers?|consignees?|addressees?|(deliver(ed)?|ship(ped)?|sent) to|收件|收货|收方|接收",
    ),
    ("sender", r"senders?|shippers?|consignors?|(sent|shipped) by|who sends|寄件|发件|发货|寄方"),
    ("origin", r"origin|departure|(sent|shipped) from|始发|出发|起运|发出"),
    ("destination", r"destination|arrival|目的|到达|送达"),
    ("billing", r"billing|invoice|账单|开票"),
    ("delivery", r"delivery|shipping|配送|送货"),
    ("customer", r"customers?|clients?|contacts?|callers?|guests?|patients?|buyers?|客户|顾客|买家|联系人|患者|住客"),
)
_SORTS: tuple[tuple[Sort, str], ...] = (
    ("tracking", r"tracking|parcel|shipment|waybill|consignment|package|快递|运单|物流|包裹|单号"),
    ("order", r"orders?|订单|订货"),
    ("invoice", r"invoices?|bills?|发票|账单"),
    ("booking", r"bookings?|reservations?|预订|预约"),
    ("customer_id", r"customer|client|account|member|客户|会员"),
    ("vat", r"vat|tax|税号"),
)
_ROLED: tuple[Meaning, ...] = (
    "name", "first_name", "last_name", "phone", "email", "company", "address", "street", "city", "state", "country",
    "postcode",
)  # fmt: skip
_HEIRS: tuple[Meaning, ...] = ("phone", "email", "city", "address", "street", "postcode", "country", "state")
_FAMILIES: tuple[tuple[Meaning, ...], ...] = (
    ("name", "first_name", "last_name"),
    ("address", "street", "city", "state", "postcode", "country"),
    ("number", "quantity", "age"),
)
_PARCEL = (
    r"ship\w*|parcels?|deliver\w*|track\w*|couriers?|packages?|consign\w*|freight|recipients?|waybills?|postal"
    r"|快递|包裹|物流|运单|收件|收货|寄件|配送|发货"
)


class Part(Value):
    """A field of the task with all that decides how its value may be told."""

    found: FieldMeaning
    role: Role = ""
    inherited: bool = False  # the role is that of the one person whom the task is about
    sort: Sort = ""
    plain: bool = True  # no other field could be meant where the text names its meaning and role only

    @property
    def name(self) -> str:
        return self.found.field.name

    @property
    def meaning(self) -> Meaning:
        return self.found.meaning

    @property
    def is_text(self) -> bool:
        return self.found.field.kind == "string"


def parts_of(found: Sequence[FieldMeaning]) -> tuple[Part, ...]:
    """The fields with their roles. Where one person is meant, a phone or a city without a role is that person's."""
    parts = [Part(found=one, role=_role(one), sort=_sort(one)) for one in found]
    people = {part.role for part in parts if part.meaning == "name"}
    if len(people) == 1 and (heir := people.pop()) in ("recipient", "customer"):
        parts = [_inheriting(part, heir) for part in parts]
    return tuple(part.model_copy(update={"plain": _is_plain(part, parts)}) for part in parts)


def is_about_parcels(task: Task) -> bool:
    said = " ".join([words(task.input_description), *(words(f"{one.name} {one.description}") for one in task.fields)])
    return _says(said, _PARCEL)


def _inheriting(part: Part, role: Role) -> Part:
    if part.role or part.meaning not in _HEIRS:
        return part
    return part.model_copy(update={"role": role, "inherited": True})


def _is_plain(part: Part, parts: Sequence[Part]) -> bool:
    """The only one of its family, or of two people the only one with this role."""
    family = {meaning: number for number, members in enumerate(_FAMILIES) for meaning in members}
    kinds = Counter(family.get(one.meaning, one.meaning) for one in parts)
    if kinds[family.get(part.meaning, part.meaning)] == 1:
        return True
    told_apart = part.meaning == "name" and part.role in ("recipient", "sender")
    names = [one for one in parts if family.get(one.meaning) == family["name"]]
    return told_apart and {one.role for one in names} == {"recipient", "sender"} and len(names) == 2


def _role(found: FieldMeaning) -> Role:
    if found.meaning not in _ROLED:
        return ""
    for said in (words(found.field.name), words(found.field.description)):
        for role, pattern in _ROLES:
            if _says(said, pattern):
                return role
    return ""


def _sort(found: FieldMeaning) -> Sort:
    if found.meaning != "pattern":
        return ""
    for said in (words(found.field.name), words(found.field.description)):
        for sort, pattern in _SORTS:
            if _says(said, pattern):
                return sort
    return ""


def _says(text: str, pattern: str) -> bool:
    """Whether one of the pattern's words stands in the text; Chinese has no word borders."""
    if re.search(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", text):
        return True
    return any(not part.isascii() and re.search(part, text) is not None for part in pattern.split("|"))
