//! Which server a page of metrics is of, and what it calls things.
//!
//! Invariant: a number is one that the server states under a name of the tables below, or `None`;
//! what two servers mean differently is not put under one head. Guarded by `tests`, on pages recorded
//! from or written after each server.
//!
//! Sources of the names, as of November 2026:
//! - vLLM: "Production Metrics" in its documentation, of versions 0.5 to 0.32.
//! - `SGLang`: "Production Metrics" in its documentation, `srt/metrics/collector.py`.
//! - llama.cpp: `tools/server/README.md`, and a page recorded from it.
//! - TensorRT-LLM: `tensorrt_llm/metrics/collector.py`; behind Triton: "Triton Metrics" in the README of
//!   `tensorrtllm_backend`.
//! - Dynamo: "Metrics Catalog" in its documentation, `prometheus_names.rs`.

use super::page::{Page, Select, whole};
use crate::record::reading::ServerReading;
use crate::units::{Ratio, Seconds, Tokens};

/// A server by the metrics that it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// vLLM, either generation.
    Vllm,
    /// `SGLang`.
    Sglang,
    /// llama.cpp's server.
    LlamaCpp,
    /// TensorRT-LLM's own server.
    TensorRtLlm,
    /// TensorRT-LLM behind Triton.
    Triton,
    /// Dynamo's frontend or one of its workers.
    Dynamo,
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Vllm => "vLLM",
            Self::Sglang => "SGLang",
            Self::LlamaCpp => "llama.cpp",
            Self::TensorRtLlm => "TensorRT-LLM",
            Self::Triton => "Triton",
            Self::Dynamo => "Dynamo",
        })
    }
}

/// How a server's names begin. In this order: a Dynamo worker passes its engine's own metrics on,
/// which say more than Dynamo's.
const PREFIXES: [(&str, Dialect); 6] = [
    ("vllm:", Dialect::Vllm),
    ("sglang:", Dialect::Sglang),
    ("llamacpp:", Dialect::LlamaCpp),
    ("trtllm_", Dialect::TensorRtLlm),
    ("nv_trt_llm_", Dialect::Triton),
    ("dynamo_", Dialect::Dynamo),
];

/// A server's name for something: alternatives, of which the first that is whole counts; the parts of
/// one are taken together.
type Names = &'static [&'static [Select]];

/// What a server calls what we read.
struct Table {
    /// Whether a counter that is declared and has no series yet stands at 0. Not where it may stay
    /// so for ever because counting is switched off.
    zeros: bool,
    running: Names,
    waiting: Names,
    /// A share of 1; of several, the largest.
    kv_used: Names,
    prefix_queried: Names,
    prefix_hit: Names,
    preemptions: Names,
    prompt_tokens: Names,
    output_tokens: Names,
    requests: Names,
}

const fn name(name: &'static str) -> Select {
    Select { name, label: None }
}

const fn labelled(name: &'static str, label: &'static str, value: &'static str) -> Select {
    Select { name, label: Some((label, value)) }
}

/// V0 told a hit rate without saying of when (`gpu_prefix_cache_hit_rate`); there is no counter in it.
/// Queries and hits are tokens, both in V1's first form (`gpu_…`) and in the later one.
const VLLM: Table = Table {
    zeros: true,
    running: &[&[name("vllm:num_requests_running")]],
    waiting: &[&[name("vllm:num_requests_waiting")]],
    kv_used: &[&[name("vllm:kv_cache_usage_perc")], &[name("vllm:gpu_cache_usage_perc")]],
    prefix_queried: &[
        &[name("vllm:prefix_cache_queries")],
        &[name("vllm:gpu_prefix_cache_queries")],
    ],
    prefix_hit: &[&[name("vllm:prefix_cache_hits")], &[name("vllm:gpu_prefix_cache_hits")]],
    preemptions: &[&[name("vllm:num_preemptions")]],
    prompt_tokens: &[&[name("vllm:prompt_tokens")]],
    output_tokens: &[&[name("vllm:generation_tokens")]],
    requests: &[&[name("vllm:request_success")]],
};

/// Every prompt token is looked up. A model with several kinds of attention has a pool for each, and
/// is as full as the fullest; a retraction is a preemption. `cache_hit_rate` is of the last batch.
const SGLANG: Table = Table {
    zeros: true,
    running: &[&[name("sglang:num_running_reqs")]],
    waiting: &[&[name("sglang:num_queue_reqs")]],
    kv_used: &[
        &[
            name("sglang:token_usage"),
            name("sglang:full_token_usage"),
            name("sglang:swa_token_usage"),
        ],
        &[name("sglang:token_usage")],
    ],
    prefix_queried: &[&[name("sglang:prompt_tokens")]],
    prefix_hit: &[&[name("sglang:cached_tokens")]],
    preemptions: &[&[name("sglang:num_retracted_requests")]],
    prompt_tokens: &[&[name("sglang:prompt_tokens")]],
    output_tokens: &[&[name("sglang:generation_tokens")]],
    requests: &[&[name("sglang:num_requests")]],
};

