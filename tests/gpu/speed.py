"""Part 2: tokens and samples a second, memory and share of the matrix rate, beside the exact ways others have."""

import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from statistics import median
from typing import Any

from tests.gpu.shapes import LAYOUTS, Size, base, clear, peak_gb, plan, samples, student
from tests.gpu.work import flops, linear_weights, matrix_rate
from tools.student.chat import Encoded
from tools.student.packing import pack
from tools.training.compute.choosing import best_seconds
from tools.training.compute.learner import GRADIENT_CLIP, Engine

Tell = Callable[..., None]
SHAPE, ROW_TOKENS, STEPS = "Qwen3-0.6B", 8192, 3


def run(size: Size, tell: Tell) -> None:
    rate = matrix_rate(size)
    tell("matrix rate", tflops=rate / 1e12)
    for name in ("130 own, none shared", *(other for other in LAYOUTS if other != "130 own, none shared")):
        shared, own, batch = size.layout(name)
        vocabulary = 320 if size.tiny else 151_936
        drawn = samples(shared, own, batch, vocabulary)
        _ours(name, drawn, size, tell, rate)
        _padded(name, drawn, size, tell)
        _flattened(name, drawn, size, tell)
        _trl(name, drawn, size, tell)


def _told(
    tell: Tell, name: str, drawn: Sequence[Encoded], *, tokens: int, seconds: Sequence[float], **more: Any
) -> None:
    middle = median(seconds)
    tell(
        name,
        samples_per_s=len(drawn) / middle,
        tokens_per_s=tokens / middle,
        tokens=tokens,
        step_s=middle,
        steps_s=list(seconds),
        peak_gb=peak_gb(),
        **more,
    )
    clear()


def _ours(name: str, drawn: Sequence[Encoded], size: Size, tell: Tell, rate: float) -> None:
    """The training job's own step, rows made ahead; the median of some after two that warm up."""
    clear()
    chosen = plan(ROW_TOKENS, len(drawn))
    engine = Engine(None, chosen, student(SHAPE, size, chosen))
    engine.pack_rows()
    rows = pack(drawn, ROW_TOKENS)
    for _ in range(2):
        engine.step(drawn, 1e-4, drawn)
    seconds = [best_seconds(lambda: engine.step(drawn, 1e-4, drawn), size.device, repeats=1) for _ in range(STEPS)]
    work = flops(engine.model.config, rows, linear_weights(engine.model))
    ways = sorted({engine.way(row) for row in rows})
    engine.end()
    tokens = sum(row.tokens for row in rows)
    share = work / median(seconds) / rate
    _told(tell, f"{name}: Retort", drawn, tokens=tokens, seconds=seconds, share_of_matrix_rate=share, attention=ways)


def _padded(name: str, drawn: Sequence[Encoded], size: Size, tell: Tell) -> None:
    """transformers and peft by themselves: one padded batch, the loss on answers only."""
    from tools.training.compute.padded import padded_loss

    model = student(SHAPE, size, plan(ROW_TOKENS, len(drawn)))
    tokens = len(drawn) * max(sample.tokens for sample in drawn)
    try:
        seconds = _steps(model, lambda: padded_loss(model, drawn), size)
    except RuntimeError as error:  # out of memory
        tell(f"{name}: transformers, padded", failed=str(error).splitlines()[0][:200])
        return
    _told(tell, f"{name}: transformers, padded", drawn, tokens=tokens, seconds=seconds)


