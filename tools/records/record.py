"""What every noun is: it has an id, an owner and a birthday."""

import secrets
from datetime import UTC, datetime
from typing import Self

from pydantic import Field

from tools.records.dialogue import Value


class Record(Value):
    """Something the catalog keeps: it has an id, an owner and a birthday, and is changed only by replacement."""

    id: str
    owner: str
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def but(self, **changes: object) -> Self:
        """The same record with some fields changed, validated again."""
        return type(self).model_validate({**self.model_dump(), **changes})


def new_id(noun: str) -> str:
    """A short id that a person can say aloud: `run-3f9a2c`. 48 random bits, so a clash is a bug and fails as one."""
    return f"{noun}-{secrets.token_hex(6)}"
