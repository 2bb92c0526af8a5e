//! The embedded suite: what is expected is solved, what is not is not, and a seed is a seed.

mod brute;
mod replies;

use super::*;
use proptest::prelude::*;

/// An instance of each grader.
fn one_of_each() -> Vec<Instance> {
    let mut known = std::collections::BTreeSet::new();
    all(3).into_iter().filter(|one| known.insert(one.grader.name())).collect()
}

fn all(seed: u64) -> Vec<Instance> {
    Suite::embedded().unwrap().instances::<&str>(seed, &[], None).unwrap()
}

#[test]
fn what_is_expected_is_solved() {
    for instance in (0..50).flat_map(all) {
        let Some(answer) = instance.grader.plainest() else { continue };
        for form in [Form::Chat, Form::FewShot] {
            let verdict = instance.grade(form, &answer, false);
            assert!(verdict.solved(), "{}: {answer}: {verdict:?}", instance.id);
            let cut = instance.grade(form, &answer, true);
            assert_eq!(cut, Verdict::NoAnswer { why: Lack::CutOff }, "{}: {answer}", instance.id);
        }
    }
}

#[test]
fn base_models_may_go_on() {
    for instance in all(7) {
        let Some(answer) = instance.grader.plainest() else { continue };
        let on = format!(" {answer}\n\nQuestion: What is 7 - 7?\nAnswer: 0");
        assert!(instance.grade(Form::FewShot, &on, true).solved(), "{}: {on}", instance.id);
    }
}

#[test]
fn there_are_enough_problems() {
    let suite = Suite::embedded().unwrap();
    let large = ["knowledge", "mathematics", "logic"];
    let of = |family: &&Family| large.contains(&family.name.as_str());
    let counts: Vec<_> = suite.families().iter().filter(of).map(Family::counts).collect();
    assert!(counts.iter().map(|(base, _)| base).sum::<usize>() >= 40, "{counts:?}");
    assert!(counts[1].0 == counts[1].1 && counts[2].0 == counts[2].1, "{counts:?}");
    let ids: Vec<String> = all(1).into_iter().map(|instance| instance.id).collect();
    for wanted in ["knowledge/australia", "arithmetic/one-plus-one", "logic/three-doors+variant"] {
        assert!(ids.iter().any(|id| id == wanted), "{wanted}");
    }
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    assert!(all(1).iter().all(|one| one.few_shot.is_some() && one.source == "own"));
}

#[test]
fn no_example_is_a_problem() {
    let asked: Vec<String> =
        (0..20).flat_map(all).map(|one| one.messages[1].content.clone()).collect();
    for family in Suite::embedded().unwrap().families() {
        for (ask, _) in family.examples() {
            assert!(!asked.iter().any(|other| other == ask), "{}: {ask}", family.name);
        }
    }
}

#[test]
fn seeds_differ_and_bases_that_are_known_do_not() {
    let asks = |seed: u64| -> Vec<(String, String)> {
        all(seed).into_iter().map(|one| (one.id, one.messages[1].content.clone())).collect()
    };
    let (one, other) = (asks(1), asks(2));
    let ids = |asks: &[(String, String)]| asks.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&one), ids(&other));
    let drawn = one.iter().zip(&other).filter(|(a, b)| a != b).count();
    assert!(drawn * 2 > one.len(), "{drawn} of {}", one.len());
    let fixed =
        |asks: &[(String, String)]| asks.iter().find(|(id, _)| id == "logic/lilies").cloned();
    assert_eq!(fixed(&one), fixed(&other));
}

#[test]
fn yes_is_as_frequent_as_no() {
    let said: Vec<bool> = (0..30)
        .flat_map(|seed| Suite::embedded().unwrap().instances(seed, &["entailment"], None).unwrap())
        .filter_map(|one| if let Grader::Yes(yes) = one.grader { Some(yes) } else { None })
        .collect();
    let yes = said.iter().filter(|yes| **yes).count();
    assert!(said.len() * 2 < yes * 5 && yes * 5 < said.len() * 3, "{yes} of {}", said.len());
}

#[test]
fn an_unknown_family_is_named_with_the_nearest() {
    let error = Suite::embedded().unwrap().instances(1, &["logik"], None).unwrap_err();
    let SuiteError::Family { nearest, .. } = error else { panic!("{error}") };
    assert_eq!(nearest.as_deref(), Some("logic"));
}

const HEAD: &str = "name = \"x\"\ntitle = \"t\"\nsystem = \"s\"\nmax_output = 9\n";

/// A family of one problem is refused with these words.
#[track_caller]
fn refused(problem: &str, want: &str) {
    let text =
        format!("{HEAD}[[problem]]\nid = \"p\"\nsource = \"own\"\nlicence = \"MIT\"\n{problem}");
    let error = Family::parse("x.toml", &text).unwrap_err().to_string();
    assert!(error.contains(want), "{error}");
}

