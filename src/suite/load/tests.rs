//! Others' problems: read whole, or refused by line, field and value.

use super::*;
use crate::suite::{Form, Verdict};

#[track_caller]
fn refused(text: &str, want: &str) {
    let error = problems("mine.jsonl", text).unwrap_err();
    assert!(error.to_string().contains(want), "{error}");
}

#[track_caller]
fn solved(text: &str, number: usize, reply: &str) {
    let all = problems("mine.jsonl", text).unwrap();
    let verdict = all[number].grade(Form::Chat, reply, false);
    assert!(verdict.solved(), "{reply}: {verdict:?}");
    let other = all[number].grade(Form::Chat, "Answer: 12345", false);
    assert!(matches!(other, Verdict::Wrong { .. } | Verdict::NoAnswer { .. }), "{other:?}");
}

#[test]
fn the_users_own() {
    let text = r#"{"question": "What is 6 times 7?", "answer": 42, "id": "six", "family": "sums"}

{"question": "What is 7 times 7?", "answer": {"number": "49"}, "id": "seven", "family": "sums", "variant_of": "six"}
{"question": "How far?", "answer": {"number": 1.5, "unit": "km"}, "max_output": 64, "system": "Be brief.", "licence": "MIT"}
{"question": "The capital?", "answer": "Canberra"}
{"question": "Is it?", "answer": true}
{"question": "Which?", "answer": {"choice": "pear", "others": ["stone", "cloud"]}}
{"question": "Which two?", "answer": {"set": ["red", "blue|azure"]}}
{"question": "As JSON?", "answer": {"json": {"a": [1, 2]}, "strict": true}}
{"question": "A date?", "answer": {"pattern": "^\\d{4}$"}}
{"question": "Repeat: x y", "answer": {"text": "x y", "case": true}}"#;
    let all = problems("mine.jsonl", text).unwrap();
    let ids: Vec<&str> = all.iter().map(|one| &*one.id).collect();
    assert_eq!(ids[..3], ["sums/six", "sums/seven", "own/4"]);
    assert_eq!(all[1].kind, Kind::Variant { of: "sums/six".to_owned() });
    assert_eq!((all[2].max_output, all[2].messages[0].content.as_str()), (Tokens(64), "Be brief."));
    assert_eq!((all[0].source.as_str(), all[2].licence.as_deref()), ("mine.jsonl", Some("MIT")));
    solved(text, 0, "The answer is 42.");
    solved(text, 2, "1500 m");
    solved(text, 3, "It is Canberra.");
    solved(text, 4, "Yes.");
    solved(text, 5, "a pear");
    solved(text, 6, "azure and red");
    solved(text, 7, "{\"a\": [1, 2]}");
    solved(text, 8, "2024");
    solved(text, 9, "x y");
}

#[test]
fn broken_lines_are_named() {
    let good = "{\"question\": \"a\", \"answer\": 1}\n";
    refused("", "`mine.jsonl`: there are no problems");
    refused(&format!("{good}{{\"question\""), "`mine.jsonl`, line 2: EOF");
    refused(
        &format!("{good}{{\"question\": \"\", \"answer\": 1}}"),
        "line 2, `question`: ``: it is empty",
    );
    refused(&format!("{good}\n{{\"question\": \"b\"}}"), "line 3: missing field `answer`");
    refused(
        "{\"question\": \"a\", \"answer\": {\"nombre\": 1}}",
        "line 1, `answer`: `{\"nombre\":1}`: unknown field `nombre`",
    );
    refused(
        "{\"question\": \"a\", \"answer\": {\"number\": \"x\"}}",
        "line 1, `answer.number`: `x`: there is no number `x`",
    );
    refused("{\"question\": \"a\", \"answer\": {}}", "line 1, `answer.answer`");
    refused("{\"question\": \"a\", \"answer\": [1]}", "line 1, `answer`: `[1]`");
    refused("{\"question\": \"a\", \"answer\": 1, \"max_output\": 0}", "line 1, `max_output`: `0`");
    refused(
        "{\"question\": \"a\", \"answer\": 1, \"variant_of\": \"b\"}",
        "line 1, `variant_of`: `own/b`",
    );
    let twice = "{\"question\": \"a\", \"answer\": 1, \"id\": \"x\"}\n";
    refused(&twice.repeat(2), "line 2, `id`: `x`: it is there twice");
}

