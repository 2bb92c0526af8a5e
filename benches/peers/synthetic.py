#!/usr/bin/env python3
"""Makes the synthetic model: the shape of Llama 3.2 1B with 6 of its layers, random weights.

    synthetic.py DIR [--kind q4_k_m|q8_0]

Writes DIR/synthetic-0.5b-<kind>.gguf, unless it is there: half a billion weights, quantized
by llama.cpp's own quantizer, so that the mix of types in Q4_K_M is the usual one.

Invariant: weights and vocabulary follow from a constant seed, so that two machines measure
the same file. The vocabulary is a sound one of byte pairs, so any program can load it; what
the model says means nothing.
"""

import argparse
import ctypes
import sys
import tempfile
from pathlib import Path

import gguf
import llama_cpp
import numpy

SEED = 20261122
LAYERS = 6
WIDTH = 2048
HEADS, KV_HEADS, HEAD_SIZE = 32, 8, 64
FEED_FORWARD = 8192
CONTEXT = 8192
ROPE_BASE = 500_000.0
VOCABULARY = 32_768
# Small enough that activations stay within an f16, large enough that logits differ.
DEVIATION = 0.02

KINDS = {
    "q4_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
    "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
}


def file_of(kind: str) -> str:
    return f"synthetic-0.5b-{kind}.gguf"


def byte_characters() -> list[str]:
    """One printable character for each byte, as GPT-2's vocabulary writes bytes."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    spare = iter(range(0x100, 0x200))
    return [chr(byte if byte in plain else next(spare)) for byte in range(256)]


def vocabulary() -> tuple[list[str], list[str], list[int]]:
    """All bytes, then pairs of bytes, then two control tokens: tokens, merges, types."""
    single = byte_characters()
    pairs = [(left, right) for left in single for right in single][: VOCABULARY - 256 - 2]
    tokens = [*single, *(left + right for left, right in pairs), "<s>", "</s>"]
    merges = [f"{left} {right}" for left, right in pairs]
    control = [int(gguf.TokenType.CONTROL)] * 2
    return tokens, merges, [int(gguf.TokenType.NORMAL)] * (VOCABULARY - 2) + control


def shapes() -> list[tuple[str, tuple[int, ...]]]:
    """Rows first, as numpy has them."""
    layer = {
        "attn_norm": (WIDTH,),
        "attn_q": (HEADS * HEAD_SIZE, WIDTH),
        "attn_k": (KV_HEADS * HEAD_SIZE, WIDTH),
        "attn_v": (KV_HEADS * HEAD_SIZE, WIDTH),
        "attn_output": (WIDTH, HEADS * HEAD_SIZE),
        "ffn_norm": (WIDTH,),
        "ffn_gate": (FEED_FORWARD, WIDTH),
        "ffn_up": (FEED_FORWARD, WIDTH),
        "ffn_down": (WIDTH, FEED_FORWARD),
    }
    found = [("token_embd.weight", (VOCABULARY, WIDTH))]
    for index in range(LAYERS):
        found += [(f"blk.{index}.{name}.weight", shape) for name, shape in layer.items()]
    return [*found, ("output_norm.weight", (WIDTH,)), ("output.weight", (VOCABULARY, WIDTH))]


def write_f16(path: Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("synthetic 0.5B")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HEAD_SIZE)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_vocab_size(VOCABULARY)
    tokens, merges, types = vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_merges(merges)
    writer.add_token_types(types)
    writer.add_bos_token_id(VOCABULARY - 2)
    writer.add_eos_token_id(VOCABULARY - 1)
    random = numpy.random.default_rng(SEED)
    for name, shape in shapes():
        if len(shape) == 1:
            weights = numpy.ones(shape, dtype=numpy.float32)
        else:
            weights = random.standard_normal(shape, dtype=numpy.float32) * DEVIATION
            weights = weights.astype(numpy.float16)
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def quantize(source: Path, target: Path, kind: str) -> None:
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = KINDS[kind]
    # A quantizer that is stopped half way must not leave something that looks like a model.
    part = target.with_suffix(".part")
    paths = str(source).encode(), str(part).encode()
    status = llama_cpp.llama_model_quantize(*paths, ctypes.byref(params))
    if status != 0:
        raise OSError(f"llama.cpp's quantizer ended with {status} for `{target}`")
    part.rename(target)


def make(folder: Path, kinds: list[str]) -> list[Path]:
    """Makes what is missing; the paths of all that were asked for."""
    targets = {kind: folder / file_of(kind) for kind in kinds}
    missing = {kind: path for kind, path in targets.items() if not path.is_file()}
    if missing:
        llama_cpp.llama_backend_init()
        with tempfile.TemporaryDirectory(prefix="mtok-peers-", dir=folder) as scratch:
            source = Path(scratch) / "f16.gguf"
            write_f16(source)
            for kind, path in missing.items():
                quantize(source, path, kind)
    return list(targets.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--kind", choices=list(KINDS), action="append", help="both by default")
    chosen = parser.parse_args()
    try:
        for path in make(chosen.folder, chosen.kind or list(KINDS)):
            print(path)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
