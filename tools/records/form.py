"""How a field's value is written in the answer, whatever way its input has it."""

from datetime import date
from typing import Literal

from pydantic import Field

from tools.records.dialogue import Value

FormName = Literal["date", "number", "whole", "unit", "phone", "currency", "upper", "lower"]
_DAY = date(2026, 3, 31)  # shown in every order: none reads it as another day


class Form(Value):
    """A way of writing values; which readings of a text it stands for is known in `tools/text/forms/`."""

    name: FormName
    detail: str = Field("", description="Of a date its order, such as YYYY-MM-DD; of a unit its name, such as kg.")

    @property
    def kind(self) -> Literal["string", "number", "integer"]:
        """JSON type of a value so written."""
        kinds: dict[FormName, Literal["number", "integer"]] = {"number": "number", "unit": "number", "whole": "integer"}
        return kinds.get(self.name, "string")

    @property
    def told(self) -> str:
        """'written as 2026-03-31 (YYYY-MM-DD)': for people, teachers and students alike."""
        words: dict[FormName, str] = {
            "date": f"written as {_DAY.strftime(self.strftime)} ({self.detail})",
            "number": "written as a plain number, 1234.5",
            "whole": "written as a whole number, 12",
            "unit": f"written as the number of {self.detail}, 12.5",
            "phone": "written as +14155550132 (E.164)",
            "currency": "written as EUR (ISO 4217 code)",
            "upper": "written in capitals",
            "lower": "written in small letters",
        }
        return words[self.name]

    @property
    def strftime(self) -> str:
        """A date's order as `strftime` takes it: %Y-%m-%d."""
        return self.detail.replace("YYYY", "%Y").replace("MM", "%m").replace("DD", "%d")

    @property
    def pattern(self) -> str:
        """A regular expression of what is so written, for a JSON schema; empty where none would say more."""
        patterns: dict[FormName, str] = {
            "date": "^" + "".join(_DIGITS.get(part, part) for part in _parts(self.detail)) + "$",
            "phone": r"^\+[1-9]\d{6,14}$",
            "currency": "^[A-Z]{3}$",
        }
        return patterns.get(self.name, "")


_DIGITS = {"YYYY": r"\d{4}", "MM": r"\d{2}", "DD": r"\d{2}", ".": r"\."}


def _parts(order: str) -> list[str]:
    """'DD.MM.YYYY' as its three parts and the marks between them."""
    found: list[str] = []
    while order:
        part = next((one for one in ("YYYY", "MM", "DD") if order.startswith(one)), order[0])
        found.append(part)
        order = order[len(part) :]
    return found
