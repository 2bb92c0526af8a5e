"""llama.cpp as a reference: one model behind its own HTTP server, in this process.

The server comes out of the package xllamacpp and listens on a loopback port.

Invariant: nothing one request leaves behind changes the answer to the next. One
slot, no prompt cache in memory, no cache reuse unless a request asks for it.
"""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import xllamacpp

# Long enough for a 512-token prompt on a machine that is busy with other work.
REQUEST_TIMEOUT_S = 600
# Errors only; the server otherwise tells of every request.
VERBOSITY_ERRORS = 1
# Far above any logit, far below where an f32 would lose it.
FORCING_BIAS = 1e6

# Loopback must not go through a proxy that the environment names.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class PeerError(Exception):
    """The reference said something that its caller did not expect."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class LlamaCpp:
    """A loaded model. Use as a context manager; leaving it ends the server."""

    def __init__(
        self,
        path: Path,
        *,
        threads: int,
        context_tokens: int,
        flash_attention: bool = True,
        kv_cache: str = "f16",
        repack: bool = True,
        batch_tokens: int | None = None,
    ):
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = context_tokens
        params.n_parallel = 1
        params.n_gpu_layers = 0
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
        # `auto` turns flash attention on for these models on a CPU; said outright
        # here so that what is recorded as the setting is the setting.
        kind = xllamacpp.llama_flash_attn_type
        params.flash_attn_type = (
            kind.LLAMA_FLASH_ATTN_TYPE_ENABLED
            if flash_attention
            else kind.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        kv_types = {
            "f16": xllamacpp.ggml_type.GGML_TYPE_F16,
            "f32": xllamacpp.ggml_type.GGML_TYPE_F32,
        }
        params.cache_type_k = params.cache_type_v = kv_types[kv_cache]
        params.no_extra_bufts = not repack
        if batch_tokens is not None:
            params.n_batch = params.n_ubatch = batch_tokens
        # A window's cache that holds the window alone can't be continued by one token;
        # the attention mask, and so the answer, is the same either way.
        params.swa_full = True
        params.cache_ram_mib = 0
        params.n_cache_reuse = 0
        # Else a conversation that ends in an assistant's message is taken for an
        # unfinished answer and rendered without its end.
        params.prefill_assistant = False
        params.verbosity = VERBOSITY_ERRORS
        self.settings = {
            "threads": threads,
            "context_tokens": context_tokens,
            "flash_attention": flash_attention,
            "kv_cache": kv_cache,
            "full_size_window_cache": True,
            "repacked_weights": repack,
        }
        if batch_tokens is not None:
            self.settings["batch_tokens"] = batch_tokens
        self._server = xllamacpp.Server(params)
        self._address = self._server.listening_address
        [self._forced] = self.tokenize("a", add_special=False)
        # A server that is dropped before its loop has begun hangs for ever (seen
        # with xllamacpp 2026.10.11549); an answered request proves that it runs.
        self.complete([self._forced], 1)

    def __enter__(self) -> "LlamaCpp":
        return self

    def __exit__(self, *_: object) -> None:
        # The binding has no `close`: dropping the last reference ends the server.
        del self._server

    def get(self, path: str) -> dict:
        return self._send(urllib.request.Request(self._address + path))

    def post(self, path: str, body: dict) -> dict:
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return self._send(urllib.request.Request(self._address + path, data, headers))

    def _send(self, request: urllib.request.Request) -> dict:
        try:
            with _direct.open(request, timeout=REQUEST_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise PeerError(f"{request.full_url}: {error.code}: {error.read()!r}") from error

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool = True) -> list[int]:
        flags = {"add_special": add_special, "parse_special": parse_special}
        return self.post("/tokenize", {"content": text, **flags})["tokens"]

    def detokenize(self, ids: list[int]) -> str:
        return self.post("/detokenize", {"tokens": ids})["content"]

    def render(self, messages: list[dict], *, add_generation_prompt: bool) -> str:
        body = {"messages": messages, "add_generation_prompt": add_generation_prompt}
        return self.post("/apply-template", body)["prompt"]

    def complete(self, ids: list[int], count: int, **options: object) -> dict:
        """Continue `ids` greedily by at most `count` tokens; ends after an end token."""
        body = {
            "prompt": ids,
            "n_predict": count,
            "temperature": 0,
            "samplers": ["temperature"],
            "return_tokens": True,
            "cache_prompt": False,
            **options,
        }
        answer = self.post("/completion", body)
        timings = answer["timings"]
        fed = timings["cache_n"] + timings["prompt_n"]
        if fed != len(ids) or answer["truncated"]:
            # A BOS put in front without being asked for would show up here.
            raise PeerError(f"fed {len(ids)} tokens, llama.cpp evaluated {fed}")
        return answer

    def top(self, ids: list[int], count: int, *, append: bool) -> list[tuple[int, float]]:
        """The `count` likeliest tokens after `ids`, with their log-probabilities.

        Natural logarithms over the raw logits, before any sampler. With `append`,
        `ids` is the last request's plus one token, and only that one is evaluated:
        the decode path; without, all of `ids` is: the prefill path.

        The server leaves out the probabilities of a token that ends inside a UTF-8
        character, and stops at an end token. Both hang on the token that is
        sampled, so a bias makes it sample `a`; raw logits know nothing of a bias.
        """
        answer = self.complete(
            ids,
            1,
            n_probs=count,
            post_sampling_probs=False,
            cache_prompt=append,
            logit_bias=[[self._forced, FORCING_BIAS]],
        )
        evaluated = answer["timings"]["prompt_n"]
        if answer["tokens"] != [self._forced] or evaluated != (1 if append else len(ids)):
            raise PeerError(f"sampled {answer['tokens']} after evaluating {evaluated} tokens")
        [position] = answer["completion_probabilities"]
        return [(each["id"], each["logprob"]) for each in position["top_logprobs"]]


def build() -> dict:
    """Which llama.cpp this is, as far as the wheel tells."""
    version = xllamacpp.__version__
    info = xllamacpp.BUILD_INFO
    return {
        "xllamacpp": version,
        "llama_cpp_build_as_reported": f"b{info['build_number']}-{info['commit']}",
        # xllamacpp numbers its releases year.month.TAG after the llama.cpp release
        # tag that it vendors; the wheel itself does not report the tag.
        "llama_cpp_tag_by_wheel_version": "b" + version.split(".")[2],
        "cpu_features": xllamacpp.get_system_info().strip(" |"),
    }
