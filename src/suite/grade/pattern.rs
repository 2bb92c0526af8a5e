//! Patterns: a small language of regular expressions, in linear time.
//!
//! Letters, `.`, classes (`[a-z]`, `[^,]`, `\d \w \s` and their opposites), groups, `|`, `* + ?
//! {m,n}`, `^ $`; `(?i)` at the beginning passes over case. A pattern fits where it covers some part
//! of a text; with `^` and `$` all of it.
//!
//! Invariant: time is bounded by the pattern's states times the text's length, whatever both are: all
//! states are followed at once (Thompson, "Regular expression search algorithm", CACM 1968). Guarded
//! by the tests below, against patterns that take backtracking forever.

/// States that a pattern may have, so that `{9999}` of `{9999}` is refused.
const STATES_MAX: usize = 5_000;
/// Groups that may be nested.
const DEPTH_MAX: usize = 50;

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    states: Vec<State>,
    caseless: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Takes(Class),
    /// Goes on at both.
    Splits(usize, usize),
    Goes(usize),
    Begins,
    Ends,
    Fits,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    not: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    fn of(not: bool, ranges: &[(char, char)]) -> Self {
        Self { not, ranges: ranges.to_vec() }
    }

    fn takes(&self, c: char) -> bool {
        self.ranges.iter().any(|&(from, to)| (from..=to).contains(&c)) != self.not
    }
}

#[derive(Debug, Clone)]
enum Node {
    One(Class),
    Row(Vec<Node>),
    Either(Vec<Node>),
    Times(Box<Node>, usize, Option<usize>),
    Begins,
    Ends,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (caseless, body) = text.strip_prefix("(?i)").map_or((false, text), |body| (true, body));
        let mut reader = Reader { rest: body.chars().collect(), at: 0, depth: 0 };
        let node = reader.either()?;
        if reader.at < reader.rest.len() {
            return Err(format!("`{text}` has a `)` too many"));
        }
        let mut states = Vec::new();
        build(&node, &mut states)?;
        states.push(State::Fits);
        Ok(Self { text: text.to_owned(), states, caseless })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it fits some part of the text.
    pub fn fits(&self, text: &str) -> bool {
        self.search(text, false)
    }

    /// Whether it fits all of the text.
    pub fn covers(&self, text: &str) -> bool {
        self.search(text, true)
    }

    fn search(&self, text: &str, whole: bool) -> bool {
        let letters: Vec<char> = text.chars().collect();
        let mut now = vec![false; self.states.len()];
        for at in 0..=letters.len() {
            if at == 0 || !whole {
                self.reach(0, at, letters.len(), &mut now);
            }
            let fits = now.last().copied().unwrap_or(false);
            if fits && (!whole || at == letters.len()) {
                return true;
            }
            let Some(&c) = letters.get(at) else { break };
            let mut then = vec![false; self.states.len()];
            for (number, state) in self.states.iter().enumerate().filter(|(number, _)| now[*number])
            {
                let State::Takes(class) = state else { continue };
                let takes = class.takes(c)
                    || self.caseless
                        && (c.to_lowercase().any(|c| class.takes(c))
                            || c.to_uppercase().any(|c| class.takes(c)));
                if takes {
                    self.reach(number + 1, at + 1, letters.len(), &mut then);
                }
            }
            now = then;
        }
        false
    }

    fn reach(&self, first: usize, at: usize, end: usize, on: &mut [bool]) {
        let mut waiting = vec![first];
        while let Some(number) = waiting.pop() {
            if std::mem::replace(&mut on[number], true) {
                continue;
            }
            match self.states[number] {
                State::Goes(to) => waiting.push(to),
                State::Splits(one, other) => waiting.extend([one, other]),
                State::Begins if at == 0 => waiting.push(number + 1),
                State::Ends if at == end => waiting.push(number + 1),
                _ => {}
            }
        }
    }
}

