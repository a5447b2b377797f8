"""What a command is: one declaration beside its function, from which every face takes what it needs.

    @command(risk="spend", estimate=_estimate, starts=TrainingOrder, shows=("run",), terminal="train [run]",
             phrases={"en": ["train", "[start] training"], "zh": ["开始训练"], "pt": ["treinar"]})
    def start_training(here: Here, *, run: PlannedRun = "", max_minutes: MaxMinutes) -> Outcome:
        '''What a chat model reads about it.'''

The chat model's schema, validation, the approval and its card, help, the grammar, progress, the terminal's subcommand
and the plugin's tool are all made from this. The types of the arguments say how what people call a thing becomes its
id; once settled, the values stay typed, and exactly these are run.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, create_model

from agent.transcript import Outcome, Risk, Show, ShowKind
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Estimate, Job, JsonObject, Order, Project, Value

Tongue = Literal["en", "zh", "pt"]  # the languages in which commands are understood
Phrase = str | tuple[str, JsonObject]  # a template of `agent.phrase`, and the arguments that it means by itself
FREE: Literal["free"] = "free"  # runs at once, whoever asks
LOOKS: Literal["looks"] = "looks"  # likewise, and changes nothing
LEAST_MINUTES = 10.0  # a limit nobody named is a stop for what went wrong and not a race


class Shown(Value):
    """What the conversation has shown: numbers count on the last card, a vote on the last match."""

    last: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    match: str = ""
    files: tuple[str, ...] = ()  # ids of the uploads that came with the user's newest message
    said: str = ""  # that message, as typed
    compared: bool = False  # whether a comparison was
    tongue: Tongue = "en"  # in which the user speaks


NOTHING_SHOWN = Shown()


@dataclass(frozen=True)
class Here:
    """Where a command runs: a project, and what the conversation about it has shown."""

    catalog: Catalog
    project_id: str
    shown: Shown = NOTHING_SHOWN

    @property
    def project(self) -> Project:
        return self.catalog.get(Project, self.project_id)


# --- arguments ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class Settled:
    """Metadata of an argument's type: how what was said becomes the exact value that is approved and run."""

    by: Callable[[Here, Any], Any] | None = None  # (here, said) -> exact; RetortError when there is no such thing
    said_as: Any = None  # the type of what may be said, where it differs from the exact one
    default: Any = inspect.Parameter.empty  # what leaving it out says, where the exact value has no default
    # False: nobody says it. Retort fixes it when it asks, so that nothing moves afterwards: by(here, values so far)
    offered: bool = True
    limit: Literal["", "usd", "minutes"] = ""  # left open, it is derived from the estimate


@dataclass(frozen=True, eq=False, kw_only=True)
class Spoken:
    """Metadata of an argument's type: how it looks in a sentence, on the terminal, and as an example in the help."""

    pattern: str = ""  # regular expression without named groups; empty: by the type
    read: Callable[[str], JsonValue] | None = None  # from the words to what a caller would pass; None: not readable
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)  # value -> regular expressions that mean it
    sample: str = ""
    free: bool = False  # the user's own text, kept to its last full stop
    long: bool = False  # as long as it likes: pasted lines
    option: str = ""  # the terminal's name for it, where the argument's own would be odd
    file: bool = False  # a path on the terminal; in the chat the file that was dropped last


MaxUsd = Annotated[float, Settled(said_as=float | None, default=None, limit="usd")]
MaxMinutes = Annotated[float, Settled(said_as=float | None, default=None, limit="minutes")]


@dataclass(frozen=True)
class Parameter:
    """One argument of a command: its exact type, what may be said for it, and how it is spoken."""

    name: str
    exact: Any  # the annotated type of the settled value
    said: Any  # the type of what callers pass
    default: Any  # inspect.Parameter.empty: must be said
    settled: Settled
    spoken: Spoken

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty

    @property
    def kind(self) -> Any:
        """The type of what may be said without metadata and without None: str, int, float, bool, a Literal, a list."""
        bare = get_args(self.said)[0] if get_origin(self.said) is Annotated else self.said
        options = [one for one in get_args(bare) if one is not type(None)]
        return options[0] if type(None) in get_args(bare) else bare

    @property
    def is_list(self) -> bool:
        return get_origin(self.kind) is Sequence

    @property
    def is_mapping(self) -> bool:
        return get_origin(self.kind) is Mapping

    def files(self, ids: Sequence[str]) -> JsonObject:
        """These uploads as this argument: all of them, or the last one where it takes only one."""
        return {self.name: ids[-1] if self.kind is str else list(ids)}


