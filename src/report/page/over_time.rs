//! What happened when in one run: tokens, gaps, requests in flight, the machine, the server.

use super::super::Table;
use super::super::plot::{Axis, Mark, Plot, Scale};
use super::charts::{percent, three};
use super::{Figure, Rung};
use crate::record::{Moment, Span};
use crate::summary::curve::{gaps_over_time, in_flight, output_over_time};
use crate::summary::trace::{Trace, Traces};
use crate::units::{Quantity, Seconds};

/// Most parts that the time is cut into, and fewest; and how long a part is between.
const PARTS: (f64, f64) = (16.0, 120.0);
const PART: Seconds = Seconds(0.25);

/// A time of the run on the axis.
fn at(moment: Moment) -> f64 {
    moment.since(Moment(0)).get()
}

fn ends(span: Span) -> (f64, f64) {
    (at(span.from), at(span.to))
}

/// The plots of a run over its time.
pub(super) fn over_time(rung: &Rung) -> Vec<Figure> {
    let canvas = Canvas::of(rung);
    let output = std::iter::once(canvas.output(rung));
    output.chain(canvas.gaps(rung)).chain(canvas.in_flight(rung)).collect()
}

/// The plots of what was read of its machine, and of its server.
pub(super) fn machine(rung: &Rung) -> Vec<Figure> {
    let canvas = Canvas::of(rung);
    let traces = Traces::of(rung.run);
    let mut figures = Vec::new();
    let used_gpu = rung.run.header.host.gpu.is_some();
    for gpu in traces.gpus.iter().filter(|_| used_gpu) {
        let index = gpu.index;
        let hot: Vec<Mark> = gpu
            .throttled
            .iter()
            .map(|span| {
                let (from, to) = ends(*span);
                Mark::Shade { from, to, class: "hot".to_owned(), name: None }
            })
            .collect();
        let held = if hot.is_empty() { "" } else { " Shaded: held down by heat or power." };
        let busy = numbers(&gpu.busy, percent);
        let said = format!(
            "The share of time in which a kernel ran: full is not the same as well used.{held}"
        );
        figures.extend(canvas.trace(
            (&format!("gpu-{index}-busy"), &format!("GPU {index} busy")),
            "%",
            &busy,
            &hot,
            &said,
            Some(100.0),
        ));
        let power = numbers(&gpu.power, |watts| watts.0);
        let said =
            format!("As NVML reads it; energy is from the counter where there is one.{held}");
        figures.extend(canvas.trace(
            (&format!("gpu-{index}-power"), &format!("GPU {index} power")),
            "W",
            &power,
            &hot,
            &said,
            None,
        ));
        let clock = numbers(&gpu.sm_clock, f64::from);
        let said = format!("The clock of the multiprocessors.{held}");
        figures.extend(canvas.trace(
            (&format!("gpu-{index}-clock"), &format!("GPU {index} clock")),
            "MHz",
            &clock,
            &hot,
            &said,
            None,
        ));
    }
    let cpu = numbers(&traces.cpu_busy, percent);
    let said = if used_gpu {
        "This process, of the cores that it may use."
    } else {
        "This process, engine included, of the cores that it may use."
    };
    figures.extend(canvas.trace(("cpu-busy", "CPU busy"), "%", &cpu, &[], said, Some(100.0)));
    figures.extend(canvas.server(&traces));
    figures
}

/// Numbers of an axis.
fn numbers<T: Copy>(trace: &Trace<T>, number: impl Fn(T) -> f64) -> Vec<Vec<(f64, f64)>> {
    let line = |line: &Vec<(Moment, T)>| {
        line.iter().map(|(moment, value)| (at(*moment), number(*value))).collect()
    };
    trace.iter().map(line).collect()
}

/// What all plots of one run have in common.
struct Canvas {
    /// When it ended.
    end: f64,
    /// Into how many parts its time is cut.
    parts: usize,
    /// What is not measured.
    shades: Vec<Mark>,
}

