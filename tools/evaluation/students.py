"""Students that answer: one in this process with its adapters switched by name, and one behind a served endpoint."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Literal

from tools.dataset.splits import Row
from tools.errors import RetortError
from tools.evaluation.candidates import Candidate
from tools.machine import free_bytes
from tools.records import Deployment
from tools.student.chat import (
    chat_request,
    end_token_ids,
    load_tokenizer,
    prompt_ids,
    template_arguments,
    text_ids,
)
from tools.student.decode.cache import ROOM_TOKENS
from tools.student.decode.cpu import grouped_attention, use_fastest_threads
from tools.student.decode.generation import greedy
from tools.student.reference import has_gpu

MOST_ROWS = 128  # answered at once; decoding reads all weights once a token, whatever the rows
CACHE_SHARE = 0.25  # of the free memory, for keys and values of a batch
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
        self.batch_rows = batch_rows  # 0: as many as there is memory for
        self.tokenizer = load_tokenizer(folder)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        attention = grouped_attention() if self.device == "cpu" else None  # None: the model's default
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention)
        self.model = model.to(self.device).eval()
        self._adapters: Any = None  # the PeftModel around `model`, once there is an adapter
        self._slot = ""  # the adapter's name in `_adapters`, whose weights are exchanged
        self._loaded = ""  # the candidate whose weights it holds
        self._as_they_were: list[tuple[Any, Any]] = []  # weights that an adapter is summed into, and their own values
        self.end_ids = end_token_ids(self.tokenizer, folder)

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
        prompts = [prompt_ids(self.tokenizer, row.prompt, row.tools, thinks=candidate.thinks) for row in rows]
        batch_rows = self.batch_rows or self._room(max(map(len, prompts), default=0) + max_new_tokens)
        pad_id = self.tokenizer.pad_token_id
        found = greedy(
            self.model,
            prompts,
            end_ids=self.end_ids,
            pad_id=0 if pad_id is None else pad_id,  # masked, so any id will do
            max_new_tokens=max_new_tokens,
            batch_rows=batch_rows,
            earlier=[self._tokens((earlier or {}).get(row.id, "")) for row in rows],
        )
        for count, (index, tokens) in enumerate(found, start=1):
            if self.device == "cpu" and count % batch_rows == 0:
                use_fastest_threads()  # other work may have begun or ended since
            yield rows[index], self.tokenizer.decode(tokens, skip_special_tokens=True)

    def _room(self, tokens: int) -> int:
        """Rows of so many tokens whose keys and values have room at once."""
        import torch

        config = self.model.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        row_bytes = 2 * config.num_hidden_layers * heads * dim * self.model.dtype.itemsize * (tokens + ROOM_TOKENS)
        free = torch.cuda.mem_get_info()[0] if self.device == "cuda" else free_bytes()
        return max(1, min(MOST_ROWS, int(CACHE_SHARE * free / row_bytes)))

    def _tokens(self, answer: str) -> list[int]:
        """An answer as this student writes it, its end included; no answer has none."""
        if not answer:
            return []
        return [*text_ids(self.tokenizer, answer), self.end_ids[0]]

    def _switch_to(self, candidate: Candidate) -> None:
        for weight, values in self._as_they_were:
            weight.data = values
        self._as_they_were.clear()
        if candidate.adapter is None:
            if self._adapters is not None:
                self._adapters.base_model.disable_adapter_layers()
            return
        if candidate.name != self._loaded:
            self._load(candidate.name, candidate.adapter)
        self._adapters.set_adapter(self._slot)
        self._adapters.base_model.enable_adapter_layers()
        self._adapters.eval()
        if self.device == "cpu" or self.precision == "fp32":
            self._sum_up()

    def _sum_up(self) -> None:
        """Put the adapter into the base's weights: a fifth faster than adding it to every product.

        Summed in float32 and rounded once, as it is merged for a CPU's server: what is scored is what is served.
        """
        from peft.tuners.lora import LoraLayer

        modules = [one for one in self._adapters.modules() if isinstance(one, LoraLayer) and self._slot in one.scaling]
        if any(one.lora_variant.get(self._slot) for one in modules):  # DoRA is more than a sum
            return
        for module in modules:
            weight = module.get_base_layer().weight
            self._as_they_were.append((weight, weight.data))
            summed = weight.data.float() + module.get_delta_weight(self._slot).float()
            weight.data = summed.to(weight.dtype)
        self._adapters.base_model.disable_adapter_layers()

    def _load(self, name: str, adapter: Path) -> None:
        """Put a candidate's weights where the last one's were: checkpoints of a run have the same layers."""
        from peft import PeftModel
        from peft.utils.hotswap import hotswap_adapter

        if self._adapters is None:
            self._slot = "slot-0"
            self._adapters = PeftModel.from_pretrained(self.model, adapter, adapter_name=self._slot)
        else:
            try:
                hotswap_adapter(self._adapters, str(adapter), self._slot, torch_device=self.device)
            except (ValueError, RuntimeError, NotImplementedError):  # of another run: other layers, another method
                self._slot = f"slot-{len(self._adapters.peft_config)}"
                self._adapters.load_adapter(adapter, adapter_name=self._slot)
        self._loaded = name


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
            asked = {pool.submit(self._ask, client, row, candidate, max_new_tokens): row for row in rows}
            try:
                for done in as_completed(asked):
                    yield asked[done], done.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _ask(self, client: Any, row: Row, candidate: Candidate, max_new_tokens: int) -> str:
        from openai import APIConnectionError, APIStatusError

        try:
            reply = client.chat.completions.create(
                model=self.deployment.model,
                **chat_request(self.tokenizer, row),
                temperature=0,
                max_tokens=self._room(row, max_new_tokens),
                extra_body={"chat_template_kwargs": template_arguments(candidate.thinks)},
            )
        except APIConnectionError as error:
            raise RetortError(
                f"The served student at {self.deployment.url} does not answer: {error}.",
                "Say 'status' to see whether it is still running, and deploy again if it is not.",
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
