"""Towns of the whole world with their countries, and telephone numbers as people there write them."""

import random
from functools import cache
from typing import NamedTuple

# Calling code and digits of the national number, the leading zero not counted.
_CALLING = {
    "US": ("1", 10), "CA": ("1", 10), "GB": ("44", 10), "IE": ("353", 9), "AU": ("61", 9), "NZ": ("64", 9),
    "DE": ("49", 10), "AT": ("43", 10), "CH": ("41", 9), "FR": ("33", 9), "BE": ("32", 9), "NL": ("31", 9),
    "IT": ("39", 10), "ES": ("34", 9), "PT": ("351", 9), "SE": ("46", 9), "NO": ("47", 8), "DK": ("45", 8),
    "FI": ("358", 9), "PL": ("48", 9), "CZ": ("420", 9), "HU": ("36", 9), "RO": ("40", 9), "GR": ("30", 10),
    "TR": ("90", 10), "UA": ("380", 9), "RU": ("7", 10), "IN": ("91", 10), "PK": ("92", 10), "CN": ("86", 11),
    "JP": ("81", 10), "KR": ("82", 10), "ID": ("62", 10), "PH": ("63", 10), "TH": ("66", 9), "MY": ("60", 9),
    "SG": ("65", 8), "BR": ("55", 11), "MX": ("52", 10), "AR": ("54", 10), "CO": ("57", 10), "ZA": ("27", 9),
    "NG": ("234", 10), "KE": ("254", 9), "GH": ("233", 9), "EG": ("20", 10), "AE": ("971", 9), "IL": ("972", 9),
}  # fmt: skip
_NO_ZERO = frozenset(["US", "CA", "NO", "DK", "CZ", "ES", "PL", "IT", "MX", "GR", "SG", "CN", "BR"])
_TOWNS = (
    ("New Plymouth", "NZ"), ("Palmerston North", "NZ"), ("Alice Springs", "AU"), ("Wagga Wagga", "AU"),
    ("Hobart", "AU"),
    ("Milton Keynes", "GB"), ("Stoke-on-Trent", "GB"), ("King's Lynn", "GB"), ("St Albans", "GB"), ("Leeds", "GB"),
    ("Bury St Edmunds", "GB"), ("Galway", "IE"), ("Saint-Malo", "FR"), ("Aix-en-Provence", "FR"), ("Le Havre", "FR"),
    ("Bad Homburg", "DE"), ("Garmisch-Partenkirchen", "DE"), ("München", "DE"), ("Köln", "DE"),
    ("Frankfurt am Main", "DE"),
    ("Den Haag", "NL"), ("'s-Hertogenbosch", "NL"), ("San Sebastián", "ES"), ("La Coruña", "ES"),
    ("Reggio Emilia", "IT"),
    ("La Spezia", "IT"), ("Vila Nova de Gaia", "PT"), ("São Paulo", "BR"), ("Belo Horizonte", "BR"),
    ("Rio de Janeiro", "BR"),
    ("Buenos Aires", "AR"), ("Mar del Plata", "AR"), ("Ciudad Juárez", "MX"), ("San Luis Potosí", "MX"),
    ("Mexico City", "MX"),
    ("Quezon City", "PH"), ("Ho Chi Minh City", "VN"), ("Kuala Lumpur", "MY"), ("Johor Bahru", "MY"),
    ("Singapore", "SG"),
    ("Hong Kong", "HK"), ("Tel Aviv", "IL"), ("Abu Dhabi", "AE"), ("Port Said", "EG"), ("Cape Town", "ZA"),
    ("Port Harcourt", "NG"), ("Addis Ababa", "ET"), ("Dar es Salaam", "TZ"), ("New Delhi", "IN"),
    ("Navi Mumbai", "IN"),
    ("Salt Lake City", "US"), ("Baton Rouge", "US"), ("St. Louis", "US"), ("Coeur d'Alene", "US"),
    ("Fort Worth", "US"),
    ("Winston-Salem", "US"), ("Trois-Rivières", "CA"), ("Red Deer", "CA"), ("Malmö", "SE"), ("Tromsø", "NO"),
    ("Århus", "DK"), ("Łódź", "PL"), ("Bielsko-Biała", "PL"), ("Hradec Králové", "CZ"), ("Cluj-Napoca", "RO"),
)  # fmt: skip
# Towns that no list holds, so that a student copies what it reads and does not recall what it knows.
_BEFORE = (
    "Port",
    "Lake",
    "North",
    "East",
    "West",
    "South",
    "New",
    "Upper",
    "Lower",
    "Little",
    "Saint",
    "Fort",
    "Mount",
    "Old",
)
_HEADS = ("Ash", "Brack", "Cald", "Dun", "Elm", "Fen", "Garr", "Hart", "Inver", "Kirk", "Lang", "Mar",
          "Nor", "Oak", "Pen",
          "Quar", "Ros", "Stan", "Thorn", "Ul", "Var", "Whit", "Yar", "Zel", "Bel", "Cor", "Dra", "Mol",
          "Tar", "Ves")  # fmt: skip
