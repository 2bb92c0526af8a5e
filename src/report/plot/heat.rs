//! A heat map with its figure in every field: colour alone tells nobody who can't see it.

use super::svg::Svg;
use super::{WIDTH, open};

/// What is left free for the rows' names, and above for the columns'.
const NAMES: f64 = 62.0;
const TOP: f64 = 34.0;
const ROW: f64 = 24.0;
/// Below the fields, for the axis' name.
const BOTTOM: f64 = 8.0;

/// A heat map.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Heat {
    /// Unique on its page.
    pub(in crate::report) id: String,
    /// What it is.
    pub(in crate::report) title: String,
    /// What is to be seen in it, in words.
    pub(in crate::report) description: String,
    /// What the columns are, and what the rows are.
    pub(in crate::report) axes: (String, String),
    /// The columns' names.
    pub(in crate::report) columns: Vec<String>,
    /// The rows: a name, and a field for each column; `None`: there is nothing to show.
    pub(in crate::report) rows: Vec<(String, Vec<Option<Field>>)>,
}

/// A field.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Field {
    /// Its figure, as printed.
    pub(in crate::report) figure: String,
    /// Its colour.
    pub(in crate::report) class: &'static str,
    /// What is said when it is pointed at.
    pub(in crate::report) words: String,
}

impl Heat {
    /// As an `svg` element.
    pub(in crate::report) fn svg(&self) -> String {
        let count = |number: usize| f64::from(u16::try_from(number).unwrap_or(u16::MAX));
        let height = TOP + ROW * count(self.rows.len()) + BOTTOM;
        let width = (WIDTH - NAMES - 2.0) / count(self.columns.len()).max(1.0);
        let mut svg = Svg::default();
        open(&mut svg, &self.id, (&self.title, &self.description), height);
        let (columns, rows) = &self.axes;
        svg.words("name", (WIDTH - 2.0, 11.0), "end", columns);
        svg.words("name", (2.0, 11.0), "start", rows);
        for (index, name) in self.columns.iter().enumerate() {
            let middle = NAMES + width * (count(index) + 0.5);
            svg.words("tick", (middle, TOP - 6.0), "middle", name);
        }
        for (index, (name, fields)) in self.rows.iter().enumerate() {
            let top = TOP + ROW * count(index);
            svg.words("tick", (NAMES - 6.0, top + 16.0), "end", name);
            for (column, field) in fields.iter().enumerate() {
                let Some(field) = field else { continue };
                let left = NAMES + width * count(column);
                svg.open("g", &[]);
                svg.text("title", &[], &field.words);
                let class = format!("field {}", field.class);
                svg.rectangle(&class, (left + 1.0, top + 1.0), (width - 2.0, ROW - 2.0));
                let middle = (left + width / 2.0, top + 16.0);
                svg.words("figure", middle, "middle", &field.figure);
                svg.close("g");
            }
        }
        svg.close("svg");
        svg.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_missing_is_not_drawn() {
        let field = |figure: &str| {
            Some(Field { figure: figure.to_owned(), class: "own1", words: "<w>".to_owned() })
        };
        let heat = Heat {
            id: "h".to_owned(),
            title: "t".to_owned(),
            description: "d".to_owned(),
            axes: ("mix".to_owned(), "load".to_owned()),
            columns: vec!["1:1".to_owned(), "3:1".to_owned()],
            rows: vec![("100 %".to_owned(), vec![field("0.5"), None])],
        };
        let svg = heat.svg();
        assert_eq!(svg.matches("<rect").count(), 1, "{svg}");
        assert!(svg.contains("&lt;w&gt;") && svg.contains("viewBox=\"0 0 440 66\""), "{svg}");
        // Nothing at all is still a drawing.
        let none = Heat { columns: Vec::new(), rows: Vec::new(), ..heat };
        assert!(none.svg().ends_with("</svg>"));
    }
}
