//! Writes elements of SVG: text escaped, coordinates to a tenth of a unit.

use std::fmt::Write as _;

/// SVG in the making.
#[derive(Debug, Default)]
pub(super) struct Svg(String);

impl Svg {
    /// Opens an element that holds others.
    pub(super) fn open(&mut self, element: &str, attributes: &[(&str, &str)]) {
        self.start(element, attributes);
        self.0.push('>');
    }

    /// Closes it.
    pub(super) fn close(&mut self, element: &str) {
        let _ = write!(self.0, "</{element}>");
    }

    /// An element that holds nothing.
    pub(super) fn empty(&mut self, element: &str, attributes: &[(&str, &str)]) {
        self.start(element, attributes);
        self.0.push_str("/>");
    }

    /// An element that holds text.
    pub(super) fn text(&mut self, element: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(element, attributes);
        self.0.push_str(&escaped(text));
        self.close(element);
    }

    /// A straight line.
    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(coordinate);
        self.empty("line", &[("class", class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
    }

    /// A rectangle, by its left upper corner.
    pub(super) fn rectangle(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
    ) {
        let [x, y, width, height] = [x, y, width.max(0.0), height.max(0.0)].map(coordinate);
        let place =
            [("class", class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)];
        self.empty("rect", &place);
    }

    /// Words at a place; `anchor` is `start`, `middle` or `end`.
    pub(super) fn words(&mut self, class: &str, (x, y): (f64, f64), anchor: &str, words: &str) {
        let [x, y] = [x, y].map(coordinate);
        let place = [("class", class), ("x", x.as_str()), ("y", &y), ("text-anchor", anchor)];
        self.text("text", &place, words);
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn start(&mut self, element: &str, attributes: &[(&str, &str)]) {
        let _ = write!(self.0, "<{element}");
        for (name, value) in attributes {
            let _ = write!(self.0, " {name}=\"{}\"", escaped(value));
        }
    }
}

/// To a tenth: finer can't be seen.
pub(super) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").map_or(text.clone(), str::to_owned);
    if text == "-0" { "0".to_owned() } else { text }
}

/// The `d` of a path through points.
pub(super) fn through(points: &[(f64, f64)]) -> String {
    let mut path = String::with_capacity(points.len() * 12);
    for (index, (x, y)) in points.iter().enumerate() {
        let letter = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{} {}", coordinate(*x), coordinate(*y));
    }
    path
}

/// As text, and as an attribute's value, of XML. Control characters, which XML can't hold at all, are
/// left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_are_no_markup() {
        let mut svg = Svg::default();
        svg.text("title", &[("id", "\"><script>")], "<b>&'\u{0}");
        assert_eq!(
            svg.finish(),
            "<title id=\"&quot;&gt;&lt;script&gt;\">&lt;b&gt;&amp;&#39;</title>"
        );
    }

    #[test]
    fn a_path_is_short() {
        assert_eq!(through(&[(0.0, 1.04), (-0.01, 12.35)]), "M0 1L0 12.3");
        assert_eq!(through(&[]), "");
    }
}