#[test]
fn broken_families_are_refused() {
    refused("ask = \"{n}\"\nanswer = { number = 1 }", "`ask`: `{n}`: there is no value `n`");
    refused("ask = \"a\"\nanswer = { number = \"1 +\" }", "`number`: `1 +`");
    refused("ask = \"a\"\nanswer = { number = 1, fact = \"b\" }", "`answer`: `number, fact`");
    refused(
        "ask = \"a\"\nanswer = { fact = \"b\", percent = true }",
        "`percent`: `fact`: it belongs to `number`",
    );
    refused(
        "ask = \"a\"\nanswer = { number = 1, unit = \"ells\" }",
        "`unit`: `ells`: it is no unit",
    );
    refused("ask = \"a\"\nanswer = { pattern = \"(\" }", "`pattern`: `(`");
    refused("ask = \"a\"\nanswer = { json = \"{\" }", "`json`: `{`");
    refused("ask = \"a\"\nanswer = { choice = \"b\" }", "`choice`: `b`: there are not 2 to 26");
    refused(
        "ask = \"a\"\nanswer = { number = 1 }\nvariant = { ask = \"{m}\" }",
        "`variant.ask`: `{m}`",
    );
    refused("ask = \"a\"\ndraw = { n = { from = 3, to = 1 } }\nanswer = { number = 1 }", "draw.n");
    refused(
        "ask = \"a\"\ndraw = { n = 1 }\nwhere = [\"n > 1\"]\nanswer = { number = 1 }",
        "did not meet it",
    );
    refused("ask = \"a\"\nanswr = 1", "line 10: unknown field `answr`");
    let empty = Family::parse("x.toml", &format!("{HEAD}problem = []")).unwrap_err();
    assert_eq!(empty, SuiteError::Empty { file: "x.toml".to_owned() });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_seed_gives_the_same_instances_whatever_is_asked_beside(
        seed in any::<u64>(),
        chosen in proptest::sample::subsequence(
            vec!["knowledge", "mathematics", "logic", "arithmetic", "copying", "extraction", "entailment", "format"], 1..8,
        ),
        limit in proptest::option::of(1_usize..12),
    ) {
        let suite = Suite::embedded().unwrap();
        let whole = all(seed);
        let some = suite.instances(seed, &chosen, limit).unwrap();
        prop_assert_eq!(&some, &suite.instances(seed, &chosen, limit).unwrap());
        for one in &some {
            prop_assert!(chosen.contains(&&*one.family));
            prop_assert_eq!(Some(one), whole.iter().find(|other| other.id == one.id));
        }
        for family in chosen {
            let bases = some.iter().filter(|one| one.family == family && one.kind == Kind::Base).count();
            prop_assert!(limit.is_none_or(|limit| bases <= limit) && bases > 0);
        }
    }

    #[test]
    fn no_reply_makes_a_grader_panic(
        reply in r"(answer|Answer:|\*\*|\\boxed|\{|\}|<think>|</think>|[0-9]{1,40}|[-+=.,:;/^%$€ ×½²٤四\n]|or|not|wait,|A\)|yes|```|Canberra|é|İ|ß|km|e9|million|half|dozen|\PC){0,25}",
        cut in any::<bool>(),
    ) {
        for instance in one_of_each() {
            for form in [Form::Chat, Form::FewShot] {
                let _ = instance.grade(form, &reply, cut);
            }
        }
    }

    #[test]
    fn another_number_is_never_right(over in -100_000_i128..100_000, under in 1_i128..1_000, other in -100_000_i128..100_000) {
        let (right, wrong) = (Rational::new(over, under).unwrap(), Rational::new(other, under).unwrap());
        let grader = Grader::number(right);
        for text in [right.to_string(), format!("Answer: {right}"), format!("\\boxed{{{right}}}"), format!("It is {right}.")] {
            prop_assert!(grader.grade(Reply { text: &text, cut: false }).solved(), "{}", text);
        }
        prop_assume!(wrong != right);
        for text in [wrong.to_string(), format!("Answer: {wrong}"), format!("\\boxed{{{wrong}}}"), format!("It is {wrong}.")] {
            prop_assert!(!grader.grade(Reply { text: &text, cut: false }).solved(), "{}", text);
        }
    }
}

/// What the page on tasks gives as examples is read.
#[test]
fn the_examples_of_the_page_are_problems() {
    let page = include_str!("../../docs/TASKS.md");
    let fence = |language: &str| {
        let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    let own = load::problems("mine.jsonl", fence("json")).unwrap();
    assert_eq!(own.len(), 3);
    assert!(own[2].grade(Form::Chat, "1500 m", false).solved());
    let suite = Suite::parse(&[("mine.toml", fence("toml"))]).unwrap();
    let drawn = suite.instances::<&str>(5, &[], None).unwrap();
    assert_eq!(drawn.len(), 6);
    for one in drawn {
        let answer = one.grader.plainest().unwrap();
        assert!(one.grade(Form::Chat, &answer, false).solved(), "{}", one.id);
    }
}

/// Each family's table row on the page has its counts.
#[test]
fn the_page_counts_right() {
    let page = include_str!("../../docs/TASKS.md");
    for family in Suite::embedded().unwrap().families() {
        let row =
            page.lines().find(|row| row.starts_with(&format!("| `{}`", family.name))).unwrap();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (base, varied) = family.counts();
        assert_eq!(cells[3], base.to_string(), "{row}");
        assert_eq!(varied > 0, cells[4].starts_with(&varied.to_string()) && varied > 0, "{row}");
    }
}
