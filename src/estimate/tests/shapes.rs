//! Shapes: their parameters, windows, experts, and books that can't be.

use super::models;
use crate::estimate::model::{Attention, Experts, Window};
use crate::estimate::{EstimateError, Models};
use crate::hint::{Fault, Hint};

/// Parameters that a token goes through, as the makers state them; most count both tables.
#[track_caller]
fn active(model: &str, tables: f64, billions: f64) {
    let models = models();
    let model = models.by_name(model).unwrap();
    let own = (model.active_parameters() + (tables - 1.0) * model.head()) / 1e9;
    assert!((own / billions - 1.0).abs() < 0.07, "{}: {own} ≠ {billions}", model.id);
}

#[test]
fn active_parameters_are_the_published_ones() {
    active("qwen3-30b-a3b", 2.0, 3.3);
    active("qwen3-235b-a22b", 2.0, 22.0);
    active("qwen3-coder-480b-a35b", 2.0, 35.0);
    active("mixtral-8x7b", 2.0, 12.9);
    active("mixtral-8x22b", 2.0, 39.0);
    active("gpt-oss-120b", 1.0, 5.1);
    active("gpt-oss-20b", 1.0, 3.6);
    active("deepseek-v3", 2.0, 37.0);
    active("kimi-k2", 2.0, 32.0);
    active("glm-4.5", 1.0, 32.0);
    active("glm-4.5-air", 1.0, 12.0);
    active("llama-4-maverick", 2.0, 17.0);
    active("llama-4-scout", 2.0, 17.0);
}

#[test]
fn a_model_is_known_by_its_checkpoints() {
    let models = models();
    let id = |name: &str| models.by_name(name).unwrap().id.clone();
    assert_eq!(id("meta-llama/Llama-3.1-8B-Instruct"), "llama-3.1-8b");
    assert_eq!(id("deepseek-ai__DeepSeek-R1-0528"), "deepseek-v3");
    assert_eq!(id("LLAMA 3.3 70B"), "llama-3.1-70b");
    let error = models.by_name("llama-3.1-9b").unwrap_err();
    assert_eq!(error.to_string(), "no shape of a model `llama-3.1-9b`");
    assert!(error.hint().unwrap().contains("`llama-3.1-8b`"), "{:?}", error.hint());
    assert_eq!(error.fault(), Fault::Usage);
}

/// Of 8 experts each token draws 2: the first two touch 2, then 8 (1 - (3/4)²) = 3.5; many, all.
#[test]
fn experts_that_are_touched() {
    let experts = Experts { layers: 1, count: 8, active: 2, width: 1, shared_width: 0 };
    let check = |tokens: f64, want: f64| {
        let got = experts.touched(tokens);
        assert!((got - want).abs() < 1e-9, "{tokens}: {got} ≠ {want}");
    };
    check(0.0, 0.0);
    check(1.0, 2.0);
    check(2.0, 3.5);
    check(1e6, 8.0);
}

fn attention(window: Option<Window>) -> Attention {
    Attention::Grouped { layers: 3, heads: 4, kv_heads: 2, head_size: 8, window }
}

/// Three layers, two of which see 10 tokens: at 30 that is 30 + 2 × 10. A window that starts anew is
/// half full in the mean. A prompt's 30 tokens see 15 each in the mean in an open layer; in a sliding
/// one the first 10 see 5 and the other 20 all 10: (50 + 200) / 30; in a chunked one all see 5.
#[test]
fn windows_by_hand() {
    let sliding = Window { layers: 2, size: 10, chunked: false };
    let chunked = Window { chunked: true, ..sliding };
    let check = |got: f64, want: f64| assert!((got - want).abs() < 1e-9, "{got} ≠ {want}");
    check(attention(None).seen(30.0), 90.0);
    check(attention(Some(sliding)).seen(30.0), 50.0);
    check(attention(Some(sliding)).seen(4.0), 12.0);
    check(attention(Some(chunked)).seen(30.0), 40.0);
    check(attention(None).seen_in_prompt(30.0), 45.0);
    check(attention(Some(sliding)).seen_in_prompt(30.0), 15.0 + 2.0 * 250.0 / 30.0);
    check(attention(Some(chunked)).seen_in_prompt(30.0), 25.0);
    check(attention(Some(sliding)).seen_in_prompt(4.0), 6.0);
    // Two key heads of 8, keys and values: 32 numbers a token and layer.
    check(attention(Some(chunked)).held(30.0), 32.0 * 50.0);
    check(attention(None).shards(8), 2.0);
}

const GOOD: &str = r#"
[[model]]
id = "a"
name = "A"
family = "a"
layers = 1
width = 10
vocabulary = 100
context = 100
heads = 2
kv_heads = 2
head_size = 5
feed_forward = 20
experts = { layers = 0, count = 2, active = 1, width = 1 }
parameters = 3000
source = "a card"
date = "2026-11-22"
"#;

#[track_caller]
fn refused(text: &str, want: &str) {
    let error = Models::parse("x.toml", text).unwrap_err();
    assert!(error.to_string().contains(want), "{error}");
    assert_eq!(error.fault(), Fault::Input);
}

/// By hand: two tables of 1,000, four projections of 100, three matrices of 200.
#[test]
fn a_broken_book_is_refused_and_the_place_named() {
    assert_eq!(Models::parse("x.toml", GOOD).unwrap().models().len(), 1);
    refused(&GOOD.replace("3000", "3100"), "`parameters` is 3100 where the shape makes 3000");
    refused(&GOOD.replace("width = 10", "width = 0"), "model `a`: `width` is 0");
    refused(&GOOD.replace("kv_heads = 2", ""), "`kv_heads` is not given");
    refused(&GOOD.replace("active = 1", "active = 3"), "`experts.active` is 3");
    refused(&GOOD.replace("a card", " "), "`source` is empty");
    refused(&GOOD.replace("heads", "haeds"), "unknown field");
    let twin = GOOD.replace("id = \"a\"", "id = \"b\"");
    refused(&format!("{GOOD}{twin}"), "both `a` and `b` answer to `a`");
    let huge = GOOD.replace("width = 10", "width = 9223372036854775807");
    refused(&huge, "`parameters`");
}

#[test]
fn the_book_inside_is_sound() {
    let models = models();
    assert_eq!(models.models().len(), 44);
    assert!(matches!(models.by_name(""), Err(EstimateError::UnknownModel { .. })));
}
