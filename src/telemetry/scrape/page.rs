//! A page of metrics, looked up by name: many series become one number.
//!
//! Invariant: a number counts each engine once. Series of one name are those of several engines or
//! several outcomes and are summed; series that differ in nothing but a rank of one engine repeat
//! each other, and those of one priority are a part of the series without; neither is added again.
//! What the page doesn't hold is `None`. Guarded by the tests below.

use super::prometheus::{Line, Sample, lines};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Labels that number the processes of one engine: each tells the same (`SGLang` with
/// `--enable-metrics-for-all-schedulers`). Ranks of data parallelism are engines of their own.
const RANKS: [&str; 3] = ["tp_rank", "pp_rank", "moe_ep_rank"];

/// Under priority scheduling `SGLang` tells each priority beside the whole, which has this label empty.
const PRIORITY: &str = "priority";

/// What to look for: a name, and a label's value where only some of its series are meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Select {
    pub(super) name: &'static str,
    pub(super) label: Option<(&'static str, &'static str)>,
}

/// A page that was read.
pub(super) struct Page<'a> {
    samples: Vec<Sample<'a>>,
    declared: Vec<&'a str>,
}

impl<'a> Page<'a> {
    /// Reads a page; buckets of histograms, most of it, are left out.
    pub(super) fn of(text: &'a str) -> Self {
        let mut page = Self { samples: Vec::new(), declared: Vec::new() };
        for line in lines(text) {
            match line {
                Line::Declared(name) => page.declared.push(name),
                Line::Sample(sample) if sample.name.ends_with("_bucket") => {}
                Line::Sample(sample) => page.samples.push(sample),
            }
        }
        page
    }

    /// Whether any name begins so.
    pub(super) fn speaks(&self, prefix: &str) -> bool {
        let names = self.samples.iter().map(|sample| sample.name);
        names.chain(self.declared.iter().copied()).any(|name| {
            name.len() >= prefix.len() && name.bytes().zip(prefix.bytes()).all(|(a, b)| same(a, b))
        })
    }

    /// Its samples.
    pub(super) fn samples(&self) -> &[Sample<'a>] {
        &self.samples
    }

    /// The sum of a gauge over all engines.
    pub(super) fn sum(&self, select: Select) -> Option<f64> {
        let values = self.each(|name| is(name, select.name), select);
        (!values.is_empty()).then(|| values.values().sum())
    }

    /// The largest of a gauge.
    pub(super) fn max(&self, select: Select) -> Option<f64> {
        let values = self.each(|name| is(name, select.name), select);
        values.into_values().reduce(f64::max)
    }

    /// The sum of a counter, which clients in Python print with `_total` at its end, some others
    /// without. Where `zeros`, a family that is declared and has no series yet has counted nothing.
    pub(super) fn count(&self, select: Select, zeros: bool) -> Option<f64> {
        let total =
            |name: &str| name.strip_suffix("_total").is_some_and(|stem| is(stem, select.name));
        let mut values = self.each(total, select);
        if values.is_empty() {
            values = self.each(|name| is(name, select.name), select);
        }
        let declared = || self.declared.iter().any(|&name| total(name) || is(name, select.name));
        let told = !values.is_empty() || (zeros && declared());
        told.then(|| values.values().sum())
    }

    /// One number for each engine and outcome: the key is all that tells them apart.
    fn each(
        &self,
        named: impl Fn(&str) -> bool,
        select: Select,
    ) -> BTreeMap<Vec<(&'a str, Cow<'a, str>)>, f64> {
        let mut values = BTreeMap::new();
        for sample in &self.samples {
            let meant = |(label, value)| sample.labels.get(label).as_deref() == Some(value);
            let whole = || sample.labels.get(PRIORITY).is_none_or(|priority| priority.is_empty());
            let told = sample.value.is_finite() && named(sample.name);
            if !told || !select.label.is_none_or(meant) || !whole() {
                continue;
            }
            let key = sample.labels.pairs().filter(|(name, _)| !RANKS.contains(name)).collect();
            let value = values.entry(key).or_insert(sample.value);
            *value = sample.value.max(*value);
        }
        values
    }
}

/// Whether a name is the one in the table, where `:` and `_` are one: exporters on the way, and some
/// versions, put the one for the other.
fn is(name: &str, table: &str) -> bool {
    name.len() == table.len() && name.bytes().zip(table.bytes()).all(|(a, b)| same(a, b))
}

