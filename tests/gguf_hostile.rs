//! 200 corrupted GGUF files: each is a clear error, or a model that really loads; never a panic, and
//! never more memory than twice the file and 64 MiB. With the checksum off, so to speak: the files
//! are made here and opened directly.
//!
//! A program of its own, because the peak of memory is the whole process's.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that can't go on ends")]

mod common;

use candle_core::quantized::gguf_file;
use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_llama;
mod hostile;

use hostile::{Random, peak_of};
use mtok::hint::{Fault, Hint};
use mtok::model::spec::{LayerPart, Part};
use mtok::model::weights::Weights;
use mtok::model::{Control, Description, Loaded, ModelError, Rendering};
use mtok::workload::Message;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// A file, and where in it the parts are that faults are planted in.
#[derive(Clone)]
struct Made {
    bytes: Vec<u8>,
    /// Where the key-value pairs begin.
    keys_at: usize,
    /// Where the tensor table begins.
    tensors_at: usize,
    /// Where the tensor table ends.
    end_at: usize,
    /// Every count, length, offset and dimension: 8 bytes each.
    numbers: Vec<usize>,
    /// Every u32 among the values, by its key, and every type.
    values: BTreeMap<String, usize>,
}

impl Made {
    fn number(&mut self, number: u64) {
        self.numbers.push(self.bytes.len());
        self.bytes.extend(number.to_le_bytes());
    }

