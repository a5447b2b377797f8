"""The scripted endpoint speaks the protocol that the real clients expect, plain and streaming."""

import pytest
from openai import AuthenticationError, OpenAI, RateLimitError  # noqa: TID253  the client is what is tested

from tests.scripted_openai import Reply, ScriptedOpenAI


def client(server: ScriptedOpenAI, key: str = "sk-test") -> OpenAI:
    return OpenAI(base_url=server.base_url, api_key=key, max_retries=0)


def test_plain_and_streamed_replies_reach_the_real_client() -> None:
    def answer(body: dict[str, object]) -> Reply:
        return Reply("A reply of some length, in pieces.", usage=(7, 3))

    with ScriptedOpenAI(answer) as server, client(server) as asked:
        assert [model.id for model in asked.models.list()] == ["scripted"]
        whole = asked.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        assert whole.choices[0].message.content == "A reply of some length, in pieces."
        assert whole.usage is not None
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (7, 3)
        stream = asked.chat.completions.create(
            model="m", messages=[], stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert text == "A reply of some length, in pieces."
        assert chunks[-1].usage is not None
        assert len(server.requests) == 2


def test_tool_calls_errors_and_a_wrong_key() -> None:
    replies = iter(
        [Reply(tool_calls=[("look", {"x": 1})]), Reply("slow down", status=429, headers={"Retry-After": "0"})]
    )

    with ScriptedOpenAI(lambda body: next(replies)) as server, client(server) as asked:
        message = asked.chat.completions.create(model="m", messages=[]).choices[0].message
        assert message.tool_calls is not None
        assert message.tool_calls[0].function.arguments == '{"x": 1}'  # type: ignore[union-attr]
        with pytest.raises(RateLimitError) as limited:
            asked.chat.completions.create(model="m", messages=[])
        assert limited.value.response.headers["Retry-After"] == "0"
        with client(server, "sk-wrong") as stranger, pytest.raises(AuthenticationError):
            stranger.chat.completions.create(model="m", messages=[])
        assert server.unauthorised == 1
        assert len(server.requests) == 2