fn same(a: u8, b: u8) -> bool {
    a == b || matches!((a, b), (b':' | b'_', b':' | b'_'))
}

/// A count, where a number is one: not negative, and below 2^53, up to which an `f64` counts exactly.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, not negative, and below 2^53"
)]
pub(super) fn whole(number: f64) -> Option<u64> {
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
    (0.0..EXACT_BELOW).contains(&number).then(|| number.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn named(name: &'static str) -> Select {
        Select { name, label: None }
    }

    #[track_caller]
    fn check_sum(text: &str, want: Option<f64>) {
        assert_eq!(Page::of(text).sum(named("e:n")), want, "{text}");
    }

    #[track_caller]
    fn check_count(text: &str, zeros: bool, want: Option<f64>) {
        assert_eq!(Page::of(text).count(named("e:n"), zeros), want, "{text}");
    }

    #[test]
    fn engines_are_summed() {
        check_sum("e:n 3", Some(3.0));
        check_sum("e:n{engine=\"0\"} 3\ne:n{engine=\"1\"} 4", Some(7.0));
        check_sum(
            "e:n{tp_rank=\"0\",dp_rank=\"0\"} 3\ne:n{tp_rank=\"1\",dp_rank=\"1\"} 4",
            Some(7.0),
        );
    }

    #[test]
    fn ranks_of_one_engine_are_one_number() {
        check_sum("e:n{m=\"a\",tp_rank=\"0\"} 4\ne:n{m=\"a\",tp_rank=\"1\"} 4", Some(4.0));
        check_sum(
            "e:n{pp_rank=\"0\",tp_rank=\"0\"} 4\ne:n{pp_rank=\"1\",tp_rank=\"0\"} 5",
            Some(5.0),
        );
    }

    #[test]
    fn a_priority_is_a_part_of_the_whole() {
        let text = "e:n{priority=\"\"} 14\ne:n{priority=\"-1\"} 0\ne:n{priority=\"0\"} 14";
        check_sum(text, Some(14.0));
    }

    #[test]
    fn only_the_name_itself_is_meant() {
        check_sum("e:nn 3\ne:n_total 100\ne:n_created 1.7e9\nx_e:n 2", None);
        check_sum("e_n 3", Some(3.0));
        check_sum("e:n NaN", None);
        check_sum("e:n NaN\ne:n{a=\"1\"} 2", Some(2.0));
        check_sum("# TYPE e:n gauge", None);
    }

    #[test]
    fn the_largest_is_the_fullest_engines() {
        let page = Page::of("e:n{engine=\"0\"} 0.25\ne:n{engine=\"1\"} 0.75");
        assert_eq!(page.max(named("e:n")), Some(0.75));
        assert_eq!(page.max(named("e:m")), None);
    }

    #[test]
    fn a_counter_is_told_with_and_without_its_suffix() {
        check_count("e:n_total{r=\"stop\"} 3\ne:n_total{r=\"length\"} 4", false, Some(7.0));
        check_count("e:n 5", false, Some(5.0));
        // Both at once are the same counter.
        check_count("e:n 5\ne:n_total 5", false, Some(5.0));
        check_count("e:n_created 1.7e9", true, None);
    }

    #[test]
    fn a_family_without_series_has_counted_nothing_where_that_is_known() {
        check_count("# TYPE e:n_total counter", true, Some(0.0));
        check_count("# TYPE e:n counter", true, Some(0.0));
        check_count("# TYPE e:n_total counter", false, None);
        check_count("# TYPE e:other counter", true, None);
    }

    #[test]
    fn a_label_tells_which_series_is_meant() {
        let text = "k{type=\"max\"} 9\nk{type=\"used\"} 4\nk 1";
        let select = Select { name: "k", label: Some(("type", "used")) };
        assert_eq!(Page::of(text).sum(select), Some(4.0));
    }

    #[test]
    fn a_page_speaks_by_the_beginning_of_its_names() {
        assert!(Page::of("vllm:x 1").speaks("vllm:"));
        assert!(Page::of("vllm_x 1").speaks("vllm:"));
        assert!(Page::of("# TYPE vllm:x counter").speaks("vllm:"));
        assert!(!Page::of("my_vllm:x 1\nvll 2").speaks("vllm:"));
    }
}
