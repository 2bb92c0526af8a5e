//! The table of awkward replies, `tests/fixtures/suite/replies.tsv`, whose head says its form.

use crate::suite::grade::{
    Choice, Document, Exact, Expected, Fact, Members, Number, Pattern, Unit,
};
use crate::suite::{Grader, Lack, Rational, Reply, Verdict, expression};

const TABLE: &str = include_str!("../../../tests/fixtures/suite/replies.tsv");

fn list(text: &str, border: char) -> Vec<String> {
    text.split(border).map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn number(text: &str) -> Rational {
    expression::value(text, &expression::Numbers::new()).unwrap()
}

/// A grader as the table writes it.
fn grader(text: &str) -> Grader {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    match kind {
        "number" => {
            let (value, unit) = rest.split_once(' ').unwrap_or((rest, ""));
            let percent = unit == "%";
            let unit = (!percent && !unit.is_empty()).then(|| Unit::named(unit).unwrap());
            Grader::Number(Number { value: number(value), percent, unit })
        }
        "choice" => {
            let (letter, options) = rest.split_once(": ").unwrap();
            let right = usize::from(letter.as_bytes()[0] - b'A');
            Grader::Choice(Choice { options: list(options, '/'), right })
        }
        "yes" | "no" => Grader::Yes(kind == "yes"),
        "fact" => {
            let (names, about) = rest.split_once('@').unwrap();
            let (accepted, rivals) = names.split_once('!').unwrap();
            let (accepted, rivals) = (list(accepted, ','), list(rivals, ','));
            Grader::Fact(Fact { accepted, rivals, about: list(about, ',') })
        }
        "set" | "list" => {
            let all = list(rest, ';').iter().map(|names| list(names, '|')).collect();
            Grader::Set(Members { all, ordered: kind == "list" })
        }
        "pattern" => Grader::Pattern(Pattern::parse(rest).unwrap()),
        "json" | "json!" => {
            let expected = Expected::parse(&serde_json::from_str(rest).unwrap()).unwrap();
            Grader::Json(Document { expected, strict: kind == "json!" })
        }
        "text" | "text!" => {
            Grader::Text(Exact { accepted: vec![rest.to_owned()], case: kind == "text!" })
        }
        _ => panic!("no grader `{kind}`"),
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Solved { .. } => "solved",
        Verdict::Wrong { .. } => "wrong",
        Verdict::Refused { .. } => "refused",
        Verdict::NoAnswer { why } => match why {
            Lack::Empty => "empty",
            Lack::OnlyReasoning => "reasoning",
            Lack::CutOff => "cut",
            Lack::Unknown => "unknown",
            Lack::NoneOfItsKind => "none",
        },
    }
}

#[test]
fn replies_are_graded_as_a_careful_person_would() {
    let mut rows = 0;
    let mut wrong = Vec::new();
    for (number, row) in TABLE.lines().enumerate().filter(|(_, row)| !row.starts_with('#')) {
        let [grading, want, said] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("line {}: not three columns: {row}", number + 1)
        };
        rows += 1;
        let text = said.replace('⏎', "\n");
        let (text, cut) = text.strip_suffix('✂').map_or((&text[..], false), |text| (text, true));
        let got = grader(grading).grade(Reply { text, cut });
        if word(&got) != want {
            wrong.push(format!("line {}: {grading}: {said}\n    {want}, not {got:?}", number + 1));
        }
    }
    assert!(rows >= 300, "{rows} rows");
    assert!(wrong.is_empty(), "{} of {rows}:\n{}", wrong.len(), wrong.join("\n"));
}
