//! Replies made plain: reasoning cut off, other scripts' digits and LaTeX written as ASCII.
//!
//! Invariant: what comes out says the same as what went in; boxes and bold words, which say where
//! an answer stands, are kept as marks that no reply can hold of itself. No text panics. Guarded by
//! the tests below and by the table of awkward replies.

/// Around what was in `\boxed{}`.
pub(super) const BOX: (char, char) = ('\u{e000}', '\u{e001}');
/// Around what was bold.
pub(super) const BOLD: (char, char) = ('\u{e002}', '\u{e003}');
/// A space that only groups digits, or keeps a unit with its number.
pub(super) const TIGHT: char = '\u{a0}';
/// A dollar sign that stands for money and not around mathematics.
pub(super) const DOLLAR: char = '\u{e004}';

/// Where reasoning begins and ends, as chat templates of several families write it.
const THINKING: [(&str, &str); 5] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
];

/// The reply without its reasoning. What follows an opening that never closes is reasoning; what
/// precedes a close that was never opened too, since some templates open it in the prompt.
pub(super) fn spoken(reply: &str) -> String {
    let mut rest = reply.to_owned();
    for (open, close) in THINKING {
        if let Some(end) = rest.rfind(close) {
            let before = rest.find(open).filter(|&start| start < end).unwrap_or(0);
            rest = format!("{}\n{}", &rest[..before], &rest[end + close.len()..]);
        }
        if let Some(start) = rest.find(open) {
            rest.truncate(start);
        }
    }
    for mark in ["<|start|>assistant", "<|channel|>final<|message|>", "<|im_end|>", "<|return|>"] {
        rest = rest.replace(mark, "");
    }
    rest
}

/// A reply in plain characters.
pub(super) fn plain(text: &str) -> String {
    bold(&latex(&ascii(text)))
}

/// The zeros of the scripts whose digits are read, each followed by its nine others.
const ZEROS: [char; 22] = [
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1d7ce}',
    '\u{1d7d8}',
    '\u{1d7e2}',
    '\u{1d7ec}',
];
const SUPERSCRIPTS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
const FRACTIONS: [(char, &str); 17] = [
    ('½', "1/2"),
    ('⅓', "1/3"),
    ('⅔', "2/3"),
    ('¼', "1/4"),
    ('¾', "3/4"),
    ('⅕', "1/5"),
    ('⅖', "2/5"),
    ('⅗', "3/5"),
    ('⅘', "4/5"),
    ('⅙', "1/6"),
    ('⅚', "5/6"),
    ('⅐', "1/7"),
    ('⅛', "1/8"),
    ('⅜', "3/8"),
    ('⅝', "5/8"),
    ('⅞', "7/8"),
    ('⅑', "1/9"),
];

/// The digit that a character of any of the scripts stands for.
fn digit(c: char) -> Option<char> {
    ZEROS.iter().find_map(|&zero| {
        let distance =
            u32::from(c).checked_sub(u32::from(zero)).filter(|distance| *distance < 10)?;
        char::from_digit(distance, 10)
    })
}

fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut raised = false;
    for c in text.chars() {
        let superscript = SUPERSCRIPTS.iter().position(|&s| s == c);
        let above = superscript.is_some() || (raised && c == '⁻');
        if (superscript.is_some() || c == '⁻') && !raised && out.ends_with(char::is_alphanumeric)
        {
            out.push('^');
            raised = true;
        }
        raised = raised && (above || c == '⁻');
        if let Some(place) = superscript {
            let place = u32::try_from(place).unwrap_or(0);
            out.extend(raised.then(|| char::from_digit(place, 10)).flatten());
            continue;
        }
        if let Some((_, written)) = FRACTIONS.iter().find(|(sign, _)| *sign == c) {
            if out.ends_with(|c: char| c.is_ascii_digit()) {
                out.push(' ');
            }
            out.push_str(written);
            continue;
        }
        match c {
            '\u{e000}'..='\u{e004}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2060}'
            | '\u{feff}'
            | '\u{ad}'
            | '\r'
            | '\u{2080}'..='\u{2089}' => {}
            '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{200a}' | '\u{202f}' => out.push(TIGHT),
            '\u{3000}' => out.push(' '),
            '−' | '﹣' | '⁻' | '‑' | '‐' => out.push('-'),
            '’' | '‘' | 'ʼ' => out.push('\''),
            '“' | '”' | '„' | '«' | '»' => out.push('"'),
            '⁄' | '∕' => out.push('/'),
            '٫' => out.push('.'),
            '٬' | '،' => out.push(','),
            '٪' => out.push('%'),
            '。' | '।' => out.push_str(". "),
            '、' => out.push_str(", "),
            '：' => out.push_str(": "),
            // Full-width forms of ASCII.
            '\u{ff01}'..='\u{ff5e}' => out.extend(char::from_u32(u32::from(c) - 0xfee0)),
            _ => out.push(digit(c).unwrap_or(c)),
        }
    }
    out
}

/// Commands that only style what is in their braces.
const STYLES: [&str; 12] = [
    "text",
    "mathrm",
    "mathbf",
    "mathit",
    "mathsf",
    "textbf",
    "textit",
    "textrm",
    "mbox",
    "operatorname",
    "boldsymbol",
    "emph",
];
/// Commands that stand for a character.
const SIGNS: [(&str, &str); 20] = [
    ("times", "×"),
    ("cdot", "·"),
    ("div", "÷"),
    ("approx", "≈"),
    ("pm", "±"),
    ("pi", "π"),
    ("sqrt", "√"),
    ("left", ""),
    ("right", ""),
    ("quad", " "),
    ("qquad", " "),
    ("circ", "°"),
    ("degree", "°"),
    ("leq", "≤"),
    ("geq", "≥"),
    ("neq", "≠"),
    ("ne", "≠"),
    ("dots", "…"),
    ("ldots", "…"),
    ("displaystyle", ""),
];

/// LaTeX's ways of writing numbers as plain ones.
fn latex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{,}") {
            out.push(',');
            rest = after;
            continue;
        }
        if let Some((group, after)) = rest.strip_prefix('^').and_then(braces) {
            out.push('^');
            out.push_str(&latex(group));
            rest = after;
            continue;
        }
        if c != '\\' {
            // One that no other follows in its line is a currency.
            let money = rest.strip_prefix('$').is_some_and(|after| {
                let line = after.lines().next().unwrap_or_default();
                line.starts_with(|c: char| c.is_ascii_digit())
                    && !line.replace("\\$", "").contains('$')
            });
            out.extend(if money { Some(DOLLAR) } else { (c != '$').then_some(c) });
            rest = &rest[c.len_utf8()..];
            continue;
        }
        rest = command(&rest[1..], &mut out);
    }
    out
}

/// What follows a backslash; gives what is left.
fn command<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let length = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (name, after) = rest.split_at(length);
    match name {
        "" => {
            let Some(c) = rest.chars().next() else { return rest };
            match c {
                ',' | ';' | ':' | ' ' => out.push(TIGHT),
                '!' | '(' | ')' | '[' | ']' => {}
                '$' => out.push(DOLLAR),
                '\\' | '\n' => out.push('\n'),
                _ => out.push(c),
            }
            &rest[c.len_utf8()..]
        }
        "boxed" | "fbox" => {
            let Some((group, after)) = braces(after) else { return after };
            out.push(BOX.0);
            out.push_str(&latex(group));
            out.push(BOX.1);
            after
        }
        "frac" | "dfrac" | "tfrac" | "cfrac" => {
            let Some((over, after)) = argument(after) else { return after };
            let Some((under, after)) = argument(after) else { return after };
            if out.ends_with(|c: char| c.is_ascii_digit()) {
                out.push(' ');
            }
            let simple = |text: &str| text.chars().all(|c| c.is_ascii_digit());
            let part = |text: &str| {
                let inner = latex(text);
                if simple(inner.trim()) { inner.trim().to_owned() } else { format!("({inner})") }
            };
            out.push_str(&part(over));
            out.push('/');
            out.push_str(&part(under));
            after
        }
        _ if STYLES.contains(&name) => {
            let Some((group, after)) = braces(after) else { return after };
            out.push_str(&latex(group));
            after
        }
        _ => {
            if let Some((_, sign)) = SIGNS.iter().find(|(known, _)| *known == name) {
                out.push_str(sign);
            } else {
                out.push_str(name);
            }
            after
        }
    }
}

