//! What a server is: its models, its software, and so what may be said to it.
//!
//! Servers are told apart by what they say of themselves: the owner that they state for their models
//! (vLLM's `ModelCard`, `SGLang`'s, TensorRT-LLM's and llama.cpp's sources have it as a constant), the
//! `Server` header, and pages that only they have. One that is not recognised is sent nothing but
//! what the API has.

use super::Http;
use super::error::HttpError;
use super::options::Extras;
use serde::Deserialize;
use std::fmt;

/// A server's software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Software {
    /// vLLM.
    Vllm,
    /// `SGLang`.
    Sglang,
    /// llama.cpp's server.
    LlamaCpp,
    /// TensorRT-LLM's server.
    TensorRtLlm,
    /// OpenAI's own.
    OpenAi,
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vllm => "vLLM",
            Self::Sglang => "SGLang",
            Self::LlamaCpp => "llama.cpp",
            Self::TensorRtLlm => "TensorRT-LLM",
            Self::OpenAi => "OpenAI",
        })
    }
}

impl Software {
    /// From the owner that it states for its models.
    fn of_owner(owner: &str) -> Option<Self> {
        match owner {
            "vllm" => Some(Self::Vllm),
            "sglang" => Some(Self::Sglang),
            "llamacpp" => Some(Self::LlamaCpp),
            "tensorrt_llm" => Some(Self::TensorRtLlm),
            _ => None,
        }
    }
}

impl Extras {
    /// What may be sent to this software: fields that its request types have.
    pub fn of(software: Option<Software>) -> Self {
        let api = Self { include_usage: true, ..Self::default() };
        match software {
            Some(Software::Vllm | Software::Sglang | Software::TensorRtLlm) => Self {
                continuous_usage: true,
                ignore_eos: true,
                min_tokens: true,
                prompt_ids: true,
                ..api
            },
            Some(Software::LlamaCpp) => Self { ignore_eos: true, prompt_ids: true, ..api },
            Some(Software::OpenAi) => Self { completion_limit: true, prompt_ids: true, ..api },
            None => api,
        }
    }
}

/// What was found out about a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovery {
    /// The models that it lists; empty where it wasn't asked or doesn't say.
    pub models: Vec<String>,
    /// Its software; `None`: it was not recognised.
    pub software: Option<Software>,
    /// Its version, as it states it.
    pub version: Option<String>,
    /// The longest context of the model that is used, where it says so.
    pub context: Option<u64>,
}

/// `vLLM 0.11.0`.
impl fmt::Display for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.software, &self.version) {
            (Some(software), Some(version)) => write!(f, "{software} {version}"),
            (Some(software), None) => software.fmt(f),
            (None, _) => f.write_str("a server that was not recognised"),
        }
    }
}

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    #[serde(default)]
    owned_by: Option<String>,
    #[serde(default)]
    max_model_len: Option<u64>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

/// llama.cpp's page about itself.
#[derive(Deserialize)]
struct Props {
    #[serde(default)]
    build_info: Option<String>,
}

/// Asks a server what it is, and which model to ask for: `wanted`, or the only one.
pub(super) fn discover(
    http: &Http,
    wanted: Option<&str>,
) -> Result<(String, Discovery), HttpError> {
    let url = http.shown("/models");
    let listed = http.get("/models").and_then(|reply| {
        let malformed = |error: serde_json::Error| HttpError::Malformed {
            url: url.clone(),
            reason: error.to_string(),
        };
        let models: Models = serde_json::from_slice(&reply.body).map_err(malformed)?;
        Ok((models.data, reply.server))
    });
    let (models, server) = match (listed, wanted) {
        (Ok(listed), _) => listed,
        // Not every server has the list; one that isn't there has nothing.
        (Err(error @ HttpError::Unreachable { .. }), _) | (Err(error), None) => return Err(error),
        (Err(_), Some(_)) => (Vec::new(), None),
    };
    let model = match (wanted, &models[..]) {
        (Some(name), _) => name.to_owned(),
        (None, [only]) => only.id.clone(),
        (None, []) => return Err(HttpError::NoModel { url }),
        (None, _) => {
            let models = models.into_iter().map(|model| model.id).collect();
            return Err(HttpError::SeveralModels { url, models });
        }
    };
    let software = recognise(http, &models, server.as_deref());
    Ok((
        model.clone(),
        Discovery {
            version: software.and_then(|software| version(http, software)),
            software,
            context: models.iter().find(|it| it.id == model).and_then(|it| it.max_model_len),
            models: models.into_iter().map(|model| model.id).collect(),
        },
    ))
}

fn recognise(http: &Http, models: &[Model], server: Option<&str>) -> Option<Software> {
    if http.is_openai() {
        return Some(Software::OpenAi);
    }
    let owner = models.iter().find_map(|model| model.owned_by.as_deref());
    if let Some(software) = owner.and_then(Software::of_owner) {
        return Some(software);
    }
    if server.is_some_and(|name| name.to_ascii_lowercase().starts_with("llama.cpp")) {
        return Some(Software::LlamaCpp);
    }
    // A server without a list of models, or one whose list a proxy has written anew.
    let says = |path: &str, field: &str| {
        http.get_root(path)
            .ok()
            .and_then(|reply| serde_json::from_slice::<serde_json::Value>(&reply.body).ok())
            .is_some_and(|page| page.get(field).is_some())
    };
    if says("/props", "build_info") {
        Some(Software::LlamaCpp)
    } else if says("/get_model_info", "tokenizer_path") {
        Some(Software::Sglang)
    } else {
        None
    }
}

fn version(http: &Http, software: Software) -> Option<String> {
    match software {
        Software::Vllm | Software::TensorRtLlm => {
            let page = http.get_root("/version").ok()?;
            serde_json::from_slice::<Version>(&page.body).ok().map(|page| page.version)
        }
        Software::Sglang => {
            let page = http.get_root("/get_server_info").ok()?;
            serde_json::from_slice::<Version>(&page.body).ok().map(|page| page.version)
        }
        Software::LlamaCpp => {
            let page = http.get_root("/props").ok()?;
            serde_json::from_slice::<Props>(&page.body).ok().and_then(|page| page.build_info)
        }
        Software::OpenAi => None,
    }
}
