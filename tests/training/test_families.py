"""Packed rows equal samples computed alone on each family that users train, on random trees of prefixes and lengths."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.student.chat import Encoded
from tools.student.decode.generation import greedy
from tools.student.packing import pack
from tools.training.checkpoint import trainable
from tools.training.compute.fast import fast_rows
from tools.training.compute.loss import row_loss
from tools.training.compute.padded import padded_loss
from tools.training.compute.selfcheck import selfcheck

VOCABULARY = 97
SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
WINDOW = 12  # shorter than most samples, so that a window that is ignored changes the loss
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama and smollm2": ("LlamaConfig", {"tie_word_embeddings": True}),
    "qwen2": ("Qwen2Config", {}),
    "qwen2 with a window": (
        "Qwen2Config",
        {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1},
    ),
    "qwen3": ("Qwen3Config", {"head_dim": 16}),
    "mistral": ("MistralConfig", {"sliding_window": WINDOW}),
    "gemma": ("GemmaConfig", {"head_dim": 16}),
    "gemma2": ("Gemma2Config", {"head_dim": 16, "sliding_window": WINDOW, "query_pre_attn_scalar": 16}),
    "gemma3": ("Gemma3TextConfig", {"head_dim": 16, "sliding_window": WINDOW, "query_pre_attn_scalar": 16}),
    "phi3": ("Phi3Config", {"sliding_window": WINDOW}),
    "smollm3": ("SmolLM3Config", {"no_rope_layers": [1, 0]}),
}
_DELTA = {f"linear_{name}": 2 for name in ("num_value_heads", "num_key_heads")}
# Layers that hand on a state would hand it to the next sample of a row: these are trained in padded batches.
STATES: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen3.5": (
        "Qwen3_5TextConfig",
        {
            "head_dim": 16,
            "layer_types": ["linear_attention", "full_attention"],
            **_DELTA,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
        },
    ),
    "lfm2": ("Lfm2Config", {"layer_types": ["conv", "full_attention"]}),
}


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Any:
    # Scores of Gemma 2 are capped, which torch's attention kernel cannot do: transformers' reference is then "eager".
    return made_small(*FAMILIES[request.param], how="eager" if "gemma2" in request.param else "sdpa")


def made_small(name: str, extra: dict[str, Any], how: str = "sdpa") -> Any:
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    config = getattr(transformers, name)(**SMALL, **extra, attn_implementation=how)
    base = transformers.AutoModelForCausalLM.from_config(config)
    made = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    with torch.no_grad():
        for weight in trainable(made).values():
            weight.normal_(std=0.1)
    return made.eval()


tokens = st.integers(3, VOCABULARY - 1)
some = st.lists(tokens, min_size=1, max_size=14)


@st.composite
def trees(draw: st.DrawFn) -> list[Encoded]:
    """Samples under a root prefix, some under a second one below it, of all lengths from two tokens up."""
    root = draw(st.lists(tokens, max_size=20))
    made = []
    for below in draw(st.lists(st.lists(tokens, max_size=16), min_size=1, max_size=3)):
        for own, answer in draw(st.lists(st.tuples(some, some), min_size=1, max_size=5)):
            made.append(Encoded(prompt_ids=(*root, *below, *own), answer_ids=tuple(answer)))
    return made


def gradients(model: Any, losses: list[Any]) -> tuple[float, dict[str, Any]]:
    model.zero_grad(set_to_none=True)
    for loss in losses:
        loss.backward()
    found = {name: weight.grad.clone() for name, weight in trainable(model).items()}
    return float(sum(loss.detach() for loss in losses)), found


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(samples=trees(), row_tokens=st.sampled_from([48, 160, 1000]))
def test_loss_and_every_gradient_equal_those_of_each_sample_alone(
    model: Any, samples: list[Encoded], row_tokens: int
) -> None:
    """Beside each sample alone in float64: two roundings of float32 differ by more than either from the truth."""
    exact = copy.deepcopy(model).double()
    with fast_rows(model):
        packed, own = gradients(model, [row_loss(model, row) for row in pack(samples, row_tokens)])
    alone, reference = gradients(exact, [padded_loss(exact, [sample]) for sample in samples])
    assert packed == pytest.approx(alone, rel=1e-6)
    rounding = 1e-7 * sum(wanted.norm() ** 2 for wanted in reference.values()) ** 0.5  # float32 on the whole gradient
    for name, wanted in reference.items():
        assert (own[name] - wanted).norm() <= 1e-5 * wanted.norm() + rounding, name
        cosine = (own[name] * wanted).sum() / (own[name].norm() * wanted.norm()).clamp_min(1e-12)
        assert cosine >= 0.999999 or wanted.norm() < 100 * rounding, name


def test_a_change_in_one_branch_leaves_its_siblings_bitwise_alone(model: Any) -> None:
    import torch

    prompts = [(5, 6, 7, 8, *range(9, 9 + length)) for length in (12, 9, 6)]
    samples = [Encoded(prompt_ids=prompt, answer_ids=(20, 21)) for prompt in prompts]
    changed = [*samples[:1], Encoded(prompt_ids=(*prompts[1][:-1], 60), answer_ids=(61, 62)), *samples[2:]]
    states = []
    for members in (samples, changed):
        (row,) = pack(members, 500)
        with fast_rows(model), torch.inference_mode():
            states.append(hidden_states(model, row))
    first, second = states
    start = row.groups[0].prefix
    ends = [start]
    for length in row.groups[0].branches:
        ends.append(ends[-1] + length)
    assert not torch.equal(first[ends[1] : ends[2]], second[ends[1] : ends[2]])
    assert torch.equal(first[: ends[1]], second[: ends[1]])
    assert torch.equal(first[ends[2] :], second[ends[2] :])


def hidden_states(model: Any, row: Any) -> Any:
    import torch

    from tools.training.compute.attention import Layout

    return (
        model.get_base_model()
        .get_decoder()(
            input_ids=torch.tensor([row.input_ids]),
            position_ids=torch.tensor([row.positions]),
            use_cache=False,
            row_layout=Layout(row.groups, model.device),
        )
        .last_hidden_state[0]
    )


@pytest.mark.parametrize("family", STATES)
def test_a_student_with_states_is_trained_in_padded_batches_and_told_so(family: str) -> None:
    model = made_small(*STATES[family])
    samples = [
        Encoded(prompt_ids=(5, 6, 7, *range(9, 9 + length)), answer_ids=(20, 21, 22)[: 1 + length % 3])
        for length in (2, 9, 4, 17)
    ]
    checked = selfcheck(model, samples, 4, "fp32")  # rows so short that each holds one sample
    assert not checked.exact
    assert "cannot be packed (its layers hand on a state" in checked.sentence
    with fast_rows(model):
        packed, _ = gradients(model, [row_loss(model, row) for row in pack(samples, 500)])
    padded, own = gradients(model, [padded_loss(model, samples)])
    alone, reference = gradients(model, [padded_loss(model, [sample]) for sample in samples])
    assert packed != pytest.approx(alone, rel=1e-5)  # what the word is for
    assert padded == pytest.approx(alone, rel=1e-5)
    assert all((own[name] - wanted).norm() <= 1e-4 * wanted.norm() + 1e-6 for name, wanted in reference.items())


@pytest.mark.parametrize("family", STATES)
def test_a_student_with_states_answers_in_a_batch_as_alone(family: str) -> None:
    import torch

    model = made_small(*STATES[family]).merge_and_unload()
    prompts = [[5, 6, 7, *range(9, 9 + length)] for length in (2, 9, 30, 1, 14)]

    def alone(prompt: list[int]) -> list[int]:
        said: list[int] = []
        for _ in range(6):
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([prompt + said]), use_cache=False).logits
            said.append(int(logits[0, -1].argmax()))
        return said

    free = {at: alone(prompt) for at, prompt in enumerate(prompts)}
    end = free[2][2]  # rows end at different times, and the states of the others go on
    wanted = {at: said[: said.index(end)] if end in said else said for at, said in free.items()}
    assert len({len(said) for said in wanted.values()}) > 1
    assert dict(greedy(model, prompts, end_ids={end}, pad_id=0, max_new_tokens=6, batch_rows=3)) == wanted
