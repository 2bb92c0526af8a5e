//! Plots as SVG, rendered by the program: lines, bands, points with error bars, bars.
//!
//! Why our own: a page that is light or dark by the reader's choice, and printed in black, needs its
//! colours in CSS classes, and the plotting libraries write colours into the elements; and what is
//! needed is little.
//!
//! Invariant: a plot is well-formed XML whatever it is given, has a title and a description for those
//! who can't see it, and draws nothing that has no place on its axes: a figure that is missing is left
//! out, never drawn at 0. Guarded by the tests below and, on whole pages, by `page/tests.rs`.
//!
//! Coordinates here are plain numbers: the axis names their unit. Deliberately absent: arithmetic on
//! measurements (`summary::curve`), colours (`page/page.css`).

mod heat;
mod label;
mod mark;
mod scale;
mod svg;
mod tornado;

pub(super) use heat::{Field, Heat};
pub(super) use mark::{Bar, Bars, Dot, Mark};
pub(super) use scale::Scale;
pub(super) use tornado::{Reach, Tornado};

use label::Labels;
use svg::{Svg, coordinate};

/// The width of a plot in its own units, which are pixels on a narrow telephone and a little more on a
/// wide screen: letters of 11 can be read on both.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 250.0;

/// What is left free around the plotted area.
const LEFT: f64 = 50.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 38.0;

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// What it shows, with its unit.
    pub(super) name: String,
    /// How.
    pub(super) scale: Scale,
}

/// A plot in the making.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plot {
    /// Unique on its page.
    pub(super) id: String,
    /// What it is.
    pub(super) title: String,
    /// What is to be seen in it, in words.
    pub(super) description: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// What is drawn, the hindmost first.
    pub(super) marks: Vec<Mark>,
}

impl Plot {
    /// As an `svg` element.
    pub(super) fn svg(&self) -> String {
        let mut svg = Svg::default();
        open(&mut svg, &self.id, (&self.title, &self.description), HEIGHT);
        let area = Area { x: self.x.scale, y: self.y.scale };
        self.axes(&mut svg, &area);
        let mut labels = Labels::new((LEFT, TOP), (WIDTH - 2.0, HEIGHT - BOTTOM));
        self.marks.iter().for_each(|mark| mark.take_room(&area, &mut labels));
        self.marks.iter().for_each(|mark| mark.draw(&mut svg, &area));
        self.marks.iter().for_each(|mark| mark.name(&mut svg, &area, &mut labels));
        svg.close("svg");
        svg.finish()
    }

    fn axes(&self, svg: &mut Svg, area: &Area) {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for tick in area.y.ticks() {
            let Some(y) = area.y.place(tick.at).map(Area::down) else { continue };
            svg.line("grid", (LEFT, y), (right, y));
            svg.words("tick", (LEFT - 5.0, y + 3.5), "end", &tick.text);
        }
        for tick in area.x.ticks() {
            let Some(x) = area.x.place(tick.at).map(Area::along) else { continue };
            svg.line("axis", (x, bottom), (x, bottom + 4.0));
            svg.words("tick", (x, bottom + 15.0), "middle", &tick.text);
        }
        svg.line("axis", (LEFT, bottom), (right, bottom));
        svg.words("name", (2.0, 12.0), "start", &self.y.name);
        svg.words("name", (right, HEIGHT - 6.0), "end", &self.x.name);
    }
}

/// Opens an `svg` that scales with its page and speaks to those who can't see it.
fn open(svg: &mut Svg, id: &str, (title, description): (&str, &str), height: f64) {
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-description"));
    let labelled = format!("{title_id} {description_id}");
    let view = format!("0 0 {} {}", coordinate(WIDTH), coordinate(height));
    let attributes = [
        ("class", "plot"),
        ("viewBox", view.as_str()),
        ("role", "img"),
        ("aria-labelledby", &labelled),
    ];
    svg.open("svg", &attributes);
    svg.text("title", &[("id", &title_id)], title);
    svg.text("desc", &[("id", &description_id)], description);
}

/// The plotted area.
struct Area {
    x: Scale,
    y: Scale,
}

impl Area {
    /// Where a point is drawn; `None`: it has no place, or one outside.
    fn point(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        let inside = |place: &f64| (-1e-9..=1.0 + 1e-9).contains(place);
        let (x, y) = (self.x.place(x).filter(inside)?, self.y.place(y).filter(inside)?);
        Some((Self::along(x), Self::down(y)))
    }

    /// The same, at the border where it lies outside: of a line that leaves the area.
    fn bordered(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        (x.is_finite() && y.is_finite())
            .then(|| (Self::along(self.x.clamped(x)), Self::down(self.y.clamped(y))))
    }

    fn along(share: f64) -> f64 {
        LEFT + share * (WIDTH - RIGHT - LEFT)
    }

    fn down(share: f64) -> f64 {
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    }
}
