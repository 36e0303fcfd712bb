//! Tables of structures: a column is a name and a closure over a row. Only the rows that are shown
//! are ever turned into text.

use super::table::{Table, ends};
use super::{Display, MimeBundle};
use std::fmt;

/// A column: what stands in it for a row.
type Cell<'a, T> = Box<dyn Fn(&'a T) -> String + 'a>;

/// A table of a slice of values; make one with [`table_of`] or [`table!`](crate::table!).
pub struct TableOf<'a, T> {
    rows: &'a [T],
    columns: Vec<(String, Cell<'a, T>)>,
    limit: Option<usize>,
}

/// A table of structures, to which columns are added. [`table!`](crate::table!) is shorter where
/// columns are fields.
///
/// ```
/// struct City { name: String, people: u32 }
/// let cities = vec![City { name: "Basel".into(), people: 178_120 }, City { name: "Chur".into(), people: 38_000 }];
/// let t = ferrolab::display::table_of(&cities)
///     .column("city", |c| &c.name)
///     .column("thousands", |c| c.people / 1000);
/// assert_eq!(t.to_string(), "city   thousands\n----------------\nBasel        178\nChur          38\n");
/// ```
#[must_use]
pub fn table_of<T>(rows: &[T]) -> TableOf<'_, T> {
    TableOf { rows, columns: Vec::new(), limit: None }
}

impl<'a, T> TableOf<'a, T> {
    /// Adds a column: its name, and what stands in it, which is anything with `to_string`.
    ///
    /// ```
    /// let t = ferrolab::display::table_of(&[3, 4]).column("n", |n| *n).column("n²", |n| n * n);
    /// assert!(t.to_string().contains("16"));
    /// ```
    #[must_use]
    pub fn column<C: ToString>(mut self, name: impl Into<String>, cell: impl Fn(&'a T) -> C + 'a) -> Self {
        self.columns.push((name.into(), Box::new(move |row| cell(row).to_string())));
        self
    }

    /// Shows at most this many rows, from both ends. Without it, up to 60 rows are shown, and of
    /// more the first and the last five.
    ///
    /// ```
    /// let t = ferrolab::display::table_of(&[1, 2, 3, 4, 5]).column("n", |n| *n).rows(4);
    /// assert!(t.to_string().contains("1 more row"));
    /// ```
    #[must_use]
    pub fn rows(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    fn table(&self) -> Table {
        let (head, tail) = ends(self.rows.len(), self.limit);
        let shown = self.rows[..head].iter().chain(&self.rows[self.rows.len() - tail..]);
        let texts = |row| self.columns.iter().map(|(_, cell)| cell(row)).collect();
        let headers = self.columns.iter().map(|(name, _)| name.clone()).collect();
        Table::elided(headers, shown.map(texts).collect(), head, self.rows.len() - head - tail)
    }
}

impl<T> fmt::Display for TableOf<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table().fmt(f)
    }
}

impl<T> fmt::Debug for TableOf<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("TableOf").field("rows", &self.rows.len()).field("columns", &names).finish_non_exhaustive()
    }
}

impl<T> Display for TableOf<'_, T> {
    fn mime_bundle(&self) -> MimeBundle {
        self.table().mime_bundle()
    }
}

/// A table of structures: `table!(rows, field, other.field, "name" => |row| expression)`.
///
/// `rows` is a vector, an array or a slice, and is borrowed. A field is shown with its `Display`;
/// the name of the column is that of the field.
///
/// ```
/// struct Run { name: &'static str, took: (f64, u32) }
/// let runs = vec![Run { name: "a", took: (0.5, 2) }, Run { name: "b", took: (1.5, 3) }];
/// let t = ferrolab::table!(runs, name, took.0, "each" => |run| run.took.0 / f64::from(run.took.1));
/// assert_eq!(t.to_string(), "name  took.0  each\n------------------\na        0.5  0.25\nb        1.5   0.5\n");
/// ```
#[macro_export]
macro_rules! table {
    (@ $table:expr ;) => { $table };
    (@ $table:expr ; $name:literal => $cell:expr $(, $($rest:tt)*)?) => {
        $crate::table!(@ $table.column($name, $cell); $($($rest)*)?)
    };
    (@ $table:expr ; $field:ident $(. $part:tt)* $(, $($rest:tt)*)?) => {
        $crate::table!(@ $table.column(
            concat!(stringify!($field) $(, ".", stringify!($part))*),
            |row| &row.$field $(. $part)*
        ); $($($rest)*)?)
    };
    ($rows:expr, $($columns:tt)+) => {
        $crate::table!(@ $crate::display::table_of(&$rows[..]); $($columns)+)
    };
}
