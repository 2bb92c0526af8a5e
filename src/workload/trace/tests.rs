//! Traces in every form, well-formed and not.

use super::*;
use proptest::prelude::*;

/// When, prompt, output, blocks as `id:tokens`.
#[track_caller]
fn check(text: &str, want: &[(f64, u64, u64, &str)]) {
    let trace = Trace::parse(text).unwrap();
    let got: Vec<_> = trace
        .requests()
        .iter()
        .map(|one| {
            let block = |block: &Block| format!("{}:{}", block.id, block.tokens.0);
            let blocks: Vec<_> = one.blocks.iter().map(block).collect();
            // Times as they are written: a float of seconds since a far day is off by nanoseconds.
            ((one.at.0 * 1e6).round() / 1e6, one.prompt.0, one.output.0, blocks.join(" "))
        })
        .collect();
    let want: Vec<_> =
        want.iter().map(|&(at, p, o, blocks)| (at, p, o, blocks.to_owned())).collect();
    assert_eq!(got, want);
}

const AZURE: &str = include_str!("../../../tests/fixtures/traces/azure-conv-2023.csv");
const BURSTGPT: &str = include_str!("../../../tests/fixtures/traces/burstgpt-form.csv");
const MOONCAKE: &str = include_str!("../../../tests/fixtures/traces/mooncake-conversation.jsonl");

#[test]
fn azure_of_2023() {
    check(
        AZURE.lines().take(4).collect::<Vec<_>>().join("\n").as_str(),
        &[
            // 18:15:46.680590, 18:15:50.995169, 18:15:51.222467.
            (0.0, 374, 44, ""),
            (4.314_579, 396, 109, ""),
            (4.541_877, 879, 55, ""),
        ],
    );
}

#[test]
fn azure_of_2024_over_midnight() {
    check(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n\
         2024-05-10 23:59:59.500000+00:00,2162,5\n\
         2024-05-11 00:00:00.009930+00:00,2399,6\n",
        &[(0.0, 2162, 5, ""), (0.509_93, 2399, 6, "")],
    );
}

#[test]
fn burstgpt_leaves_failures_out() {
    check(BURSTGPT, &[(0.0, 472, 18, ""), (40.0, 1087, 230, ""), (113.0, 417, 276, "")]);
    assert_eq!(Trace::parse(BURSTGPT).unwrap().left_out(), 1);
}

#[test]
fn burstgpt_of_a_later_release() {
    check(
        "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
         2.5,a-b,3.1,GPT-4,7,8,15,API log\n",
        &[(0.0, 7, 8, "")],
    );
}

#[test]
fn mooncake_has_blocks_of_512() {
    let first = MOONCAKE.lines().next().unwrap();
    let blocks: Vec<String> =
        (0..14).map(|id| format!("{id}:{}", if id < 13 { 512 } else { 6758 - 13 * 512 })).collect();
    check(first, &[(0.0, 6758, 500, &blocks.join(" "))]);
    check(
        r#"{"timestamp": 1500, "input_length": 9, "output_length": 1, "hash_ids": []}
{"timestamp": 2750, "input_length": 512, "output_length": 1, "hash_ids": [4]}"#,
        &[(0.0, 9, 1, ""), (1.25, 512, 1, "4:512")],
    );
}

#[test]
fn our_own() {
    check(
        r#"{"at": 3, "prompt": 900, "output": 64, "prefix": [{"id": 7, "tokens": 512}]}

{"at": 2.5, "prompt": 10, "output": 1}"#,
        &[(0.0, 10, 1, ""), (0.5, 900, 64, "7:512")],
    );
}

fn azure() -> Trace {
    Trace::parse(AZURE).unwrap()
}

fn times(trace: &Trace) -> Vec<f64> {
    trace.requests().iter().map(|one| one.at.0).collect()
}

#[test]
fn a_cut_is_a_part_at_a_speed() {
    let at = |n: u64| format!("{{\"at\": {n}, \"prompt\": {n}, \"output\": 1}}\n");
    let whole = Trace::parse(&(10..20).map(at).collect::<String>()).unwrap();
    let check = |cut: Cut, want: &[f64]| assert_eq!(times(&whole.cut(&cut).unwrap()), want);
    check(Cut::NONE, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    let from = Cut { from: Seconds(2.5), ..Cut::NONE };
    check(from, &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5]);
    check(Cut { length: Some(Seconds(1.5)), ..from }, &[0.5]);
    check(Cut { requests: NonZeroU32::new(2), speed: Ratio::of(2.0), ..from }, &[0.25, 0.75]);
    check(Cut { tokens: Some(Tokens(13)), ..Cut::NONE }, &[0.0, 1.0, 2.0]);
    assert_eq!(whole.cut(&Cut { tokens: Some(Tokens(13)), ..Cut::NONE }).unwrap().left_out(), 7);
    check(Cut { from: Seconds(8.0), speed: Ratio::of(0.5), ..Cut::NONE }, &[0.0, 2.0]);
}

#[test]
fn a_faster_replay_has_the_same_requests() {
    let (whole, fast) =
        (azure(), azure().cut(&Cut { speed: Ratio::of(4.0), ..Cut::NONE }).unwrap());
    assert_eq!(whole.sizes(), fast.sizes());
    let [slow, quick] = [&whole, &fast].map(|trace| trace.arrivals().rate().unwrap().0);
    assert!((quick / slow - 4.0).abs() < 1e-9);
}

