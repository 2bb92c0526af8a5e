//! Where words go in a plot, so that none stands on another.

/// How wide a letter is at most, and how high a line of words.
const LETTER: f64 = 6.0;
const LINE: f64 = 12.0;

/// What is taken already.
#[derive(Debug)]
pub(super) struct Labels {
    from: (f64, f64),
    to: (f64, f64),
    taken: Vec<Frame>,
}

/// A rectangle by two corners.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Frame {
    from: (f64, f64),
    to: (f64, f64),
}

impl Frame {
    /// How much of it another covers.
    fn covered(&self, other: &Self) -> f64 {
        let width = self.to.0.min(other.to.0) - self.from.0.max(other.from.0);
        let height = self.to.1.min(other.to.1) - self.from.1.max(other.from.1);
        width.max(0.0) * height.max(0.0)
    }
}

/// Where words begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) at: (f64, f64),
    pub(super) anchor: &'static str,
}

impl Labels {
    /// Within these corners.
    pub(super) fn new(from: (f64, f64), to: (f64, f64)) -> Self {
        Self { from, to, taken: Vec::new() }
    }

    /// Something stands around this point.
    pub(super) fn take(&mut self, (x, y): (f64, f64), reach: f64) {
        let frame = Frame { from: (x - reach, y - reach), to: (x + reach, y + reach) };
        self.taken.push(frame);
    }

    /// The best place for words beside a point: where they cover least, and leave the plot least.
    pub(super) fn place(&mut self, (x, y): (f64, f64), words: &str) -> Place {
        let letters = u16::try_from(words.chars().count()).unwrap_or(u16::MAX);
        let width = f64::from(letters) * LETTER;
        let candidates = [
            (x + 7.0, y - 5.0, "start"),
            (x + 7.0, y + 13.0, "start"),
            (x - 7.0, y - 5.0, "end"),
            (x - 7.0, y + 13.0, "end"),
            (x, y - 9.0, "middle"),
            (x, y + 17.0, "middle"),
            (x + 9.0, y + 4.0, "start"),
            (x - 9.0, y + 4.0, "end"),
            (x + 7.0, y - 18.0, "start"),
            (x - 7.0, y - 18.0, "end"),
        ];
        let frame = |(x, y, anchor): (f64, f64, &'static str)| {
            let left = match anchor {
                "start" => x,
                "end" => x - width,
                _ => x - width / 2.0,
            };
            Frame { from: (left, y - LINE + 3.0), to: (left + width, y + 3.0) }
        };
        let cost = |frame: Frame| {
            let whole = width * LINE;
            let inside = frame.covered(&Frame { from: self.from, to: self.to });
            let covered: f64 = self.taken.iter().map(|taken| frame.covered(taken)).sum();
            covered + 4.0 * (whole - inside)
        };
        let mut best = (candidates[0], f64::INFINITY);
        for candidate in candidates {
            let cost = cost(frame(candidate));
            if cost < best.1 - 0.5 {
                best = (candidate, cost);
            }
        }
        self.taken.push(frame(best.0));
        Place { at: (best.0.0, best.0.1), anchor: best.0.2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_off_each_other_and_inside() {
        let mut labels = Labels::new((0.0, 0.0), (200.0, 100.0));
        let first = labels.place((50.0, 50.0), "one");
        let second = labels.place((50.0, 50.0), "two");
        assert_eq!((first.at, first.anchor), ((57.0, 45.0), "start"));
        assert_ne!(first, second);
        assert_eq!(labels.place((195.0, 50.0), "at the edge").anchor, "end");
    }
}
