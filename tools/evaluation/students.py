"""Students that answer: one in this process with its adapters switched by name, and one behind a served endpoint."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Literal

from tools.dataset.splits import Row
from tools.errors import RetortError
from tools.evaluation.attention import grouped_attention
from tools.evaluation.candidates import Candidate
from tools.evaluation.generation import greedy
from tools.evaluation.threads import use_fastest_threads
from tools.records import Deployment
from tools.training.chat import TEMPLATE_ARGUMENTS, chat_request, end_token_id, load_tokenizer, prompt_ids
from tools.training.student import has_gpu

BATCH_ROWS = {"cpu": 64, "cuda": 128}  # decoding reads all weights once a token, whatever the rows
SERVED_CONTEXT_TOKENS = 2048  # a served student takes prompts and answers up to this, or its own limit if shorter
SERVED_CONCURRENCY = 16  # the server batches them; more in flight is more tokens a second
REQUEST_TIMEOUT_S = 300.0


def answer_limit(tokenizer: Any, rows: Sequence[Row]) -> int:
    """Tokens that an answer may have: a quarter more than the longest reference, so that a good one fits."""
    longest = max((len(tokenizer(row.answer)["input_ids"]) for row in rows), default=0)
    return longest * 5 // 4 + 16


class LocalStudent:
    """The base model loaded once; each checkpoint is an adapter on it, the base is all adapters switched off."""

    def __init__(self, folder: Path, precision: Literal["bf16", "fp32"] = "bf16", batch_rows: int = 0) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        self.precision = precision
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch_rows = batch_rows or BATCH_ROWS[self.device]
        self.tokenizer = load_tokenizer(folder)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        attention = grouped_attention() if self.device == "cpu" else None  # None: the model's default
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention)
        self.model = model.to(self.device).eval()
        self._adapters: Any = None  # the PeftModel around `model`, once there is an adapter
        self._merged = False  # whether an adapter is summed into the base's weights
        self.end_id = end_token_id(self.tokenizer)
        self.end_ids = _end_ids(self.model, self.tokenizer)

    def device_name(self) -> str:
        import torch

        return str(torch.cuda.get_device_name()) if self.device == "cuda" else "cpu"

    def answer(
        self, rows: Sequence[Row], candidate: Candidate, max_new_tokens: int, earlier: Mapping[str, str] | None = None
    ) -> Iterator[tuple[Row, str]]:
        """Greedy answers to the rows' prompts (the last message is the reference and is not shown), as they end.

        `earlier` are another candidate's answers by row id: they change nothing but the speed.
        """
        self._switch_to(candidate)
        if self.device == "cpu":
            use_fastest_threads()
        pad_id = self.tokenizer.pad_token_id
        found = greedy(
            self.model,
            [prompt_ids(self.tokenizer, row.prompt, row.tools) for row in rows],
            end_ids=self.end_ids,
            pad_id=0 if pad_id is None else pad_id,  # masked, so any id will do
            max_new_tokens=max_new_tokens,
            batch_rows=self.batch_rows,
            earlier=[self._tokens((earlier or {}).get(row.id, "")) for row in rows],
        )
        for count, (index, tokens) in enumerate(found, start=1):
            if self.device == "cpu" and count % self.batch_rows == 0:
                use_fastest_threads()  # other work may have begun or ended since
            yield rows[index], self.tokenizer.decode(tokens, skip_special_tokens=True)

    def _tokens(self, answer: str) -> list[int]:
        """An answer as this student writes it, its end included; no answer has none."""
        if not answer:
            return []
        return [*self.tokenizer(answer, add_special_tokens=False)["input_ids"], self.end_id]

    def _switch_to(self, candidate: Candidate) -> None:
        from peft import PeftModel

        if self._merged:
            self._adapters.unmerge_adapter()
            self._merged = False
        if candidate.adapter is None:
            if self._adapters is not None:
                self._adapters.base_model.disable_adapter_layers()
            return
        if self._adapters is None:
            self._adapters = PeftModel.from_pretrained(self.model, candidate.adapter, adapter_name=candidate.name)
        elif candidate.name not in self._adapters.peft_config:
            self._adapters.load_adapter(candidate.adapter, adapter_name=candidate.name)
        self._adapters.set_adapter(candidate.name)
        self._adapters.base_model.enable_adapter_layers()
        self._adapters.eval()
        if self.precision == "fp32":
            # A fifth faster than adding the update to every product; rounds at 1e-7, in bf16 it would at 1e-2.
            self._adapters.merge_adapter([candidate.name])
            self._merged = True


class ServedStudent:
    """A deployment, asked through the openai client as any user of it would."""

    def __init__(self, deployment: Deployment, tokenizer: Any = None) -> None:
        self.deployment = deployment
        self.tokenizer = tokenizer

    def device_name(self) -> str:
        return "cpu" if not has_gpu() else "GPU"

    def answer(
        self, rows: Sequence[Row], candidate: Candidate, max_new_tokens: int, earlier: Mapping[str, str] | None = None
    ) -> Iterator[tuple[Row, str]]:
        """Answers as they come, whatever was answered `earlier`.

        RetortError when the endpoint does not answer or refuses a request.
        """
        if candidate.name != self.deployment.id:
            raise ValueError(f"{self.deployment.id} was asked to answer as {candidate.name}")
        from openai import DefaultHttpxClient, OpenAI

        # Loopback: a proxy from the environment must not see it, and there is no key.
        with (
            DefaultHttpxClient(trust_env=False) as http,
            OpenAI(base_url=self.deployment.url, api_key="none", http_client=http, timeout=REQUEST_TIMEOUT_S) as client,
            ThreadPoolExecutor(SERVED_CONCURRENCY) as pool,
        ):
            asked = {pool.submit(self._ask, client, row, max_new_tokens): row for row in rows}
            try:
                for done in as_completed(asked):
                    yield asked[done], done.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _ask(self, client: Any, row: Row, max_new_tokens: int) -> str:
        from openai import APIConnectionError, APIStatusError

        try:
            reply = client.chat.completions.create(
                model=self.deployment.model,
                **chat_request(self.tokenizer, row),
                temperature=0,
                max_tokens=self._room(row, max_new_tokens),
                extra_body={"chat_template_kwargs": TEMPLATE_ARGUMENTS},
            )
        except APIConnectionError as error:
            raise RetortError(
                f"The served student at {self.deployment.url} does not answer: {error}.",
                "See whether it still runs with 'status', and deploy again if it does not.",
            ) from error
        except APIStatusError as error:
            raise RetortError(
                f"The served student at {self.deployment.url} refused a request ({error.status_code}): {error.message}",
                "Its log is vllm.log in the deployment's folder.",
            ) from error
        return reply.choices[0].message.content or ""

    def _room(self, row: Row, max_new_tokens: int) -> int:
        """vLLM refuses a request whose prompt and limit together exceed its context."""
        if self.tokenizer is None:
            return max_new_tokens
        room = SERVED_CONTEXT_TOKENS - len(prompt_ids(self.tokenizer, row.prompt, row.tools))
        return max(1, min(max_new_tokens, room))


def _end_ids(model: Any, tokenizer: Any) -> set[int]:
    """Whatever ends an answer: the chat template's end of turn, and the ends that the model itself declares."""
    declared = model.generation_config.eos_token_id
    ends = {end_token_id(tokenizer), tokenizer.eos_token_id, *(declared if isinstance(declared, list) else [declared])}
    return {end for end in ends if end is not None}
