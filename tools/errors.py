"""The one exception a user may see: what went wrong, with which value, and what to do about it."""


class RetortError(Exception):
    """A failure told in two sentences.

    `problem` says what failed and names the offending value; `fix` says what the reader can do next.
    Every surface (chat, page, terminal, job log) prints both, so neither may assume the other was read.
    """

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem, fix)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.problem} {self.fix}"


class NotFound(RetortError):
    """The id names nothing that this owner can see; somebody else's id answers the same."""


class ToConfirm(RetortError):
    """A guess that waits for a yes; `arguments` are those of the same call that say it for certain."""

    def __init__(self, problem: str, fix: str, arguments: dict[str, str]) -> None:
        super().__init__(problem, fix)
        self.arguments = arguments