fn build(node: &Node, states: &mut Vec<State>) -> Result<(), String> {
    if states.len() > STATES_MAX {
        return Err(format!("it has more than {STATES_MAX} states"));
    }
    match node {
        Node::One(class) => states.push(State::Takes(class.clone())),
        Node::Begins => states.push(State::Begins),
        Node::Ends => states.push(State::Ends),
        Node::Row(nodes) => nodes.iter().try_for_each(|node| build(node, states))?,
        Node::Either(nodes) => {
            let mut leaving = Vec::new();
            for (number, node) in nodes.iter().enumerate() {
                let split = states.len();
                if number + 1 < nodes.len() {
                    states.push(State::Goes(0));
                }
                build(node, states)?;
                if number + 1 < nodes.len() {
                    leaving.push(states.len());
                    states.push(State::Goes(0));
                    states[split] = State::Splits(split + 1, states.len());
                }
            }
            let end = states.len();
            for place in leaving {
                states[place] = State::Goes(end);
            }
        }
        Node::Times(node, from, to) => {
            for _ in 0..*from {
                build(node, states)?;
            }
            if let Some(to) = to {
                for _ in *from..*to {
                    optional(node, states)?;
                }
            } else {
                let split = states.len();
                states.push(State::Goes(0));
                build(node, states)?;
                states.push(State::Goes(split));
                states[split] = State::Splits(split + 1, states.len());
            }
        }
    }
    Ok(())
}

fn optional(node: &Node, states: &mut Vec<State>) -> Result<(), String> {
    let split = states.len();
    states.push(State::Goes(0));
    build(node, states)?;
    states[split] = State::Splits(split + 1, states.len());
    Ok(())
}

struct Reader {
    rest: Vec<char>,
    at: usize,
    depth: usize,
}

const DIGIT: &[(char, char)] = &[('0', '9')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
const SPACE: &[(char, char)] = &[('\t', '\r'), (' ', ' ')];

impl Reader {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn takes(&mut self, c: char) -> bool {
        let is = self.peek() == Some(c);
        self.at += usize::from(is);
        is
    }

    fn next(&mut self) -> Result<char, String> {
        let c = self.peek().ok_or("it ends too early")?;
        self.at += 1;
        Ok(c)
    }

    fn either(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("its groups are nested more than {DEPTH_MAX} deep"));
        }
        let mut rows = vec![self.row()?];
        while self.takes('|') {
            rows.push(self.row()?);
        }
        self.depth -= 1;
        Ok(Node::Either(rows))
    }

    fn row(&mut self) -> Result<Node, String> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek().filter(|c| !['|', ')'].contains(c)) {
            self.at += 1;
            let node = self.one(c)?;
            nodes.push(self.times(node)?);
        }
        Ok(Node::Row(nodes))
    }

    fn one(&mut self, c: char) -> Result<Node, String> {
        Ok(match c {
            '^' => Node::Begins,
            '$' => Node::Ends,
            '.' => Node::One(Class::of(true, &[('\n', '\n')])),
            '(' => {
                if self.takes('?') && !self.takes(':') {
                    return Err(
                        "`(?` is read only as `(?:`, and as `(?i)` at the beginning".to_owned()
                    );
                }
                let node = self.either()?;
                if !self.takes(')') {
                    return Err("a `)` is missing".to_owned());
                }
                node
            }
            '[' => self.class()?,
            '*' | '+' | '?' => return Err(format!("nothing stands before `{c}`")),
            '\\' => {
                let c = self.next()?;
                Node::One(escaped(c)?)
            }
            _ => Node::One(Class::of(false, &[(c, c)])),
        })
    }

    fn class(&mut self) -> Result<Node, String> {
        let not = self.takes('^');
        let mut ranges = Vec::new();
        loop {
            let c = self.next()?;
            match c {
                ']' if !ranges.is_empty() => return Ok(Node::One(Class { not, ranges })),
                '\\' => {
                    let class = self.next().and_then(escaped)?;
                    if class.not {
                        return Err("`\\D`, `\\W` and `\\S` are not read inside `[]`".to_owned());
                    }
                    ranges.extend(class.ranges);
                }
                _ => {
                    let range = self.peek() == Some('-')
                        && self.rest.get(self.at + 1).is_some_and(|c| *c != ']');
                    let to = if range {
                        self.at += 1;
                        self.next()?
                    } else {
                        c
                    };
                    ranges.push((c, to));
                }
            }
        }
    }

    fn times(&mut self, node: Node) -> Result<Node, String> {
        /// Repetitions of repetitions that are read.
        const REPEATED_MAX: u32 = 3;
        let mut node = node;
        let mut repeated = 0;
        loop {
            let (from, to) = match self.peek() {
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('?') => (0, Some(1)),
                Some('{') => {
                    self.at += 1;
                    let from = self.number()?;
                    let to = if self.takes(',') {
                        if self.peek() == Some('}') { None } else { Some(self.number()?) }
                    } else {
                        Some(from)
                    };
                    if self.peek() != Some('}') || to.is_some_and(|to| to < from) {
                        return Err("`{}` is not `{3}`, `{3,}` or `{3,5}`".to_owned());
                    }
                    (from, to)
                }
                _ => return Ok(node),
            };
            self.at += 1;
            repeated += 1;
            if repeated > REPEATED_MAX {
                return Err("it repeats repetitions too deeply".to_owned());
            }
            node = Node::Times(Box::new(node), from, to);
        }
    }

    fn number(&mut self) -> Result<usize, String> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let written: String = self.rest[start..self.at].iter().collect();
        written
            .parse()
            .ok()
            .filter(|n| *n <= STATES_MAX)
            .ok_or_else(|| format!("`{{{written}` is no number that fits"))
    }
}