impl Canvas {
    fn of(rung: &Rung) -> Self {
        let end = at(rung.run.last);
        let shade = |(from, to): (f64, f64), name: &str| Mark::Shade {
            from,
            to,
            class: String::new(),
            name: (to - from > end / 12.0).then(|| name.to_owned()),
        };
        let shades = rung.run.measured().map_or_else(Vec::new, |measured| {
            let (from, to) = ends(measured);
            let mut shades = Vec::new();
            if from > 0.0 {
                shades.push(shade((0.0, from), "warm-up"));
            }
            if to < end {
                shades.push(shade((to, end), "not counted"));
            }
            shades
        });
        let (fewest, most) = PARTS;
        let wanted = (end / PART.get()).clamp(fewest, most);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 16 and 120"
        )]
        let parts = wanted as usize;
        Self { end, parts, shades }
    }

    fn x(&self) -> Axis {
        Axis { name: "s since the run began".to_owned(), scale: Scale::between(0.0, self.end) }
    }

    fn output(&self, rung: &Rung) -> Figure {
        let came = output_over_time(rung.run, self.parts);
        let points: Vec<(f64, f64)> = came
            .iter()
            .flat_map(|(span, rate)| {
                let (from, to) = ends(*span);
                [(from, rate.get()), (to, rate.get())]
            })
            .collect();
        let mut table = Table::new("", &["from, s", "to, s", "tok/s"]);
        for (span, rate) in &came {
            let (from, to) = ends(*span);
            table.row([three(from), three(to), three(rate.get())]);
        }
        let mean = rung.judgement.summary.output_rate;
        let mut marks = self.shades.clone();
        marks.push(Mark::Line { points: points.clone(), class: "s1".to_owned(), name: None });
        marks.extend(mean.map(|mean| Mark::Rule {
            at: mean.value.get(),
            upright: false,
            name: "measured rate".to_owned(),
        }));
        self.plot(
            ("output", "Output tokens a second over time"),
            Axis { name: "output tok/s".to_owned(), scale: Scale::from_zero(points.iter().map(|(_, y)| *y)) },
            marks,
            "Steady is flat between the shades; a ramp or a fall there is in every figure of this run.",
            Some(table),
        )
    }

    fn gaps(&self, rung: &Rung) -> Option<Figure> {
        let gaps = gaps_over_time(rung.run, self.parts);
        let longest = gaps.iter().map(|part| part.most.get()).fold(0.0, f64::max);
        if longest <= 0.0 {
            return None;
        }
        let (scale, unit) = if longest < 1.0 { (1e3, "ms") } else { (1.0, "s") };
        let number = |time: Seconds| time.get() * scale;
        let band = |of: &dyn Fn(&crate::summary::curve::GapsThen) -> Option<Seconds>| {
            gaps.iter()
                .filter_map(|part| {
                    let (from, to) = ends(part.span);
                    Some((from, to, number(part.p50), number(of(part)?)))
                })
                .collect::<Vec<_>>()
        };
        let mut table = Table::new(
            "",
            &[
                "from, s",
                "to, s",
                "gaps",
                &format!("p50, {unit}"),
                &format!("p95, {unit}"),
                &format!("longest, {unit}"),
            ],
        );
        for part in &gaps {
            let (from, to) = ends(part.span);
            let p95 = part.p95.map_or_else(|| "—".to_owned(), |time| three(number(time)));
            table.row([
                three(from),
                three(to),
                part.count.to_string(),
                three(number(part.p50)),
                p95,
                three(number(part.most)),
            ]);
        }
        let median: Vec<_> = gaps
            .iter()
            .flat_map(|part| {
                let (from, to) = ends(part.span);
                [(from, number(part.p50)), (to, number(part.p50))]
            })
            .collect();
        let mut marks = self.shades.clone();
        marks.push(Mark::Bands { parts: band(&|part| Some(part.most)), class: "s1".to_owned() });
        marks.push(Mark::Bands { parts: band(&|part| part.p95), class: "s1 strong".to_owned() });
        marks.push(Mark::Line { points: median, class: "s1".to_owned(), name: None });
        let values = gaps.iter().flat_map(|part| [number(part.p50), number(part.most)]);
        Some(self.plot(
            ("gaps", "Gaps between tokens over time"),
            Axis { name: format!("ITL, {unit}, logarithmic"), scale: Scale::log(values) },
            marks,
            "Line: median. Dark band: to the 95th percentile, where 20 gaps tell. Light band: to the longest.",
            Some(table),
        ))
    }

    fn in_flight(&self, rung: &Rung) -> Option<Figure> {
        let levels = in_flight(rung.run, self.parts * 2);
        let most = levels.iter().map(|part| f64::from(part.most)).fold(0.0, f64::max);
        if most <= 0.0 {
            return None;
        }
        let parts: Vec<_> = levels
            .iter()
            .map(|part| {
                let (from, to) = ends(part.span);
                (from, to, f64::from(part.least), f64::from(part.most))
            })
            .collect();
        let upper: Vec<_> =
            parts.iter().flat_map(|(from, to, _, most)| [(*from, *most), (*to, *most)]).collect();
        let mut table = Table::new("", &["from, s", "to, s", "least", "most"]);
        for part in &levels {
            let (from, to) = ends(part.span);
            table.row([three(from), three(to), part.least.to_string(), part.most.to_string()]);
        }
        let mut marks = self.shades.clone();
        marks.push(Mark::Bands { parts, class: "s3".to_owned() });
        marks.push(Mark::Line { points: upper, class: "s3".to_owned(), name: None });
        Some(self.plot(
            ("in-flight", "Requests in flight over time"),
            Axis { name: "requests".to_owned(), scale: Scale::from_zero([most]) },
            marks,
            "Band: from the least to the most in each part of the time.",
            Some(table),
        ))
    }

    fn server(&self, traces: &Traces) -> Vec<Figure> {
        let (running, waiting) =
            (numbers(&traces.running, f64::from), numbers(&traces.waiting, f64::from));
        let values = || running.iter().chain(&waiting).flatten().map(|(_, y)| *y);
        let mut figures = Vec::new();
        if values().next().is_some() {
            let mut marks = self.shades.clone();
            let named = |lines: &[Vec<(f64, f64)>], class: &str, name: &str| {
                let longest = lines.iter().map(Vec::len).max();
                let line = |points: &Vec<(f64, f64)>| Mark::Line {
                    points: points.clone(),
                    class: class.to_owned(),
                    name: (Some(points.len()) == longest).then(|| (name.to_owned(), 0.6)),
                };
                lines.iter().map(line).collect::<Vec<_>>()
            };
            marks.extend(named(&running, "s1", "running"));
            marks.extend(named(&waiting, "s2", "waiting"));
            figures.push(self.plot(
                ("server", "The server's own queue"),
                Axis { name: "requests".to_owned(), scale: Scale::from_zero(values()) },
                marks,
                "As the server says of itself.",
                None,
            ));
        }
        let kv = numbers(&traces.kv_used, percent);
        figures.extend(self.trace(
            ("kv", "KV cache in use"),
            "%",
            &kv,
            &[],
            "As the server says of itself.",
            Some(100.0),
        ));
        figures
    }

    /// One reading over time, in lines without a gap.
    fn trace(
        &self,
        of: (&str, &str),
        unit: &str,
        lines: &[Vec<(f64, f64)>],
        under: &[Mark],
        caption: &str,
        most: Option<f64>,
    ) -> Option<Figure> {
        let values = || lines.iter().flatten().map(|(_, y)| *y);
        values().next()?;
        let mut table = Table::new("", &["at, s", unit]);
        for (x, y) in lines.iter().flatten() {
            table.row([three(*x), three(*y)]);
        }
        let mut marks: Vec<Mark> = self.shades.iter().chain(under).cloned().collect();
        marks.extend(lines.iter().map(|points| Mark::Line {
            points: points.clone(),
            class: "s1".to_owned(),
            name: None,
        }));
        let scale = Scale::from_zero(values().chain(most));
        Some(self.plot(of, Axis { name: unit.to_owned(), scale }, marks, caption, Some(table)))
    }

    fn plot(
        &self,
        (id, title): (&str, &str),
        y: Axis,
        marks: Vec<Mark>,
        caption: &str,
        table: Option<Table>,
    ) -> Figure {
        let description = format!("{caption} From 0 to {} s.", three(self.end));
        let plot = Plot {
            id: format!("time-{id}"),
            title: title.to_owned(),
            description,
            x: self.x(),
            y,
            marks,
        };
        Figure { title: title.to_owned(), svg: plot.svg(), caption: caption.to_owned(), table }
    }
}
