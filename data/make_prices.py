#!/usr/bin/env python3
"""Extract data/prices.toml from snapshots of public price books. Not needed to build or run mtok.

    python3 data/make_prices.py SNAPSHOTS > data/prices.toml

SNAPSHOTS is a folder that holds the two files named in BOOKS. Which models are taken, and what a
price book doesn't say about them (family, parameters, whether the weights are open), is the list
MODELS below; every price is read, none is typed. The output is a pure function of both.

Rules: figures are decimals from the files' own digits, never floats. A figure with more than nine
decimals is a float's rounding artefact and refused. Where both books give a model they must agree
on every figure that both give, or the entry must say `differs`, and then carries both. Tiers by
prompt length: the lowest tier, with the prompt length up to which it holds. Dated prices: the last
one in force on the snapshot's date; a model that has ended by then is refused. Prices by hour of
day: the book's base, and only with a `note`.
"""

import datetime
import json
import pathlib
import sys
from decimal import Decimal

BOOKS = {
    # The newest date in the file itself; the package index gives none.
    "genai-prices": ("genai-prices-0.2.3.json", "0.2.3", "MIT", datetime.date(2026, 11, 9)),
    "litellm": ("litellm-1.109.1.json", "1.109.1", "MIT", datetime.date(2026, 11, 12)),
}
FIGURES = ("input", "cached_input", "output")


def open_model(family, parameters, active=None):
    return {"family": family, "open_weights": True, "parameters": parameters, "active_parameters": active}


def closed_model(family, size):
    """`size`: the class its vendor sells it in; parameters are not published."""
    return {"family": family, "open_weights": False, "size": size}


# Parameters as the model cards state them.
LLAMA_8B = open_model("llama-3.1-8b", 8_030_000_000)
LLAMA_70B = open_model("llama-3.3-70b", 70_600_000_000)
LLAMA_1B = open_model("llama-3.2-1b", 1_230_000_000)
LLAMA_3B = open_model("llama-3.2-3b", 3_210_000_000)
QWEN3_4B = open_model("qwen3-4b", 4_000_000_000)
QWEN3_8B = open_model("qwen3-8b", 8_200_000_000)
QWEN3_32B = open_model("qwen3-32b", 32_800_000_000)
GEMMA_4B = open_model("gemma-3-4b", 4_300_000_000)
GEMMA_27B = open_model("gemma-3-27b", 27_400_000_000)
MISTRAL_7B = open_model("mistral-7b", 7_250_000_000)
GPT_OSS_20B = open_model("gpt-oss-20b", 20_900_000_000, 3_600_000_000)
GPT_OSS_120B = open_model("gpt-oss-120b", 116_800_000_000, 5_100_000_000)

DEEPSEEK_HOURS = (
    "peak hours, Monday to Friday 01:00-04:00 and 06:00-10:00 UTC; other hours cost half, "
    "which is the base that genai-prices gives"
)

