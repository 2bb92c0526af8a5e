#!/usr/bin/env python3
"""Records bills by genai-prices' own calculator, for tests/billing.rs to make again.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install genai-prices==0.2.3
    /tmp/venv/bin/python tests/tools/record_genai_bills.py ../shared/data/prices/genai-prices-0.2.3.json

Writes tests/fixtures/bills/genai-prices-0.2.3.json: 200 models, drawn with a seed from all that are
priced per token, each with a usage, a time and a context that are drawn, too, and the total that the
package answers, as the decimal it prints; another 100, drawn from those alone whose prices have
dates, hours, tiers, variants or a fee (the head says how many), for the 200 hold few of them; and
three of each model whose prices have hours. With each stands its model as it stands in the snapshot,
so that the test needs no other file.

The snapshot of prices that mtok imports must be the package's own, or a difference of books would
pass for one of arithmetic: the script checks that first.
"""

import json
import random
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path

from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, TieredPrices, TimeOfDateConstraint

VERSION = "0.2.3"
PAIRS = {"any": 200, "intricate": 100}
SEED = 20261122
PROSE = ("description", "price_comments")
OUT = Path(__file__).parent.parent / "fixtures" / "bills" / f"genai-prices-{VERSION}.json"


def plain(prices: ModelPrice) -> dict:
    """Prices as the snapshot writes them."""

    def one(price):
        if isinstance(price, TieredPrices):
            tiers = [{"start": t.start, "price": float(t.price)} for t in price.tiers]
            return {"base": float(price.base), "tiers": tiers}
        return float(price)

    return {key: one(price) for key, price in prices.__dict__.items() if price is not None}


def bare(value):
    """The snapshot's form without its type marks."""
    if isinstance(value, dict):
        return {key: bare(one) for key, one in value.items() if key != "__t"}
    return [bare(one) for one in value] if isinstance(value, list) else value


def same_book(providers, snapshot) -> None:
    known = {(p["id"], m["id"]): m for p in snapshot for m in p["models"]}
    for provider in providers:
        for model in provider.models:
            theirs = known.pop((provider.id, model.id))["prices"]
            if isinstance(model.prices, list):
                ours = [plain(one.prices) for one in model.prices]
                theirs = [one["prices"] for one in theirs]
            else:
                ours = plain(model.prices)
            assert bare(theirs) == ours, f"{provider.id}/{model.id}: another book"
    assert not known, f"only in the snapshot: {list(known)[:3]}"


def all_prices(model) -> list:
    return [one.prices for one in model.prices] if isinstance(model.prices, list) else [model.prices]


def priced(model, key: str) -> bool:
    return any(getattr(one, key, None) is not None for one in all_prices(model))


def intricate(model) -> bool:
    several = isinstance(model.prices, list) or bool(model.price_variants)
    tiers = any(
        isinstance(price, TieredPrices) for one in all_prices(model) for price in one.__dict__.values()
    )
    return several or tiers or priced(model, "requests_kcount")


def usage(draw: random.Random, model) -> dict:
    """Of every kind that the model has a price for; output only of what has output."""
    prompt = int(10 ** draw.uniform(0, 6))
    # On a cliff, and a token beyond it, where there is one.
    starts = sorted({
        tier.start
        for one in all_prices(model)
        for price in one.__dict__.values()
        if isinstance(price, TieredPrices)
        for tier in price.tiers
    })
    if starts and draw.random() < 0.5:
        prompt = draw.choice(starts) + draw.choice([0, 1])
    counts = {"input_tokens": prompt}
    left = prompt
    # Reported by most providers whether or not they price it.
    if draw.random() < 0.5:
        counts["cache_read_tokens"] = draw.randint(0, left)
        left -= counts["cache_read_tokens"]
    if priced(model, "cache_write_mtok") and draw.random() < 0.5:
        write = draw.randint(0, left)
        counts["cache_write_tokens"] = write
        if priced(model, "cache_write_1h_mtok") and draw.random() < 0.5:
            counts["cache_write_1h_tokens"] = draw.randint(0, write)
    if priced(model, "output_mtok"):
        counts["output_tokens"] = int(10 ** draw.uniform(0, 5))
        if draw.random() < 0.3:
            counts["output_reasoning_tokens"] = draw.randint(0, counts["output_tokens"])
    for key in draw.sample(["input_audio", "output_audio", "input_image", "output_image"], 4):
        side = f"{key.split('_')[0]}_tokens"
        # Cached tokens have a modality of their own there: none is drawn beside another part.
        if priced(model, f"{key}_mtok") and set(counts) == {"input_tokens", side}:
            counts[f"{key}_tokens"] = draw.randint(0, counts[side])
    return counts


def moment(draw: random.Random, kind: str) -> datetime:
    first, days = datetime(2025, 1, 1, tzinfo=timezone.utc), 690
    # Nearly all variants begin in October 2026.
    if kind == "intricate" and draw.random() < 0.5:
        first, days = datetime(2026, 10, 1, tzinfo=timezone.utc), 50
    # Times of day are those of 2025.
    if kind == "hours":
        first, days = datetime(2025, 2, 1, tzinfo=timezone.utc), 200
    return first + timedelta(seconds=draw.randrange(days * 86_400))


def has_hours(model) -> bool:
    several = model.prices if isinstance(model.prices, list) else []
    return any(isinstance(one.constraint, TimeOfDateConstraint) for one in several)


def main() -> None:
    assert version("genai-prices") == VERSION
    snapshot = json.loads(Path(sys.argv[1]).read_text())
    providers = get_snapshot().providers
    same_book(providers, snapshot)
    known = {(p["id"], m["id"]): m for p in snapshot for m in p["models"]}
    draw = random.Random(SEED)
    everything = [(p, m) for p in providers for m in p.models]
    models = [(p, m) for p, m in everything if priced(m, "input_mtok") or priced(m, "output_mtok")]
    bills = []
    drawn = [("any", one) for one in draw.sample(models, PAIRS["any"])]
    hard = [one for one in models if intricate(one[1])]
    drawn += [("intricate", one) for one in draw.sample(hard, PAIRS["intricate"])]
    hours = [one for one in models if has_hours(one[1])]
    drawn += [("hours", one) for one in hours for _ in range(3)]
    for kind, (provider, model) in drawn:
        counts, at = usage(draw, model), moment(draw, kind)
        context = {}
        if model.price_variants and draw.random() < 0.7:
            context = dict(draw.choice(model.price_variants).when)
        answer = model.calc_price(
            Usage(**counts), provider, genai_request_timestamp=at, price_context=context or None
        )
        source = known[provider.id, model.id]
        source = {key: one for key, one in source.items() if key not in PROSE}
        bills.append({
            "drawn_from": kind,
            "provider": provider.id,
            "model": model.id,
            "at": at.isoformat().replace("+00:00", "Z"),
            "context": context,
            "usage": counts,
            "total": format(answer.total_price, "f"),
            "source": source,
        })
    head = {
        "source": f"genai-prices {VERSION} (pydantic, MIT), its calculator and its prices",
        "recorded_by": "tests/tools/record_genai_bills.py",
        "seed": SEED,
        "models": len(everything),
        "priced_per_token": len(models),
        "intricate": len(hard),
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(one) for one in bills)
    OUT.write_text(json.dumps(head)[:-1] + ', "bills": [\n' + lines + "\n]}\n")
    print(f"{OUT}: {len(bills)} bills of {len(models)} models priced per token, of {len(everything)}")


if __name__ == "__main__":
    main()
