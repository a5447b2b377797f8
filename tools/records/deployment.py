"""A student behind an endpoint."""

from typing import Literal

from pydantic import Field

from tools.records.record import Record

DeploymentState = Literal["starting", "serving", "stopped", "failed"]


class Deployment(Record):
    """A checkpoint behind a vLLM endpoint on loopback."""

    project_id: str
    checkpoint_id: str = Field("", description="Empty serves the base model.")
    mode: Literal["adapter", "merged"] = "adapter"
    state: DeploymentState = "starting"
    host: str = "127.0.0.1"
    port: int = Field(0, ge=0, le=65535)
    model: str = Field("", description="Name to put in a request's `model`.")

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"
