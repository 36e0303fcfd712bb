//! Tables from rows: HTML for notebooks, aligned columns for terminals.

use super::{Display, MimeBundle, escape};
use unicode_width::UnicodeWidthStr;

/// A table up to this long is shown whole.
const WHOLE: usize = 60;
/// Rows shown of each end of a longer one.
const ENDS: usize = 5;

/// How many rows to show of the start and of the end of a table.
pub(super) fn ends(rows: usize, limit: Option<usize>) -> (usize, usize) {
    match limit {
        Some(limit) if rows > limit => (limit - limit / 2, limit / 2),
        None if rows > WHOLE => (ENDS, ENDS),
        _ => (rows, 0),
    }
}

/// A table of texts; make one with [`table()`].
///
/// ```
/// let t = ferrolab::display::table(["n", "n²"], [[1, 1], [2, 4]]);
/// assert_eq!(t.to_string(), "n  n²\n-----\n1   1\n2   4\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    limit: Option<usize>,
    /// Rows that were left out before it was made, after so many that were not.
    gap: Option<(usize, usize)>,
    numbers: bool,
}

/// A table from headers and rows of anything with `to_string`.
///
/// ```
/// let t = ferrolab::display::table(["city", "people"], [("Basel", 178_120), ("Chur", 38_000)]
///     .map(|(city, people)| [city.to_string(), people.to_string()]));
/// assert!(t.to_string().contains("Basel"));
/// ```
#[must_use]
pub fn table<H, R>(headers: H, rows: R) -> Table
where
    H: IntoIterator<Item: ToString>,
    R: IntoIterator<Item: IntoIterator<Item: ToString>>,
{
    let texts = |row: R::Item| row.into_iter().map(|cell| cell.to_string()).collect();
    Table {
        headers: headers.into_iter().map(|h| h.to_string()).collect(),
        rows: rows.into_iter().map(texts).collect(),
        limit: None,
        gap: None,
        numbers: false,
    }
}

impl Table {
    /// A table of which only the ends were made: `head` rows, then so many left out.
    pub(super) fn elided(headers: Vec<String>, rows: Vec<Vec<String>>, head: usize, left_out: usize) -> Self {
        let gap = (left_out > 0).then_some((head, left_out));
        Self { headers, rows, limit: Some(usize::MAX), gap, numbers: false }
    }

    /// All columns are numbers, also where signs stand for what is left out.
    pub(super) fn numbers(mut self) -> Self {
        self.numbers = true;
        self
    }

    /// Shows at most this many rows, from both ends. Without it, up to 60 rows are shown, and of
    /// more the first and the last five.
    ///
    /// ```
    /// let t = ferrolab::display::table(["i"], (0..9).map(|i| [i])).rows(4);
    /// assert!(t.to_string().contains("5 more rows"));
    /// ```
    #[must_use]
    pub fn rows(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Rows to show first, rows left out, rows to show last.
    fn parts(&self) -> (&[Vec<String>], usize, &[Vec<String>]) {
        if let Some((head, left_out)) = self.gap {
            let (head, tail) = self.rows.split_at(head.min(self.rows.len()));
            return (head, left_out, tail);
        }
        let n = self.rows.len();
        let (head, tail) = ends(n, self.limit);
        (&self.rows[..head], n - head - tail, &self.rows[n - tail..])
    }

    fn columns(&self) -> usize {
        let (head, _, tail) = self.parts();
        let widest = head.iter().chain(tail).map(Vec::len).max().unwrap_or(0);
        widest.max(self.headers.len())
    }

    /// Columns that hold only numbers are aligned at their right.
    fn numeric(&self, column: usize) -> bool {
        if self.numbers {
            return true;
        }
        let (head, _, tail) = self.parts();
        let mut cells =
            head.iter().chain(tail).filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(|cell| cell.parse::<f64>().is_ok())
    }

    fn html(&self) -> String {
        self.html_with("")
    }

    /// With something before its head.
    pub(crate) fn html_with(&self, before: &str) -> String {
        let columns = self.columns();
        let align: Vec<&str> = (0..columns).map(|c| if self.numeric(c) { "right" } else { "left" }).collect();
        let mut out = format!("<table class=\"dataframe\">{before}");
        if !self.headers.is_empty() {
            out.push_str("<thead><tr>");
            for (c, align) in align.iter().enumerate() {
                let name = self.headers.get(c).map_or("", String::as_str);
                out += &format!("<th scope=\"col\" style=\"text-align:{align}\">{}</th>", escape(name));
            }
            out.push_str("</tr></thead>");
        }
        out.push_str("<tbody>");
        let row = |out: &mut String, cells: &[String]| {
            out.push_str("<tr>");
            for (c, align) in align.iter().enumerate() {
                let cell = cells.get(c).map_or("", String::as_str);
                *out += &format!("<td style=\"text-align:{align}\">{}</td>", escape(cell));
            }
            out.push_str("</tr>");
        };
        let (head, more, tail) = self.parts();
        head.iter().for_each(|r| row(&mut out, r));
        if more > 0 {
            let span = columns.max(1);
            out += &format!("<tr><td colspan=\"{span}\" style=\"text-align:center\">{}</td></tr>", left_out(more));
        }
        tail.iter().for_each(|r| row(&mut out, r));
        out.push_str("</tbody></table>");
        out
    }
}

fn left_out(rows: usize) -> String {
    format!("… {rows} more row{} …", if rows == 1 { "" } else { "s" })
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.columns();
        let (head, more, tail) = self.parts();
        let width = |text: &String| text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|c| {
                let cells = head.iter().chain(tail).filter_map(|row| row.get(c));
                let widest = cells.map(width).max().unwrap_or(0);
                widest.max(self.headers.get(c).map_or(0, width))
            })
            .collect();
        let numeric: Vec<bool> = (0..columns).map(|c| self.numeric(c)).collect();
        let line = |f: &mut std::fmt::Formatter<'_>, cells: &[String]| {
            let mut out = String::new();
            for c in 0..columns {
                let cell = cells.get(c).map_or("", String::as_str).replace('\n', " ");
                let fill = " ".repeat(widths[c].saturating_sub(cell.width()));
                let gap = if c == 0 { "" } else { "  " };
                out += &match numeric[c] {
                    true => format!("{gap}{fill}{cell}"),
                    false => format!("{gap}{cell}{fill}"),
                };
            }
            writeln!(f, "{}", out.trim_end())
        };
        if !self.headers.is_empty() {
            line(f, &self.headers)?;
            let total: usize = widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1);
            writeln!(f, "{}", "-".repeat(total))?;
        }
        head.iter().try_for_each(|row| line(f, row))?;
        if more > 0 {
            writeln!(f, "{}", left_out(more))?;
        }
        tail.iter().try_for_each(|row| line(f, row))
    }
}

impl Display for Table {
    fn mime_bundle(&self) -> MimeBundle {
        vec![("text/html".into(), self.html().into_bytes()), ("text/plain".into(), self.to_string().into_bytes())]
    }
}
