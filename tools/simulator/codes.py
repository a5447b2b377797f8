"""Numbers that things are known by: of parcels in the carriers' manners, of orders, invoices, bookings and the like."""

import random
import string

from tools.simulator.roles import Sort

_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
# # is a digit, @ a letter, ? either; everything else stands for itself.
_PARCELS = (
    "1Z??????##########", "1Z ??? ??? ## #### ####", "JD0146##########", "JJD000##########", "TBA############",
    "RR#########@@", "CP ### ### ### @@", "LX#########CN", "EE ### ### ### GB", "RT-#####", "@@-#####",
    "@@#########@@",
    "############", "#### #### ####", "#### #### #### ####", "9400 1### #### #### #### ##", "94001########## #######",
    "####################", "##############", "##########", "########", "3S????#########", "########-##",
    "##############",
    "@@@-####-#####", "@@@#######", "@###-####", "SHP-2025-#####", "@@ ### ###", "#####-@@", "???-???-???",
    "PKG/##/#####",
    "@@@/####/##", "#######-##", "H#######", "C00##########", "YT################", "SF#############", "@#@#@#@#@#",
    "LP00##############", "TRK######", "TRK-####-####", "##-####-####", "0########", "WB.####.###",
    "@@####@@", "D####@",
    "@@ #### #### # @@", "@@@ #### #### # @@", "@@ ##### #### @@", "@@@ #####-##", "@@ ### ### ### @@", "##-#####-##",
    "@@ #### #### ####", "@@-####-####-@", "@@ #### ####", "@@@####@@@",
    "###-########", "###-#### ####", "ref##-@@@-##", "@-##-##-##",
)  # fmt: skip
_CHINESE = ("SF#############", "YT#############", "JD00##########", "7#############", "ZTO############",
            "##############",
            "EMS#########CN", "JT#############", "43############", "DPK############",
            "SF ### #### ######")  # fmt: skip
_OTHERS: dict[Sort, tuple[str, ...]] = {
    "order": ("#####", "######", "#-######", "PO-####", "A-####", "SO######", "4500######", "2025-####", "WEB-######"),
    "invoice": ("INV-####", "2025/####", "RE-#####", "F####-##", "INV######", "R-2025-###", "########"),
    "booking": ("@@@###", "BK-####", "@#@#@#", "RES######", "#######"),
    "customer_id": ("K-#####", "######", "C#####", "CUST-####", "##-####"),
    "vat": ("GB### #### ##", "DE#########", "FR@@#########", "IE#######@", "NL#########B##"),
}

# What people put before a parcel's number; no part of it.
CARRIERS = {
    "en": ("DHL", "FedEx", "UPS", "DPD", "GLS", "USPS", "TNT", "AWB", "PRO", "CN#", "W/B", "no.", "nr.", "#", "ref."),
    "zh": ("顺丰", "中通", "圆通", "韵达", "申通", "京东", "单号", "编号"),
}


def code(rng: random.Random, sort: Sort, language: str = "en") -> str:
    """A number of this sort."""
    if sort in _OTHERS:
        return _drawn(rng.choice(_OTHERS[sort]), rng)
    made = _drawn(rng.choice(_CHINESE if language == "zh" and rng.random() < 0.8 else _PARCELS), rng)
    if rng.random() < 0.15:
        made = _regrouped(made, rng)
    return made.lower() if rng.random() < 0.08 else made


def like(example: str, rng: random.Random) -> str:
    """Another one of the example's shape: digits for digits, letters for letters of the same case."""
    made = (
        str(rng.randint(0, 9)) if char.isdigit()
        else rng.choice(_LETTERS) if char.isascii() and char.isupper()
        else rng.choice(_LETTERS.lower()) if char.isascii() and char.islower()
        else char
        for char in example
    )  # fmt: skip
    return "".join(made)


def _drawn(shape: str, rng: random.Random) -> str:
    kinds = {"#": string.digits, "@": _LETTERS, "?": string.digits + _LETTERS}
    return "".join(rng.choice(kinds[char]) if char in kinds else char for char in shape)


def _regrouped(made: str, rng: random.Random) -> str:
    """The same number in blocks, as people type what they read off a label."""
    if not made.isalnum() or len(made) < 9:
        return made
    size, mark = rng.choice((3, 4, 4, 5)), rng.choice((" ", " ", "-"))
    return mark.join(made[at : at + size] for at in range(0, len(made), size))
