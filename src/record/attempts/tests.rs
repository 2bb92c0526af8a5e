//! Records of attempts written by hand, cut off, damaged, gone on with.

use super::*;
use crate::hint::{Fault, Hint};
use crate::record::{Failure, FailureKind};

const HEAD: &str = r#"{"schema":"mtok.attempts/1","started":"2026-11-22T08:00:00Z","mtok":"0.1.0","suite":"own","suite_version":"1","seed":7,"temperature":0.5,"repeats":2,"model":{"name":"m"},"target":"in process"}"#;
const FIRST: &str = r#"{"task":"a","family":"logic","repeat":1,"verdict":"solved","answer":"4","tries":[{"at":"2026-11-22T08:00:01Z","took":0.5,"finish":{"failed":{"kind":"rate_limited","status":429,"reason":"slow down"}}},{"at":"2026-11-22T08:00:02Z","took":1.5,"first_token":0.25,"finish":"stop","finish_reason":"stop","prompt":100,"cached":40,"output":30,"reasoning":20}],"prompt_characters":400,"reply_characters":50}"#;
const SECOND: &str = r#"{"task":"a-2","family":"logic","variant_of":"a","repeat":2,"verdict":"no_answer","tries":[{"at":"2026-11-22T08:00:04Z","took":1,"finish":"length","output":64}],"prompt_characters":400,"reply_characters":200}"#;

fn read(text: &str) -> Attempts {
    Attempts::parse(text.as_bytes()).unwrap().unwrap()
}

#[test]
fn what_is_written_is_read() {
    let record = read(&format!("{HEAD}\n{FIRST}\n{SECOND}\n"));
    assert_eq!((record.head.seed, record.head.repeats, record.torn), (7, 2, 0));
    let [first, second] = record.attempts.as_slice() else { panic!("{record:?}") };
    assert_eq!((first.verdict, first.completion()), (Verdict::Solved, Some(Tokens(30))));
    assert_eq!((first.problem(), second.problem()), ("a", "a"));
    let limited =
        Failure { status: Some(429), ..Failure::new(FailureKind::RateLimited, "slow down") };
    assert_eq!(
        first.retried().iter().map(|one| &one.finish).collect::<Vec<_>>(),
        [&Finish::Failed(limited)]
    );
    assert_eq!(
        (second.completion(), second.last().unwrap().usage.prompt),
        (Some(Tokens(64)), None)
    );
    for (attempt, line) in [(first, FIRST), (second, SECOND)] {
        let back: Attempt = serde_json::from_str(&serde_json::to_string(attempt).unwrap()).unwrap();
        assert_eq!(
            (&back, serde_json::from_str::<Attempt>(line).unwrap()),
            (attempt, back.clone())
        );
    }
    let head = serde_json::to_string(&record.head).unwrap();
    assert_eq!(serde_json::from_str::<Head>(&head).unwrap(), record.head);
}

/// Cut off after each byte: the whole lines are read, the rest is counted, nothing fails; and what is
/// written on behind the whole lines is read as if nothing had happened.
#[test]
fn a_record_is_readable_wherever_it_is_cut_off() {
    let text = format!("{HEAD}\n{FIRST}\n{SECOND}\n");
    let ends = [HEAD.len() + 1, HEAD.len() + FIRST.len() + 2, text.len()];
    for cut in 0..=text.len() {
        let got = Attempts::parse(&text.as_bytes()[..cut]).unwrap();
        let lines = ends.iter().filter(|end| **end <= cut).count();
        let Some(record) = got else {
            assert_eq!(lines, 0, "after {cut} bytes");
            continue;
        };
        assert_eq!(record.attempts.len() + 1, lines, "after {cut} bytes");
        assert_eq!((record.whole, record.torn), (ends[lines - 1], cut - ends[lines - 1]));
        let resumed = format!("{}{}", &text[..record.whole], &text[record.whole..]);
        assert_eq!(read(&resumed).attempts.len(), 2);
    }
}

#[test]
fn what_is_missing_of_a_plan() {
    let plan = || Slot::all(&["a", "b"], 2);
    let names = |slots: Vec<Slot>| {
        slots.into_iter().map(|slot| format!("{}{}", slot.task, slot.repeat)).collect::<Vec<_>>()
    };
    assert_eq!(names(plan().collect()), ["a1", "b1", "a2", "b2"]);
    let record = read(&format!("{HEAD}\n{FIRST}\n"));
    assert_eq!(names(record.missing(plan())), ["b1", "a2", "b2"]);
    assert_eq!(record.attempts[0].slot(), Slot { task: "a".to_owned(), repeat: 1 });
}

#[track_caller]
fn refused(lines: &str, want: &str) {
    let error = Attempts::parse(lines.as_bytes()).unwrap_err();
    assert!(error.to_string().contains(want), "`{error}` does not say `{want}`");
    assert_eq!(error.fault(), Fault::Input);
}

#[test]
fn damage_is_named() {
    refused("{}\n", "line 1: missing field `schema`");
    refused("{\"schema\":\"mtok.attempts/9\"}\n", "line 1: schema `mtok.attempts/9` is not one");
    refused(&format!("{HEAD}\n{{\n{FIRST}\n"), "line 2: EOF while parsing");
    refused(
        &format!("{HEAD}\n{FIRST}\n{FIRST}\n"),
        "line 3: task `a`, repeat 1: it is there twice",
    );
    let changed = |from: &str, to: &str| format!("{HEAD}\n{}\n", FIRST.replace(from, to));
    refused(&changed("\"repeat\":1", "\"repeat\":3"), "repeat 3: the record is of 2 repeats");
    refused(&changed("\"repeat\":1", "\"repeat\":0"), "the record is of 2 repeats");
    refused(&changed("\"cached\":40", "\"cached\":400"), "`cached` is 400 tok, `prompt` 100 tok");
    refused(&changed("\"reasoning\":20", "\"reasoning\":31"), "`reasoning` is 31 tok");
    refused(&changed("\"answer\":\"4\"", "\"variant_of\":\"a\""), "a variant of itself");
    refused(&changed("\"answer\":\"4\"", "\"price\":\"4\""), "unknown field `price`");
    let other = FIRST.replace("\"repeat\":1", "\"repeat\":2").replace("logic", "knowledge");
    refused(&format!("{HEAD}\n{FIRST}\n{other}\n"), "of another family or problem before");
    let (before, _) = FIRST.split_once("\"tries\":[").unwrap();
    let none = format!("{before}\"tries\":[],\"prompt_characters\":1,\"reply_characters\":1}}");
    refused(&format!("{HEAD}\n{none}\n"), "`tries` is empty");
}

#[test]
fn only_the_same_is_gone_on_with() {
    let head = read(&format!("{HEAD}\n")).head;
    assert!(head.goes_on_as(&Head { mtok: "0.2.0".to_owned(), ..head.clone() }).is_ok());
    let others: [(Head, &str); 4] = [
        (Head { seed: 8, ..head.clone() }, "the record's seed is `7`, and `8` was asked for"),
        (Head { temperature: Ratio::of(0.0), ..head.clone() }, "temperature is `0.5`, and `0`"),
        (Head { suite_version: "2".to_owned(), ..head.clone() }, "suite's version is `1`, and `2`"),
        (Head { target: "elsewhere".to_owned(), ..head.clone() }, "target is `in process`"),
    ];
    for (wanted, says) in others {
        let error = head.goes_on_as(&wanted).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().is_some() && error.fault() == Fault::Usage);
    }
}
