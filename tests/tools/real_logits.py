"""Logits of the reference models by transformers, in f32, on the numbers that their GGUF files hold.

transformers itself takes the weights out of the file (`gguf_file=`): what is compared later has
nothing of ours in it, not even the names of tensors. Quantized blocks become the f32 numbers that
they stand for, and no activation is rounded.
"""

import json
from pathlib import Path

import torch
import transformers

#: fixture → (file, extra config). What a GGUF doesn't say and transformers would guess is given.
MODELS = {
    "smollm2": "smollm2-135m-instruct-q4_1.gguf",
    "qwen2.5-coder": "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    "gemma-3-270m": "gemma-3-270m-q4_k_m.gguf",
}
PROSE = (
    "The price of a token is the price of a machine's hour, divided by the tokens of that hour. "
    "A machine that answers one person at a time reads all of its weights for each word; one that "
    "answers sixty-four reads them once for sixty-four words. "
)
CODE = "fn main() {\n    let mut total = 0u64;\n    for n in 1..=10 {\n        total += n * n;\n    }\n"
#: Prompts by name, with the number of tokens that they are cut to. The longest is longer than
#: Gemma's window of 512.
TEXTS = {"one": (PROSE, 1), "prose": (PROSE, 40), "code": (CODE, 30), "long": (PROSE * 20, 600)}
#: Logits kept at a position: the largest, and some of the others.
TOP, OTHERS = 50, 50
#: Positions kept of a prompt, counted from its end.
POSITIONS = [1, 2, 9, 87]
DECIMALS = 6


@torch.no_grad()
def logits_of(model, ids: list[int]) -> list[dict]:
    """Some positions' logits."""
    found = model(torch.tensor([ids]), use_cache=False).logits[0]
    kept = []
    for back in POSITIONS:
        if back > len(ids):
            continue
        row = found[-back]
        draws = torch.Generator().manual_seed(len(ids) * 1000 + back)
        others = torch.randint(0, len(row), (OTHERS,), generator=draws)
        chosen = torch.cat([row.topk(TOP).indices, others]).tolist()
        kept.append(
            {
                "position": len(ids) - back,
                "ids": chosen,
                "logits": [round(float(row[token]), DECIMALS) for token in chosen],
            }
        )
    return kept


def record_all(models: Path, only: str | None, fixtures: Path) -> None:
    """Writes NAME.logits.json for each."""
    for name, file in MODELS.items():
        if only not in (None, name):
            continue
        load = transformers.AutoModelForCausalLM.from_pretrained
        model = load(
            models, gguf_file=file, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(models, gguf_file=file)
        prompts = []
        for prompt, (text, length) in TEXTS.items():
            ids = tokenizer(text).input_ids[:length]
            prompts.append({"name": prompt, "ids": ids, "positions": logits_of(model, ids)})
        config = model.config.to_dict()
        keys = ("model_type", "rope_parameters", "sliding_window", "layer_types", "rms_norm_eps")
        told = {
            "file": file,
            "transformers": transformers.__version__,
            "torch": torch.__version__.split("+")[0],
            "config": {key: config[key] for key in keys if config.get(key) is not None},
            "prompts": prompts,
        }
        text = json.dumps(told, separators=(",", ":")).replace('{"name"', '\n{"name"')
        (fixtures / f"{name}.logits.json").write_text(text + "\n")
        print(name, told["config"], [len(prompt["ids"]) for prompt in prompts])