# provider, model id at the provider, name, what it is, key in genai-prices, key in litellm, extras.
# A key is None where that book lacks the model. The first book that has it gives the figures.
MODELS = [
    # What the shipped model manifests run.
    ("novita", "meta-llama/llama-3.1-8b-instruct", "Llama 3.1 8B Instruct", LLAMA_8B,
     ("novita", "meta-llama/llama-3.1-8b-instruct"), "novita/meta-llama/llama-3.1-8b-instruct", {}),
    ("groq", "llama-3.1-8b-instant", "Llama 3.1 8B Instant", LLAMA_8B,
     ("groq", "llama-3.1-8b-instant"), None, {}),
    ("cloudflare", "@cf/meta/llama-3.1-8b-instruct-fp8", "Llama 3.1 8B Instruct FP8", LLAMA_8B,
     ("cloudflare", "@cf/meta/llama-3.1-8b-instruct-fp8"), "cloudflare/@cf/meta/llama-3.1-8b-instruct-fp8", {}),
    ("aws", "meta.llama3-1-8b-instruct-v1:0", "Llama 3.1 8B Instruct", LLAMA_8B,
     None, "meta.llama3-1-8b-instruct-v1:0", {}),
    ("novita", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct", LLAMA_70B,
     ("novita", "meta-llama/llama-3.3-70b-instruct"), "novita/meta-llama/llama-3.3-70b-instruct", {}),
    ("groq", "llama-3.3-70b-versatile", "Llama 3.3 70B Versatile", LLAMA_70B,
     ("groq", "llama-3.3-70b-versatile"), None, {}),
    ("aws", "meta.llama3-3-70b-instruct-v1:0", "Llama 3.3 70B Instruct", LLAMA_70B,
     None, "meta.llama3-3-70b-instruct-v1:0", {}),
    ("novita", "qwen/qwen3-8b-fp8", "Qwen3 8B FP8", QWEN3_8B, None, "novita/qwen/qwen3-8b-fp8", {}),
    ("fireworks", "accounts/fireworks/models/qwen3-8b", "Qwen3 8B", QWEN3_8B,
     None, "fireworks_ai/accounts/fireworks/models/qwen3-8b", {}),
    ("deepinfra", "Qwen/Qwen3-32B", "Qwen3 32B", QWEN3_32B, None, "deepinfra/Qwen/Qwen3-32B", {}),
    ("aws", "qwen.qwen3-32b-v1:0", "Qwen3 32B", QWEN3_32B,
     ("aws", "qwen.qwen3-32b-v1:0"), "qwen.qwen3-32b-v1:0", {}),
    ("deepinfra", "google/gemma-3-27b-it", "Gemma 3 27B", GEMMA_27B, None, "deepinfra/google/gemma-3-27b-it", {}),
    ("aws", "google.gemma-3-27b-it", "Gemma 3 27B", GEMMA_27B,
     ("aws", "google.gemma-3-27b-it"), "google.gemma-3-27b-it", {}),
    ("aws", "mistral.mistral-7b-instruct-v0:2", "Mistral 7B Instruct", MISTRAL_7B,
     ("aws", "mistral.mistral-7b-instruct-v0:2"), "mistral.mistral-7b-instruct-v0:2", {}),
    ("ovhcloud", "Mistral-7B-Instruct-v0.3", "Mistral 7B Instruct v0.3", MISTRAL_7B,
     ("ovhcloud", "Mistral-7B-Instruct-v0.3"), "ovhcloud/Mistral-7B-Instruct-v0.3", {"differs": True}),
    ("groq", "openai/gpt-oss-20b", "gpt-oss-20b", GPT_OSS_20B,
     ("groq", "openai/gpt-oss-20b"), "groq/openai/gpt-oss-20b", {}),
    ("fireworks", "gpt-oss-20b", "gpt-oss-20b", GPT_OSS_20B,
     ("fireworks", "gpt-oss-20b"), "fireworks_ai/gpt-oss-20b", {}),
    ("cloudflare", "@cf/qwen/qwen2.5-coder-32b-instruct", "Qwen2.5 Coder 32B Instruct",
     open_model("qwen2.5-coder-32b", 32_500_000_000),
     ("cloudflare", "@cf/qwen/qwen2.5-coder-32b-instruct"), "cloudflare/@cf/qwen/qwen2.5-coder-32b-instruct", {}),
    ("fireworks", "accounts/fireworks/models/qwen2p5-coder-0p5b-instruct", "Qwen2.5 Coder 0.5B Instruct",
     open_model("qwen2.5-coder-0.5b", 490_000_000),
     None, "fireworks_ai/accounts/fireworks/models/qwen2p5-coder-0p5b-instruct", {}),
    # The smallest open models that are sold: neighbours of a 100M to 4B model.
    ("fireworks", "accounts/fireworks/models/qwen3-0p6b", "Qwen3 0.6B",
     open_model("qwen3-0.6b", 600_000_000), None, "fireworks_ai/accounts/fireworks/models/qwen3-0p6b", {}),
    ("cloudflare", "@cf/meta/llama-3.2-1b-instruct", "Llama 3.2 1B Instruct", LLAMA_1B,
     ("cloudflare", "@cf/meta/llama-3.2-1b-instruct"), "cloudflare/@cf/meta/llama-3.2-1b-instruct", {}),
    ("cloudflare", "@cf/meta/llama-3.2-3b-instruct", "Llama 3.2 3B Instruct", LLAMA_3B,
     ("cloudflare", "@cf/meta/llama-3.2-3b-instruct"), "cloudflare/@cf/meta/llama-3.2-3b-instruct", {"differs": True}),
    ("cloudflare", "@cf/ibm-granite/granite-4.0-h-micro", "Granite 4.0 H Micro",
     open_model("granite-4.0-h-micro", 3_200_000_000),
     ("cloudflare", "@cf/ibm-granite/granite-4.0-h-micro"), "cloudflare/@cf/ibm-granite/granite-4.0-h-micro", {}),
    ("novita", "qwen/qwen3-4b-fp8", "Qwen3 4B FP8", QWEN3_4B, None, "novita/qwen/qwen3-4b-fp8", {}),
    ("azure", "phi-4-mini-instruct", "Phi 4 Mini Instruct", open_model("phi-4-mini", 3_800_000_000),
     ("azure", "phi-4-mini-instruct"), "azure_ai/Phi-4-mini-instruct", {}),
    ("mistral", "ministral-3b-2512", "Ministral 3 3B", open_model("ministral-3-3b", 3_800_000_000),
     ("mistral", "ministral-3b-2512"), "mistral/ministral-3b-2512", {}),
    ("aws", "google.gemma-3-4b-it", "Gemma 3 4B", GEMMA_4B,
     ("aws", "google.gemma-3-4b-it"), "google.gemma-3-4b-it", {}),
    # Large open models.
    ("groq", "openai/gpt-oss-120b", "gpt-oss-120b", GPT_OSS_120B,
     ("groq", "openai/gpt-oss-120b"), "groq/openai/gpt-oss-120b", {}),
    ("mistral", "mistral-large-2512", "Mistral Large 3", open_model("mistral-large-3", 675_000_000_000, 41_000_000_000),
     ("mistral", "mistral-large-2512"), "mistral/mistral-large-2512", {}),
    ("deepseek", "deepseek-flash", "DeepSeek V4.1 Flash", open_model("deepseek-v4.1-flash", None),
     ("deepseek", "deepseek-flash"), "deepseek/deepseek-flash",
     {"differs": True, "first": "litellm", "note": DEEPSEEK_HOURS}),
    # Closed ones that everybody knows. The first two of a size are the ones a run is laid beside.
    ("openai", "gpt-6-luna", "GPT-6 Luna", closed_model("gpt-6-luna", "small"),
     ("openai", "gpt-6-luna"), "gpt-6-luna", {}),
    ("anthropic", "claude-haiku-5-5", "Claude Haiku 5.5", closed_model("claude-haiku-5.5", "small"),
     ("anthropic", "claude-haiku-5-5"), "claude-haiku-5-5", {"input_includes_cached": False}),
    ("google", "gemini-3.5-flash-lite", "Gemini 3.5 Flash Lite", closed_model("gemini-3.5-flash-lite", "small"),
     ("google", "gemini-3.5-flash-lite"), "gemini/gemini-3.5-flash-lite", {}),
    ("openai", "gpt-6.1-sol", "GPT-6.1 Sol", closed_model("gpt-6.1-sol", "large"),
     ("openai", "gpt-6.1-sol"), "gpt-6.1-sol", {}),
    ("anthropic", "claude-sonnet-5-5", "Claude Sonnet 5.5", closed_model("claude-sonnet-5.5", "large"),
     ("anthropic", "claude-sonnet-5-5"), "claude-sonnet-5-5", {"input_includes_cached": False}),
    ("google", "gemini-3.8-flash", "Gemini 3.8 Flash", closed_model("gemini-3.8-flash", "large"),
     ("google", "gemini-3.8-flash"), "gemini/gemini-3.8-flash", {}),
    ("xai", "grok-4.7", "Grok 4.7", closed_model("grok-4.7", "large"),
     ("x-ai", "grok-4.7"), "xai/grok-4.7", {}),
]


