//! Models of which more is known than price books say: what they are, whoever sells them.
//!
//! The first two of a size are the closed models that a run is laid beside; the order is that of the
//! book. Parameters are as the model cards state them. No price stands here.

use mtok::prices::Size;

/// What a model is.
#[derive(Clone, Copy)]
pub(crate) struct What {
    pub(crate) family: &'static str,
    pub(crate) open: bool,
    pub(crate) parameters: Option<u64>,
    pub(crate) active: Option<u64>,
    pub(crate) size: Option<Size>,
}

const fn open(family: &'static str, parameters: Option<u64>, active: Option<u64>) -> What {
    What { family, open: true, parameters, active, size: None }
}

/// Parameters are not published; the class that its vendor sells it in stands in.
const fn closed(family: &'static str, size: Size) -> What {
    What { family, open: false, parameters: None, active: None, size: Some(size) }
}

/// A model at a provider, and its keys in the books. The first book that has it gives the prices.
pub(crate) struct Known {
    pub(crate) provider: &'static str,
    pub(crate) model: &'static str,
    pub(crate) name: &'static str,
    pub(crate) what: What,
    pub(crate) genai: Option<&'static str>,
    pub(crate) litellm: Option<&'static str>,
    pub(crate) litellm_first: bool,
    /// Whether the provider's API counts cached tokens as input, where the book doesn't say.
    pub(crate) input_includes_cached: bool,
    /// Whether the books are known to disagree.
    pub(crate) differs: bool,
    pub(crate) note: Option<&'static str>,
}

const NEITHER: Known = Known {
    provider: "",
    model: "",
    name: "",
    what: open("", None, None),
    genai: None,
    litellm: None,
    litellm_first: false,
    input_includes_cached: true,
    differs: false,
    note: None,
};

const DEEPSEEK_HOURS: &str = "peak hours, Monday to Friday 01:00-04:00 and 06:00-10:00 UTC; other \
    hours cost half, which is the base that genai-prices gives";

