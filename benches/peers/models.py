"""The models that are compared: real ones, each known by its bytes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Model:
    """A GGUF: what we call it, its usual file name, and which bytes it must be."""

    name: str
    file: str
    sha256: str
    # A base model carries no template of its own; llama.cpp would invent one.
    has_chat_template: bool


MODELS = (
    Model(
        "smollm2",
        "smollm2-135m-instruct-q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        has_chat_template=True,
    ),
    Model(
        "qwen2.5-coder",
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        has_chat_template=True,
    ),
    Model(
        "gemma-3-270m",
        "gemma-3-270m-q4_k_m.gguf",
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        has_chat_template=False,
    ),
)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
