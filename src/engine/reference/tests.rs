//! Models of a few kilobytes with random weights, written and read back: what the engine refuses,
//! and that neither chunks nor earlier sequences change what a sequence becomes.

use super::*;
use crate::engine::DeviceChoice;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const VOCABULARY: usize = 48;
const WIDTH: usize = 32;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HIDDEN: usize = 64;
const LAYERS: usize = 2;

/// A model file, and the folder that keeps it alive.
struct Tiny {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Tiny {
    fn write(architecture: Architecture, context: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.gguf");
        let name = architecture.name();
        let uint = |number: usize| Value::U32(u32::try_from(number).unwrap());
        let metadata = [
            ("general.architecture".to_owned(), Value::String(name.to_owned())),
            (format!("{name}.context_length"), Value::U32(context)),
            (format!("{name}.embedding_length"), uint(WIDTH)),
            (format!("{name}.block_count"), uint(LAYERS)),
            (format!("{name}.attention.head_count"), uint(HEADS)),
            (format!("{name}.attention.head_count_kv"), uint(KV_HEADS)),
            (format!("{name}.rope.dimension_count"), uint(WIDTH / HEADS)),
            (format!("{name}.attention.layer_norm_rms_epsilon"), Value::F32(1e-5)),
        ];
        let mut random = ChaCha8Rng::seed_from_u64(17);
        let tensors: Vec<(String, QTensor)> = shapes(architecture)
            .into_iter()
            .map(|(name, shape)| {
                let count = shape.iter().product::<usize>();
                let mut one =
                    || f32::from(i16::try_from(random.next_u32() % 2_001).unwrap() - 1_000) / 4e3;
                let values: Vec<f32> = (0..count).map(|_| one()).collect();
                let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
                (name, QTensor::quantize(&tensor, GgmlDType::F32).unwrap())
            })
            .collect();
        let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<_> = tensors.iter().map(|(name, one)| (name.as_str(), one)).collect();
        let mut file = fs_err::File::create(&path).unwrap();
        gguf_file::write(&mut file, &metadata, &tensors).unwrap();
        Self { _folder: folder, path }
    }

    fn load(architecture: Architecture, context: u32) -> Reference {
        let tiny = Self::write(architecture, context);
        Reference::load(&tiny.path, architecture, &DeviceChoice::Cpu.open().unwrap()).unwrap()
    }
}

fn shapes(architecture: Architecture) -> Vec<(String, Vec<usize>)> {
    let kv = WIDTH / HEADS * KV_HEADS;
    let mut shapes = vec![
        ("token_embd.weight".to_owned(), vec![VOCABULARY, WIDTH]),
        ("output_norm.weight".to_owned(), vec![WIDTH]),
        ("output.weight".to_owned(), vec![VOCABULARY, WIDTH]),
    ];
    for layer in 0..LAYERS {
        let mut add = |name: &str, shape: &[usize]| {
            shapes.push((format!("blk.{layer}.{name}"), shape.to_vec()));
        };
        add("attn_norm.weight", &[WIDTH]);
        add("attn_q.weight", &[WIDTH, WIDTH]);
        add("attn_k.weight", &[kv, WIDTH]);
        add("attn_v.weight", &[kv, WIDTH]);
        add("attn_output.weight", &[WIDTH, WIDTH]);
        add("ffn_norm.weight", &[WIDTH]);
        add("ffn_gate.weight", &[HIDDEN, WIDTH]);
        add("ffn_up.weight", &[HIDDEN, WIDTH]);
        add("ffn_down.weight", &[WIDTH, HIDDEN]);
        if architecture == Architecture::Qwen2 {
            add("attn_q.bias", &[WIDTH]);
            add("attn_k.bias", &[kv]);
            add("attn_v.bias", &[kv]);
        }
    }
    shapes
}

const BOTH: [Architecture; 2] = [Architecture::Llama, Architecture::Qwen2];
const PROMPT: [u32; 9] = [3, 1, 4, 1, 5, 9, 2, 6, 47];

#[track_caller]
fn same(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 1e-5 + 1e-5 * want.abs(), "{got} is not {want}");
    }
}

#[test]
fn chunks_and_single_tokens_give_what_the_whole_prompt_gives() {
    for architecture in BOTH {
        let mut model = Tiny::load(architecture, 64);
        let whole = model.forward(&PROMPT, 0).unwrap();
        assert_eq!(whole.len(), VOCABULARY);
        for cut in [1, 2, 4, 7] {
            model.reset();
            let mut last = Vec::new();
            for (index, chunk) in PROMPT.chunks(cut).enumerate() {
                last = model.forward(chunk, index * cut).unwrap();
            }
            same(&last, &whole);
        }
    }
}

