"""Tiny models, one a family: what their config.json says, and which tensors they have.

Every config has the keys, and the spelling, that the family's models have on the hub; only the
sizes are small, and the windows and scalings are such that a prompt of some tens of tokens meets
them. Tensors are listed under the names that the hub's files have.
"""

from dataclasses import dataclass, field

# What one tensor is filled with: see `draw` in record_transformers.py.
MATRIX, EMBEDDING, NORM, GEMMA_NORM, BIAS, ROUTER = range(6)


@dataclass(frozen=True)
class Family:
    """A tiny model."""

    name: str
    config: dict
    #: How its numbers are stored: F32, F16 or BF16.
    dtype: str = "F32"
    #: Into how many files.
    shards: int = 1
    #: Config changes that leave out what sets the family apart. Each must change the logits
    #: visibly, else the fixture could not tell whether the feature is there.
    ablations: dict[str, dict] = field(default_factory=dict)
    #: A multiplier of the embedding; Gemma multiplies with sqrt(width) itself.
    embedding: float = 1.0
    #: A multiplier of the head.
    head: float = 3.0
    #: The kind of tokenizer.json beside the weights, if there is one.
    vocabulary: str | None = None


def common(model_type: str, architecture: str, **more) -> dict:
    """The keys that all have."""
    return {
        "architectures": [architecture],
        "model_type": model_type,
        "vocab_size": 128,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 96,
        "hidden_act": "silu",
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": "float32",
        **more,
    }