    fn word(&mut self, word: u32) {
        self.bytes.extend(word.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.text(key);
        self.word(kind);
        self.values.insert(key.to_owned(), self.bytes.len());
    }

    fn array(&mut self, key: &str, kind: u32, length: usize) {
        self.key(key, 9);
        self.word(kind);
        self.number(length as u64);
    }
}

const WIDTH: u64 = 64;
const INNER: u64 = 128;
const VOCABULARY: usize = 260;
const LAYERS: u64 = 2;
const Q8_0: u32 = 8;

/// A Llama of two layers with random weights: everything that a real one has, in 100 KB.
fn tiny_llama() -> Made {
    let mut made = Made {
        bytes: b"GGUF".to_vec(),
        keys_at: 0,
        tensors_at: 0,
        end_at: 0,
        numbers: Vec::new(),
        values: BTreeMap::new(),
    };
    let tensors = tensors();
    made.word(3);
    made.number(tensors.len() as u64);
    made.number(20);
    made.keys_at = made.bytes.len();
    keys(&mut made);
    made.tensors_at = made.bytes.len();
    let mut data = 0;
    for (name, kind, dimensions) in &tensors {
        made.text(name);
        made.word(u32::try_from(dimensions.len()).unwrap());
        for &one in dimensions {
            made.number(one);
        }
        made.values.insert(format!("type of {name}"), made.bytes.len());
        made.word(*kind);
        made.number(data);
        let elements: u64 = dimensions.iter().product();
        let bytes = if *kind == Q8_0 { elements / 32 * 34 } else { elements * 4 };
        data = (data + bytes).next_multiple_of(32);
    }
    made.end_at = made.bytes.len();
    let start = made.bytes.len().next_multiple_of(32);
    made.bytes.resize(start, 0);
    let mut random = Random(1);
    // Small numbers: bytes of weights, whatever their type, that are no NaN.
    made.bytes.extend((0..data).map(|_| u8::try_from(random.below(16)).unwrap_or(0)));
    made
}

fn keys(made: &mut Made) {
    let words = [
        ("llama.block_count", LAYERS),
        ("llama.context_length", 512),
        ("llama.embedding_length", WIDTH),
        ("llama.feed_forward_length", INNER),
        ("llama.attention.head_count", 2),
        ("llama.attention.head_count_kv", 1),
        ("llama.rope.dimension_count", WIDTH / 2),
        ("general.file_type", 7),
        ("general.alignment", 32),
        ("tokenizer.ggml.bos_token_id", 256),
        ("tokenizer.ggml.eos_token_id", 257),
    ];
    made.key("general.architecture", 8);
    made.text("llama");
    for (key, value) in words {
        made.key(key, 4);
        made.word(u32::try_from(value).unwrap());
    }
    made.key("llama.attention.layer_norm_rms_epsilon", 6);
    made.bytes.extend(1e-5_f32.to_le_bytes());
    made.key("llama.rope.freq_base", 6);
    made.bytes.extend(1e4_f32.to_le_bytes());
    for (key, value) in [("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", "smollm")] {
        made.key(key, 8);
        made.text(value);
    }
    made.array("tokenizer.ggml.tokens", 8, VOCABULARY);
    // Not the real stand-ins, which the reader need not be told: letters, and ids for the rest.
    for id in 0..256 {
        let letter = char::from(u8::try_from(id).unwrap());
        made.text(&if letter.is_ascii_graphic() { letter.to_string() } else { format!("[{id}]") });
    }
    for token in ["<s>", "</s>", "ab", "abc"] {
        made.text(token);
    }
    made.array("tokenizer.ggml.token_type", 5, VOCABULARY);
    for id in 0..VOCABULARY {
        made.word(if id == 256 || id == 257 { 3 } else { 1 });
    }
    made.array("tokenizer.ggml.merges", 8, 2);
    made.text("a b");
    made.text("ab c");
    made.key("tokenizer.chat_template", 8);
    made.text("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}");
}

/// Name, type, dimensions.
fn tensors() -> Vec<(String, u32, Vec<u64>)> {
    let mut all = vec![
        ("token_embd.weight".to_owned(), Q8_0, vec![WIDTH, VOCABULARY as u64]),
        ("output_norm.weight".to_owned(), 0, vec![WIDTH]),
    ];
    for layer in 0..LAYERS {
        for (part, kind, dimensions) in [
            ("attn_norm", 0, vec![WIDTH]),
            ("attn_q", Q8_0, vec![WIDTH, WIDTH]),
            ("attn_k", Q8_0, vec![WIDTH, WIDTH / 2]),
            ("attn_v", Q8_0, vec![WIDTH, WIDTH / 2]),
            ("attn_output", Q8_0, vec![WIDTH, WIDTH]),
            ("ffn_norm", 0, vec![WIDTH]),
            ("ffn_gate", Q8_0, vec![WIDTH, INNER]),
            ("ffn_up", Q8_0, vec![WIDTH, INNER]),
            ("ffn_down", Q8_0, vec![INNER, WIDTH]),
        ] {
            all.push((format!("blk.{layer}.{part}.weight"), kind, dimensions));
        }
    }
    all
}

/// What a number is replaced with: beyond the file, at the edges of types, nothing, one off.
const HOSTILE: &[u64] = &[
    0,
    1,
    2,
    63,
    1 << 20,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    1 << 32,
    1 << 60,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 31,
    u64::MAX,
];

/// A corrupted file and what was done to it.
fn corrupt(made: &Made, case: usize, random: &mut Random) -> (String, Vec<u8>) {
    let mut bytes = made.bytes.clone();
    let mut flip = |from: usize, to: usize, random: &mut Random| {
        let mut done = Vec::new();
        for _ in 0..=random.below(2) {
            let at = from + random.below(to - from);
            let bit = random.below(8);
            bytes[at] ^= 1 << bit;
            done.push(format!("{at}:{bit}"));
        }
        done.join(" ")
    };
    let what = match case % 6 {
        0 => format!("header, bits {}", flip(0, made.keys_at, random)),
        1 => format!("metadata, bits {}", flip(made.keys_at, made.tensors_at, random)),
        2 => format!("tensor table, bits {}", flip(made.tensors_at, made.end_at, random)),
        3 => {
            // Half of them within the header, where most of the fields are.
            let end = random.pick(&[made.end_at, bytes.len()]);
            bytes.truncate(random.below(end));
            format!("cut to {}", bytes.len())
        }
        4 => {
            let (at, value) = (random.pick(&made.numbers), random.pick(HOSTILE));
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            format!("number at {at} = {value}")
        }
        _ => {
            let keys: Vec<_> = made.values.iter().collect();
            let ((key, &at), value) = (random.pick(&keys), random.pick(HOSTILE));
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes()[..4]);
            format!("{key} = {}", value & 0xFFFF_FFFF)
        }
    };
    (what, bytes)
}

