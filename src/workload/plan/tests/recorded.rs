//! Plans of traces and of datasets.

use super::*;

#[test]
fn a_traces_share_is_that_of_its_hashes() {
    // Of 1,200 + 600 + 1,100 tokens, the second has 512 and the third 1,024 that were there before.
    let described = replay().describe(String::new());
    assert_eq!(described.shared, Ratio::of(1_536.0 / 2_900.0));
    assert_eq!(described.prompt, Lengths::Empirical { mean: Tokens(967) });
    assert_eq!(described.output, Lengths::Empirical { mean: Tokens(138) });
    // (9 + 400 + 5) / 3 = 138; 2,900 / 3 = 966.7; 3 requests over 2 s.
    let rate = RequestsPerSecond(1.5);
    assert_eq!(described.arrivals, Arrivals::Trace { requests: 3, rate });
}

#[test]
fn a_trace_is_replayed_as_it_was() {
    let sessions = first(&replay(), 10);
    let due: Vec<_> = sessions.iter().map(|session| session.due).collect();
    assert_eq!(due, [0.0, 0.5, 2.0].map(|at| Some(Seconds(at))));
    let of = |at: usize| &sessions[at].turns[0];
    let lengths = |at| segments(of(at)).iter().map(|one| one.tokens.0).collect::<Vec<_>>();
    assert_eq!(
        [lengths(0), lengths(1), lengths(2)],
        [vec![512, 512, 176], vec![512, 88], vec![512, 512, 76]]
    );
    assert_eq!(segments(of(0))[..2], segments(of(2))[..2]);
    assert_ne!(segments(of(0))[2].seed, segments(of(2))[2].seed);
    assert_eq!((of(1).prompt, of(1).output), (Tokens(600), Tokens(400)));
}

#[test]
fn a_trace_under_other_arrivals_begins_again_with_other_text() {
    let plan = plan(CLOSED, Content::Trace(trace()));
    let turns = turns(&plan, 7);
    for at in 0..4 {
        assert_eq!(turns[at].prompt, turns[at + 3].prompt);
        assert_ne!(segments(&turns[at])[0].seed, segments(&turns[at + 3])[0].seed);
    }
}

#[test]
fn a_trace_has_no_times_for_other_content() {
    assert_eq!(first(&plan(trace().arrivals(), Content::Mix(rich())), 5), []);
}

#[test]
fn a_dataset_is_had_whole_before_it_is_had_again() {
    let messages = |turn: &Turn| match &turn.draft {
        Draft::Messages(messages) => messages.iter().map(|one| one.content.clone()).collect(),
        _ => Vec::new(),
    };
    let plan = plan(CLOSED, dataset(Cache::Warm));
    let sessions = first(&plan, 6);
    for lap in sessions.chunks(3) {
        let mut said: Vec<Vec<String>> =
            lap.iter().map(|session| messages(&session.turns[0])).collect();
        said.sort();
        assert_eq!(said, [vec!["Be brief.", "How?"], vec!["Be brief.", "Why?"], vec!["One"]]);
    }
    let talk = sessions.iter().find(|session| session.turns.len() == 2).unwrap();
    assert_eq!(messages(&talk.turns[1]), ["three"]);
    // "two" is a token by estimate; nothing answers "three".
    assert_eq!([talk.turns[0].output, talk.turns[1].output], [Tokens(1), Tokens(20)]);
    assert_eq!([talk.turns[0].think, talk.turns[1].think], [Seconds(0.0), Seconds(3.0)]);
}

#[test]
fn a_line_of_its_own_stands_after_what_all_share() {
    let plan = plan(CLOSED, dataset(Cache::Bust));
    let mut lines = HashSet::new();
    for session in first(&plan, 30) {
        let Draft::Messages(messages) = &session.turns[0].draft else { panic!("prose") };
        let at = usize::from(messages[0].role == "system");
        let (line, rest) = messages[at].content.split_once('\n').unwrap();
        assert_eq!(line.len(), 16);
        assert!(["Why?", "How?", "One"].contains(&rest));
        assert!(lines.insert(line.to_owned()));
        assert!(at == 0 || messages[0].content == "Be brief.");
    }
    // "Be brief." is 3 tokens (9 / 4), a line 8, each question 1: 12 + 12, of which 3 are known the
    // second time. The talk: 9, an answer of 1, and then 10 that are known and 2 that are not.
    assert_eq!(plan.describe(String::new()).shared, Ratio::of(13.0 / 45.0));
}
