//! Datasets in every form, well-formed and not.

use super::*;

/// Each conversation's turns as `role: text` of its messages, with its length and the answer's.
#[track_caller]
fn check(text: &str, want: &[&[(&str, u64, Option<u64>)]]) {
    let data = Dataset::parse(text).unwrap();
    let said = |messages: &[Message]| {
        let one = |message: &Message| format!("{}: {}", message.role, message.content);
        messages.iter().map(one).collect::<Vec<_>>().join(" | ")
    };
    let got: Vec<Vec<_>> = data
        .talks()
        .iter()
        .map(|talk| {
            let turn = |ask: &Ask| (said(&ask.messages), ask.prompt.0, ask.output.map(|one| one.0));
            talk.turns.iter().map(turn).collect()
        })
        .collect();
    let want: Vec<Vec<_>> = want
        .iter()
        .map(|turns| turns.iter().map(|&(said, p, o)| (said.to_owned(), p, o)).collect())
        .collect();
    assert_eq!(got, want);
}

#[test]
fn prompts() {
    check(
        r#"{"prompt": "What is a winch?"}

{"prompt": "Twelve years", "output_tokens": 7, "max_tokens": 9, "other": [1]}
{"prompt": "Größe", "max_tokens": 9}"#,
        &[
            // 16, 12 and 5 characters, four a token.
            &[("user: What is a winch?", 4, None)],
            &[("user: Twelve years", 3, Some(7))],
            &[("user: Größe", 2, Some(9))],
        ],
    );
}

#[test]
fn messages() {
    check(
        r#"{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
{"messages": [{"role": "user", "content": "One"}, {"role": "assistant", "content": "Twenty-one."}]}
{"messages": [{"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]},
 {"role": "assistant", "content": null}, {"role": "tool", "content": "42"}], "max_completion_tokens": 5}"#
            .replace(",\n ", ", ")
            .as_str(),
        &[
            &[("system: Be brief. | user: Hi", 4, None)],
            // 11 characters of an answer.
            &[("user: One", 1, Some(3))],
            &[("user: AB | assistant:  | tool: 42", 3, Some(5))],
        ],
    );
}

#[test]
fn sharegpt_turns_are_those_of_the_human() {
    let talk = r#"{"id": "x", "conversations": [
        {"from": "gpt", "value": "an answer to nothing"},
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "One"}, {"from": "gpt", "value": "Twenty-one."},
        {"from": "human", "value": "Two"}, {"from": "human", "value": "or three"},
        {"from": "gpt", "value": "Three"}, {"from": "human", "value": "Four"}]}"#;
    let turns: &[(&str, u64, Option<u64>)] = &[
        ("system: Be brief. | user: One", 4, Some(3)),
        ("user: Two | user: or three", 3, Some(2)),
        ("user: Four", 1, None),
    ];
    check(&talk.replace('\n', " "), &[turns]);
    let empty = r#"{"conversations": []}"#;
    let array = format!("\u{feff} [{talk},\n{empty}, {talk}]");
    check(&array, &[turns, turns]);
    assert_eq!(Dataset::parse(&array).unwrap().left_out(), 1);
}

#[test]
fn a_tokenizer_counts_better() {
    let data = Dataset::parse(r#"{"prompt": "What is a winch?", "max_tokens": 3}"#).unwrap();
    // 16 bytes, at most 16 tokens of a template, and 3 of output.
    assert_eq!(data.longest(Tokens(99)), Tokens(35));
    let counted = data.counted(&|messages| Tokens(10 + messages.len() as u64));
    assert_eq!(counted.talks()[0].turns[0].prompt, Tokens(11));
    assert_eq!(counted.longest(Tokens(99)), Tokens(14));
}

#[test]
fn lengths_alone_are_those_of_answered_turns() {
    let sizes = |text| Dataset::parse(text).unwrap().sizes();
    assert_eq!(sizes(r#"{"prompt": "One"}"#), None);
    let pair = Pair { prompt: Tokens(3), output: Tokens(7) };
    let both = "{\"prompt\": \"One\"}\n{\"prompt\": \"Twelve years\", \"output_tokens\": 7}";
    assert_eq!(sizes(both), Some(Sizes::Joint([pair].into())));
}

#[test]
fn what_is_too_long_is_left_out() {
    let data = Dataset::parse("{\"prompt\": \"four\"}\n{\"prompt\": \"and twelve\"}").unwrap();
    // 4 and 10 bytes, 16 of a template, 5 of output.
    let within = |most| data.within(Tokens(most), Tokens(5));
    let left = |most| within(most).map(|data| (data.talks().len(), data.left_out()));
    assert_eq!(left(31), Ok((2, 0)));
    assert_eq!(left(30), Ok((1, 1)));
    assert_eq!(left(25), Ok((1, 1)));
    assert_eq!(within(24).unwrap_err().to_string(), "nothing in it fits into 24 tok");
}

#[track_caller]
fn fails(text: &str, want: &str) {
    assert_eq!(Dataset::parse(text).unwrap_err().to_string(), want);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    fails("", "it asks nothing: there is no prompt in it");
    fails("[]", "it asks nothing: there is no prompt in it");
    fails(r#"{"prompt": "  "}"#, "it asks nothing: there is no prompt in it");
    fails("{\"prompt\": \"a\"}\n\nx", "line 3: expected value at column 1");
    fails("[{\"prompt\": \"a\"},\n7]", "entry 2: no `prompt`, `messages` or `conversations`");
    fails("{\"text\": \"a\"}", "line 1: no `prompt`, `messages` or `conversations`");
    fails("{\"prompt\": 5}", "line 1, `prompt`: it is not text");
    fails("{\"messages\": 5}", "line 1, `messages`: it is not a list");
    fails("{\"messages\": [{\"content\": \"a\"}]}", "line 1, `role`: it is not there");
    fails(
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}",
        "line 1, `text`: it is not there",
    );
    fails(
        "{\"conversations\": [{\"from\": \"cat\", \"value\": \"a\"}]}",
        "line 1, `from`: `cat` is nobody who talks",
    );
    fails(
        "{\"prompt\": \"a\", \"max_tokens\": 0}",
        "line 1, `max_tokens`: `0` is not a whole number from 1 to 10M",
    );
}
