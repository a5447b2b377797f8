"""Keys that are null only because another row has them: columnar files give every record every key.

In a tool's schema no key says anything by null. In a call a null that the tool's own schema does not allow is padding.
In an answer it is where the file's answers are of kinds that share no key. All else is kept, and told.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from tools.dataset.columns import NAMES
from tools.dataset.turns import ROLE_OF
from tools.records import JsonObject

_MEANT = ("default", "const")  # keywords of a schema that may be null
_HOLDERS = {*NAMES["output"], "content"}


class Padding:
    """What all rows of a file tell of its nulls; then each row without those that are padding."""

    def __init__(self, rows: Sequence[JsonObject]) -> None:
        self.removed: Counter[str] = Counter()
        self.unclear = 0
        self._nulls = any("null" in json.dumps(row) for row in rows)
        self._used: dict[str, set[str]] = {}  # by tool: arguments that some call of it gives
        if not self._nulls:
            return
        for row in rows:
            for call in _calls(row):
                arguments = call.get("arguments")
                filled = (
                    {key for key, one in arguments.items() if one is not None} if isinstance(arguments, dict) else set()
                )
                self._used.setdefault(str(call.get("name")), set()).update(filled)
        self._kinds = _kinds_of([answer for row in rows for _, _, answer in _answers(row)])

    def without(self, row: JsonObject) -> JsonObject:
        """The row itself where nothing in it is null."""
        if not self._nulls:
            return row
        own: JsonObject = json.loads(json.dumps(row))  # changed in place below
        schemas: dict[str, JsonValue] = {}
        for offered in ("tools", "functions"):
            if isinstance(tools := own.get(offered), list):
                bare = [_without_nulls(tool) for tool in tools]
                self.removed["tool schemas"] += bare != tools
                own[offered] = bare
                schemas |= {str(tool.get("name")): tool.get("parameters") for tool in map(_inner, bare)}
        for call in _calls(own):
            self._strip_call(call, schemas.get(str(call.get("name"))))
        for holder, key, answer in _answers(own):
            holder[key] = self._without_kinds(answer)
        return own

    def notes(self) -> list[str]:
        """A sentence for what was left out, and one for what may be padding."""
        told = [f"{what} ({count})" for what, count in self.removed.items() if count]
        found = (
            [f"Keys that are null only because other rows have them were left out of {' and '.join(told)}."]
            if told
            else []
        )
        if self.unclear:
            found.append(f"{self.unclear} calls or answers give null for a key that may be meant so; it was kept.")
        return found

    def _strip_call(self, call: JsonObject, schema: JsonValue) -> None:
        arguments = call.get("arguments")
        if not isinstance(arguments, dict):
            return
        known = schema.get("properties") if isinstance(schema, dict) else None
        before = len(arguments)
        for key in [key for key, one in arguments.items() if one is None]:
            told = known.get(key) if isinstance(known, dict) else None
            allowed = (
                _allows_null(told) if isinstance(known, dict) else key in self._used.get(str(call.get("name")), ())
            )
            if allowed:
                self.unclear += 1
            else:
                del arguments[key]
        self.removed["calls"] += len(arguments) < before

    def _without_kinds(self, answer: JsonObject) -> JsonObject:
        nulls = [key for key, one in answer.items() if one is None]
        if not nulls:
            return answer
        own = next((kind for kind in self._kinds if kind & (set(answer) - set(nulls))), set())
        foreign = [key for key in nulls if own and key not in own]
        self.unclear += len(foreign) < len(nulls) and bool(foreign)
        self.removed["answers"] += bool(foreign)
        return {key: one for key, one in answer.items() if key not in foreign}


def _without_nulls(schema: JsonValue) -> JsonValue:
    if isinstance(schema, list):
        return [_without_nulls(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    nulls = {key for key, one in schema.items() if one is None}
    meant = nulls if nulls <= {*_MEANT} else set()
    return {key: _without_nulls(one) for key, one in schema.items() if key not in nulls or key in meant}


def _allows_null(told: JsonValue) -> bool:
    """Whether a property's schema takes null; a property without one takes nothing."""
    if not isinstance(told, dict):
        return False
    kinds = told.get("type")
    listed = [kinds] if isinstance(kinds, str) else kinds
    either = [one for word in ("anyOf", "oneOf") if isinstance(several := told.get(word), list) for one in several]
    if isinstance(listed, list):
        return "null" in listed or told.get("nullable") is True
    return not either or any(_allows_null(one) for one in either)


def _calls(row: JsonObject) -> Iterable[JsonObject]:
    """Calls whose arguments are an object. Those as text are as somebody wrote them."""
    for turn in _turns(row):
        listed = turn.get("tool_calls")
        for call in [*(listed if isinstance(listed, list) else []), turn.get("function_call")]:
            inner = _inner(call)
            if isinstance(inner.get("arguments"), dict):
                yield inner


def _answers(row: JsonObject) -> Iterable[tuple[JsonObject, str, JsonObject]]:
    """Answers that are objects, each with what holds it and under which key."""
    for holder in (*(turn for turn in _turns(row) if _is_assistant(turn)), row):
        for key in holder:
            if key.casefold() in _HOLDERS and isinstance(answer := holder[key], dict):
                yield holder, key, answer


def _is_assistant(turn: JsonObject) -> bool:
    return ROLE_OF.get(str(turn.get("role", turn.get("from"))).casefold()) == "assistant"


def _turns(row: JsonObject) -> list[JsonObject]:
    return [turn for one in row.values() if isinstance(one, list) for turn in one if isinstance(turn, dict)]


def _inner(one: JsonValue) -> JsonObject:
    inner = one.get("function", one) if isinstance(one, dict) else None
    return inner if isinstance(inner, dict) else {}


def _kinds_of(answers: Sequence[Mapping[str, JsonValue]]) -> list[set[str]]:
    """Sets of keys such that no answer fills keys of two of them; none where all answers may be of one kind.

    That is so when one answer has nothing but null, for then null was meant, and when no kind has two keys that go
    together: each may be missing by itself.
    """
    kinds: list[set[str]] = []
    for answer in answers:
        filled = {key for key, one in answer.items() if one is not None}
        touching = [kind for kind in kinds if kind & filled]
        kinds = [kind for kind in kinds if kind not in touching] + [filled.union(*touching)]
    kinds = [kind for kind in kinds if kind]
    meant = any(answer and all(one is None for one in answer.values()) for answer in answers)
    return kinds if len(kinds) > 1 and not meant and any(len(kind) > 1 for kind in kinds) else []