/// What stands in the braces that the text begins with, and what follows them. Nesting deeper than
/// a formula has is not read, so that no reply recurses without bound.
fn braces(text: &str) -> Option<(&str, &str)> {
    const NESTED_MAX: u32 = 24;
    let inside = text.trim_start().strip_prefix('{')?;
    let mut depth = 1_u32;
    for (place, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&inside[..place], &inside[place + 1..]));
        }
        if depth > NESTED_MAX {
            return None;
        }
    }
    None
}

/// A command's argument: in braces, or one digit, as in `\frac34`.
fn argument(text: &str) -> Option<(&str, &str)> {
    braces(text).or_else(|| {
        let text = text.trim_start();
        text.starts_with(|c: char| c.is_ascii_digit()).then(|| text.split_at(1))
    })
}

/// Markdown's bold as marks, its other signs away.
fn bold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let pieces: Vec<&str> = line.split("**").collect();
        // An odd number of marks closes nothing: `2**10` is no bold word.
        let paired = pieces.len() % 2 == 1;
        for (number, piece) in pieces.iter().enumerate() {
            if number > 0 && paired {
                out.push(if number % 2 == 1 { BOLD.0 } else { BOLD.1 });
            } else if number > 0 {
                out.push_str("**");
            }
            out.extend(piece.chars().filter(|c| *c != '`'));
        }
        out.push('\n');
    }
    if !text.ends_with('\n') {
        out.pop();
    }
    out
}

/// The text without marks of boxes and bold.
pub(super) fn unmarked(text: &str) -> String {
    text.chars().filter(|c| !('\u{e000}'..='\u{e003}').contains(c)).collect()
}

/// The text as it is shown.
pub(super) fn shown(text: &str) -> String {
    unmarked(text).replace(DOLLAR, "$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = plain(&spoken(text));
        let shown = got.replace(BOX.0, "[").replace(BOX.1, "]").replace(BOLD.0, "<");
        assert_eq!(shown.replace(BOLD.1, ">").replace(DOLLAR, "USD").trim(), want, "{text}");
    }

    #[test]
    fn plain_words() {
        check("<think>5? no, 6</think>7", "7");
        check("still 5</think> 7", "7");
        check("<think>never ends 7", "");
        check(
            "<|channel|>analysis<|message|>12<|end|><|start|>assistant<|channel|>final<|message|>7",
            "7",
        );
        check("٤٢ ४२ ４２ 𝟒𝟐", "42 42 42 42");
        check("10⁵ and 10⁻³, x² too", "10^5 and 10^-3, x^2 too");
        check("3½", "3 1/2");
        check(r"\boxed{\frac{3}{4}}", "[3/4]");
        check(r"$1{,}234$ or \$1\,234", "1,234 or USD1\u{a0}234");
        check(r"\boxed{42\text{ cm}}", "[42 cm]");
        check(r"2 \times 10^{5}", "2 × 10^5");
        check(r"\dfrac12", "1/2");
        check("so **42** it is", "so <42> it is");
        check("2**10", "2**10");
        check(r"\boxed{4", "{4");
        check("−5", "-5");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in r"[\\{}$^*<>/a-z0-9 ½²−٤\n]{0,60}") {
            let _ = plain(&spoken(&text));
        }
    }
}
