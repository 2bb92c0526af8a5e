#!/usr/bin/env python3
"""Record what llama.cpp says about the reference models, for tests to hold us to.

    record_llama_cpp.py --models DIR [--only NAME] [--what KIND] [--check]

Writes <model>.{greedy,tokenizer,chat}.json. With --check it writes nothing and
fails if what it records differs from what is there by more than the date.

Invariant: every token in a fixture is one that llama.cpp fed or chose, and every
log-probability is over the raw logits, before any sampler. The checks in `greedy`
and in `LlamaCpp.top` stop the recording rather than let a doubtful position through.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

import jinja2
import jinja2.ext
import jinja2.sandbox
import texts
from llama_cpp import MODELS, LlamaCpp, Model, PeerError, build, say, sha256_of

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "peers"
OUTPUT_TOKENS = 32
TOP = 10
CONTEXT_TOKENS = 2048
# Five decimals: margins are judged at 0.1.
LOGPROB_DECIMALS = 5


def top_after(llama: LlamaCpp, ids: list[int], tokens: list[int]) -> list[list]:
    """[id, logprob] of the 10 best after `ids + tokens`, given that this is called in order."""
    candidates = llama.top(ids + tokens, TOP, append=bool(tokens))
    return [[token, round(logprob, LOGPROB_DECIMALS)] for token, logprob in candidates]


def greedy(llama: LlamaCpp, ids: list[int]) -> dict:
    """The teacher: 32 times the best token, with the top 10 at each position.

    An end token is a token like any other here, and the teacher goes on behind it.
    """
    tokens: list[int] = []
    top: list[list[list]] = []
    while len(tokens) < OUTPUT_TOKENS:
        candidates = top_after(llama, ids, tokens)
        logprobs = [logprob for _, logprob in candidates]
        if len(candidates) != TOP or logprobs != sorted(logprobs, reverse=True):
            raise PeerError(f"position {len(tokens)}: not {TOP} candidates in falling order")
        top.append(candidates)
        tokens.append(candidates[0][0])
    # What the server's own loop generates when it is left alone, up to an end token.
    alone = llama.complete(ids, OUTPUT_TOKENS)["tokens"]
    if not alone or alone != tokens[: len(alone)]:
        raise PeerError(f"asked token by token {tokens}, generated at a stretch {alone}")
    return {"tokens": tokens, "ends_at": len(alone) if len(alone) < OUTPUT_TOKENS else None, "top": top}


def second_opinion(llama: LlamaCpp, prompts: list[dict]) -> dict:
    """How far llama.cpp agrees with itself when it computes attention otherwise.

    Teacher-forced. What comes out is a floor: no other program can be expected to
    agree with the fixture better than this.
    """
    misses: list[dict] = []
    drift_max = 0.0
    for prompt in prompts:
        for position, (token, first) in enumerate(zip(prompt["tokens"], prompt["top"], strict=True)):
            again = top_after(llama, prompt["ids"], prompt["tokens"][:position])
            margins = [margins_below(token, candidates) for candidates in (first, again)]
            for other in margins[0].keys() & margins[1].keys():
                drift_max = max(drift_max, abs(margins[0][other] - margins[1][other]))
            best = again[0][0]
            if best != token:
                margin = margins[0].get(best)
                miss = {"prompt": prompt["name"], "position": position, "margin": margin}
                misses.append(miss)
    return {
        "settings": llama.settings,
        "positions": sum(len(prompt["top"]) for prompt in prompts),
        "top1_misses": misses,
        "margin_drift_max": round(drift_max, 4),
    }


def margins_below(token: int, candidates: list[list]) -> dict[int, float]:
    """By how many logits `token` leads each other candidate; empty if it is not among them.

    A difference of log-probabilities is one of logits: the normaliser cancels.
    """
    logprobs = dict(candidates)
    if token not in logprobs:
        return {}
    lead = logprobs.pop(token)
    return {other: round(lead - logprob, LOGPROB_DECIMALS) for other, logprob in logprobs.items()}


def record_greedy(model: Model, path: Path, llama: LlamaCpp) -> dict:
    prompts = []
    for name, content in texts.PROMPTS:
        if isinstance(content, str):
            kind, text = "plain", content
        elif model.has_chat_template:
            kind, text = "chat", llama.render(content, add_generation_prompt=True)
        else:
            kind, text = "plain-chat", texts.plain_chat(content)
        ids = llama.tokenize(text, add_special=True)
        say(f"  {name}: {len(ids)} tokens")
        head = {"name": name, "kind": kind, "text": text, "ids": ids}
        prompts.append(head | greedy(llama, ids))
    say("  again without flash attention")
    settings = llama.settings
    with LlamaCpp(
        path,
        threads=settings["threads"],
        flash_attention=not settings["flash_attention"],
        context_tokens=CONTEXT_TOKENS,
    ) as other:
        opinion = second_opinion(other, prompts)
    return {
        "tokenizer_flags": {"add_special": True, "parse_special": True},
        "adds_bos": adds_bos(llama),
        "logprobs": "natural, over raw logits, before sampling",
        "second_opinion": opinion,
        "prompts": prompts,
    }


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
    source = properties["chat_template"]
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
    return {"jinja2_version": jinja2.__version__, "special": special, "template": source, "cases": cases}


RECORDERS = {"tokenizer": record_tokenizer, "chat": record_chat, "greedy": record_greedy}


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
            "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
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