def _parameter(given: inspect.Parameter) -> Parameter:
    metadata = get_args(given.annotation)[1:] if get_origin(given.annotation) is Annotated else ()
    settled = next((one for one in metadata if isinstance(one, Settled)), Settled())
    spoken = next((one for one in metadata if isinstance(one, Spoken)), Spoken())
    default = settled.default if given.default is inspect.Parameter.empty else given.default
    return Parameter(given.name, given.annotation, settled.said_as or given.annotation, default, settled, spoken)


# --- commands -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class Command:
    """A declared command. `run` is its function; `offered` and `exact` validate what is said and what is run."""

    name: str
    group: str  # the part of the way it belongs to: the module's name
    doc: str
    run: Callable[..., Outcome]
    risk: Risk | Literal["free", "looks"] | Callable[..., Risk | None]
    estimate: Callable[..., Estimate] | None
    starts: type[Order] | None
    shows: tuple[ShowKind, ...]
    phrases: Mapping[Tongue, Sequence[Phrase]]
    examples: Mapping[Tongue, str]
    terminal: str
    clicked: Literal["think", "note"] | Mapping[str, str]
    parameters: tuple[Parameter, ...]
    offered: type[BaseModel]
    exact: type[BaseModel]

    @property
    def file_argument(self) -> Parameter | None:
        """The argument that takes files of the user's, if one does."""
        return next((one for one in self.parameters if one.spoken.file), None)

    def lacks(self, said: JsonObject) -> bool:
        """Whether an argument is missing that has to be said."""
        return any(one.required and one.name not in said for one in self.parameters if one.settled.offered)

    def schema(self) -> dict[str, Any]:
        """The command as a function tool of the OpenAI chat protocol."""
        parameters = self.offered.model_json_schema()
        return {"type": "function", "function": {"name": self.name, "description": self.doc, "parameters": parameters}}

    def settle(self, here: Here, said: JsonObject) -> "Call":
        """The call with everything fixed: defaults, 'best' and numbers as ids, limits out of the estimate."""
        try:
            read = self.offered.model_validate(said)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise RetortError(
                f"{self.name} could not read its arguments: {problems}.", "Correct the arguments and try again."
            ) from error
        values = {one.name: getattr(read, one.name, one.default) for one in self.parameters}
        for one in self.parameters:
            if one.settled.by:
                values[one.name] = one.settled.by(here, values[one.name] if one.settled.offered else values)
        left_open = [one for one in self.parameters if one.settled.limit and values[one.name] is None]
        estimate = self.estimated(here, values) if left_open else None
        for one in left_open:
            values[one.name] = _limit(one.settled.limit, estimate) if estimate else None
        return Call(self, self.exact.model_validate(values), estimate)

    def exactly(self, arguments: JsonObject) -> "Call":
        """The call of arguments that were settled before: nothing is looked up again."""
        try:
            return Call(self, self.exact.model_validate(arguments), None)
        except ValidationError as error:
            raise RetortError(
                f"This {self.name} request was made by a different version of Retort.", "Ask for it again."
            ) from error

    def estimated(self, here: Here, values: Mapping[str, Any]) -> Estimate:
        if self.estimate is None:
            return Estimate(what=self.name.replace("_", " ").capitalize())
        return self.estimate(here, **values)

    def risk_of(self, here: Here, call: "Call") -> Risk | None:
        """The risk of this very call; None when it may run at once."""
        if self.risk in (FREE, LOOKS):
            return None
        return self.risk(here, **call.values) if callable(self.risk) else self.risk


@dataclass(frozen=True)
class Call:
    """A command with exact arguments: what is asked about, remembered, and run as it stands."""

    command: Command
    arguments: BaseModel
    known: Estimate | None = None  # the estimate, where settling needed one

    @property
    def values(self) -> dict[str, Any]:
        return {name: getattr(self.arguments, name) for name in type(self.arguments).model_fields}

    @property
    def json(self) -> JsonObject:
        """The arguments as JSON, as they are shown, hashed and kept."""
        dumped: JsonObject = self.arguments.model_dump(mode="json")
        return dumped

    def estimate(self, here: Here) -> Estimate:
        return self.known or self.command.estimated(here, self.values)

    def run(self, here: Here) -> Outcome:
        """Do it. RetortError tells what the user can do about a failure."""
        outcome = self.command.run(here, **self.values)
        if undeclared := {one.kind for one in outcome.show} - set(self.command.shows):
            raise RuntimeError(f"{self.command.name} does not declare that it shows {', '.join(sorted(undeclared))}")
        return outcome


