//! A tornado: for each input how far it moves one figure, the widest above.

use super::scale::Scale;
use super::svg::Svg;
use super::{WIDTH, open};

/// What is left free for names, for what stands beside each end of a bar, above and below.
const NAMES: f64 = 74.0;
const BESIDE: f64 = 66.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 34.0;
const ROW: f64 = 26.0;

/// A tornado.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Tornado {
    /// Unique on its page.
    pub(in crate::report) id: String,
    /// What it is.
    pub(in crate::report) title: String,
    /// What is to be seen in it, in words.
    pub(in crate::report) description: String,
    /// What the axis shows, with its unit.
    pub(in crate::report) axis: String,
    /// The figure as it is, and what that is called.
    pub(in crate::report) middle: (f64, String),
    /// The inputs.
    pub(in crate::report) rows: Vec<Reach>,
}

/// An input: its name, and its two ends: the figure there, and the input's own value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Reach {
    /// Its name.
    pub(in crate::report) name: String,
    /// At the input's low end.
    pub(in crate::report) low: (f64, String),
    /// At its high end.
    pub(in crate::report) high: (f64, String),
}

impl Tornado {
    /// As an `svg` element. The axis is logarithmic: twice as much is as far as half.
    pub(in crate::report) fn svg(&self) -> String {
        let count = f64::from(u16::try_from(self.rows.len()).unwrap_or(u16::MAX));
        let (height, bottom) = (TOP + ROW * count + BOTTOM, TOP + ROW * count);
        let mut svg = Svg::default();
        open(&mut svg, &self.id, (&self.title, &self.description), height);
        let ends = self.rows.iter().flat_map(|row| [row.low.0, row.high.0]);
        let scale = Scale::log(ends.chain([self.middle.0]));
        let (left, right) = (NAMES + BESIDE, WIDTH - BESIDE);
        let along = |value: f64| {
            let inside = scale.place(value).filter(|place| (-1e-9..=1.0 + 1e-9).contains(place));
            inside.map(|place| left + place * (right - left))
        };
        for tick in scale.ticks() {
            let Some(x) = along(tick.at) else { continue };
            svg.line("grid", (x, TOP), (x, bottom));
            svg.words("tick", (x, bottom + 14.0), "middle", &tick.text);
        }
        svg.words("name", (WIDTH - 2.0, bottom + 29.0), "end", &self.axis);
        let middle = along(self.middle.0);
        for (row, top) in self.rows.iter().zip((0_u16..).map(|n| TOP + ROW * f64::from(n))) {
            svg.words("label", (NAMES - 6.0, top + 17.0), "end", &row.name);
            for (end, class) in [(&row.low, "s1"), (&row.high, "s2")] {
                let Some((middle, at)) = middle.zip(along(end.0)) else { continue };
                let (from, to) = if at < middle { (at, middle) } else { (middle, at) };
                svg.open("g", &[("class", class)]);
                svg.rectangle("bar", (from, top + 5.0), (to - from, ROW - 10.0));
                svg.close("g");
            }
            // The lower figure's words stand left of the bar, the higher one's right of it.
            let (one, other) =
                if row.low.0 <= row.high.0 { (&row.low, &row.high) } else { (&row.high, &row.low) };
            if let Some((from, to)) = along(one.0).zip(along(other.0)) {
                svg.words("label", (from - 5.0, top + 17.0), "end", &one.1);
                svg.words("label", (to + 5.0, top + 17.0), "start", &other.1);
            }
        }
        if let Some(x) = middle {
            svg.line("rule", (x, TOP - 4.0), (x, bottom));
            svg.words("label quiet", (x, TOP - 9.0), "middle", &self.middle.1);
        }
        svg.close("svg");
        svg.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tornado(low: f64, high: f64, middle: f64) -> String {
        let reach = Reach {
            name: "<load>".to_owned(),
            low: (low, "10 %".to_owned()),
            high: (high, "100 %".to_owned()),
        };
        let text = |text: &str| text.to_owned();
        let (id, title, description, axis) = (text("t"), text("t"), text("d"), text("USD/Mtok"));
        let middle = (middle, text("now"));
        Tornado { id, title, description, axis, middle, rows: vec![reach] }.svg()
    }

    #[test]
    fn a_bar_is_where_its_ends_are() {
        let svg = tornado(10.0, 1.0, 2.0);
        assert_eq!(svg.matches("class=\"bar\"").count(), 2, "{svg}");
        assert!(svg.contains("&lt;load&gt;"), "{svg}");
        // Of the lower figure, that at the high end, the words stand left.
        let at = |words: &str| svg.find(words).unwrap();
        assert!(at("100 %") < at(">10 %"), "{svg}");
    }

    #[test]
    fn what_has_no_place_is_not_drawn() {
        for (low, high, middle) in [(0.0, 0.0, 0.0), (f64::NAN, 1.0, 1.0), (1.0, 2.0, -1.0)] {
            let svg = tornado(low, high, middle);
            assert!(svg.matches("class=\"bar\"").count() < 2 && !svg.contains("NaN"), "{svg}");
        }
    }
}