_TAILS = ("bury", "ford", "ham", "wick", "ton", "mouth", "dale", "field", "stead", "burg", "stadt", "ville",
          "ovo", "ino",
          "mere", "bridge", "haven", "gate", "minster", "ley", "holm", "by", "sk", "ara", "ena", "wil",
          "quay")  # fmt: skip
MADE_UP = 0.3  # of the towns


class Town(NamedTuple):
    name: str
    country: str


def town(rng: random.Random) -> Town:
    """A town, half the time of a land whose people write English or are many."""
    if rng.random() < MADE_UP:
        made = rng.choice(_HEADS) + rng.choice(_TAILS)
        before = f"{rng.choice(_BEFORE)} " if rng.random() < 0.35 else ""
        return Town(before + made, rng.choice(("US", "US", "GB", "AU", "CA", "IE", "DE", "NZ")))
    return Town(*rng.choice(_TOWNS)) if rng.random() < 0.25 else rng.choice(_world())


@cache
def _world() -> tuple[Town, ...]:
    from faker.providers.geo import Provider

    return tuple(Town(place[2].strip(), place[3]) for place in Provider.land_coords)


def phone(rng: random.Random, country: str) -> str:
    """A number of the country, or now and then of another, in any of the ways in which people write one."""
    if country not in _CALLING or rng.random() < 0.2:
        country = rng.choice(("US", "US", "GB", rng.choice(tuple(_CALLING))))
    code, length = _CALLING[country]
    digits = str(rng.randint(2, 9)) + "".join(str(rng.randint(0, 9)) for _ in range(length - 1))
    if country in ("US", "CA") and rng.random() < 0.75:
        return _american(digits, rng) + _extension(rng)
    groups = _grouped(digits, rng)
    mark = rng.choice((" ", " ", " ", "-", ".", "", "-", " "))
    if rng.random() < 0.45:
        before = rng.choice((f"+{code}", f"+{code}", f"00{code}", f"+{code} (0)"))
        return before + (mark or rng.choice(("", " "))) + mark.join(groups) + _extension(rng)
    groups[0] = groups[0] if country in _NO_ZERO else f"0{groups[0]}"
    if rng.random() < 0.2:
        area = rng.choice((f"({groups[0]}) ", f"{groups[0]}/", f"{groups[0]} / ", f"({groups[0]})"))
        return area + mark.join(groups[1:]) + _extension(rng)
    return mark.join(groups) + _extension(rng)


def _american(digits: str, rng: random.Random) -> str:
    area, first, last = digits[:3], digits[3:6], digits[6:]
    if rng.random() < 0.25:
        first = "555"
    shape = rng.choice((
        "({a}) {f}-{l}", "{a}-{f}-{l}", "{a}-{f}-{l}", "{a}.{f}.{l}", "{a} {f} {l}", "+1 {a} {f} {l}",
        "+1-{a}-{f}-{l}",
        "1-{a}-{f}-{l}", "{a}{f}{l}", "({a}){f}-{l}", "{a} {f}-{l}", "{f}-{l}", "+1 ({a}) {f}-{l}", "{a}/{f}-{l}",
    ))  # fmt: skip
    return shape.format(a=area, f=first, l=last)


def _grouped(digits: str, rng: random.Random) -> list[str]:
    """The digits in groups of two to four, the first as an area code may be."""
    sizes = rng.choice(
        ((2, 3, 4), (3, 3, 4), (2, 2, 2, 2, 2), (3, 2, 2, 2), (4, 6), (3, 7), (1, 2, 2, 2, 2), (4, 3, 3))
    )
    groups, at = [], 0
    for size in sizes:
        if at < len(digits):
            groups.append(digits[at : at + size])
            at += size
    if at < len(digits):
        groups.append(digits[at:])
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return groups


def _extension(rng: random.Random) -> str:
    if rng.random() > 0.04:
        return ""
    return rng.choice((" ext. {}", " ext {}", " x{}", "-{}", " Ext. {}")).format(rng.randint(10, 9999))
