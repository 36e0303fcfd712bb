//! Tables from rows: HTML for notebooks, aligned columns for terminals.

use super::{Display, MimeBundle, escape};

/// Rows shown of a longer table, from its start and from its end.
const HEAD: usize = 100;
const TAIL: usize = 20;

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
    limit: usize,
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
        limit: HEAD + TAIL,
    }
}

impl Table {
    /// Shows at most this many rows (120 unless told), from both ends.
    ///
    /// ```
    /// let t = ferrolab::display::table(["i"], (0..9).map(|i| [i])).rows(4);
    /// assert!(t.to_string().contains("5 more rows"));
    /// ```
    #[must_use]
    pub fn rows(mut self, limit: usize) -> Self {
        self.limit = limit.max(2);
        self
    }

    /// Rows to show first, rows left out, rows to show last.
    fn parts(&self) -> (&[Vec<String>], usize, &[Vec<String>]) {
        let n = self.rows.len();
        if n <= self.limit {
            return (&self.rows, 0, &[]);
        }
        let tail = (self.limit * TAIL / (HEAD + TAIL)).max(1);
        let head = self.limit - tail;
        (&self.rows[..head], n - head - tail, &self.rows[n - tail..])
    }

    fn columns(&self) -> usize {
        let (head, _, tail) = self.parts();
        let widest = head.iter().chain(tail).map(Vec::len).max().unwrap_or(0);
        widest.max(self.headers.len())
    }

    /// Columns that hold only numbers are aligned at their right.
    fn numeric(&self, column: usize) -> bool {
        let (head, _, tail) = self.parts();
        let mut cells =
            head.iter().chain(tail).filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(|cell| cell.parse::<f64>().is_ok())
    }

    fn html(&self) -> String {
        let columns = self.columns();
        let align: Vec<&str> = (0..columns).map(|c| if self.numeric(c) { "right" } else { "left" }).collect();
        let mut out = String::from("<table class=\"dataframe\">");
        if !self.headers.is_empty() {
            out.push_str("<thead><tr>");
            for (c, align) in align.iter().enumerate() {
                let name = self.headers.get(c).map_or("", String::as_str);
                out += &format!("<th scope=\"col\" style=\"text-align:{align}\">{}</th>", escape(name));
            }
            out.push_str("</tr></thead>");
        }
        out.push_str("<tbody>");
        let mut row = |cells: &[String]| {
            out.push_str("<tr>");
            for (c, align) in align.iter().enumerate() {
                let cell = cells.get(c).map_or("", String::as_str);
                out += &format!("<td style=\"text-align:{align}\">{}</td>", escape(cell));
            }
            out.push_str("</tr>");
        };
        let (head, more, tail) = self.parts();
        head.iter().for_each(|r| row(r));
        if more > 0 {
            row(&[format!("… {more} more rows …")]);
        }
        tail.iter().for_each(|r| row(r));
        out.push_str("</tbody></table>");
        out
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.columns();
        let (head, more, tail) = self.parts();
        let width = |text: &String| text.lines().map(|l| l.chars().count()).max().unwrap_or(0);
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
                let fill = " ".repeat(widths[c].saturating_sub(cell.chars().count()));
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
            writeln!(f, "… {more} more rows …")?;
        }
        tail.iter().try_for_each(|row| line(f, row))
    }
}

impl Display for Table {
    fn mime_bundle(&self) -> MimeBundle {
        vec![("text/html".into(), self.html().into_bytes()), ("text/plain".into(), self.to_string().into_bytes())]
    }
}
