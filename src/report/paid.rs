//! What a run's tokens cost and what its time was paid for, in words and tables.

use super::Table;
use super::figure::{estimate_or_nothing, share, significant, thousands, time};
use crate::cost::{
    Attributed, CachedBy, CostAtLoad, CostBounds, Judgement, MixedBy, ToldBy, Untold, Waterfall,
};
use crate::summary::{Fit, StepFit};
use crate::units::{Estimate, UsdPerMtok};

/// Prices by kind of token at each load; of a run with cached input a column more.
pub(super) fn costs(judgement: &Judgement) -> Table {
    let title = match &judgement.summary.tokens {
        Some(tokens) if tokens.mix().is_some() => format!(
            "USD per million tokens; blended over {} input and {} output tokens",
            thousands(tokens.input.0),
            thousands(tokens.output.0)
        ),
        _ => "USD per million tokens".to_owned(),
    };
    let cached = judgement.costs.iter().any(|row| row.cached.is_some());
    let mut columns = vec!["load", "input"];
    columns.extend(cached.then_some("cached input"));
    columns.extend(["output", "blended", "all charged to output"]);
    let mut table = Table::new(title, &columns);
    let mut row = |name: String, kinds: [Option<Estimate<UsdPerMtok>>; 3], whole: [String; 2]| {
        let [input, cached_input, output] = kinds;
        let mut cells = vec![name, estimate_or_nothing(input)];
        cells.extend(cached.then(|| estimate_or_nothing(cached_input)));
        cells.push(estimate_or_nothing(output));
        cells.extend(whole);
        table.row(cells);
    };
    let void = if judgement.forced { " VOID" } else { "" };
    for CostAtLoad { load, input, cached, output, blended, output_only } in &judgement.costs {
        let whole = [estimate_or_nothing(*blended), estimate_or_nothing(*output_only)];
        row(format!("{load}{void}"), [*input, *cached, *output], whole);
    }
    if let Some(busy) = judgement.while_busy {
        let whole = [String::new(), String::new()];
        row(format!("without idle time{void}"), [busy.input, busy.cached, busy.output], whole);
    }
    table
}

/// What the measured window was paid for: lines that add up to its bill.
pub(super) fn bill(judgement: &Judgement) -> Table {
    let title = "What the measured time was paid for";
    let mut table = Table::new(title, &["", "time", "share", "USD", "tokens"]);
    let Some(Waterfall { lines, total, billed }) = &judgement.bill else { return table };
    for line in lines {
        table.row([
            line.item.word().to_owned(),
            time(line.time),
            share(line.share),
            significant(line.cost.0, 4),
            line.tokens.map_or_else(String::new, |tokens| thousands(tokens.0)),
        ]);
    }
    table.row([
        "together".to_owned(),
        time(Some(*billed)),
        String::new(),
        significant(total.0, 4),
        String::new(),
    ]);
    table
}

/// What told input, cached input and output apart, and how well; or why nothing did.
pub(super) fn told_words(judgement: &Judgement) -> Option<String> {
    let told = match judgement.attributed.as_ref()? {
        Attributed::Bounds(bounds) => {
            let why = untold(bounds.untold);
            let between = judgement.cost_bounds.map_or_else(String::new, bounds_words);
            return Some(format!("Input and output are not told apart: {why}.{between}"));
        }
        Attributed::Told(told) => told,
    };
    let summary = &judgement.summary;
    let fits = |fits: [(&str, Option<&Fit>); 3]| {
        let known = fits.into_iter().filter_map(|(kind, fit)| Some((kind, fit?)));
        let words =
            |(kind, fit): (&str, &Fit)| format!("{kind} {}", share(Some(fit.held_out_median)));
        let known: Vec<String> = known.map(words).collect();
        if known.is_empty() {
            return String::new();
        }
        format!(" Median error of the fit where it was held out: {}.", known.join(", "))
    };
    let (by, error) = match told.told_by {
        ToldBy::Steps { mixed, cached, fit_of_another_run } => {
            let other = if fit_of_another_run { ", fitted in another run" } else { "" };
            let by =
                format!("by the engine's steps{other}: {}; {}", of_mixed(mixed), of_cached(cached));
            let fit = summary.step_fit.as_ref();
            let of = |kind: fn(&StepFit) -> Option<&Fit>| fit.and_then(kind);
            let kinds = [
                ("prefill", of(|fit| fit.prefill.as_ref())),
                ("decode", of(|fit| fit.decode.as_ref())),
                ("steps of both", of(|fit| fit.mixed.as_ref())),
            ];
            (by, fits(kinds))
        }
        ToldBy::Probe { cached } => {
            let by = format!(
                "by requests that were alone, and by answers beside others, scaled to the paid time; {}",
                of_cached(cached)
            );
            let fit = summary.request_fit.as_ref();
            let kinds = [
                ("prompts", fit.and_then(|fit| fit.prefill.as_ref())),
                ("answers", fit.and_then(|fit| fit.decode.as_ref())),
                ("", None),
            ];
            (by, fits(kinds))
        }
    };
    Some(format!("Input and output are told apart {by}.{error}"))
}

fn of_mixed(by: MixedBy) -> &'static str {
    match by {
        MixedBy::NoneSeen => "each did one kind of work",
        MixedBy::Fit => "those of both kinds by a fit of such steps",
        MixedBy::PureFits => "those of both kinds by what each kind takes alone, fitted",
        MixedBy::PureMeans => "those of both kinds by what each kind takes alone, in the mean",
    }
}

fn of_cached(by: CachedBy) -> &'static str {
    match by {
        CachedBy::NothingCached => "no input was cached",
        CachedBy::Fit => "cached input by the time that attending to it takes",
        CachedBy::Untold => "cached input is not told from the rest, and its time is in the rest's",
    }
}

fn untold(why: Untold) -> &'static str {
    match why {
        Untold::MixedSteps => "steps did both kinds of work, and too few did one alone",
        Untold::NoProbe => {
            "a server's steps can't be seen, and too few requests were alone to tell what each takes"
        }
        Untold::PoorProbe => {
            "a server's steps can't be seen, and its requests had prompts of one length or came at one \
             load only"
        }
    }
}

fn bounds_words(bounds: CostBounds) -> String {
    let between = |kind: &str, ends: Option<(UsdPerMtok, UsdPerMtok)>| {
        let (least, most) = ends?;
        // Nothing at all is a bound, too, and has no digits.
        let figure = |price: UsdPerMtok| {
            if price.0 > 0.0 { significant(price.0, 3) } else { "0".to_owned() }
        };
        Some(format!("{kind} {} to {}", figure(least), figure(most)))
    };
    let known: Vec<String> = [between("input", bounds.input), between("output", bounds.output)]
        .into_iter()
        .flatten()
        .collect();
    if known.is_empty() {
        return String::new();
    }
    format!(" At full load: {} USD/Mtok, not both at their least.", known.join(", "))
}
