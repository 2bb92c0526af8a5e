"""The teacher: llama.cpp's greedy tokens after a prompt, with the best few at each position.

Invariant: every token in a record is one that llama.cpp fed or chose, and every
log-probability is over the raw logits, before any sampler. The checks in `greedy`
and in `LlamaCpp.top` stop the recording rather than let a doubtful position through.
"""

from dataclasses import dataclass

import texts
from llama_server import LlamaCpp, PeerError, say
from models import Model

Prompts = list[tuple[str, str | list[dict]]]


@dataclass(frozen=True)
class Shape:
    """How much is recorded: after which prompts, how many tokens, how many of the best."""

    prompts: Prompts
    tokens: int
    top: int
    decimals: int
    # The longer record is large; its texts can be looked up by name.
    texts: bool


# Five decimals: margins are judged at 0.1.
SHORT = Shape(texts.PROMPTS, tokens=32, top=10, decimals=5, texts=True)
LONG = Shape(texts.PROMPTS + texts.MORE_PROMPTS, tokens=64, top=4, decimals=4, texts=False)


def top_after(llama: LlamaCpp, ids: list[int], tokens: list[int], shape: Shape) -> list[list]:
    """[id, logprob] of the best after `ids + tokens`, given that this is called in order."""
    candidates = llama.top(ids + tokens, shape.top, append=bool(tokens))
    return [[token, round(logprob, shape.decimals)] for token, logprob in candidates]


def greedy(llama: LlamaCpp, ids: list[int], shape: Shape) -> dict:
    """The best token again and again, with the best few at each position.

    An end token is a token like any other here, and the teacher goes on behind it.
    """
    tokens: list[int] = []
    top: list[list[list]] = []
    while len(tokens) < shape.tokens:
        candidates = top_after(llama, ids, tokens, shape)
        logprobs = [logprob for _, logprob in candidates]
        if len(candidates) != shape.top or logprobs != sorted(logprobs, reverse=True):
            raise PeerError(f"position {len(tokens)}: not {shape.top} candidates in falling order")
        top.append(candidates)
        tokens.append(candidates[0][0])
    # What the server's own loop generates when it is left alone, up to an end token.
    alone = llama.complete(ids, shape.tokens)["tokens"]
    if not alone or alone != tokens[: len(alone)]:
        raise PeerError(f"asked token by token {tokens}, generated at a stretch {alone}")
    return {
        "tokens": tokens,
        "ends_at": len(alone) if len(alone) < shape.tokens else None,
        "top": top,
    }


def teach(model: Model, templates: LlamaCpp, teacher: LlamaCpp, shape: Shape) -> list[dict]:
    """Every prompt, made into token ids by `templates` and continued by `teacher`."""
    prompts = []
    for name, content in shape.prompts:
        if isinstance(content, str):
            kind, text = "plain", content
        elif model.has_chat_template:
            kind, text = "chat", templates.render(content, add_generation_prompt=True)
        else:
            kind, text = "plain-chat", texts.plain_chat(content)
        ids = templates.tokenize(text, add_special=True)
        say(f"  {name}: {len(ids)} tokens")
        head = {"name": name, "kind": kind}
        head |= {"text": text, "ids": ids} if shape.texts else {"ids": ids}
        prompts.append(head | greedy(teacher, ids, shape))
    return prompts


def second_opinion(llama: LlamaCpp, prompts: list[dict], shape: Shape) -> dict:
    """How far llama.cpp agrees with `prompts`, its own record, when set up otherwise.

    Teacher-forced. What comes out is a yardstick: another program cannot be asked to
    agree with the record better than llama.cpp itself does with other arithmetic.
    """
    misses: list[dict] = []
    drifts: list[float] = []
    for prompt in prompts:
        for position, (token, first) in enumerate(
            zip(prompt["tokens"], prompt["top"], strict=True)
        ):
            again = top_after(llama, prompt["ids"], prompt["tokens"][:position], shape)
            margins = [margins_below(token, candidates, shape) for candidates in (first, again)]
            runner_up = first[1][0]
            # The two best of a record are all but always among the other's best few.
            if runner_up in margins[1]:
                drifts.append(abs(margins[0][runner_up] - margins[1][runner_up]))
            best = again[0][0]
            if best != token:
                margin = margins[0].get(best)
                misses.append({"prompt": prompt["name"], "position": position, "margin": margin})
    drifts.sort()
    quantiles = {"median": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {
        "settings": llama.settings,
        "positions": sum(len(prompt["top"]) for prompt in prompts),
        "top1_misses": misses,
        # Of the margin between the record's two best tokens, in logits.
        "margin_drift": {
            name: round(drifts[min(int(share * len(drifts)), len(drifts) - 1)], 4)
            for name, share in quantiles.items()
        },
    }


def margins_below(token: int, candidates: list[list], shape: Shape) -> dict[int, float]:
    """By how many logits `token` leads each other candidate; empty if it is not among them.

    A difference of log-probabilities is one of logits: the normaliser cancels.
    """
    logprobs = dict(candidates)
    if token not in logprobs:
        return {}
    lead = logprobs.pop(token)
    return {other: round(lead - logprob, shape.decimals) for other, logprob in logprobs.items()}
