"""A frozen version of the samples."""

from pydantic import Field

from tools.records.record import Record


class Dataset(Record):
    """A frozen, hashed version of the samples. Its files never change."""

    project_id: str
    version: int = Field(ge=1)
    folder: str = Field(description="Relative to the project folder: train.jsonl, dev.jsonl, sealed/test.jsonl.")
    rows: dict[str, int] = Field(description="Rows by split: train, dev, test.")
    sha256: dict[str, str] = Field(description="Hash of each split's file.")
    seed: int
    note: str = Field("", description="What was left out and how rows were kept together, for a person.")
    parent_id: str = Field("", description="The version frozen before it; empty for the first.")
    review: str = Field("", description="How much of it the user had looked at, and what that says of the rest.")