def _flattened(name: str, drawn: Sequence[Encoded], size: Size, tell: Tell) -> None:
    """Samples one after the other in a row, a dense block mask between them: exact packing without FlashAttention."""
    import torch
    from torch.nn.functional import cross_entropy

    model = student(SHAPE, size, plan(ROW_TOKENS, len(drawn)))
    device, tokens = size.device, sum(sample.tokens for sample in drawn)
    ids = torch.cat([torch.tensor([*sample.prompt_ids, *sample.answer_ids], device=device) for sample in drawn])[None]
    places = torch.cat([torch.arange(sample.tokens, device=device) for sample in drawn])[None]
    owner = torch.repeat_interleave(
        torch.arange(len(drawn), device=device), torch.tensor([s.tokens for s in drawn], device=device)
    )
    seen = (owner[:, None] == owner[None]).tril()
    mask = torch.zeros(1, 1, tokens, tokens, dtype=model.dtype, device=device)
    mask.masked_fill_(~seen, torch.finfo(model.dtype).min)
    answers = torch.cat([torch.tensor([False] * len(s.prompt_ids) + [True] * len(s.answer_ids)) for s in drawn]).to(
        device
    )
    at = answers.nonzero()[:, 0]

    def loss() -> Any:
        logits = model(input_ids=ids, position_ids=places, attention_mask=mask, use_cache=False).logits[0]
        return cross_entropy(logits[at - 1].float(), ids[0, at], reduction="sum")

    try:
        seconds = _steps(model, loss, size)
    except RuntimeError as error:
        tell(f"{name}: transformers, flattened with a block mask", failed=str(error).splitlines()[0][:200])
        return
    _told(tell, f"{name}: transformers, flattened with a block mask", drawn, tokens=tokens, seconds=seconds)


def _steps(model: Any, loss: Callable[[], Any], size: Size) -> list[float]:
    import torch

    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-4, weight_decay=0.0, fused=True)
    clear()

    def step() -> None:
        loss().backward()
        torch.nn.utils.clip_grad_norm_(weights, GRADIENT_CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()
    return [best_seconds(step, size.device, repeats=1) for _ in range(STEPS)]


def _trl(name: str, drawn: Sequence[Encoded], size: Size, tell: Tell) -> None:
    """TRL's SFTTrainer on the same samples: padded, and packed too where FlashAttention is."""
    if find_spec("trl") is None or find_spec("datasets") is None:
        tell(f"{name}: TRL", not_to_be_had="trl or datasets is not here; `python -m tests.gpu.collect` brings them")
        return
    for packed in (False, True) if find_spec("flash_attn") else (False,):
        who = "TRL, packed" if packed else "TRL, padded"
        try:
            seconds = trl_seconds(drawn, size, packed)
        except (
            RuntimeError,
            ValueError,
            TypeError,
            ImportError,
            OSError,
        ) as error:  # of versions that do not go together
            tell(f"{name}: {who}", failed=f"{type(error).__name__}: {str(error)[:300]}")
            continue
        longest = max(sample.tokens for sample in drawn)
        tokens = sum(sample.tokens for sample in drawn) if packed else len(drawn) * longest
        _told(tell, f"{name}: {who}", drawn, tokens=tokens, seconds=seconds)


def trl_seconds(drawn: Sequence[Encoded], size: Size, packed: bool) -> list[float]:
    """Seconds of each optimizer step after the first two: all samples in one padded batch."""
    import time

    from datasets import Dataset
    from peft import LoraConfig
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Clock(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
        def __init__(self) -> None:
            self.times: list[float] = []

        def on_step_begin(self, *_arguments: Any, **_options: Any) -> None:
            self.began = _now(size)

        def on_step_end(self, *_arguments: Any, **_options: Any) -> None:
            self.times.append(_now(size) - self.began)

    def _now(size: Size) -> float:
        import torch

        if not size.tiny:
            torch.cuda.synchronize()
        return time.perf_counter()

    core = Tokenizer(models.BPE(vocab={"<pad>": 0, "<s>": 1, "</s>": 2}, merges=[]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    steps = STEPS + 2
    rows = {
        "input_ids": [[*sample.prompt_ids, *sample.answer_ids] for sample in drawn] * steps,
        "completion_mask": [[0] * len(s.prompt_ids) + [1] * len(s.answer_ids) for s in drawn] * steps,
    }
    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        trainer = SFTTrainer(
            model=base(SHAPE, size),
            args=SFTConfig(
                output_dir=output,
                max_steps=steps,
                per_device_train_batch_size=len(drawn),
                learning_rate=1e-4,
                lr_scheduler_type="constant",
                weight_decay=0.0,
                max_grad_norm=GRADIENT_CLIP,
                bf16=False,
                gradient_checkpointing=False,
                completion_only_loss=True,
                max_length=None,
                packing=packed,
                shuffle_dataset=False,
                train_sampling_strategy="sequential",
                use_cpu=size.tiny,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict(rows),
            processing_class=tokenizer,
            peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
            callbacks=[clock],
        )
        clear()
        trainer.train()
    return clock.times[2:]