/// Values of keys that candle or candle-transformers would divide by, index with or reserve for.
const POISON: &[(&str, u32)] = &[
    ("general.alignment", 0),
    ("general.alignment", 3),
    ("llama.attention.head_count", 0),
    ("llama.attention.head_count", 3),
    ("llama.attention.head_count_kv", 0),
    ("llama.block_count", 0),
    ("llama.block_count", u32::MAX),
    ("llama.embedding_length", 0),
    ("llama.context_length", 0),
    ("llama.feed_forward_length", 64),
    ("llama.rope.dimension_count", 0),
    ("llama.rope.dimension_count", 62),
    ("llama.rope.dimension_count", u32::MAX),
    ("llama.attention.layer_norm_rms_epsilon", 0x7FC0_0000),
    ("llama.rope.freq_base", 0x7F80_0000),
    ("tokenizer.ggml.bos_token_id", 260),
    ("type of token_embd.weight", 5),
    ("type of token_embd.weight", 0),
];

/// Each of them alone must be an error, as must dimensions whose product wraps around to 0.
fn poisoned(path: &Path, made: &Made, tally: &mut Tally) {
    for (key, value) in POISON {
        let mut bytes = made.bytes.clone();
        let at = made.values[*key];
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        fs_err::write(path, bytes).unwrap();
        check(path, &format!("{key} = {value}"), true, tally);
        assert_eq!(tally.loads, 0, "{key} = {value} loads");
    }
    let mut bytes = made.bytes.clone();
    // The first tensor's name of 17 bytes behind its length, then how many dimensions it has.
    let at = made.tensors_at + 8 + 17 + 4;
    for dimension in [at, at + 8] {
        bytes[dimension..dimension + 8].copy_from_slice(&(1_u64 << 32).to_le_bytes());
    }
    fs_err::write(path, bytes).unwrap();
    check(path, "dimensions of 2^32 x 2^32", true, tally);
    assert_eq!(tally.loads, 0, "a product that wraps around loads");
}

/// All that the product does with a file before and when it runs it.
fn load(path: &Path, forward: bool) -> Result<(), ModelError> {
    let loaded = Loaded::open(path)?;
    loaded.runnable()?;
    read_all(&loaded.describe()?)?;
    loaded.tokenizer.encode("hello abc 123", Control::Recognised)?;
    if let Some(chat) = &loaded.chat {
        let now = jiff::civil::date(2026, 11, 22).at(0, 0, 0, 0);
        let message = Message { role: "user".into(), content: "hi".into() };
        // A damaged template may fail to render, in words.
        chat.render(&[message], Rendering { add_generation_prompt: true, now }).ok();
    }
    drop(loaded);
    let mut file = std::io::BufReader::new(fs_err::File::open(path).unwrap());
    let content = gguf_file::Content::read(&mut file).expect("candle reads what we accept");
    for name in content.tensor_infos.keys() {
        content.tensor(&mut file, name, &Device::Cpu).expect("and loads all of its tensors");
    }
    if forward {
        let mut model = quantized_llama::ModelWeights::from_gguf(content, &mut file, &Device::Cpu)
            .expect("and builds the model");
        let token = Tensor::new(&[[1_u32, 2, 3]], &Device::Cpu).unwrap();
        model.forward(&token, 0).expect("and runs it");
    }
    Ok(())
}

