//! The text in which servers tell their metrics: Prometheus 0.0.4, and `OpenMetrics` 1.0 as far as the
//! two differ (exemplars, units, `# EOF`). Sources: "Exposition formats" in Prometheus' documentation;
//! the `OpenMetrics` specification 1.0.0.
//!
//! Invariant: any text is read to its end, without a panic and without a copy of its samples; a line
//! that is none of the format is passed over and never makes up a value. Guarded by the property
//! tests below.

use std::borrow::Cow;

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Line<'a> {
    /// A family is declared, whether or not samples follow.
    Declared(&'a str),
    /// A number.
    Sample(Sample<'a>),
}

/// One number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample<'a> {
    /// Its name: `vllm:num_requests_running`.
    pub(super) name: &'a str,
    /// What tells it apart from others of its name.
    pub(super) labels: Labels<'a>,
    /// The number, `NaN` and the infinities among them.
    pub(super) value: f64,
}

/// The lines of a text that tell something.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().filter_map(line)
}

fn line(line: &str) -> Option<Line<'_>> {
    let line = line.trim();
    match line.strip_prefix('#') {
        Some(comment) => {
            let mut words = comment.split_ascii_whitespace();
            (words.next()? == "TYPE").then_some(())?;
            words.next().map(Line::Declared)
        }
        None => sample(line).map(Line::Sample),
    }
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(|c: char| c == '{' || c.is_ascii_whitespace())?;
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => {
            let close = closing(inside)?;
            (&inside[..close], &inside[close + 1..])
        }
        None => ("", rest),
    };
    // What follows the number is a timestamp or an exemplar.
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    (!name.is_empty()).then_some(Sample { name, labels: Labels(labels), value })
}

/// Where the braces close: a brace within quotes doesn't.
fn closing(inside: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// A sample's labels, read when somebody asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Labels<'a>(&'a str);

impl<'a> Labels<'a> {
    /// The labels in their order, up to the first that is none.
    pub(super) fn pairs(self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (name, after) = rest.split_once('=')?;
            let value = after.trim_start().strip_prefix('"')?;
            let close = quote(value)?;
            rest = value[close + 1..].trim_start().trim_start_matches(',');
            Some((name.trim(), unescaped(&value[..close])))
        })
    }

    /// A label's value.
    pub(super) fn get(self, name: &str) -> Option<Cow<'a, str>> {
        self.pairs().find(|(own, _)| *own == name).map(|(_, value)| value)
    }
}

/// Where a quoted value ends.
fn quote(value: &str) -> Option<usize> {
    let mut escaped = false;
    value.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// A value without its escapes, of which the format knows three; others stay as they are.
fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some(escaped @ ('\\' | '"'))) => plain.push(escaped),
            (c, next) => {
                plain.push(c);
                plain.extend(next);
            }
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Told = (String, Vec<(String, String)>, f64);

    fn told(text: &str) -> Vec<Told> {
        let samples = lines(text).filter_map(|line| match line {
            Line::Sample(sample) => Some(sample),
            Line::Declared(_) => None,
        });
        let own = |(name, value): (&str, Cow<'_, str>)| (name.to_owned(), value.into_owned());
        samples.map(|s| (s.name.to_owned(), s.labels.pairs().map(own).collect(), s.value)).collect()
    }

    #[track_caller]
    fn check(text: &str, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels = labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(told(text), [(name.to_owned(), labels.collect(), value)], "{text}");
    }

    #[test]
    fn a_line_is_a_sample() {
        check("up 1", "up", &[], 1.0);
        check("up 1\r\n", "up", &[], 1.0);
        check("  a_b:c{} 2.5e3 ", "a_b:c", &[], 2_500.0);
        check("a{x=\"1\"} 3", "a", &[("x", "1")], 3.0);
        check("a{x=\"1\",y=\"\",} 3", "a", &[("x", "1"), ("y", "")], 3.0);
        check("a { x = \"1\" , y=\"2\" } 3", "a", &[("x", "1"), ("y", "2")], 3.0);
        check("a{x=\"1\"}3", "a", &[("x", "1")], 3.0);
        check("a 3 1700000000000", "a", &[], 3.0);
        check("a_total{x=\"1\"} 7 # {trace_id=\"9\"} 0.5 1.7e9", "a_total", &[("x", "1")], 7.0);
        check("a -Inf", "a", &[], f64::NEG_INFINITY);
        check("a_bucket{le=\"+Inf\"} +Inf", "a_bucket", &[("le", "+Inf")], f64::INFINITY);
    }

    #[test]
    fn a_value_that_is_no_number_is_said_to_be_none() {
        let [(name, labels, value)] = &told("a NaN")[..] else { panic!() };
        assert!(name == "a" && labels.is_empty() && value.is_nan());
    }

    #[test]
    fn quotes_hide_what_they_hold() {
        check(r#"a{m="x } y",n="p,q=r"} 4"#, "a", &[("m", "x } y"), ("n", "p,q=r")], 4.0);
        check(
            r#"a{m="say \"}\" \\",n="l\nl"} 4"#,
            "a",
            &[("m", r#"say "}" \"#), ("n", "l\nl")],
            4.0,
        );
        // An escape that the format doesn't know stays.
        check(r#"a{m="C:\dir"} 4"#, "a", &[("m", r"C:\dir")], 4.0);
        check("a{m=\"ü–漢\"} 4", "a", &[("m", "ü–漢")], 4.0);
    }

    #[test]
    fn what_is_no_sample_is_passed_over() {
        for text in ["", "a", "a{", "a{x=\"1\" 3", "a{x=\"1} 3", "a x", "a{} ", "{x=\"1\"} 3"] {
            assert_eq!(told(text), [], "{text}");
        }
        assert_eq!(told("<html>\n<body>1 2</body>\n# TYPE a\n# HELP a 3\n#\n# EOF\na 1").len(), 1);
    }

    #[test]
    fn a_family_is_declared_without_samples() {
        let text = "# HELP a about\n# TYPE a counter\n#TYPE b gauge\n# UNIT a seconds\n# EOF\n";
        let names: Vec<_> = lines(text).collect();
        assert_eq!(names, [Line::Declared("a"), Line::Declared("b")]);
    }

    fn printed((name, labels, value): &Told) -> String {
        let escaped =
            |value: &str| value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        format!("# TYPE {name} gauge\n{name}{{{}}} {value}\n", labels.join(","))
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            samples in prop::collection::vec(
                (
                    "[a-zA-Z_:][a-zA-Z0-9_:]{0,9}",
                    // A carriage return isn't escaped by the format, and no label that we read has one.
                    prop::collection::vec(("[a-zA-Z_][a-zA-Z0-9_]{0,5}", "[^\r]{0,9}"), 0..4),
                    prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::INFINITE,
                ),
                0..8,
            ),
        ) {
            let text: String = samples.iter().map(printed).collect();
            prop_assert_eq!(told(&text), samples);
        }

        #[test]
        fn any_text_is_read_to_its_end(text in "(?s).{0,200}") {
            prop_assert!(told(&text).len() <= text.lines().count());
        }

        #[test]
        fn nor_does_nearly_right_text_break_it(
            parts in prop::collection::vec("[a{}\",=\\\\ 1.#\n\u{e9}]{0,6}", 0..30),
        ) {
            let text = parts.concat();
            prop_assert!(told(&text).len() <= text.lines().count());
        }
    }
}