#[test]
fn a_sequence_does_not_depend_on_the_one_before() {
    for architecture in BOTH {
        let mut model = Tiny::load(architecture, 64);
        let first = model.forward(&PROMPT, 0).unwrap();
        model.reset();
        model.forward(&[8, 8, 8], 0).unwrap();
        model.forward(&[7], 3).unwrap();
        model.reset();
        assert_eq!(model.forward(&PROMPT, 0).unwrap(), first, "{architecture:?}");
    }
}

#[test]
fn every_token_is_attended_to() {
    for architecture in BOTH {
        let mut model = Tiny::load(architecture, 64);
        let before = model.forward(&PROMPT, 0).unwrap();
        for place in 0..PROMPT.len() {
            let mut other = PROMPT;
            other[place] = (other[place] + 1) % 48;
            model.reset();
            let after = model.forward(&other, 0).unwrap();
            assert_ne!(before, after, "{architecture:?}, token {place}");
        }
    }
}

#[track_caller]
fn refused(model: &mut Reference, tokens: &[u32], position: usize, want: &str) {
    let error = model.forward(tokens, position).unwrap_err();
    assert_eq!(error.to_string(), want);
}

#[test]
fn what_would_make_the_library_panic_or_lie_is_refused() {
    let mut model = Tiny::load(Architecture::Qwen2, 12);
    refused(&mut model, &[], 0, "a forward pass of 0 token(s) at position 0, where 0 are held");
    refused(&mut model, &[1], 5, "a forward pass of 1 token(s) at position 5, where 0 are held");
    refused(&mut model, &[2, 48], 0, "token `48` is outside the vocabulary of 48");
    model.forward(&PROMPT, 0).unwrap();
    // Position 0 would make the library drop its cache without a word.
    refused(&mut model, &[1], 0, "a forward pass of 1 token(s) at position 0, where 9 are held");
    let long = "a sequence of 13 tok exceeds this engine's context limit of 12 tok";
    refused(&mut model, &[1; 4], 9, long);
    // A refusal leaves the sequence as it was.
    model.forward(&[1; 3], 9).unwrap();
}

#[test]
fn llama_ends_with_its_rotary_table_whatever_the_file_claims() {
    let mut model = Tiny::load(Architecture::Llama, 131_072);
    assert_eq!(model.context_limit(), 4_096);
    let error = model.forward(&vec![1; 4_097], 0).unwrap_err();
    assert!(matches!(error, EngineError::Context { .. }), "{error}");
    let model = Tiny::load(Architecture::Llama, 64);
    assert_eq!(model.context_limit(), 64);
}

#[test]
fn a_file_that_is_no_model_is_an_error_that_names_it() {
    let cpu = DeviceChoice::Cpu.open().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.gguf");
    let load = || Reference::load(&path, Architecture::Llama, &cpu).err().unwrap();
    assert!(matches!(load(), EngineError::Open(_)));
    fs_err::write(&path, b"GGUF nothing else").unwrap();
    let error = load();
    assert!(matches!(error, EngineError::Load { .. }), "{error}");
    assert!(error.to_string().contains("broken.gguf"), "{error}");

    // A context that would need gigabytes of rotary tables.
    let tiny = Tiny::write(Architecture::Qwen2, u32::MAX);
    let error = Reference::load(&tiny.path, Architecture::Qwen2, &cpu).err().unwrap();
    let text = error.to_string();
    assert!(text.ends_with("`qwen2.context_length` is `4294967295`"), "{text}");
    // A file of another architecture.
    let error = Reference::load(&tiny.path, Architecture::Llama, &cpu).err().unwrap();
    let text = error.to_string();
    assert!(text.ends_with("`llama.context_length` is `missing`"), "{text}");
}

#[test]
fn architectures_are_known_by_name() {
    assert_eq!("qwen2".parse::<Architecture>().unwrap(), Architecture::Qwen2);
    let error = "gemma3".parse::<Architecture>().unwrap_err();
    assert_eq!(error.to_string(), "no forward pass for architecture `gemma3`");
}

#[test]
fn the_library_is_the_one_that_is_built_in() {
    #[derive(serde::Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(serde::Deserialize)]
    struct Package {
        name: String,
        version: String,
    }
    let lock: Lock = toml::from_str(include_str!("../../../Cargo.lock")).unwrap();
    let found = lock.package.iter().find(|one| one.name == "candle-transformers").unwrap();
    assert_eq!(LIBRARY, format!("{} {}", found.name, found.version));
    assert!(Tiny::load(Architecture::Llama, 64).describe().starts_with(LIBRARY));
}