/// Every part that the engine asks for, read as it reads them.
fn read_all(description: &Description) -> Result<(), ModelError> {
    use LayerPart as P;
    let weights = description.weights()?;
    let own = [P::AttentionNorm, P::Query, P::Key, P::Value, P::Output, P::Gate, P::Up, P::Down];
    let layers = 0..description.spec.layers.len();
    let parts = layers.flat_map(|index| own.map(|part| Part::Layer(index, part)));
    let mut bytes = Vec::new();
    for part in [Part::Embedding, Part::OutputNorm].into_iter().chain(parts) {
        let matrix = weights.find(part).expect("what was described is there");
        weights.read(part, 0..matrix.rows, &mut bytes)?;
        assert!(!bytes.is_empty());
    }
    Ok(())
}

#[derive(Default)]
struct Tally {
    errors: usize,
    loads: usize,
    peak_bytes: u64,
}

/// Loads a file and sees that it ends well, and how much memory it took.
fn check(path: &Path, what: &str, forward: bool, tally: &mut Tally) {
    let length = fs_err::metadata(path).unwrap().len();
    let (result, peak) = peak_of(|| catch_unwind(AssertUnwindSafe(|| load(path, forward))));
    let result = result.unwrap_or_else(|_| panic!("{what}: a panic"));
    assert!(peak <= 2 * length + (64 << 20), "{what}: {peak} bytes for a file of {length}");
    tally.peak_bytes = tally.peak_bytes.max(peak);
    match result {
        Ok(()) => tally.loads += 1,
        Err(error) => {
            tally.errors += 1;
            let text = error.to_string();
            assert!(text.contains("m.gguf"), "{what}: the error names no file: {text}");
            assert!(text.len() < 70_000 && !text.contains("panic"), "{what}: {text}");
            assert_eq!(error.fault(), Fault::Input, "{what}: {text}");
        }
    }
}

#[test]
fn corrupted_files_are_errors_or_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    let made = tiny_llama();
    fs_err::write(&path, &made.bytes).unwrap();
    load(&path, true).expect("the sound file loads");
    poisoned(&path, &made, &mut Tally::default());
    let mut tally = Tally::default();
    for case in 0..200 {
        let mut random = Random(1_000 + case as u64);
        let (what, bytes) = corrupt(&made, case, &mut random);
        fs_err::write(&path, bytes).unwrap();
        check(&path, &format!("case {case}: {what}"), true, &mut tally);
    }
    eprintln!("{} errors, {} loads, peak {} bytes", tally.errors, tally.loads, tally.peak_bytes);
    // The faults must bite, and some must be harmless: else this tests nothing.
    assert!(tally.errors >= 100 && tally.loads >= 5);
    real_file(folder.path());
}

/// The same in the header of a real file, where it is at hand; no download for it here.
fn real_file(folder: &Path) {
    let real = common::models().join("smollm2-135m-instruct-q4_1.gguf");
    if !real.is_file() {
        eprintln!("skipped: no real model");
        return;
    }
    let path = folder.join("m.gguf");
    fs_err::copy(&real, &path).unwrap();
    let header_bytes = 1_785_664;
    let mut random = Random(7);
    let mut tally = Tally::default();
    for case in 0..20 {
        // A third in the first keys, a third in the vocabulary, a third in the tensor table.
        let (from, to) = [(0, 2_000), (2_000, 1_760_000), (1_768_000, header_bytes)][case % 3];
        let at = (from + random.below(to - from)) as u64;
        let bit = 1 << random.below(8);
        flip(&path, at, bit);
        check(&path, &format!("real file, {at}^{bit}"), false, &mut tally);
        flip(&path, at, bit);
    }
    eprintln!(
        "real: {} errors, {} loads, peak {} bytes",
        tally.errors, tally.loads, tally.peak_bytes
    );
}

fn flip(path: &Path, at: u64, bit: u8) {
    use std::io::{Read, Seek, SeekFrom, Write};
    let mut file = fs_err::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ bit]).unwrap();
}
