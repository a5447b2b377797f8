"""The phrase books: each is one writer's words and habits, and no two say anything in the same words.

They are data, `words/<language>/<number>.yaml`, a phrase a line. In a phrase `{v}` is where the value stands, `{noun}`
what the field is called, `{who}` whom it belongs to and `{old}` a value that holds no longer. A sample is written from
one book alone, so that a split which keeps books whole shows a student at its test only words that it never saw.
"""

from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BeforeValidator, Field

from tools.records import Value

_FOLDER = Path(__file__).parent / "words"
_COMMON = "common.yaml"


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _either(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


def _texts(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split("\n---\n") if one.strip())


Lines = Annotated[tuple[str, ...], BeforeValidator(lambda text: _lines(text) if isinstance(text, str) else text)]
Texts = Annotated[tuple[str, ...], BeforeValidator(lambda text: _texts(text) if isinstance(text, str) else text)]
Either = Annotated[tuple[str, ...], BeforeValidator(lambda text: _either(text) if isinstance(text, str) else text)]


class Headers(Value):
    """What stands above a message that was passed on."""

    line: str
    from_: str = Field(alias="from")
    sent: str
    to: str
    subject: str


class Book(Value):
    """One writer's phrases and habits."""

    family: str = ""  # "en/07"
    # habits
    colon: str = ": "
    date: str = "%Y-%m-%d"  # for strftime
    price: str = "{n}"
    joints: Either = (", ",)  # between two things told in one breath
    blanks: Either = ("-",)  # what stands where a form has no value
    um: Either = ()  # while thinking aloud
    # around the matter
    hello: Lines = ()
    bye: Lines = ()
    ask: Lines = ()
    talk: Lines = ()
    parcel: Lines = ()  # chatter for tasks about parcels only
    aside: Lines = ()  # with a price, a date, a time or a count that nobody asked for
    form: Lines = ()  # above a form
    forward: Headers | None = None
    subjects: Lines = ()
    fwd: Lines = ()  # whoever passes a message on
    rang: Lines = ()  # a note of who called
    called: Lines = ()
    # the matter: `me` and `_me` are of the writer, the others of somebody else
    me: Lines = ()
    recipient: Lines = ()
    sender: Lines = ()
    staff: Lines = ()
    phone_me: Lines = ()
    phone_them: Lines = ()
    phone_other: Lines = ()
    city_me: Lines = ()
    city_to: Lines = ()
    city_from: Lines = ()
    email: Lines = ()
    address: Lines = ()
    id: Lines = ()
    any: Lines = ()  # of whatever field
    fix: Lines = ()  # a value that holds no longer, and the one that does
    later: Lines = ()  # takes back what was said above
    none: Lines = ()  # there is no value
    mine: Lines = ()  # several things in one sentence, said of oneself: {name} {phone} {city} {tracking} {sender} ...
    theirs: Lines = ()  # the same, said of somebody else
    messages: Texts = ()  # whole ones, parted by ---: slots as in `mine`, and {old_phone} for what holds no longer
    who: dict[str, str] = Field({})
    nouns: dict[str, Either] = Field({})  # in a sentence
    labels: dict[str, Either] = Field({})  # before a value

    @property
    def speaks(self) -> bool:
        """Whether it has sentences; a language without any gets labels and separators."""
        return bool(self.any)


class Words(Value):
    """A language's books, and the names of things that any of its writers may use."""

    books: tuple[Book, ...]
    common: dict[str, Either] = Field({})
    spaced: bool = True  # whether words are parted by spaces
    stop: str = "."
    comma: str = ","
    yes_no: tuple[str, str] = ("yes", "no")


@cache
def words_of(language: str) -> Words:
    """The language's words."""
    code = language.lower()[:2]
    folder = _FOLDER / code
    if not folder.is_dir():
        return Words(books=_wordless(code))
    books = tuple(_read(path, f"{code}/{path.stem}") for path in sorted(folder.glob("[0-9]*.yaml")))
    common = yaml.safe_load((folder / _COMMON).read_text(encoding="utf-8"))
    if code == "zh":
        return Words(books=books, common=common, spaced=False, stop="。", comma="，", yes_no=("是", "否"))
    return Words(books=books, common=common)


def _read(path: Path, family: str) -> Book:
    return Book.model_validate({**yaml.safe_load(path.read_text(encoding="utf-8")), "family": family})


def _wordless(code: str) -> tuple[Book, ...]:
    """Habits without words, for a language that has no phrase book: how labels and values are parted."""
    habits = (": ", " - ", " = ", ":", " ", "\t", " -> ", " | ")
    return tuple(Book(family=f"{code}/{number:02}", colon=colon) for number, colon in enumerate(habits, start=1))
