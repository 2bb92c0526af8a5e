//! What can be drawn in a plot.

use super::label::Labels;
use super::svg::{Svg, coordinate, through};
use super::{Area, BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, open};

/// Something drawn. `class` is one of the page's colours: `s1`, `r3`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) enum Mark {
    /// A line through points; those without a place are left out.
    Line {
        /// Its points, from left to right.
        points: Vec<(f64, f64)>,
        /// Its colour, and how it is drawn.
        class: String,
        /// Its name, and the share of its points after which it stands.
        name: Option<(String, f64)>,
    },
    /// Bands: from one place along the x axis to another, from low to high.
    Bands {
        /// `(from, to, low, high)` each.
        parts: Vec<(f64, f64, f64, f64)>,
        /// Their colour.
        class: String,
    },
    /// A point.
    Dot(Dot),
    /// A line across the whole plot at a value.
    Rule {
        /// The value.
        at: f64,
        /// Whether it is one of the x axis, and the line stands upright.
        upright: bool,
        /// What it means.
        name: String,
    },
    /// A part of the x axis that means something.
    Shade {
        /// From here.
        from: f64,
        /// To here.
        to: f64,
        /// Its colour.
        class: String,
        /// What it means, if it is said.
        name: Option<String>,
    },
}

/// A point with what is known of its errors.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::report) struct Dot {
    /// Where.
    pub(in crate::report) at: (f64, f64),
    /// From where to where it may lie along the x axis.
    pub(in crate::report) x_error: Option<(f64, f64)>,
    /// The same along the y axis.
    pub(in crate::report) y_error: Option<(f64, f64)>,
    /// Its colour.
    pub(in crate::report) class: String,
    /// Drawn as a ring: it is not what was asked for.
    pub(in crate::report) hollow: bool,
    /// Drawn larger: it was chosen.
    pub(in crate::report) chosen: bool,
    /// What stands beside it.
    pub(in crate::report) name: String,
    /// What is said when it is pointed at.
    pub(in crate::report) words: String,
}

impl Mark {
    /// Keeps words off it.
    pub(super) fn take_room(&self, area: &Area, labels: &mut Labels) {
        if let Self::Dot(dot) = self
            && let Some(at) = area.point(dot.at)
        {
            labels.take(at, 5.0);
        }
    }

    pub(super) fn draw(&self, svg: &mut Svg, area: &Area) {
        match self {
            Self::Line { points, class, .. } => {
                let mut drawn: Vec<_> =
                    points.iter().filter_map(|point| area.bordered(*point)).collect();
                // A path to where it is has no length, and is drawn by its round ends.
                drawn.extend(drawn.first().copied().filter(|_| drawn.len() == 1));
                if !drawn.is_empty() {
                    let class = format!("line {class}");
                    svg.empty("path", &[("class", &class), ("d", &through(&drawn))]);
                }
            }
            Self::Bands { parts, class } => bands(svg, area, parts, class),
            Self::Dot(dot) => draw_dot(svg, area, dot),
            Self::Rule { at, upright, .. } => {
                if let Some((from, to)) = rule(area, *at, *upright) {
                    svg.line("rule", from, to);
                }
            }
            Self::Shade { from, to, class, .. } => {
                let (from, to) =
                    (Area::along(area.x.clamped(*from)), Area::along(area.x.clamped(*to)));
                let class = format!("shade {class}");
                svg.rectangle(&class, (from, TOP), (to - from, HEIGHT - BOTTOM - TOP));
            }
        }
    }

    /// Writes its name, once everything is drawn.
    pub(super) fn name(&self, svg: &mut Svg, area: &Area, labels: &mut Labels) {
        match self {
            Self::Line { points, class, name: Some((name, share)) } => {
                let drawn: Vec<_> = points.iter().filter_map(|point| area.point(*point)).collect();
                let Some(at) = at_share(&drawn, *share) else { return };
                let place = labels.place(at, name);
                svg.words(&format!("label {class}"), place.at, place.anchor, name);
            }
            Self::Dot(dot) if !dot.name.is_empty() => {
                let Some(at) = area.point(dot.at) else { return };
                let place = labels.place(at, &dot.name);
                let class = if dot.chosen { "label strong" } else { "label" };
                svg.words(class, place.at, place.anchor, &dot.name);
            }
            Self::Rule { at, upright, name } => {
                let Some((_, (x, y))) = rule(area, *at, *upright) else { return };
                // At the upper end of an upright line, at the right end of a level one.
                let place = labels.place((x, if *upright { y + 8.0 } else { y }), name);
                svg.words("label quiet", place.at, place.anchor, name);
            }
            Self::Shade { from, to, name: Some(name), .. } => {
                // Inside, at the end that is the plot's own.
                let at_end = area.x.clamped(*to) > 0.999;
                let x = Area::along(area.x.clamped(if at_end { *to } else { *from }));
                let (x, anchor) = if at_end { (x - 4.0, "end") } else { (x + 4.0, "start") };
                svg.words("label quiet", (x, HEIGHT - BOTTOM - 6.0), anchor, name);
            }
            _ => {}
        }
    }
}

