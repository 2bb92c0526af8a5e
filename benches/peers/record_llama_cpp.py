#!/usr/bin/env python3
"""Record what llama.cpp says about the reference models, for tests to hold us to.

    record_llama_cpp.py --models DIR [--only NAME] [--what KIND] [--check]

Writes <model>.{tokenizer,chat,greedy,exact,oracle,oracle-exact}.json. With --check it
writes nothing and fails if what it records differs from what is there by more than the
date.

Invariant: what is in a fixture is what llama.cpp said, and `provenance` says which
llama.cpp, how set up. The checks that hold single positions are in `teacher`.
"""

import argparse
import datetime
import json
import sys
import tempfile
from pathlib import Path

import gguf
import jinja2
import jinja2.ext
import jinja2.sandbox
import texts
from dequantize import dequantize
from llama_server import LlamaCpp, PeerError, build, say
from models import MODELS, Model, sha256_of
from teacher import LONG, SHORT, Shape, second_opinion, teach

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "peers"
CONTEXT_TOKENS = 2048


def teacher_record(llama: LlamaCpp, prompts: list[dict], opinions: dict) -> dict:
    return {
        "tokenizer_flags": {"add_special": True, "parse_special": True},
        "adds_bos": adds_bos(llama),
        "logprobs": "natural, over raw logits, before sampling",
        "second_opinions": opinions,
        "prompts": prompts,
    }


def record_greedy(model: Model, path: Path, llama: LlamaCpp) -> dict:
    """llama.cpp as people run it: quantized products, f16 cache, flash attention."""
    return as_stored(model, path, llama, SHORT, ["without_flash_attention"])


def record_oracle(model: Model, path: Path, llama: LlamaCpp) -> dict:
    """The same after more prompts and for longer, against more of llama.cpp's own variants."""
    return as_stored(model, path, llama, LONG, list(OTHER_SETUPS))


# What changes llama.cpp's arithmetic and not what it computes.
OTHER_SETUPS: dict[str, dict] = {
    "without_flash_attention": {"flash_attention": False},
    "f32_cache_without_flash_attention": {"flash_attention": False, "kv_cache": "f32"},
    "weights_not_repacked": {"repack": False},
    "prompt_in_batches_of_8": {"batch_tokens": 8},
}


def as_stored(model: Model, path: Path, llama: LlamaCpp, shape: Shape, variants: list[str]) -> dict:
    prompts = teach(model, llama, llama, shape)
    opinions = {}
    for variant in variants:
        say(f"  again: {variant}")
        with other_setup(path, llama, **OTHER_SETUPS[variant]) as other:
            opinions[variant] = second_opinion(other, prompts, shape)
    return teacher_record(llama, prompts, opinions)


def record_exact(model: Model, path: Path, llama: LlamaCpp) -> dict:
    """llama.cpp with the weights widened to f32, so with no rounding of activations.

    Quantized products round activations to 8 bits, and a difference in the last bit
    before a rounding grows layer by layer: two right programs then differ by a tenth
    of a logit. Without the rounding they agree to a hundredth, so a program that runs
    on widened weights can be held to this record sharply, and a quantized one to be
    no farther from it than llama.cpp's own quantized arithmetic is.
    """
    return widened(model, path, llama, SHORT)


def record_oracle_exact(model: Model, path: Path, llama: LlamaCpp) -> dict:
    return widened(model, path, llama, LONG)


def widened(model: Model, path: Path, llama: LlamaCpp, shape: Shape) -> dict:
    with tempfile.TemporaryDirectory(prefix="mtok-peers-") as scratch:
        file = Path(scratch) / "f32.gguf"
        dequantize(path, file)
        with other_setup(file, llama, flash_attention=False, kv_cache="f32") as teacher:
            prompts = teach(model, llama, teacher, shape)
            settings = teacher.settings
        opinions = {}
        say("  again with an f16 cache and flash attention")
        with other_setup(file, llama) as other:
            opinions["f16_cache_and_flash_attention"] = second_opinion(other, prompts, shape)
    say("  again with quantized products")
    opinions["quantized_products"] = second_opinion(llama, prompts, shape)
    return {"weights": "dequantized to f32", "teacher_settings": settings} | teacher_record(
        llama, prompts, opinions
    )


def other_setup(path: Path, llama: LlamaCpp, **changes: object) -> LlamaCpp:
    return LlamaCpp(
        path, threads=llama.settings["threads"], context_tokens=CONTEXT_TOKENS, **changes
    )


def adds_bos(llama: LlamaCpp) -> list[int]:
    """What llama.cpp puts in front of a prompt of this model; may be nothing."""
    return llama.tokenize("", add_special=True)


def record_tokenizer(model: Model, path: Path, llama: LlamaCpp) -> dict:
    def encode(strings: list[str], *, add_special: bool, parse_special: bool) -> dict:
        cases = []
        for text in strings:
            ids = llama.tokenize(text, add_special=add_special, parse_special=parse_special)
            cases.append({"text": text, "ids": ids, "detokenized": llama.detokenize(ids)})
        return {"add_special": add_special, "parse_special": parse_special, "cases": cases}

    return {
        "detokenized_shows_special": True,
        "plain": encode(texts.AWKWARD, add_special=False, parse_special=True),
        "with_special": encode(texts.WITH_SPECIAL, add_special=True, parse_special=True),
        "literal": encode(texts.LITERAL_SPECIAL, add_special=False, parse_special=False),
    }