FAMILIES = [
    Family(
        "llama",
        common(
            "llama", "LlamaForCausalLM", hidden_size=48, intermediate_size=80, num_key_value_heads=4
        ),
        ablations={"rope_base": {"rope_theta": 500.0}, "epsilon": {"rms_norm_eps": 0.1}},
    ),
    Family(
        "llama3",
        common(
            "llama",
            "LlamaForCausalLM",
            rope_scaling={
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
                "rope_type": "llama3",
            },
        ),
        dtype="BF16",
        ablations={"scaling": {"rope_scaling": None}},
    ),
    Family(
        "smollm2",
        common("llama", "LlamaForCausalLM", tie_word_embeddings=True, vocab_size=288),
        dtype="F16",
        shards=3,
        vocabulary="byte_level",
        ablations={"rope_base": {"rope_theta": 500.0}},
    ),
    Family(
        "mistral",
        common(
            "mistral",
            "MistralForCausalLM",
            sliding_window=12,
            head_dim=24,
            hidden_size=48,
            vocab_size=320,
        ),
        ablations={"window": {"sliding_window": None}, "window_by_one": {"sliding_window": 13}},
        vocabulary="sentencepiece",
    ),
    Family(
        "mixtral",
        common(
            "mixtral",
            "MixtralForCausalLM",
            hidden_size=48,
            intermediate_size=32,
            num_local_experts=6,
            num_experts_per_tok=2,
            sliding_window=None,
        ),
        dtype="BF16",
        ablations={"experts_used": {"num_experts_per_tok": 3}},
    ),
    Family(
        "qwen2",
        common(
            "qwen2",
            "Qwen2ForCausalLM",
            hidden_size=48,
            head_dim=12,
            rope_theta=1000000.0,
            use_sliding_window=False,
            sliding_window=12,
            max_window_layers=1,
        ),
        ablations={"unused_window": {"use_sliding_window": True}},
    ),
    Family(
        "qwen3",
        common(
            "qwen3",
            "Qwen3ForCausalLM",
            head_dim=32,
            num_attention_heads=3,
            num_key_value_heads=1,
            attention_bias=False,
            rope_scaling={
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        ),
        dtype="BF16",
        ablations={"scaling": {"rope_scaling": None}},
    ),
    Family(
        "qwen3-moe",
        common(
            "qwen3_moe",
            "Qwen3MoeForCausalLM",
            head_dim=16,
            hidden_size=48,
            num_hidden_layers=3,
            moe_intermediate_size=24,
            num_experts=8,
            num_experts_per_tok=3,
            norm_topk_prob=False,
            decoder_sparse_step=1,
            mlp_only_layers=[1],
        ),
        dtype="BF16",
        ablations={"normalized": {"norm_topk_prob": True}},
    ),
    Family(
        "gemma2",
        common(
            "gemma2",
            "Gemma2ForCausalLM",
            hidden_size=48,
            head_dim=16,
            num_hidden_layers=3,
            hidden_act="gelu_pytorch_tanh",
            hidden_activation="gelu_pytorch_tanh",
            query_pre_attn_scalar=24,
            sliding_window=12,
            attn_logit_softcapping=5.0,
            final_logit_softcapping=8.0,
            rms_norm_eps=1e-6,
            tie_word_embeddings=True,
        ),
        dtype="BF16",
        embedding=1 / 7,
        ablations={
            "window": {"sliding_window": 256},
            "score_cap": {"attn_logit_softcapping": None},
            "logit_cap": {"final_logit_softcapping": None},
            "query_scalar": {"query_pre_attn_scalar": 16},
            "activation": {"hidden_activation": "silu", "hidden_act": "silu"},
        },
    ),
    Family(
        "gemma3",
        common(
            "gemma3_text",
            "Gemma3ForCausalLM",
            hidden_size=32,
            intermediate_size=64,
            head_dim=16,
            num_attention_heads=4,
            num_key_value_heads=1,
            num_hidden_layers=7,
            hidden_act="gelu_pytorch_tanh",
            hidden_activation="gelu_pytorch_tanh",
            query_pre_attn_scalar=24,
            sliding_window=8,
            sliding_window_pattern=6,
            rope_theta=1000000.0,
            rope_local_base_freq=10000.0,
            rope_scaling={"factor": 8.0, "rope_type": "linear"},
            attn_logit_softcapping=None,
            final_logit_softcapping=None,
            rms_norm_eps=1e-6,
            tie_word_embeddings=True,
        ),
        embedding=1 / 6,
        ablations={
            "window": {"sliding_window": 256},
            "pattern": {"sliding_window_pattern": 7},
            "scaling": {"rope_scaling": None},
            "local_base": {"rope_local_base_freq": 1000000.0},
            "query_scalar": {"query_pre_attn_scalar": 16},
        },
    ),
    Family(
        "phi3",
        common(
            "phi3",
            "Phi3ForCausalLM",
            sliding_window=12,
            partial_rotary_factor=0.75,
            original_max_position_embeddings=64,
            rope_scaling={
                "type": "longrope",
                "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0, 2.5],
                "long_factor": [1.5, 2.0, 3.0, 5.0, 8.0, 16.0],
            },
            pad_token_id=0,
        ),
        dtype="BF16",
        ablations={
            "window": {"sliding_window": None},
            "scaling": {"rope_scaling": None},
        },
    ),
]


def tensors(config: dict) -> dict[str, tuple[list[int], int]]:
    """Name → (shape, what it is filled with), in the order of a hub file."""
    kind = config["model_type"]
    gemma = kind.startswith("gemma")
    norm = GEMMA_NORM if gemma else NORM
    width, inner = config["hidden_size"], config["intermediate_size"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head = config.get("head_dim", width // heads)
    q, kv = heads * head, kv_heads * head
    table = {"model.embed_tokens.weight": ([config["vocab_size"], width], EMBEDDING)}
    for layer in range(config["num_hidden_layers"]):
        parts: dict[str, tuple[list[int], int]] = {"input_layernorm.weight": ([width], norm)}
        if kind == "phi3":
            parts["self_attn.qkv_proj.weight"] = ([q + 2 * kv, width], MATRIX)
        else:
            for name, rows in [("q", q), ("k", kv), ("v", kv)]:
                parts[f"self_attn.{name}_proj.weight"] = ([rows, width], MATRIX)
                if kind == "qwen2":
                    parts[f"self_attn.{name}_proj.bias"] = ([rows], BIAS)
        parts["self_attn.o_proj.weight"] = ([width, q], MATRIX)
        if kind in ("qwen3", "qwen3_moe", "gemma3_text"):
            parts["self_attn.q_norm.weight"] = ([head], norm)
            parts["self_attn.k_norm.weight"] = ([head], norm)
        parts["post_attention_layernorm.weight"] = ([width], norm)
        if gemma:
            parts["pre_feedforward_layernorm.weight"] = ([width], norm)
            parts["post_feedforward_layernorm.weight"] = ([width], norm)
        parts |= feed_forward(config, kind, layer, width, inner)
        table |= {f"model.layers.{layer}.{name}": what for name, what in parts.items()}
    table["model.norm.weight"] = ([width], norm)
    if not config["tie_word_embeddings"]:
        table["lm_head.weight"] = ([config["vocab_size"], width], MATRIX)
    return table


def feed_forward(config: dict, kind: str, layer: int, width: int, inner: int) -> dict:
    """The tensors of a layer's feed-forward part."""
    if kind == "phi3":
        return {
            "mlp.gate_up_proj.weight": ([2 * inner, width], MATRIX),
            "mlp.down_proj.weight": ([width, inner], MATRIX),
        }
    if kind == "mixtral":
        experts, place = config["num_local_experts"], "block_sparse_moe"
        names = {"w1": [inner, width], "w2": [width, inner], "w3": [inner, width]}
    elif kind == "qwen3_moe" and layer not in config["mlp_only_layers"]:
        experts, place, inner = config["num_experts"], "mlp", config["moe_intermediate_size"]
        shapes = {"gate": [inner, width], "up": [inner, width], "down": [width, inner]}
        names = {f"{name}_proj": shape for name, shape in shapes.items()}
    else:
        shapes = {"gate": [inner, width], "up": [inner, width], "down": [width, inner]}
        return {f"mlp.{name}_proj.weight": (shape, MATRIX) for name, shape in shapes.items()}
    parts: dict[str, tuple[list[int], int]] = {
        f"{place}.gate.weight": ([experts, width], ROUTER)
    }
    for expert in range(experts):
        for name, shape in names.items():
            parts[f"{place}.experts.{expert}.{name}.weight"] = (shape, MATRIX)
    return parts