#[track_caller]
fn fails(text: &str, want: &str) {
    assert_eq!(Trace::parse(text).unwrap_err().to_string(), want);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    fails("", "line 1 is that of no known trace: ``");
    fails("a,b\n1,2", "line 1 is that of no known trace: `a,b`");
    fails("{\"x\": 1}", "line 1 is that of no known trace: `{\"x\": 1}`");
    let azure = |line: &str| format!("TIMESTAMP,ContextTokens,GeneratedTokens\n{line}\n");
    fails(
        &azure("yesterday,1,2"),
        "line 2, `TIMESTAMP`: `yesterday` is not a time like `2023-11-16 18:15:46.6805900`",
    );
    fails(
        &azure("2023-11-16 18:15:46.68,-1,2"),
        "line 2, `ContextTokens`: `-1` is not a whole number of tokens up to 10M",
    );
    fails(&azure("2023-11-16 18:15:46.68,1"), "line 2: 2 fields instead of 3");
    fails(&azure("2023-11-16 18:15:46.68,1,0"), "it has no requests with tokens in and out");
    fails(&azure(""), "it has no requests with tokens in and out");
    let burst = |line: &str| format!("{}\n{line}\n", BURSTGPT.lines().next().unwrap());
    fails(
        &burst("NaN,GPT-4,1,2,3,API log"),
        "line 2, `Timestamp`: `NaN` is not a number of seconds",
    );
    let line = r#"{"timestamp": 0, "input_length": 1025, "output_length": 1, "hash_ids": [1, 2]}"#;
    fails(line, "line 1, `hash_ids`: 2 blocks of 512 tokens for a prompt of 1025 tok");
    let line = r#"{"at": 0, "prompt": 5, "output": 10000001}"#;
    fails(line, "line 1, `output`: `10000001` is not a whole number of tokens up to 10M");
    let two = format!("{}\n{{\"timestamp\": 1}}\n", MOONCAKE.lines().next().unwrap());
    fails(&two, "line 2: missing field `input_length` at column 16");
    fails(
        r#"{"at": 0, "prompt": 5, "output": 1, "prefix": [{"id": 1, "tokens": 9}]}"#,
        "line 1, `prefix`: 9 tok in prefixes, in a prompt of 5 tok",
    );
    fails(
        r#"{"at": 0, "prompt": 5, "outptu": 1}"#,
        "line 1: unknown field `outptu`, expected one of `at`, `prompt`, `output`, `prefix` at \
         column 31",
    );
}

#[test]
fn a_cut_of_nothing_is_refused() {
    let fails = |cut: Cut, want: &str| {
        assert_eq!(azure().cut(&cut).unwrap_err().to_string(), want);
    };
    let far = Cut { from: Seconds(1e6), length: Some(Seconds(5.0)), ..Cut::NONE };
    let last = azure().last();
    fails(
        far,
        &format!("no request is due from 1000000 s on for 5 s; the last one is due at {last:.1}"),
    );
    fails(Cut { tokens: Some(Tokens(9)), ..Cut::NONE }, "no request fits into 9 tok");
    for (speed, said) in [(0.0, "0%"), (-1.0, "-100%"), (f64::NAN, "NaN%")] {
        let want = format!("a trace can't be replayed at {said} of its speed");
        fails(Cut { speed: Ratio::of(speed), ..Cut::NONE }, &want);
    }
}

proptest! {
    /// Whatever becomes of a file, it is read or refused.
    #[test]
    fn damaged_traces_do_no_harm(
        which in 0_usize..3, at in 0_usize..400, put in "[0-9,{}\\[\\]\":eE+\\-\n. a]{0,6}", take in 0_usize..6,
    ) {
        let whole = [AZURE, BURSTGPT, MOONCAKE][which];
        let at = at.min(whole.len());
        let text = format!("{}{put}{}", &whole[..at], &whole[(at + take).min(whole.len())..]);
        if let Ok(trace) = Trace::parse(&text) {
            prop_assert_eq!(trace.requests()[0].at, Seconds(0.0));
            prop_assert!(trace.requests().windows(2).all(|pair| pair[0].at <= pair[1].at));
            prop_assert!(trace.requests().iter().all(|one| one.output > Tokens(0)));
        }
    }
}

/// The whole files, where they are.
fn whole(name: &str) -> Option<Trace> {
    let path = format!("{}/../shared/data/traces/{name}", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = fs_err::read_to_string(path) else {
        eprintln!("skipped: no data");
        return None;
    };
    Some(Trace::parse(&text).unwrap())
}

/// Counted apart, by a script: 19,366 requests over 58 minutes, means of 1,154.70 and 211.13 tokens.
#[test]
fn the_azure_trace_is_read_whole() {
    let Some(trace) = whole("AzureLLMInferenceTrace_conv.csv") else { return };
    assert_eq!((trace.requests().len(), trace.left_out()), (19_366, 0));
    let prompts: u64 = trace.requests().iter().map(|one| one.prompt.0).sum();
    assert_eq!(prompts.div_euclid(19_366), 1_154);
    assert!((58.0..59.0).contains(&(trace.last().0 / 60.0)));
}

/// A cache without end has 37.4 % of the input, as counted apart by a script (0.37362).
#[test]
fn the_mooncake_trace_shares_what_its_hashes_say() {
    let Some(trace) = whole("mooncake_conversation_trace.jsonl") else { return };
    assert_eq!(trace.requests().len(), 12_031);
    let plan = crate::workload::Plan {
        name: None,
        arrivals: trace.arrivals(),
        cap: None,
        content: crate::workload::Content::Trace(trace),
        warm_up: Seconds(0.0),
        measure: Seconds(1.0),
        measure_max: Seconds(1.0),
        seed: 3,
    };
    let shared = plan.describe(String::new()).shared.get();
    assert!((shared - 0.373_624).abs() < 1e-6, "{shared}");
}
