"""A user's file and its passages."""

from typing import Literal

from pydantic import Field

from tools.records.record import Record


class Document(Record):
    """A file the user gave, kept under a server-made name. A replaced one was added again with other content."""

    project_id: str
    name: str = Field(description="The user's file name, with a number where another has it; for display only.")
    path: str = Field(description="Path of the kept bytes, relative to the project folder.")
    text_path: str = Field("", description="Path of its text as Markdown, into which passages' offsets point.")
    sha256: str
    size_bytes: int = Field(ge=0)
    state: Literal["current", "replaced"] = "current"
    replaces: str = Field("", description="Id of the earlier version that this document replaced.")
    pages: int = Field(0, ge=0, description="Pages or slides; 0 where the format has none.")
    scans: tuple[int, ...] = Field((), description="Pages that are pictures: OCR may read them.")
    passages: int = Field(0, ge=0, description="Number of passages found.")
    holds: Literal["text", "inputs"] = Field(
        "text",
        description="Text to ground samples in, or unlabelled inputs for the teacher, one per passage.",
    )
    split: Literal["", "real"] = Field("", description="What its inputs become: real messages, or whatever is chosen.")
    tokens: int = Field(0, ge=0, description="Length of all passages in student tokens.")
    token_count: str = Field("", description="How tokens were counted: a student's tokenizer or a rule of thumb.")
    languages: tuple[str, ...] = Field((), description="Language codes, most text first.")
    set_aside: dict[str, int] = Field({}, description="Lines and paragraphs that are not content, by reason.")
    seconds: float = Field(0, ge=0, description="Wall time of the reading.")
    job_id: str = Field("", description="The job that read it; empty when it was read in the chat's own time.")
    note: str = Field("", description="What was skipped and why, and what changed, for a person.")


class Passage(Record):
    """A piece of a document with its place: `text` is the document's text from `start` to `end`."""

    project_id: str
    document_id: str
    position: int = Field(ge=0, description="Order within the document.")
    text: str
    state: Literal["current", "replaced"] = Field("current", description="As its document's; replaced ones rest.")
    heading: str = Field("", description="The titles above it, ' > ' between them.")
    clause: str = Field("", description="Number of its clause or section, as printed.")
    page: int | None = Field(None, ge=1)
    last_page: int | None = Field(None, ge=1)
    start: int = Field(0, ge=0, description="Offset into the document's text, in characters.")
    end: int = Field(0, ge=0)
    tokens: int = Field(0, ge=0, description="Length in student tokens.")
    language: str = Field("", description="Language code; empty where too little text tells.")
