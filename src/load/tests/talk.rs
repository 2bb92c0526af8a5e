//! Conversations: a turn follows the answer before it, and holds what was said.

use super::*;
use crate::record::Turn as Part;
use crate::workload::{Conversation, Think, Turns};

/// Three turns of 3 + 4 tokens, 2 s of thinking between them; requests take 4 s.
fn talks(arrivals: Arrivals) -> Plan {
    let plain = plan(arrivals);
    let Content::Mix(mix) = plain.content else { panic!("{plain:?}") };
    let conversation = Conversation {
        turns: Turns::Fixed(3),
        follow_up: Lengths::Fixed { tokens: Tokens(3) },
        think: Think::Fixed(Seconds(2.0)),
    };
    let content = Content::Mix(Mix { conversation: Some(conversation), ..mix });
    let measure = Seconds(30.0);
    Plan { content, warm_up: Seconds(0.0), measure, measure_max: measure, ..plain }
}

fn of_conversation(run: &Run, conversation: u32) -> Vec<&Request> {
    let is_part = |part: Part| part.conversation == conversation;
    run.requests.iter().filter(|one| one.turn.is_some_and(is_part)).collect()
}

#[test]
fn a_turn_is_due_when_the_user_has_thought() {
    let run = drive(&Scripted::new(), &talks(Arrivals::Closed { in_flight: 1 }));
    let turns = of_conversation(&run, 0);
    let dues: Vec<_> = turns.iter().map(|one| one.due).collect();
    assert_eq!(dues, [seconds(0.0), seconds(6.0), seconds(12.0)]);
    let parts: Vec<_> = turns.iter().map(|one| one.turn.unwrap()).collect();
    assert_eq!(parts, [1, 2, 3].map(|index| Part { conversation: 0, index, of: 3 }));
    // One user at a time: the next begins when this one has its last answer.
    assert_eq!(of_conversation(&run, 1)[0].due, ended(turns[2]));
}

#[test]
fn a_turn_holds_what_was_said_before() {
    let target = Scripted::new();
    drive(&target, &talks(Arrivals::Closed { in_flight: 1 }));
    let (said, answer) = (vec![1; 3], vec![7; 4]);
    let second = [said.clone(), answer.clone(), said.clone()].concat();
    let third = [second.clone(), answer, said.clone()].concat();
    let want: Vec<Prompt> = [said, second, third].map(Prompt::Ids).into();
    assert_eq!(target.prompts()[..3], want);
}

/// A place is a user's while he talks, thinking included; so with two there are never three.
#[test]
fn a_closed_loop_has_so_many_users() {
    let run = drive(&Scripted::new().taking(2.5), &talks(Arrivals::Closed { in_flight: 2 }));
    for conversation in 0.. {
        let turns = of_conversation(&run, conversation);
        let Some(first) = turns.first() else { break };
        let talking = |other: u32| {
            let turns = of_conversation(&run, other);
            turns.first().zip(turns.last()).is_some_and(|(from, to)| {
                from.due <= first.due && first.due < to.done.as_ref().map_or(run.last, |d| d.at)
            })
        };
        assert!((0..=conversation).filter(|other| talking(*other)).count() <= 2);
    }
}

#[test]
fn a_conversation_whose_turn_failed_ends() {
    let run = drive(&Scripted::new().failing(1), &talks(Arrivals::Closed { in_flight: 1 }));
    assert_eq!(of_conversation(&run, 0).len(), 1);
    assert_eq!(of_conversation(&run, 1).len(), 3);
}
