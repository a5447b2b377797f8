"""Names as the world writes them: of many languages, with titles, initials and hyphens, and those of firms."""

import random
import re
from functools import cache
from importlib import import_module
from typing import NamedTuple

# Where names of people in a country are taken from; a country that is not here gets any of them.
LOCALE_OF = {
    "US": "en_US", "GB": "en_GB", "IE": "ga_IE", "AU": "en_US", "NZ": "en_NZ", "CA": "en_US", "ZA": "zu_ZA",
    "DE": "de_DE", "AT": "de_AT", "CH": "de_CH", "FR": "fr_FR", "BE": "nl_BE", "NL": "nl_NL", "IT": "it_IT",
    "ES": "es_ES", "MX": "es_MX", "AR": "es_AR", "CO": "es_CO", "CL": "es_MX", "PT": "pt_PT", "BR": "pt_BR",
    "CZ": "cs_CZ", "SK": "sk_SK", "HU": "hu_HU", "RO": "ro_RO", "HR": "hr_HR", "SE": "sv_SE",
    "NO": "no_NO", "DK": "da_DK", "FI": "fi_FI", "EE": "et_EE", "LT": "lt_LT", "TR": "tr_TR", "IN": "en_IN",
    "ID": "id_ID", "VN": "vi_VN", "NG": "yo_NG", "GH": "tw_GH", "KE": "en_KE",
}  # fmt: skip
# What Faker writes in their own scripts only, as passports do.
_LATIN = {
    "JP": ("Haruto Yui Sotaro Kaori Ren Aoi Takumi Naoko Kenji Mika", "Sato Ogawa Takahashi Yamamoto Ito Nakamura Abe"),
    "CN": ("Wei Jing Xiaoming Li Na Zhen Guowei Meilin Tao Hui Yifan", "Zhang Wang Liu Ouyang Chen Xu Zhao Huang Qin"),
    "KR": ("Ji-woo Min-jun Seo-yeon Hyun Eun-ji Dong-hyun Soo", "Kim Park Lee Choi Jung Kang Yoon Han"),
    "AE": ("Omar Layla Khalid Fatima Youssef Amina Tariq Noor Salma", "Al-Farsi Haddad El-Sayed Mansour Aziz Nasser"),
    "PK": ("Ayesha Bilal Imran Sana Usman Zainab Hamza Mehwish", "Khan Qureshi Malik Siddiqui Chaudhry Baig"),
    "GR": ("Eleni Giorgos Dimitra Kostas Ioanna Nikos", "Papadopoulos Georgiou Nikolaidis Antoniou Vlachos"),
    "UA": ("Oksana Taras Iryna Bohdan Olena Mykola", "Shevchenko Kovalenko Bondarenko Tkachuk Melnyk"),
    "RU": ("Natalia Dmitri Ekaterina Sergey Olga Ivan", "Ivanova Sokolov Kuznetsova Orlov Petrov"),
    "PL": ("Agnieszka Paweł Zofia Tomasz Krzysztof Ewa Jan", "Kowalski Wójcik Zielińska Nowak Dąbrowska Lis"),
    "PH": ("Maricel Jericho Liza Rodel Jasmine Arnel", "Delacruz Santos Reyes Bautista Villanueva Mendoza"),
    "TH": ("Somchai Malee Anong Niran Kanya Prasert", "Srisai Wongsakul Chaiyasit Rattana Suwan"),
    "IL": ("Noam Tamar Eitan Shira Yael Ariel", "Cohen Ben-David Mizrahi Katz Peretz"),
}  # fmt: skip
_COMMON = ("US", "US", "GB", "GB", "DE", "FR", "ES", "MX", "IT", "IN", "NL", "SE", "PL", "CN", "AE", "NG", "JP")
# Before a name, and no part of it: whoever asks for a name wants it without.
TITLES = ("Mr", "Mrs", "Ms", "Dr", "Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "Miss", "Herr", "Frau", "Mme", "Señora")
_ODD = re.compile(r"[^A-Za-z\u00c0-\u024f\u1e00-\u1eff '.-]")  # misprints of a list, and letters that few can type
_FIRMS = (
    "{last} & Sons", "{last} Ltd", "{last} Logistics", "{last} GmbH", "{last} Bros.", "{last} and {other}",
    "Studio {last}",
    "{first}'s Bakery", "Café {last}", "{last} Dental Clinic", "{last} Trading Co.", "{last} Inc", "Atelier {first}",
    "{last} Motors", "Hotel {last}", "{last}-{other} AG", "{last} Pharma BV", "{last} Garden Supplies", "{last} SARL",
)  # fmt: skip


class Person(NamedTuple):
    first: str
    last: str


def person(rng: random.Random, country: str = "") -> Person:
    """Somebody, as a rule with a name of the country."""
    if not country or rng.random() < 0.3:
        country = rng.choice(_COMMON) if rng.random() < 0.7 else rng.choice((*LOCALE_OF, *_LATIN))
    known = country in LOCALE_OF or country in _LATIN
    first, last = _names(country if known else rng.choice(_COMMON))
    return Person(rng.choice(first), rng.choice(last))


def written(someone: Person, rng: random.Random, *, spare: Person) -> str:
    """The name as somebody might put it down; `spare` lends a second name."""
    first, last = someone
    shapes = (
        (54, f"{first} {last}"),
        (7, f"{first} {rng.choice('ABCDEFGHJKLMNPRSTVW')}. {last}"),
        (5, f"{first[0]}. {last}"),
        (2, f"{first[0]}{last[0]} {last}"),
        (5, f"{first} {last}-{spare.last}"),
        (4, f"{first} {last} {spare.last}"),
        (3, f"{first}-{spare.first} {last}" if "-" not in first else f"{first} {last}"),
        (3, f"{first} {rng.choice(('de', 'van der', 'von', 'al', 'della', 'de la', 'bin'))} {last}"),
        (3, last),
        (7, first),
    )
    return rng.choices([name for _, name in shapes], [weight for weight, _ in shapes])[0]


def firm(rng: random.Random, country: str = "") -> str:
    """A firm that is named like people are."""
    someone, other = person(rng, country), person(rng, country)
    return rng.choice(_FIRMS).format(first=someone.first, last=someone.last, other=other.last)


@cache
def _names(country: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """First and last names of a country."""
    if country in _LATIN:
        first, last = _LATIN[country]
        return tuple(first.split()), tuple(last.split())
    provider = import_module(f"faker.providers.person.{LOCALE_OF[country]}").Provider
    return _gathered(provider, "first_names"), _gathered(provider, "last_names")


def _gathered(provider: type, kind: str) -> tuple[str, ...]:
    """What a provider of Faker knows of a kind, of women and men alike, each once and in a fixed order."""
    found: dict[str, None] = {}
    for name in (kind, f"{kind}_male", f"{kind}_female", f"{kind}_unisex"):
        names = getattr(provider, name, ())
        found.update(dict.fromkeys(str(one).strip() for one in names))
    return tuple(name for name in found if name and not _ODD.search(name))
