//! The stop rules by hand, and the stream against a search of the whole text.

use super::*;
use proptest::prelude::*;

fn rules(max_tokens: u64, strings: &[&str]) -> StopRules {
    let strings = strings.iter().map(|&one| one.to_owned()).collect();
    StopRules { strings, ..StopRules::at_most(Tokens(max_tokens)) }
}

/// What is passed on at each piece, then at the end; `|` marks where a stop string was found.
#[track_caller]
fn check(strings: &[&str], pieces: &[&str], want: &[&str]) {
    let mut stop = Stop::new(rules(1_000, strings), &[]).unwrap();
    let mut got = Vec::new();
    for piece in pieces {
        assert_eq!(stop.token(1), None);
        let (mut out, found) = stop.text(piece);
        if found {
            out.push('|');
        }
        got.push(out);
        if found {
            break;
        }
    }
    got.push(stop.end(""));
    assert_eq!(got, want);
}

#[test]
fn text_flows_where_nothing_could_become_a_stop_string() {
    check(&[], &["a", "b"], &["a", "b", ""]);
    check(&["xyz"], &["a", "b"], &["a", "b", ""]);
}

#[test]
fn a_stop_string_is_found_across_tokens_and_not_passed_on() {
    check(&["END"], &["a E", "N", "D tail"], &["a ", "", "|", ""]);
    check(&["END"], &["aENDb"], &["a|", ""]);
}

#[test]
fn what_only_began_like_one_is_passed_on_as_soon_as_that_is_clear() {
    check(&["END"], &["EN", "EN", "x"], &["", "EN", "ENx", ""]);
    check(&["aab"], &["a", "a", "a", "a"], &["", "", "a", "a", "aa"]);
    check(&["END"], &["the EN"], &["the ", "EN"]);
}

#[test]
fn the_first_match_to_end_counts_and_of_those_the_longest() {
    check(&["abc", "b"], &["abc"], &["a|", ""]);
    check(&["bc", "abc"], &["xabc"], &["x|", ""]);
}

#[test]
fn characters_of_several_bytes_are_held_whole() {
    check(&["é!"], &["né", "?", "é", "!"], &["n", "é?", "", "|", ""]);
}

#[test]
fn length_and_stop_tokens() {
    let eos = &[2, 3];
    let run = |rules: StopRules, ids: &[u32]| {
        let mut stop = Stop::new(rules, eos).unwrap();
        ids.iter().map(|&id| stop.token(id)).collect::<Vec<_>>()
    };
    let stop = Some(Finish::Stop);
    let length = Some(Finish::Length);
    assert_eq!(run(rules(3, &[]), &[1, 1, 1]), [None, None, length.clone()]);
    assert_eq!(run(rules(3, &[]), &[1, 3]), [None, stop.clone()]);
    // A stop token in the last place is a stop.
    assert_eq!(run(rules(2, &[]), &[1, 2]), [None, stop.clone()]);
    assert_eq!(run(StopRules::exactly(Tokens(2)), &[2, 3]), [None, length]);
    let own = StopRules { tokens: vec![9], ..StopRules::exactly(Tokens(5)) };
    assert_eq!(run(own, &[2, 9]), [None, stop.clone()]);
    let late = StopRules { min_tokens: Tokens(3), ..rules(5, &[]) };
    assert_eq!(run(late, &[2, 3, 2]), [None, None, stop]);
}

#[test]
fn text_before_min_tokens_is_not_searched() {
    let late = StopRules { min_tokens: Tokens(3), ..rules(9, &["b"]) };
    let mut stop = Stop::new(late, &[]).unwrap();
    let mut push = |piece| {
        stop.token(1);
        stop.text(piece)
    };
    assert_eq!(push("ab"), ("ab".into(), false));
    assert_eq!(push("b"), ("b".into(), false));
    assert_eq!(push("cb"), ("c".into(), true));
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let refused = |rules: StopRules, want: &str| {
        let error = Stop::new(rules, &[]).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.fault()), (want, Fault::Usage));
    };
    refused(rules(0, &[]), "`max_tokens` is `0`");
    let late = StopRules { min_tokens: Tokens(3), ..rules(2, &[]) };
    refused(late, "`min_tokens` is `3`, above `max_tokens`, `2`");
    refused(rules(1, &["a", ""]), "stop string 1 is empty");
    refused(rules(1, &[&"x".repeat(1_025)]), "stop string 0 has 1025 bytes, more than 1024");
    refused(rules(1, &["x"; 65]), "65 stop strings, more than 64");
}

/// Where the whole text is cut and where the match that cuts it ends: character by character, the
/// first place where a stop string ends.
fn cut(text: &str, strings: &[String]) -> Option<(usize, usize)> {
    let mut ends = text.char_indices().map(|(at, one)| at + one.len_utf8());
    ends.find_map(|end| {
        let fits = |stop: &&String| text[..end].ends_with(stop.as_str());
        let longest = strings.iter().filter(fits).map(String::len).max()?;
        Some((end - longest, end))
    })
}

proptest! {
    #[test]
    fn the_stream_agrees_with_a_search_of_the_whole_text(
        pieces in proptest::collection::vec("[abé]{0,4}", 0..12),
        strings in proptest::collection::vec("[abé]{1,4}", 0..4),
    ) {
        let names: Vec<&str> = strings.iter().map(String::as_str).collect();
        let mut stop = Stop::new(rules(1_000, &names), &[]).unwrap();
        let whole = pieces.concat();
        let cut = cut(&whole, &strings);
        let (mut seen, mut passed) = (String::new(), String::new());
        let mut found = false;
        for piece in &pieces {
            seen += piece;
            stop.token(1);
            let (out, now) = stop.text(piece);
            passed += &out;
            // Found with the very token that completed it.
            prop_assert_eq!(now, cut.is_some_and(|(_, end)| end <= seen.len()));
            found = now;
            if found {
                break;
            }
            // Held back: the longest end of the text that a stop string could begin with.
            let held = (0..=seen.len()).filter(|&at| seen.is_char_boundary(at))
                .map(|at| &seen[at..])
                .find(|rest| strings.iter().any(|one| one.starts_with(rest)));
            prop_assert_eq!(&seen[passed.len()..], held.unwrap_or(""));
        }
        passed += &stop.end("");
        prop_assert_eq!(found, cut.is_some());
        prop_assert_eq!(&passed, &whole[..cut.map_or(whole.len(), |(start, _)| start)]);
        prop_assert!(strings.iter().all(|one| !passed.contains(one.as_str())));
    }
}
