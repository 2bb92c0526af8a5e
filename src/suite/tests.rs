//! The embedded suite: it reads, and what it expects is solved.

mod replies;

use super::*;

#[test]
fn what_is_expected_is_solved() {
    let suite = Suite::embedded().unwrap();
    for seed in 0..50 {
        for instance in suite.instances::<&str>(seed, &[], None).unwrap() {
            let Some(answer) = instance.grader.plainest() else { continue };
            for form in [Form::Chat, Form::FewShot] {
                let verdict = instance.grade(form, &answer, false);
                assert!(verdict.solved(), "{}: {answer}: {verdict:?}", instance.id);
            }
        }
    }
}