def _limit(unit: str, estimate: Estimate) -> float:
    """A hard stop nobody named. Money: the estimate's upper end to the cent, so that what is shown is what is allowed.
    Minutes: twice the upper end."""
    if unit == "usd":
        return math.ceil(round(estimate.usd_high * 100, 6)) / 100
    return max(LEAST_MINUTES, round(2 * estimate.minutes_high))


def storable(value: JsonValue) -> bool:
    """Whether the conversation's store takes this: it keeps integers of 64 bits."""
    if isinstance(value, int):
        return abs(value) < 2**63
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(storable, inside))


COMMANDS: dict[str, Command] = {}  # by name, filled by the decorator: what is not declared does not exist


def command(
    *,
    risk: Risk | Literal["free", "looks"] | Callable[..., Risk | None],
    phrases: Mapping[Tongue, Sequence[Phrase]],
    terminal: str,
    shows: tuple[ShowKind, ...] = (),
    starts: type[Order] | None = None,
    estimate: Callable[..., Estimate] | None = None,
    examples: Mapping[Tongue, str] | None = None,
    clicked: Literal["think", "note"] | Mapping[str, str] = "think",
) -> Callable[[Callable[..., Outcome]], Command]:
    """Declare a command: its function takes `here` and keyword-only arguments and returns an Outcome.

    `risk` is what a call risks ('free' runs at once, 'looks' also changes nothing), or a function (here, **arguments)
    that judges a call.
    `phrases` mean it, by language; `examples` stand in the help, else the shortest form of the first phrase.
    `terminal` is the subcommand and its positional arguments, as in "generate [count]".
    `shows` are the kinds of card its outcome may have, `starts` the job's order, `estimate` what it takes
    (here, **arguments). `clicked` says what follows a click: the model thinks on, or it is only noted;
    a mapping noun -> argument counts clicks in a row as one event ("5 approved").
    """

    def declare(run: Callable[..., Outcome]) -> Command:
        given = list(inspect.signature(run).parameters.values())[1:]
        parameters = tuple(map(_parameter, given))
        strict = ConfigDict(extra="forbid")
        offered: dict[str, Any] = {
            one.name: (one.said, ... if one.required else one.default) for one in parameters if one.settled.offered
        }
        exact: dict[str, Any] = {one.name: (one.exact, ...) for one in parameters}
        name = run.__name__
        declared = Command(
            name=name,
            group=run.__module__.rsplit(".", 1)[-1],
            doc=inspect.getdoc(run) or "",
            run=run,
            risk=risk,
            estimate=estimate,
            starts=starts,
            shows=shows,
            phrases=phrases,
            examples=examples or {},
            terminal=terminal,
            clicked=clicked,
            parameters=parameters,
            offered=create_model(name, __config__=strict, **offered),
            exact=create_model(name, __config__=ConfigDict(extra="forbid", frozen=True), **exact),
        )
        if name in COMMANDS:
            raise RuntimeError(f"there are two commands called {name}")
        COMMANDS[name] = declared
        return declared

    return declare


def need(name: str) -> Command:
    """The command of this name; RetortError when none is declared."""
    if name not in COMMANDS:
        raise RetortError(f"There is no command {name!r}.", f"The commands are {', '.join(COMMANDS)}.")
    return COMMANDS[name]


# --- jobs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JobKind:
    """What the conversation knows of a kind of job, beside the command that starts it."""

    estimate: Callable[[Here, Any], Estimate] | None  # of its whole order; None: such a job is not resumed
    shows: Callable[[Here, Any, Job], tuple[Show, ...]]  # (here, order, job) -> what it left to look at
    sentence: Callable[[Here, Any], str]  # (here, order) -> what its good end says beyond its own closing words


JOBS: dict[type[Order], JobKind] = {}


def job(
    order: type[Order],
    *,
    estimate: Callable[[Here, Any], Estimate] | None,
    shows: Callable[[Here, Any, Job], tuple[Show, ...]],
    sentence: Callable[[Here, Any], str] = lambda _here, _order: "",
) -> None:
    """Declare how jobs of this order are estimated when they are resumed, and what their end shows."""
    JOBS[order] = JobKind(estimate, shows, sentence)