#[test]
fn gsm8k_in_its_form() {
    let text = "{\"question\": \"How many?\", \"answer\": \"1,000 + 234 = <<1000+234=1234>>1,234\\n#### 1,234\"}\n{\"question\": \"b\", \"answer\": \"#### -3.50\"}";
    let all = problems("gsm8k.jsonl", text).unwrap();
    assert_eq!(all[0].grader.plainest().as_deref(), Some("1234"));
    assert_eq!(all[1].grader.plainest().as_deref(), Some("-7/2"));
    assert_eq!(all[1].id, "gsm8k/2");
    refused(
        "{\"question\": \"a\", \"answer\": \"#### many\"}",
        "line 1, `answer`: `many`: it is no number behind `####`",
    );
    refused(
        "{\"question\": \"a\", \"answer\": \"#### 1\"}\n{\"question\": \"b\", \"answer\": \"2\"}",
        "line 2, `answer`: `2`: there is no `####`",
    );
    refused("{\"question\": \" \", \"answer\": \"#### 1\"}", "line 1, `question`");
}

/// All of GSM8K's test set; where it is not there, nothing is tested.
#[test]
fn gsm8k_itself() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/eval/gsm8k_test.jsonl");
    let Ok(text) = fs_err::read_to_string(path) else {
        eprintln!("skipped: no data");
        return;
    };
    let all = problems("gsm8k_test.jsonl", &text).unwrap();
    assert_eq!(all.len(), 1_319);
    for one in &all {
        let entry: Value = serde_json::from_str(
            text.lines().nth(one.id[6..].parse::<usize>().unwrap() - 1).unwrap(),
        )
        .unwrap();
        // Its own worked answers are read as their last line says.
        let worked = entry["answer"].as_str().unwrap();
        assert!(one.grade(Form::Chat, worked, false).solved(), "{}: {worked}", one.id);
        assert_eq!(one.messages[1].content, entry["question"].as_str().unwrap());
    }
}

#[test]
fn multiple_choice_as_mmlu_has_it() {
    let rows = "\"Which, of these, is red?\",blood,grass,sky,\"milk, fresh\",A\nWhat is 1 + 1?,1,2,3,4,1\n";
    for text in [rows.to_owned(), format!("question,A,B,C,D,answer\n{rows}")] {
        let all = problems("mmlu.csv", &text).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(
            all[0].messages[1].content,
            "Which, of these, is red?\nA) blood\nB) grass\nC) sky\nD) milk, fresh"
        );
        assert!(all[0].grade(Form::Chat, "A", false).solved());
        assert!(all[1].grade(Form::Chat, "Answer: B", false).solved());
        assert!(!all[1].grade(Form::Chat, "Answer: A", false).solved());
    }
    refused("a,b,c\n", "line 1: it has 3 fields");
    refused("q,1,2,3,4,A\nq,1,2,3,4,E\n", "line 2, `answer`: `E`: it is none of A, B, C, D");
    refused("q,1,1,3,4,A\n", "line 1, `A to D`: `1, 1, 3, 4`");
    refused(",1,2,3,4,A\n", "line 1, `question`");
    refused("question,A,B,C,D,answer\n", "there are no problems");
}

proptest::proptest! {
    #[test]
    fn no_file_panics(text in r#"[-{}\[\]":,#a-z0-9\n ]{0,80}"#) {
        let _ = (problems("x", &text), own("x", &text), gsm8k("x", &text), mmlu("x", &text));
    }
}