def reference_environment() -> jinja2.Environment:
    """The environment in which Hugging Face's transformers renders chat templates."""

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    def tojson(value: object, indent: int | None = None) -> str:
        return json.dumps(value, ensure_ascii=False, indent=indent)

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    return environment


def record_chat(model: Model, path: Path, llama: LlamaCpp) -> dict:
    properties = llama.get("/props")
    # Out of the file: the server's own copy has lost its last newline.
    source = gguf.GGUFReader(path).get_field(gguf.Keys.Tokenizer.CHAT_TEMPLATE).contents()
    template = reference_environment().from_string(source)
    special = {key: properties[key] for key in ("bos_token", "eos_token")}
    cases = []
    for name, messages in texts.CHATS:
        for generate in (True, False):
            by_llama = llama.render(messages, add_generation_prompt=generate)
            by_jinja = template.render(
                messages=messages, add_generation_prompt=generate, tools=None, **special
            )
            if by_llama != by_jinja:
                say(f"  {name}, add_generation_prompt={generate}: llama.cpp deviates from jinja2")
            cases.append(
                {
                    "name": name,
                    "messages": messages,
                    "add_generation_prompt": generate,
                    "llama_cpp": by_llama,
                    "jinja2": by_jinja,
                    "ids": llama.tokenize(by_llama, add_special=True),
                }
            )
    return {
        "jinja2_version": jinja2.__version__,
        "special": special,
        "template": source,
        "cases": cases,
    }


RECORDERS = {
    "tokenizer": record_tokenizer,
    "chat": record_chat,
    "greedy": record_greedy,
    "exact": record_exact,
    "oracle": record_oracle,
    "oracle-exact": record_oracle_exact,
}


def dump(record: dict) -> str:
    """Compact JSON with one case per line, so that a change reads as one in a diff."""

    def compact(value: object) -> str:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))

    def is_cases(value: object) -> bool:
        return isinstance(value, list) and bool(value) and isinstance(value[0], dict)

    def write(value: object) -> str:
        if is_cases(value):
            return "[\n" + ",\n".join(compact(item) for item in value) + "\n]"
        if isinstance(value, dict) and any(is_cases(item) for item in value.values()):
            fields = (f"{compact(key)}:{write(item)}" for key, item in value.items())
            return "{" + ",\n".join(fields) + "}"
        return compact(value)

    fields = (f"{compact(key)}:{write(value)}" for key, value in record.items())
    return "{\n" + ",\n".join(fields) + "\n}\n"


def without_date(text: str) -> dict:
    record = json.loads(text)
    record["provenance"].pop("date")
    return record


def keep(target: Path, text: str, *, check: bool) -> bool:
    """Write the fixture, or compare it with the one there; whether all is well."""
    if not check:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        say(f"  wrote {target.name}, {len(text)} bytes")
        return True
    same = target.is_file() and without_date(target.read_text()) == without_date(text)
    say(f"  {target.name}: {'the same' if same else 'DIFFERS'}")
    return same


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", type=Path, required=True, help="folder with the GGUF files")
    parser.add_argument("--only", choices=[model.name for model in MODELS], help="one model")
    parser.add_argument("--what", choices=list(RECORDERS), help="one kind of fixture")
    parser.add_argument("--out", type=Path, default=FIXTURES, help="folder of the fixtures")
    # One thread: the order of additions then does not depend on the machine's cores.
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    return parser.parse_args()


def record_model(model: Model, chosen: argparse.Namespace) -> bool:
    path = chosen.models / model.file
    say(f"{model.name}: {path}")
    sha256 = sha256_of(path)
    if sha256 != model.sha256:
        raise PeerError(f"`{path}` has sha256 `{sha256}`, expected `{model.sha256}`")
    kinds = [kind for kind in RECORDERS if chosen.what in (None, kind)]
    if not model.has_chat_template and "chat" in kinds:
        say("  chat: the model carries no template")
        kinds.remove("chat")
    if not kinds:
        return True
    well = True
    with LlamaCpp(
        path, threads=chosen.threads, flash_attention=True, context_tokens=CONTEXT_TOKENS
    ) as llama:
        provenance = {
            **build(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "model": model.name,
            "file": model.file,
            "sha256": sha256,
            "settings": llama.settings,
        }
        for kind in kinds:
            record = RECORDERS[kind](model, path, llama)
            target = chosen.out / f"{model.name}.{kind}.json"
            well &= keep(target, dump({"provenance": provenance} | record), check=chosen.check)
    return well


def main() -> int:
    chosen = arguments()
    models = [model for model in MODELS if chosen.only in (None, model.name)]
    try:
        # A list first: one fixture that differs must not hide the others.
        results = [record_model(model, chosen) for model in models]
    except (PeerError, OSError) as error:
        say(f"error: {error}")
        return 1
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
