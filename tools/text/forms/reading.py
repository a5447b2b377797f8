"""One definition of each written form, for the checks, the simulator, the scores and the guide."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from pydantic import JsonValue

from tools.records import Form, TaskField
from tools.text.forms import currencies, dates, numbers, phones, units

Written = str | int | float  # a value in its form


class Reader:
    """Reads values of one form.

    A text may be ambiguous (03/04/2026): `found` has every reading, `meant` one value only where it is the only one.
    """

    def __init__(self, form: Form) -> None:
        self.form = form

    def found(self, text: str) -> frozenset[Written]:
        """Values, in the form, that a piece of the text may stand for."""
        read = {
            "date": self._dates,
            "number": numbers.found,
            "whole": lambda plain: (one for one in numbers.found(plain) if float(one).is_integer()),
            "unit": lambda plain: units.found(plain, self.form.detail),
            "phone": phones.found,
            "currency": currencies.found,
        }
        return frozenset(read[self.form.name](unicodedata.normalize("NFKC", text)))

    def is_written(self, value: JsonValue) -> bool:
        """Whether the value is in the form: 12.5, never '12,5 kg'."""
        match self.form.name:
            case "number" | "unit" | "whole":
                is_number = isinstance(value, int | float) and not isinstance(value, bool)
                return is_number and (self.form.name != "whole" or float(str(value)).is_integer())
            case "date":
                return isinstance(value, str) and dates.written(value, self.form.strftime) is not None
            case "phone":
                return isinstance(value, str) and phones.is_written(value)
        return isinstance(value, str) and currencies.is_written(value)

    def stands_in(self, value: Written, text: str) -> bool:
        """Whether a piece of the text may stand for this value."""
        return value in self.found(text)

    def meant(self, value: JsonValue) -> Written | None:
        """What the value stands for, in the form or not; None where it is nothing of this form, or could be several."""
        if isinstance(value, str | int | float) and self.is_written(value):
            return value
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            return None
        readings = self.found(str(value))
        return next(iter(readings)) if len(readings) == 1 else None

    def _dates(self, text: str) -> Iterable[str]:
        return (day.strftime(self.form.strftime) for day in dates.found(text))


class Case(Reader):
    """Capitals or small letters: the very words of the text otherwise."""

    def written(self, text: str) -> str:
        return text.upper() if self.form.name == "upper" else text.lower()

    def is_written(self, value: JsonValue) -> bool:
        return isinstance(value, str) and value == self.written(value)

    def stands_in(self, value: Written, text: str) -> bool:
        return " ".join(str(value).casefold().split()) in " ".join(text.casefold().split())

    def meant(self, value: JsonValue) -> Written | None:
        return self.written(_flat(value)) if isinstance(value, str) else None


class Choice(Reader):
    """One of the given values: a category, which the text need not say."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = choices

    def is_written(self, value: JsonValue) -> bool:
        return value in self.choices

    def stands_in(self, value: Written, text: str) -> bool:
        return True

    def meant(self, value: JsonValue) -> Written | None:
        folded = [one for one in self.choices if isinstance(value, str) and one.casefold() == _flat(value).casefold()]
        return value if isinstance(value, str) and value in self.choices else folded[0] if len(folded) == 1 else None


def reader_of(field: TaskField) -> Reader | None:
    """The reader of the field's values, or of each item of a list; None where values are copied as they stand."""
    if field.form is not None:
        return _reader(field.form)
    return Choice(field.choices) if field.choices else None


@lru_cache(maxsize=64)
def _reader(form: Form) -> Reader:
    return Case(form) if form.name in ("upper", "lower") else Reader(form)


def _flat(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
