//! Tokenizers of tiny vocabularies, whose ids can be worked out by hand.

use super::*;
use crate::model::gguf::tests::File;
use crate::model::gguf::{Array, Value};
use proptest::prelude::*;

fn texts(all: &[&str]) -> Value {
    Value::Array(Array::Text(all.iter().copied().collect()))
}

/// Bytes 0 to 255 as their stand-ins are 256 tokens; what a test adds begins at 256.
fn byte_level(pre: &str, more: &[&str], merges: &[&str], kinds: &[(usize, i32)]) -> File {
    let alphabet: Vec<String> =
        (0..=u8::MAX).map(|byte| pieces::tests::stand_in(byte).to_string()).collect();
    let tokens: Vec<&str> =
        alphabet.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let mut types = vec![1; tokens.len()];
    for &(index, kind) in kinds {
        types[index] = kind;
    }
    File::new()
        .key(MODEL, Value::Text("gpt2".into()))
        .key("tokenizer.ggml.pre", Value::Text(pre.into()))
        .key(TOKENS, texts(&tokens))
        .key(TYPES, Value::Array(Array::I32(types)))
        .key("tokenizer.ggml.merges", texts(merges))
}

/// Sentencepiece: `<unk>`, the 256 bytes, then what a test adds, with falling scores.
fn scored(more: &[(&str, f32)]) -> File {
    let bytes: Vec<String> = (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>")).collect();
    let mut tokens = vec!["<unk>"];
    tokens.extend(bytes.iter().map(String::as_str));
    tokens.extend(more.iter().map(|(text, _)| *text));
    let mut scores = vec![0.0; 257];
    scores.extend(more.iter().map(|(_, score)| *score));
    let mut types = vec![2];
    types.extend([6; 256]);
    types.extend(vec![1; more.len()]);
    File::new()
        .key(MODEL, Value::Text("llama".into()))
        .key(TOKENS, texts(&tokens))
        .key(TYPES, Value::Array(Array::I32(types)))
        .key("tokenizer.ggml.scores", Value::Array(Array::F32(scores)))
        .key("tokenizer.ggml.unknown_token_id", Value::U32(0))
}

fn tokenizer(file: &File) -> Result<Tokenizer, TokenizerError> {
    Tokenizer::of(&file.open().unwrap())
}

#[track_caller]
fn check(file: &File, text: &str, want: &[TokenId]) {
    let tokenizer = tokenizer(file).unwrap();
    assert_eq!(tokenizer.encode(text, Control::Recognised).unwrap(), want, "{text:?}");
    assert_eq!(tokenizer.decode(want), text, "{want:?}");
}

#[track_caller]
fn check_error(file: &File, words: &str) {
    let error = tokenizer(file).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn merges_are_applied_in_the_order_of_the_list() {
    // `ab` before `bc`: a b c → ab c.
    check(&byte_level("gpt-2", &["ab", "bc"], &["a b", "b c"], &[]), "abc", &[256, 99]);
    check(&byte_level("gpt-2", &["ab", "bc"], &["b c", "a b"], &[]), "abc", &[97, 257]);
}

/// `Ġ` is the stand-in for a space.
#[test]
fn splitters_differ_in_digits_and_spaces() {
    let more = &["12", "123", "Ġa", "Ġ1"];
    let merges = &["1 2", "12 3", "Ġ a", "Ġ 1"];
    let one_space_a = [258];
    check(&byte_level("gpt-2", more, merges, &[]), "123", &[257]);
    check(&byte_level("gpt-2", more, merges, &[]), " 1", &[259]);
    check(&byte_level("gpt-2", more, merges, &[]), " a", &one_space_a);
    check(&byte_level("smollm", more, merges, &[]), "123", &[49, 50, 51]);
    check(&byte_level("smollm", more, merges, &[]), " 1", &[32, 49]);
    check(&byte_level("qwen2", more, merges, &[]), "123", &[49, 50, 51]);
    check(&byte_level("llama-bpe", more, merges, &[]), "1231", &[257, 49]);
    check(&byte_level("llama-bpe", more, merges, &[]), " a", &one_space_a);
}

/// Llama 3 takes a word that is a token as it is, though no merges lead to it.
#[test]
fn whole_words_come_first_in_llama_3() {
    check(&byte_level("llama-bpe", &["abc"], &[], &[]), "abc", &[256]);
    check(&byte_level("qwen2", &["abc"], &[], &[]), "abc", &[97, 98, 99]);
}

#[test]
fn control_tokens_are_tokens_only_where_they_are_recognised() {
    let file = byte_level("gpt-2", &["<|x|>", "<|y|>"], &[], &[(256, 3), (257, 4)]);
    let tokenizer = tokenizer(&file).unwrap();
    let encode = |text, control| tokenizer.encode(text, control).unwrap();
    assert_eq!(encode("a<|x|>b", Control::Recognised), [97, 256, 98]);
    assert_eq!(encode("<|x|>", Control::Literal), [60, 124, 120, 124, 62]);
    // Defined by the user: part of the vocabulary, whoever writes it.
    assert_eq!(encode("<|y|>", Control::Literal), [257]);
    assert_eq!(tokenizer.decode(&[97, 256, 98]), "ab");
    let mut shown = tokenizer.stream_with_control();
    assert_eq!(shown.push(256), "<|x|>");
}

#[test]
fn a_longer_token_is_recognised_before_a_shorter_one() {
    let file = byte_level("gpt-2", &["ab", "bcd"], &[], &[(256, 4), (257, 4)]);
    check(&file, "abcd", &[97, 257]);
}

#[test]
fn a_prompt_begins_and_ends_as_the_file_says() {
    let plain = byte_level("gpt-2", &["<s>", "<|im_end|>"], &[], &[(256, 3)])
        .key("tokenizer.ggml.bos_token_id", Value::U32(256))
        .key("tokenizer.ggml.eos_token_id", Value::U32(257));
    let t = tokenizer(&plain).unwrap();
    assert_eq!(t.encode_prompt("a", Control::Recognised).unwrap(), [97]);
    assert!(t.ends_generation(257) && !t.ends_generation(256));
    let adding = plain
        .key("tokenizer.ggml.add_bos_token", Value::Bool(true))
        .key("tokenizer.ggml.add_eos_token", Value::Bool(true));
    let t = tokenizer(&adding).unwrap();
    assert_eq!(t.encode_prompt("a", Control::Recognised).unwrap(), [256, 97, 257]);
    assert_eq!(t.encode_prompt("<s>a", Control::Recognised).unwrap(), [256, 256, 97, 257]);
    assert_eq!(t.encode_chat("<s>a").unwrap(), [256, 97]);
    assert_eq!(t.encode_chat("a").unwrap(), [256, 97]);
}

#[test]
fn scores_decide_what_is_joined() {
    let letters = [("▁", -9.0), ("a", -9.0), ("b", -9.0), ("c", -9.0)];
    let ids = |joint: &[(&str, f32)]| scored(&[&letters[..], joint].concat());
    // 257 ▁, 258 a, 259 b, 260 c, then the joints.
    let no_space = |file: File| file.key("tokenizer.ggml.add_space_prefix", Value::Bool(false));
    check(&no_space(ids(&[("ab", -1.0), ("bc", -2.0)])), "abc", &[261, 260]);
    check(&no_space(ids(&[("ab", -2.0), ("bc", -1.0)])), "abc", &[258, 262]);
    check(&no_space(ids(&[("▁a", -1.0)])), "b a", &[259, 261]);
    // A space comes before the text unless the file says otherwise, and goes again.
    check(&ids(&[("▁a", -1.0)]), "a", &[261]);
}

#[test]
fn what_a_scored_vocabulary_lacks_is_spelt_in_bytes() {
    let file = scored(&[("▁", -1.0)]).key("tokenizer.ggml.add_space_prefix", Value::Bool(false));
    // é is C3 A9; byte b is token b + 1.
    check(&file, "é", &[0xC4, 0xAA]);
}

#[test]
fn a_vocabulary_that_is_not_understood_is_an_error() {
    let good = || byte_level("gpt-2", &["ab"], &["a b"], &[]);
    assert!(tokenizer(&good()).is_ok());
    check_error(&good().key(MODEL, Value::Text("bert".into())), "`tokenizer.ggml.model` is `bert`");
    check_error(&byte_level("unheard-of", &[], &[], &[]), "`tokenizer.ggml.pre` is `unheard-of`");
    check_error(&byte_level("gpt-2", &[], &["a b"], &[]), "`ab` is not a token");
    check_error(&byte_level("gpt-2", &[], &["ab"], &[]), "it has no space");
    check_error(&byte_level("gpt-2", &[], &[], &[(0, 9)]), "the types are 1 to 6");
    check_error(&good().key(TYPES, Value::Array(Array::I32(vec![1]))), "there are 257 tokens");
    check_error(&good().key(TOKENS, Value::U32(1)), "is of type u32, not array of strings");
    check_error(
        &good().without("tokenizer.ggml.merges"),
        "`tokenizer.ggml.merges` (array of strings) is missing",
    );
    check_error(
        &good().key("tokenizer.ggml.bos_token_id", Value::U32(257)),
        "`tokenizer.ggml.bos_token_id` is `257`",
    );
    check_error(
        &byte_level("gpt-2", &["x".repeat(1_025).as_str()], &[], &[]),
        "a token of 1025 bytes",
    );
    let scores = |scores: Vec<f32>| {
        scored(&[]).key("tokenizer.ggml.scores", Value::Array(Array::F32(scores)))
    };
    check_error(&scores(vec![0.0]), "there are 257 tokens");
    check_error(&scores(vec![f32::NAN; 257]), "a score is a number");
}

proptest! {
    /// Held back at every cut, lost at none: any bytes, cut into tokens anywhere.
    #[test]
    fn a_stream_says_what_all_tokens_say_at_once(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let tokenizer = shared();
        let ids: Vec<TokenId> = bytes.iter().map(|&byte| byte.into()).collect();
        let mut stream = tokenizer.stream();
        let mut text: String = ids.iter().map(|&id| stream.push(id)).collect();
        text.push_str(&stream.finish());
        prop_assert_eq!(&text, &String::from_utf8_lossy(&bytes));
        prop_assert_eq!(&text, &tokenizer.decode(&ids));
    }

    #[test]
    fn any_text_comes_back(text in any::<String>()) {
        let tokenizer = shared();
        let ids = tokenizer.encode(&text, Control::Literal).unwrap();
        prop_assert_eq!(tokenizer.decode(&ids), text);
    }
}

fn shared() -> &'static Tokenizer {
    static TOKENIZER: std::sync::LazyLock<Tokenizer> = std::sync::LazyLock::new(|| {
        tokenizer(&byte_level("smollm", &["ab", "Ġa"], &["a b", "Ġ a"], &[])).unwrap()
    });
    &TOKENIZER
}
