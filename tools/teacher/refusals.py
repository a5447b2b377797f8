"""What a status and an error's words mean: something that passes, something for good, or a prompt that is not taken.

Every sentence keeps the provider's own words, and its fix is for that very failure.
"""

import re
from collections.abc import Mapping

from tools.errors import RetortError
from tools.teacher.completion import Wrong
from tools.teacher.protocol import Passing, Unusable

OVERLOADED = (429, 503, 529)
PASSING = (*OVERLOADED, 408, 409, 425)  # these, and every 5xx, may succeed a moment later

_SPENT = re.compile(
    r"insufficient[_ ]?(?:quota|balance|credits?|funds)|billing_not_active|arrearage|余额不足|欠费", re.IGNORECASE
)
_KEY = re.compile(r"api[-_ ]?key|authenticat|unauthori[sz]ed|invalid[_ ]token|令牌|密钥", re.IGNORECASE)
_MODEL = re.compile(
    r"model.{0,60}(?:not (?:exist|found)|does not exist)|not a valid model|model_not_found|no such model"
    r"|unknown model|invalid model|DeploymentNotFound|模型不存在",
    re.IGNORECASE | re.DOTALL,
)
_POLICY = re.compile(
    r"content[_ ](?:filter|polic|management)|data_?inspection|inappropriate content|moderation|flagged|safety", re.I
)
_AGAIN = re.compile(r"(?:again|retry) in (\d+(?:\.\d+)?) ?(ms|s|m)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}


class Refusal:
    """One refusal of an endpoint: its status, its headers and its words."""

    def __init__(self, base_url: str, model: str, status: int, wrong: Wrong, headers: Mapping[str, str]) -> None:
        self.model, self.wrong, self.headers = model, wrong, headers
        inside = status == 200
        self.status = (wrong.status or 500) if inside else status
        told = f"200 with an error{f' ({self.status})' if wrong.status else ''}" if inside else str(status)
        self.where = f"The teacher endpoint {base_url} answered {told}"
        self._words = " ".join((*wrong.codes, wrong.message))

    @property
    def about_request(self) -> bool:
        """Whether the request itself may be what is wrong, so that asking otherwise may help."""
        named = any(pattern.search(self._words) for pattern in (_SPENT, _MODEL, _POLICY))
        odd = self.status in (401, 402, 403, *PASSING) or (self.status == 400 and _KEY.search(self._words))
        return not (named or odd)

    @property
    def problem(self) -> str:
        return f"{self.where}: {self.wrong.message}"

    def trouble(self, *, proven: bool) -> Exception:
        """What to raise. Unusable is said of one prompt only: by an endpoint that has answered others, or by policy."""
        lasting = self._lasting()
        by_policy = self.status in (400, 403, 422) and _POLICY.search(self._words)
        if lasting and not by_policy:
            return lasting
        if self.status in PASSING or self.status >= 500:
            return Passing(
                "refused" if self.status in OVERLOADED else "failed",
                self.problem,
                "Wait, then say 'resume': what was made is kept. A lower RETORT_TEACHER_CONCURRENCY reduces the load.",
                self._retry_after_s(),
            )
        if proven or by_policy:
            return Unusable("refused", f"the endpoint answered {self.status}: {self.wrong.message}")
        return RetortError(
            self.problem,
            f"Check that {self.model!r} is a chat model of this endpoint: it took neither JSON-schema output "
            "(response_format) nor any other way of asking that Retort knows.",
        )

    def _lasting(self) -> RetortError | None:
        """What waiting does not cure: money, the key, the model."""
        status, words = self.status, self._words
        if _SPENT.search(words) or status == 402:
            return RetortError(self.problem, "Pay at the provider, then say 'resume': what was made is kept.")
        if status == 401 or (status in (400, 403) and _KEY.search(words)):
            said = f" ({self.wrong.message.rstrip('.')})" if self.wrong.message else ""
            return RetortError(f"{self.where}: the key was not accepted{said}.", "Check RETORT_TEACHER_API_KEY.")
        if status == 403:
            return RetortError(self.problem, f"Check at the provider that your key may use the model {self.model!r}.")
        if status == 404 or (status < 500 and status not in PASSING and _MODEL.search(words)):
            return RetortError(
                f"{self.where} for the model {self.model!r}: {self.wrong.message}",
                "Check RETORT_TEACHER_MODEL, and that RETORT_TEACHER_BASE_URL ends as the endpoint "
                "requires (often with /v1).",
            )
        return None

    def _retry_after_s(self) -> float | None:
        """Seconds the server asks to wait; None when it does not say so in seconds."""
        try:
            return max(0.0, float(self.headers.get("Retry-After", "")))
        except ValueError:
            found = _AGAIN.search(self.wrong.message)
            return float(found[1]) * _SECONDS[found[2].lower()] if found else None