fn escaped(c: char) -> Result<Class, String> {
    Ok(match c {
        'd' => Class::of(false, DIGIT),
        'D' => Class::of(true, DIGIT),
        'w' => Class::of(false, WORD),
        'W' => Class::of(true, WORD),
        's' => Class::of(false, SPACE),
        'S' => Class::of(true, SPACE),
        'n' => Class::of(false, &[('\n', '\n')]),
        't' => Class::of(false, &[('\t', '\t')]),
        c if c.is_alphanumeric() => return Err(format!("`\\{c}` means nothing here")),
        c => Class::of(false, &[(c, c)]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, fits: &[&str], not: &[&str]) {
        let read = Pattern::parse(pattern).unwrap();
        for text in fits {
            assert!(read.fits(text), "{pattern} on {text}");
        }
        for text in not {
            assert!(!read.fits(text), "{pattern} on {text}");
        }
    }

    #[test]
    fn patterns() {
        check(
            r"^\d{4}-\d{2}-\d{2}$",
            &["2024-01-31"],
            &["2024-1-31", "on 2024-01-31", "2024-01-311"],
        );
        check("^(cat|dog)s?$", &["cat", "dogs"], &["cats and dogs", "do"]);
        check("a.c", &["xabcx"], &["a\nc", "ac"]);
        check("^[^,]+,[a-c]*$", &["x,", "xy,abc"], &[",a", "x,d"]);
        check("(?i)^yes$", &["YES", "Yes"], &["yes!"]);
        check("^a{2,3}$", &["aa", "aaa"], &["a", "aaaa"]);
        check("^(?:ab){2,}$", &["abab", "ababab"], &["ab", "aba"]);
        check(r"\$\(", &["$("], &["("]);
        check("^[]a-]+$", &["]a-"], &["b"]);
        check("", &["", "x"], &[]);
        check("^$", &[""], &["x"]);
        check("^(|a)b$", &["b", "ab"], &["aab"]);
        check("^größe$", &["größe"], &["grösse"]);
    }

    #[test]
    fn refusals() {
        for pattern in [
            "(",
            ")",
            "[a",
            "a{",
            "a{3,2}",
            "*",
            "(?=a)",
            r"\p",
            "a{9999}",
            "((a{999}){999}){9}",
            r"[\D]",
            "\\",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::parse(&"(".repeat(10_000)).is_err());
        assert!(Pattern::parse(&format!("a{}", "*".repeat(10_000))).is_err());
    }

    #[test]
    fn what_backtracking_takes_forever_for_ends() {
        let text = "a".repeat(2_000);
        assert!(!Pattern::parse("^(a*)*b$").unwrap().fits(&text));
        assert!(!Pattern::parse("(a|aa)+$b").unwrap().fits(&text));
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(pattern in r"[-ab.*+?{},0-3()\[\]|^$\\dwi]{0,20}", text in "[ab0-3-]{0,20}") {
            if let Ok(read) = Pattern::parse(&pattern) {
                let _ = (read.fits(&text), read.covers(&text));
            }
        }
    }
}
