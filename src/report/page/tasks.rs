//! The page of tasks: what was solved, with how many tokens, for how much.

use super::super::Table;
use super::super::figure::{NOTHING, significant};
use super::super::tasks::{
    asides, compared, heading, percent, slug, solving, spending, tasks_plots,
};
use super::{Figure, Page, Reason, Section, Tile, Verdict};
use crate::tasks::{FamilyTable, PerSolved, TaskTable};

/// The page of a table.
pub(super) fn page(table: &TaskTable) -> Page {
    let reasons = asides(table).into_iter().map(|what| Reason { what, advice: None }).collect();
    let findings: Vec<String> = table.all.compared.iter().map(compared).collect();
    let mut sections = vec![Section {
        words: findings,
        ..section("all", "All families together".to_owned(), &table.all)
    }];
    sections.extend(table.families.iter().map(|family| {
        let name = family.family.clone().unwrap_or_default();
        section(&format!("family-{}", slug(&name)), name, family)
    }));
    let mut provenance = Table::new("", &["", ""]);
    for line in &table.models {
        provenance.row([line.name.clone(), line.target.clone()]);
        provenance.row(["price", line.price.as_deref().unwrap_or(NOTHING)].map(str::to_owned));
    }
    Page {
        title: "What a solved task costs".to_owned(),
        lead: heading(table).lines().map(str::to_owned).collect(),
        tiles: tiles(table),
        verdict: Verdict {
            class: "doubt",
            word: "Intervals are of 95 %, over problems; none is about other problems than these"
                .to_owned(),
            reasons,
        },
        sections,
        provenance,
        again: "`mtok tasks --from RECORD` with the same prices makes the same page.".to_owned(),
        made_by: format!("mtok {}", env!("CARGO_PKG_VERSION")),
    }
}

fn section(id: &str, title: String, family: &FamilyTable) -> Section {
    let captions = [
        "Up is more solved, left is fewer tokens.",
        "Up is more solved, left is cheaper. Nothing beats what is on the frontier in both.",
    ];
    let figures = tasks_plots(family)
        .into_iter()
        .zip(captions)
        .map(|(svg, caption)| Figure {
            title: title.clone(),
            svg,
            caption: caption.to_owned(),
            table: None,
        })
        .collect();
    let tables = vec![solving(family), spending(family)];
    Section { id: id.to_owned().into(), title: title.into(), words: Vec::new(), figures, tables }
}

fn tiles(table: &TaskTable) -> Vec<Tile> {
    let tile = |row: &crate::tasks::Row| {
        let cost = row.cost.as_ref().map(|cost| &cost.per_solved);
        let value = match cost {
            Some(PerSolved::NoneSolved { .. }) => "none solved".to_owned(),
            Some(solved) => {
                let usd = solved.value().map(|usd| significant(usd.0, 3));
                usd.unwrap_or_else(|| NOTHING.to_owned())
            }
            None => NOTHING.to_owned(),
        };
        let unit = format!("USD per solved task; {} % solved", percent(row.solved));
        Tile { name: row.model.clone(), value, unit }
    };
    table.all.rows.iter().map(tile).collect()
}