def plain(value):
    """A decimal without exponent or trailing zeros, refused if it looks like a float's artefact."""
    text = format(value.normalize(), "f")
    if value < 0 or len(text.partition(".")[2]) > 9:
        raise ValueError(f"{value}: negative, or a float's artefact")
    return text


def genai_figures(book, key, date, by_hour):
    """Figures, prompt limit and context of one model in genai-prices (USD per Mtok)."""
    provider, model = key
    found = [m for p in book if p["id"] == provider for m in p["models"] if m["id"] == model]
    if len(found) != 1:
        raise ValueError(f"genai-prices: {key}: {len(found)} models")
    (model,) = found
    if model.get("deprecated"):
        raise ValueError(f"genai-prices: {key} is deprecated")
    prices = model["prices"]
    if isinstance(prices, list):
        active = []
        for dated in prices:
            constraint = dated.get("constraint")
            if constraint is None or (
                "start_date" in constraint and datetime.date.fromisoformat(constraint["start_date"]) <= date
            ):
                active.append(dated["prices"])
            elif "start_date" not in constraint and not by_hour:
                raise ValueError(f"genai-prices: {key} is priced by the hour of day: add a note")
        prices = active[-1]
    out, limits = {}, set()
    for name, field in zip(FIGURES, ("input_mtok", "cache_read_mtok", "output_mtok")):
        price = prices.get(field)
        if isinstance(price, dict):
            limits.add(min(tier["start"] for tier in price["tiers"]))
            price = price["base"]
        if price is not None:
            out[name] = plain(Decimal(price))
    if len(limits) > 1:
        raise ValueError(f"genai-prices: {key}: tiers start at {limits}")
    return out, (limits.pop() if limits else None), model.get("context_window")