/// The point of a line with this share of its points before it.
fn at_share(points: &[(f64, f64)], share: f64) -> Option<(f64, f64)> {
    let last = u32::try_from(points.len().checked_sub(1)?).unwrap_or(u32::MAX);
    let wanted = (f64::from(last) * share).round();
    let index = (0..=last).find(|index| f64::from(*index) >= wanted)?;
    points.get(usize::try_from(index).ok()?).copied()
}

/// The ends of a line across the plot.
fn rule(area: &Area, at: f64, upright: bool) -> Option<((f64, f64), (f64, f64))> {
    let inside = |place: &f64| (0.0..=1.0).contains(place);
    if upright {
        let x = area.x.place(at).filter(inside).map(Area::along)?;
        Some(((x, HEIGHT - BOTTOM), (x, TOP)))
    } else {
        let y = area.y.place(at).filter(inside).map(Area::down)?;
        Some(((LEFT, y), (WIDTH - RIGHT, y)))
    }
}

/// One path for all: a shape a stretch of parts that touch.
fn bands(svg: &mut Svg, area: &Area, parts: &[(f64, f64, f64, f64)], class: &str) {
    let mut path = String::new();
    let touch = |a: &(f64, f64, f64, f64), b: &(f64, f64, f64, f64)| (a.1 - b.0).abs() < 1e-9;
    for stretch in parts.chunk_by(touch) {
        let there = stretch.iter().flat_map(|(from, to, _, high)| [(*from, *high), (*to, *high)]);
        let back = stretch.iter().rev().flat_map(|(from, to, low, _)| [(*to, *low), (*from, *low)]);
        let outline: Vec<_> = there.chain(back).filter_map(|point| area.bordered(point)).collect();
        path.push_str(&through(&outline));
        path.push('Z');
    }
    if !path.is_empty() {
        svg.empty("path", &[("class", &format!("band {class}")), ("d", &path)]);
    }
}

fn draw_dot(svg: &mut Svg, area: &Area, dot: &Dot) {
    let Some((x, y)) = area.point(dot.at) else { return };
    svg.open("g", &[("class", &dot.class)]);
    svg.text("title", &[], &dot.words);
    let along = |value: f64| Area::along(area.x.clamped(value));
    let down = |value: f64| Area::down(area.y.clamped(value));
    if let Some((low, high)) = dot.x_error {
        svg.line("error", (along(low), y), (along(high), y));
    }
    if let Some((low, high)) = dot.y_error {
        svg.line("error", (x, down(low)), (x, down(high)));
    }
    let class = if dot.hollow { "dot hollow" } else { "dot" };
    let [x, y, radius] = [x, y, if dot.chosen { 5.5 } else { 4.0 }].map(coordinate);
    svg.empty("circle", &[("class", class), ("cx", &x), ("cy", &y), ("r", &radius)]);
    svg.close("g");
}

/// Horizontal bars, one below the other, on one axis from 0.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Bars {
    /// Unique on its page.
    pub(in crate::report) id: String,
    /// What it is.
    pub(in crate::report) title: String,
    /// What is to be seen in it, in words.
    pub(in crate::report) description: String,
    /// The bars.
    pub(in crate::report) rows: Vec<Bar>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Bar {
    /// What it shows.
    pub(in crate::report) name: String,
    /// Where it begins: at 0, or in a waterfall where the one above ends.
    pub(in crate::report) from: f64,
    /// Where it ends.
    pub(in crate::report) value: f64,
    /// From where to where its end may lie.
    pub(in crate::report) error: Option<(f64, f64)>,
    /// Its figure, as printed.
    pub(in crate::report) figure: String,
    /// Its colour.
    pub(in crate::report) class: String,
    /// Stands apart from the bar above.
    pub(in crate::report) apart: bool,
}

impl Bars {
    /// As an `svg` element.
    pub(in crate::report) fn svg(&self) -> String {
        const ROW: f64 = 20.0;
        const NAMES: f64 = 118.0;
        const FIGURES: f64 = 108.0;
        let gap = |bar: &Bar| if bar.apart { 8.0 } else { 0.0 };
        let height = self.rows.iter().map(|bar| ROW + gap(bar)).sum::<f64>() + 8.0;
        let mut svg = Svg::default();
        open(&mut svg, &self.id, (&self.title, &self.description), height);
        let ends = self.rows.iter().map(|bar| bar.error.map_or(bar.value, |(_, high)| high));
        let longest = ends.filter(|end| end.is_finite()).fold(0.0, f64::max);
        let longest = if longest > 0.0 { longest } else { 1.0 };
        let along =
            |value: f64| NAMES + (value / longest).clamp(0.0, 1.0) * (WIDTH - NAMES - FIGURES);
        let mut y = 4.0;
        for bar in &self.rows {
            y += gap(bar);
            svg.words("label", (NAMES - 6.0, y + 14.0), "end", &bar.name);
            svg.open("g", &[("class", &bar.class)]);
            let begin = along(bar.from);
            svg.rectangle("bar", (begin, y + 3.0), (along(bar.value) - begin, ROW - 6.0));
            let mut end = along(bar.value);
            if let Some((low, high)) = bar.error {
                svg.line("error", (along(low), y + ROW / 2.0), (along(high), y + ROW / 2.0));
                end = end.max(along(high));
            }
            svg.close("g");
            svg.words("label", (end + 6.0, y + 14.0), "start", &bar.figure);
            y += ROW;
        }
        svg.close("svg");
        svg.finish()
    }
}