pub(crate) const KNOWN: &[Known] = &[
    Known {
        provider: "novita",
        model: "meta-llama/llama-3.1-8b-instruct",
        name: "Llama 3.1 8B Instruct",
        what: open("llama-3.1-8b", Some(8_030_000_000), None),
        genai: Some("novita/meta-llama/llama-3.1-8b-instruct"),
        litellm: Some("novita/meta-llama/llama-3.1-8b-instruct"),
        ..NEITHER
    },
    Known {
        provider: "groq",
        model: "llama-3.1-8b-instant",
        name: "Llama 3.1 8B Instant",
        what: open("llama-3.1-8b", Some(8_030_000_000), None),
        genai: Some("groq/llama-3.1-8b-instant"),
        litellm: None,
        ..NEITHER
    },
    Known {
        provider: "cloudflare",
        model: "@cf/meta/llama-3.1-8b-instruct-fp8",
        name: "Llama 3.1 8B Instruct FP8",
        what: open("llama-3.1-8b", Some(8_030_000_000), None),
        genai: Some("cloudflare/@cf/meta/llama-3.1-8b-instruct-fp8"),
        litellm: Some("cloudflare/@cf/meta/llama-3.1-8b-instruct-fp8"),
        ..NEITHER
    },
    Known {
        provider: "aws",
        model: "meta.llama3-1-8b-instruct-v1:0",
        name: "Llama 3.1 8B Instruct",
        what: open("llama-3.1-8b", Some(8_030_000_000), None),
        genai: None,
        litellm: Some("meta.llama3-1-8b-instruct-v1:0"),
        ..NEITHER
    },
    Known {
        provider: "novita",
        model: "meta-llama/llama-3.3-70b-instruct",
        name: "Llama 3.3 70B Instruct",
        what: open("llama-3.3-70b", Some(70_600_000_000), None),
        genai: Some("novita/meta-llama/llama-3.3-70b-instruct"),
        litellm: Some("novita/meta-llama/llama-3.3-70b-instruct"),
        ..NEITHER
    },
    Known {
        provider: "groq",
        model: "llama-3.3-70b-versatile",
        name: "Llama 3.3 70B Versatile",
        what: open("llama-3.3-70b", Some(70_600_000_000), None),
        genai: Some("groq/llama-3.3-70b-versatile"),
        litellm: None,
        ..NEITHER
    },
    Known {
        provider: "aws",
        model: "meta.llama3-3-70b-instruct-v1:0",
        name: "Llama 3.3 70B Instruct",
        what: open("llama-3.3-70b", Some(70_600_000_000), None),
        genai: None,
        litellm: Some("meta.llama3-3-70b-instruct-v1:0"),
        ..NEITHER
    },
    Known {
        provider: "novita",
        model: "qwen/qwen3-8b-fp8",
        name: "Qwen3 8B FP8",
        what: open("qwen3-8b", Some(8_200_000_000), None),
        genai: None,
        litellm: Some("novita/qwen/qwen3-8b-fp8"),
        ..NEITHER
    },
    Known {
        provider: "fireworks",
        model: "accounts/fireworks/models/qwen3-8b",
        name: "Qwen3 8B",
        what: open("qwen3-8b", Some(8_200_000_000), None),
        genai: None,
        litellm: Some("fireworks_ai/accounts/fireworks/models/qwen3-8b"),
        ..NEITHER
    },
    Known {
        provider: "deepinfra",
        model: "Qwen/Qwen3-32B",
        name: "Qwen3 32B",
        what: open("qwen3-32b", Some(32_800_000_000), None),
        genai: None,
        litellm: Some("deepinfra/Qwen/Qwen3-32B"),
        ..NEITHER
    },
    Known {
        provider: "aws",
        model: "qwen.qwen3-32b-v1:0",
        name: "Qwen3 32B",
        what: open("qwen3-32b", Some(32_800_000_000), None),
        genai: Some("aws/qwen.qwen3-32b-v1:0"),
        litellm: Some("qwen.qwen3-32b-v1:0"),
        ..NEITHER
    },
    Known {
        provider: "deepinfra",
        model: "google/gemma-3-27b-it",
        name: "Gemma 3 27B",
        what: open("gemma-3-27b", Some(27_400_000_000), None),
        genai: None,
        litellm: Some("deepinfra/google/gemma-3-27b-it"),
        ..NEITHER
    },
    Known {
        provider: "aws",
        model: "google.gemma-3-27b-it",
        name: "Gemma 3 27B",
        what: open("gemma-3-27b", Some(27_400_000_000), None),
        genai: Some("aws/google.gemma-3-27b-it"),
        litellm: Some("google.gemma-3-27b-it"),
        ..NEITHER
    },
    Known {
        provider: "aws",
        model: "mistral.mistral-7b-instruct-v0:2",
        name: "Mistral 7B Instruct",
        what: open("mistral-7b", Some(7_250_000_000), None),
        genai: Some("aws/mistral.mistral-7b-instruct-v0:2"),
        litellm: Some("mistral.mistral-7b-instruct-v0:2"),
        ..NEITHER
    },
    Known {
        provider: "ovhcloud",
        model: "Mistral-7B-Instruct-v0.3",
        name: "Mistral 7B Instruct v0.3",
        what: open("mistral-7b", Some(7_250_000_000), None),
        genai: Some("ovhcloud/Mistral-7B-Instruct-v0.3"),
        litellm: Some("ovhcloud/Mistral-7B-Instruct-v0.3"),
        differs: true,
        ..NEITHER
    },
    Known {
        provider: "groq",
        model: "openai/gpt-oss-20b",
        name: "gpt-oss-20b",
        what: open("gpt-oss-20b", Some(20_900_000_000), Some(3_600_000_000)),
        genai: Some("groq/openai/gpt-oss-20b"),
        litellm: Some("groq/openai/gpt-oss-20b"),
        ..NEITHER
    },
    Known {
        provider: "fireworks",
        model: "gpt-oss-20b",
        name: "gpt-oss-20b",
        what: open("gpt-oss-20b", Some(20_900_000_000), Some(3_600_000_000)),
        genai: Some("fireworks/gpt-oss-20b"),
        litellm: Some("fireworks_ai/gpt-oss-20b"),
        ..NEITHER
    },
    Known {
        provider: "cloudflare",
        model: "@cf/qwen/qwen2.5-coder-32b-instruct",
        name: "Qwen2.5 Coder 32B Instruct",
        what: open("qwen2.5-coder-32b", Some(32_500_000_000), None),
        genai: Some("cloudflare/@cf/qwen/qwen2.5-coder-32b-instruct"),
        litellm: Some("cloudflare/@cf/qwen/qwen2.5-coder-32b-instruct"),
        ..NEITHER
    },
    Known {
        provider: "fireworks",
        model: "accounts/fireworks/models/qwen2p5-coder-0p5b-instruct",
        name: "Qwen2.5 Coder 0.5B Instruct",
        what: open("qwen2.5-coder-0.5b", Some(490_000_000), None),
        genai: None,
        litellm: Some("fireworks_ai/accounts/fireworks/models/qwen2p5-coder-0p5b-instruct"),
        ..NEITHER
    },
    Known {
        provider: "fireworks",
        model: "accounts/fireworks/models/qwen3-0p6b",
        name: "Qwen3 0.6B",
        what: open("qwen3-0.6b", Some(600_000_000), None),
        genai: None,
        litellm: Some("fireworks_ai/accounts/fireworks/models/qwen3-0p6b"),
        ..NEITHER
    },
    Known {
        provider: "cloudflare",
        model: "@cf/meta/llama-3.2-1b-instruct",
        name: "Llama 3.2 1B Instruct",
        what: open("llama-3.2-1b", Some(1_230_000_000), None),
        genai: Some("cloudflare/@cf/meta/llama-3.2-1b-instruct"),
        litellm: Some("cloudflare/@cf/meta/llama-3.2-1b-instruct"),
        ..NEITHER
    },
    Known {
        provider: "cloudflare",
        model: "@cf/meta/llama-3.2-3b-instruct",
        name: "Llama 3.2 3B Instruct",
        what: open("llama-3.2-3b", Some(3_210_000_000), None),
        genai: Some("cloudflare/@cf/meta/llama-3.2-3b-instruct"),
        litellm: Some("cloudflare/@cf/meta/llama-3.2-3b-instruct"),
        differs: true,
        ..NEITHER
    },
    Known {
        provider: "cloudflare",
        model: "@cf/ibm-granite/granite-4.0-h-micro",
        name: "Granite 4.0 H Micro",
        what: open("granite-4.0-h-micro", Some(3_200_000_000), None),
        genai: Some("cloudflare/@cf/ibm-granite/granite-4.0-h-micro"),
        litellm: Some("cloudflare/@cf/ibm-granite/granite-4.0-h-micro"),
        ..NEITHER
    },
    Known {
        provider: "novita",
        model: "qwen/qwen3-4b-fp8",
        name: "Qwen3 4B FP8",
        what: open("qwen3-4b", Some(4_000_000_000), None),
        genai: None,
        litellm: Some("novita/qwen/qwen3-4b-fp8"),
        ..NEITHER
    },
    Known {
        provider: "azure",
        model: "phi-4-mini-instruct",
        name: "Phi 4 Mini Instruct",
        what: open("phi-4-mini", Some(3_800_000_000), None),
        genai: Some("azure/phi-4-mini-instruct"),
        litellm: Some("azure_ai/Phi-4-mini-instruct"),
        ..NEITHER
    },
    Known {
        provider: "mistral",
        model: "ministral-3b-2512",
        name: "Ministral 3 3B",
        what: open("ministral-3-3b", Some(3_800_000_000), None),
        genai: Some("mistral/ministral-3b-2512"),
        litellm: Some("mistral/ministral-3b-2512"),
        ..NEITHER
    },
    Known {
        provider: "aws",
        model: "google.gemma-3-4b-it",
        name: "Gemma 3 4B",
        what: open("gemma-3-4b", Some(4_300_000_000), None),
        genai: Some("aws/google.gemma-3-4b-it"),
        litellm: Some("google.gemma-3-4b-it"),
        ..NEITHER
    },
    Known {
        provider: "groq",
        model: "openai/gpt-oss-120b",
        name: "gpt-oss-120b",
        what: open("gpt-oss-120b", Some(116_800_000_000), Some(5_100_000_000)),
        genai: Some("groq/openai/gpt-oss-120b"),
        litellm: Some("groq/openai/gpt-oss-120b"),
        ..NEITHER
    },
    Known {
        provider: "mistral",
        model: "mistral-large-2512",
        name: "Mistral Large 3",
        what: open("mistral-large-3", Some(675_000_000_000), Some(41_000_000_000)),
        genai: Some("mistral/mistral-large-2512"),
        litellm: Some("mistral/mistral-large-2512"),
        ..NEITHER
    },
    Known {
        provider: "deepseek",
        model: "deepseek-flash",
        name: "DeepSeek V4.1 Flash",
        what: open("deepseek-v4.1-flash", None, None),
        genai: Some("deepseek/deepseek-flash"),
        litellm: Some("deepseek/deepseek-flash"),
        litellm_first: true,
        note: Some(DEEPSEEK_HOURS),
        differs: true,
        ..NEITHER
    },
    Known {
        provider: "openai",
        model: "gpt-6-luna",
        name: "GPT-6 Luna",
        what: closed("gpt-6-luna", Size::Small),
        genai: Some("openai/gpt-6-luna"),
        litellm: Some("gpt-6-luna"),
        ..NEITHER
    },
    Known {
        provider: "anthropic",
        model: "claude-haiku-5-5",
        name: "Claude Haiku 5.5",
        what: closed("claude-haiku-5.5", Size::Small),
        genai: Some("anthropic/claude-haiku-5-5"),
        litellm: Some("claude-haiku-5-5"),
        input_includes_cached: false,
        ..NEITHER
    },
    Known {
        provider: "google",
        model: "gemini-3.5-flash-lite",
        name: "Gemini 3.5 Flash Lite",
        what: closed("gemini-3.5-flash-lite", Size::Small),
        genai: Some("google/gemini-3.5-flash-lite"),
        litellm: Some("gemini/gemini-3.5-flash-lite"),
        ..NEITHER
    },
    Known {
        provider: "openai",
        model: "gpt-6.1-sol",
        name: "GPT-6.1 Sol",
        what: closed("gpt-6.1-sol", Size::Large),
        genai: Some("openai/gpt-6.1-sol"),
        litellm: Some("gpt-6.1-sol"),
        ..NEITHER
    },
    Known {
        provider: "anthropic",
        model: "claude-sonnet-5-5",
        name: "Claude Sonnet 5.5",
        what: closed("claude-sonnet-5.5", Size::Large),
        genai: Some("anthropic/claude-sonnet-5-5"),
        litellm: Some("claude-sonnet-5-5"),
        input_includes_cached: false,
        ..NEITHER
    },
    Known {
        provider: "google",
        model: "gemini-3.8-flash",
        name: "Gemini 3.8 Flash",
        what: closed("gemini-3.8-flash", Size::Large),
        genai: Some("google/gemini-3.8-flash"),
        litellm: Some("gemini/gemini-3.8-flash"),
        ..NEITHER
    },
    Known {
        provider: "xai",
        model: "grok-4.7",
        name: "Grok 4.7",
        what: closed("grok-4.7", Size::Large),
        genai: Some("x-ai/grok-4.7"),
        litellm: Some("xai/grok-4.7"),
        ..NEITHER
    },
];