def litellm_figures(book, key):
    """Figures and context of one model in LiteLLM's map (USD per token)."""
    entry = book[key]
    end = entry.get("deprecation_date")
    if end and datetime.date.fromisoformat(end) <= BOOKS["litellm"][3]:
        raise ValueError(f"litellm: {key} ended on {end}")
    fields = ("input_cost_per_token", "cache_read_input_token_cost", "output_cost_per_token")
    out = {
        name: plain(Decimal(entry[field]) * 1_000_000)
        for name, field in zip(FIGURES, fields)
        if entry.get(field) is not None
    }
    return out, None, entry.get("max_input_tokens")


def entry(row, books):
    provider, model, name, what, genai_key, litellm_key, extras = row
    found = {}
    if genai_key:
        date = BOOKS["genai-prices"][3]
        found["genai-prices"] = ("/".join(genai_key), *genai_figures(books["genai-prices"], genai_key, date, "note" in extras))
    if litellm_key:
        found["litellm"] = (litellm_key, *litellm_figures(books["litellm"], litellm_key))
    first = extras.get("first", next(iter(found)))
    order = [first] + [book for book in found if book != first]
    figures = found[first][1]
    for book in order[1:]:
        other = found[book][1]
        differing = [f for f in FIGURES if f in figures and f in other and figures[f] != other[f]]
        if bool(differing) != bool(extras.get("differs")):
            raise ValueError(f"{provider}/{model}: {figures} in {first}, {other} in {book}: set or drop `differs`")
    limit = next((found[book][2] for book in found if found[book][2]), None)
    context = next((found[book][3] for book in order if found[book][3]), None)

    lines = ["[[price]]", f'id = "{provider}/{model}"', f'provider = "{provider}"', f'model = "{model}"', f'name = "{name}"']
    lines.append(f'family = "{what["family"]}"')
    lines.append(f'open_weights = {str(what["open_weights"]).lower()}')
    for field in ("parameters", "active_parameters"):
        if what.get(field):
            lines.append(f"{field} = {what[field]}")
    if "size" in what:
        lines.append(f'size = "{what["size"]}"')
    if context:
        lines.append(f"context = {context}")
    lines += [f'{f} = "{figures[f]}"' for f in FIGURES if f in figures]
    if "cached_input" in figures:
        lines.append(f'input_includes_cached = {str(extras.get("input_includes_cached", True)).lower()}')
    if limit:
        lines.append(f"prompt_tokens_max = {limit}")
    if "note" in extras:
        lines.append(f'note = "{extras["note"]}"')
    for book in order:
        _, version, licence, date = BOOKS[book]
        lines += ["[[price.sources]]", f'book = "{book}"', f'version = "{version}"', f'licence = "{licence}"']
        lines += [f'date = "{date}"', f'key = "{found[book][0]}"']
        if book != first and extras.get("differs"):
            says = ", ".join(f'{f} = "{found[book][1][f]}"' for f in FIGURES if f in found[book][1])
            lines.append(f"differs = {{ {says} }}")
    return "\n".join(lines)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    # Numbers stay the text that the file has, so that Decimal sees the file's own digits.
    books = {
        name: json.loads((folder / file).read_text(), parse_float=Decimal)
        for name, (file, *_) in BOOKS.items()
    }
    print("# API list prices in USD per million tokens. Made by data/make_prices.py: change that, not this.")
    print("# `context` is the provider's limit, in tokens, as the first book that has one states it.")
    for row in MODELS:
        print()
        print(entry(row, books))


main()
