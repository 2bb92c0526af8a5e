#!/usr/bin/env python3
"""Record what Hugging Face's transformers computes, for tests to hold the engine to.

    pip install -r requirements.txt
    record_transformers.py [--only NAME]              tiny random models of every family
    record_transformers.py --real DIR [--only NAME]   the reference models, weights out of GGUF

Tiny models go to tests/fixtures/families/NAME: a folder as on the hub, and
`expected.safetensors` with the prompts' ids and the logits of all their positions.
Of the real models, tests/fixtures/families/NAME.logits.json has logits at some positions.

Invariant: what is recorded can tell a right forward pass from a wrong one. Weights are scaled
so that logits spread over several units, and every feature that sets a family apart is left
out once: if the logits stay, the recording stops (`ablate`). The same where a router's choice
is a near tie, which no two programs need to decide alike.

All in f32, with eager attention, each prompt alone. The weights are drawn from seeds, so that a
second recording gives the same files.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import torch
import transformers
import vocabularies
from families import BIAS, EMBEDDING, FAMILIES, GEMMA_NORM, MATRIX, NORM, ROUTER, Family, tensors
from safetensors.torch import save_file

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "families"
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
#: Prompts: one token, a few, and more than any window here.
LENGTHS = [1, 7, 45]
#: Leaving a feature out must change some logit by this share of the largest.
VISIBLE = 0.02
#: Between the last expert chosen and the first that isn't.
ROUTER_MARGIN_MIN = 2e-3


def generator(*about: str) -> torch.Generator:
    """Numbers that depend on what they are for alone."""
    seed = hashlib.sha256("/".join(about).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(seed[:7], "big"))


def draw(family: Family, name: str, shape: list[int], kind: int) -> torch.Tensor:
    """A tensor's numbers, as they will be stored.

    Scores of queries and keys spread over several units, so that attention chooses; each part of
    a layer adds about as much to the stream as is in it, so that the last layers count.
    """
    normal = torch.randn(shape, generator=generator(family.name, name), dtype=torch.float64)
    if kind in (MATRIX, ROUTER):
        gain = {"q_proj": 1.6, "k_proj": 1.6, "qkv_proj": 1.4, "o_proj": 2.0, "down_proj": 3.0}
        gain |= {"w2": 3.0, "lm_head": family.head, "gate": 2.0}
        scale = gain.get(name.split(".")[-2], 1.0) / shape[1] ** 0.5
    elif kind == EMBEDDING:
        scale = family.embedding
    elif kind == BIAS:
        scale = 0.7
    else:
        scale = 0.3
    values = normal * scale
    if kind == NORM:
        values = values + 1
    tied = family.config["tie_word_embeddings"]
    if tied and name == "model.norm.weight":
        # The table has the embedding's scale, so the spread of logits is set here.
        width = family.config["hidden_size"]
        target = 3.0 / (family.embedding * width**0.5)
        values = values + target - 1 if kind == GEMMA_NORM else values * target
    return values.to(DTYPES[family.dtype])


def write(family: Family, folder: Path) -> None:
    """A folder as on the hub."""
    config = dict(family.config)
    config["torch_dtype"] = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[family.dtype]
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    weights = {
        name: draw(family, name, shape, kind)
        for name, (shape, kind) in tensors(family.config).items()
    }
    if family.shards == 1:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return
    files: list[dict[str, torch.Tensor]] = [{} for _ in range(family.shards)]
    for place, (name, tensor) in enumerate(weights.items()):
        files[place * family.shards // len(weights)][name] = tensor
    index = {}
    for number, part in enumerate(files, 1):
        file = f"model-{number:05}-of-{family.shards:05}.safetensors"
        save_file(part, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(part, file)
    bytes_total = sum(tensor.nbytes for tensor in weights.values())
    text = {"metadata": {"total_size": bytes_total}, "weight_map": index}
    (folder / "model.safetensors.index.json").write_text(json.dumps(text, indent=1) + "\n")


def load(folder: Path, changes: dict | None = None, dtype: torch.dtype = torch.float32):
    """The model in a folder, all its tensors found and none left over."""
    text = json.loads((folder / "config.json").read_text()) | (changes or {})
    with tempfile.TemporaryDirectory() as elsewhere:
        for file in folder.glob("model*"):
            shutil.copy(file, elsewhere)
        (Path(elsewhere) / "config.json").write_text(json.dumps(text))
        model, told = transformers.AutoModelForCausalLM.from_pretrained(
            elsewhere, dtype=dtype, attn_implementation="eager", experts_implementation="eager",
            output_loading_info=True
        )
    if any(told.values()):
        raise SystemExit(f"{folder.name}: {told}")
    return model.eval()


@torch.no_grad()
def run(model, prompts: list[torch.Tensor]) -> list[torch.Tensor]:
    """The logits of all positions of each prompt."""
    return [model(ids[None], use_cache=False).logits[0] for ids in prompts]


def worst(left: list[torch.Tensor], right: list[torch.Tensor]) -> float:
    """The largest difference, as a share of the largest logit."""
    most = max(float(one.abs().max()) for one in left)
    apart = zip(left, right, strict=True)
    return max(float((one.double() - other.double()).abs().max()) for one, other in apart) / most


@torch.no_grad()
def router_margin(model, prompts: list[torch.Tensor], used: int) -> float:
    """The narrowest choice of experts."""
    margin = float("inf")
    for ids in prompts:
        for logits in model(ids[None], use_cache=False, output_router_logits=True).router_logits:
            ordered = logits.sort(dim=-1, descending=True).values
            margin = min(margin, float((ordered[:, used - 1] - ordered[:, used]).min()))
    return margin


def record(family: Family, folder: Path) -> dict:
    """Writes a tiny model and its logits; returns what was seen on the way."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.safetensors"):
        old.unlink()
    write(family, folder)
    draws = generator(family.name, "prompts")
    prompts = [
        torch.randint(3, family.config["vocab_size"], (length,), generator=draws)
        for length in LENGTHS
    ]
    model = load(folder)
    logits = run(model, prompts)
    everything = torch.cat(logits)
    seen: dict = {
        "logits_std": round(float(everything.std()), 2),
        "logits_max": round(float(everything.abs().max()), 2),
        "f32_from_f64": float(f"{worst(logits, run(load(folder, dtype=torch.float64), prompts)):.1e}"),
        "ablations": {},
    }
    for name, changes in family.ablations.items():
        share = worst(logits, run(load(folder, changes), prompts))
        seen["ablations"][name] = round(share, 3)
        if share < VISIBLE:
            raise SystemExit(f"{family.name}: without `{name}` the logits differ by {share:.4f} only")
    used = family.config.get("num_experts_per_tok")
    if used is not None:
        seen["router_margin"] = round(router_margin(model, prompts, used), 5)
        if seen["router_margin"] < ROUTER_MARGIN_MIN:
            raise SystemExit(f"{family.name}: a choice of experts by {seen['router_margin']}")
    if seen["logits_std"] < 2:
        raise SystemExit(f"{family.name}: logits spread over {seen['logits_std']} only")
    expected = {}
    for ids, found in zip(prompts, logits, strict=True):
        expected[f"ids.{len(ids)}"] = ids.to(torch.int32)
        expected[f"logits.{len(ids)}"] = found.contiguous()
    save_file(expected, folder / "expected.safetensors")
    if family.vocabulary:
        vocabularies.record(family.vocabulary, family.config["vocab_size"], folder)
    return seen


def main() -> None:
    """What the module says."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", help="one family or model")
    arguments.add_argument("--real", type=Path, metavar="DIR", help="the folder of the GGUF files")
    chosen = arguments.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if chosen.real:
        import real_logits

        real_logits.record_all(chosen.real, chosen.only, FIXTURES)
        return
    about = FIXTURES / "recorded.json"
    told = json.loads(about.read_text()) if about.exists() else {}
    told |= {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
    for family in FAMILIES:
        if chosen.only in (None, family.name):
            told.setdefault("families", {})[family.name] = record(family, FIXTURES / family.name)
            print(family.name, told["families"][family.name])
    about.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