/// `prompt_tokens_total` leaves out what the cache had; where that is not told, the prompts' tokens
/// are not known. Numbers have six digits, so counters above a million are rounded; those of output
/// move when a request ends.
const LLAMA_CPP: Table = Table {
    zeros: false,
    running: &[&[name("llamacpp:requests_processing")]],
    waiting: &[&[name("llamacpp:requests_deferred")]],
    kv_used: &[&[name("llamacpp:kv_cache_usage_ratio")]],
    prefix_queried: &[&[name("llamacpp:prompt_tokens"), name("llamacpp:prompt_tokens_cached")]],
    prefix_hit: &[&[name("llamacpp:prompt_tokens_cached")]],
    preemptions: &[],
    prompt_tokens: &[&[name("llamacpp:prompt_tokens"), name("llamacpp:prompt_tokens_cached")]],
    output_tokens: &[&[name("llamacpp:tokens_predicted")]],
    requests: &[],
};

/// The counters of requests and tokens need `return_perf_metrics`; declared they are without it too.
const TENSOR_RT_LLM: Table = Table {
    zeros: false,
    running: &[&[name("trtllm_num_requests_running")]],
    waiting: &[&[name("trtllm_num_requests_waiting")]],
    kv_used: &[&[name("trtllm_kv_cache_utilization")]],
    prefix_queried: &[&[name("trtllm_prompt_tokens")]],
    prefix_hit: &[&[name("trtllm_prompt_cached_tokens")]],
    preemptions: &[],
    prompt_tokens: &[&[name("trtllm_prompt_tokens")]],
    output_tokens: &[&[name("trtllm_generation_tokens")]],
    requests: &[&[name("trtllm_request_success")], &[name("trtllm_num_requests_completed")]],
};

/// The batch manager has gauges alone. Triton's own `nv_inference_request_success` counts a request
/// once for each model of an ensemble.
const TRITON: Table = Table {
    zeros: false,
    running: &[&[labelled("nv_trt_llm_request_metrics", "request_type", "scheduled")]],
    waiting: &[&[labelled("nv_trt_llm_request_metrics", "request_type", "waiting")]],
    kv_used: &[&[labelled("nv_trt_llm_kv_cache_block_metrics", "kv_cache_block_type", "fraction")]],
    prefix_queried: &[],
    prefix_hit: &[],
    preemptions: &[],
    prompt_tokens: &[],
    output_tokens: &[],
    requests: &[],
};

/// A frontend, or a worker by itself. What the frontend calls queued waits for its first token, be it
/// computed already or not, and is in flight too; so nothing is said to wait.
const DYNAMO: Table = Table {
    zeros: false,
    running: &[
        &[name("dynamo_frontend_inflight_requests")],
        &[labelled("dynamo_component_inflight_requests", "dynamo_endpoint", "generate")],
    ],
    waiting: &[],
    kv_used: &[
        &[name("dynamo_component_gpu_cache_usage_percent")],
        &[name("dynamo_component_kvstats_gpu_cache_usage_percent")],
    ],
    prefix_queried: &[&[name("dynamo_frontend_input_sequence_tokens_sum")]],
    prefix_hit: &[&[name("dynamo_frontend_cached_tokens_sum")]],
    preemptions: &[],
    prompt_tokens: &[&[name("dynamo_frontend_input_sequence_tokens_sum")]],
    output_tokens: &[&[name("dynamo_frontend_output_tokens")]],
    requests: &[
        &[name("dynamo_frontend_requests")],
        &[labelled("dynamo_component_requests", "dynamo_endpoint", "generate")],
    ],
};

/// When the process started, in seconds since 1970: what Prometheus' clients tell of themselves.
const STARTED: Select = name("process_start_time_seconds");

impl Dialect {
    /// The server whose page this is, if it is one that is known.
    pub(super) fn of(page: &Page<'_>) -> Option<Self> {
        PREFIXES.iter().find(|(prefix, _)| page.speaks(prefix)).map(|(_, dialect)| *dialect)
    }

    fn table(self) -> &'static Table {
        match self {
            Self::Vllm => &VLLM,
            Self::Sglang => &SGLANG,
            Self::LlamaCpp => &LLAMA_CPP,
            Self::TensorRtLlm => &TENSOR_RT_LLM,
            Self::Triton => &TRITON,
            Self::Dynamo => &DYNAMO,
        }
    }

    /// What the page says of the server.
    pub(super) fn read(self, page: &Page<'_>) -> ServerReading {
        let table = self.table();
        let gauge = |names: Names| {
            let sum = first(names, |part| page.sum(part), |a, b| a + b)?;
            u32::try_from(whole(sum)?).ok()
        };
        let counter =
            |names: Names| whole(first(names, |part| page.count(part, table.zeros), |a, b| a + b)?);
        let share = first(table.kv_used, |part| page.max(part), f64::max);
        ServerReading {
            running: gauge(table.running),
            waiting: gauge(table.waiting),
            kv_used: share.filter(|share| (0.0..=1.0).contains(share)).map(Ratio::of),
            prefix_queried: counter(table.prefix_queried).map(Tokens),
            prefix_hit: counter(table.prefix_hit).map(Tokens),
            preemptions: counter(table.preemptions),
            prompt_tokens: counter(table.prompt_tokens).map(Tokens),
            output_tokens: counter(table.output_tokens).map(Tokens),
            requests: counter(table.requests),
            started: page.max(STARTED).map(Seconds),
        }
    }
}

/// The first alternative of which every part is there.
fn first(
    names: Names,
    read: impl Fn(Select) -> Option<f64>,
    together: impl Fn(f64, f64) -> f64,
) -> Option<f64> {
    names.iter().find_map(|parts| {
        let values: Option<Vec<f64>> = parts.iter().map(|part| read(*part)).collect();
        values?.into_iter().reduce(&together)
    })
}
