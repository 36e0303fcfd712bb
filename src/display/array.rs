//! Arrays of `ndarray` as tables: shape and type are told, numbers are aligned, and of a large
//! array the ends are shown. The generic part only hands out elements; what is done with them is
//! compiled once.

use super::debug::own_text;
use super::table::{Table, ends};
use super::{Display, MimeBundle, debug_text, escape};
use ndarray::{ArrayBase, Data, Dimension};
use std::fmt::Debug;

/// Columns shown of a wide array: all up to this many, else half as many of each end.
const COLUMNS: usize = 12;
/// Significant digits that are told of floats.
const DIGITS: i32 = 6;

/// An array as its elements can be shown.
trait Grid {
    fn lengths(&self) -> &[usize];
    /// Hands over one element; the index has as many numbers as the array has dimensions.
    fn at(&self, index: &[usize], show: &mut dyn FnMut(&dyn Debug));
}

impl<A: Debug, S: Data<Elem = A>, D: Dimension> Grid for ArrayBase<S, D> {
    fn lengths(&self) -> &[usize] {
        self.shape()
    }

    fn at(&self, index: &[usize], show: &mut dyn FnMut(&dyn Debug)) {
        let mut at = self.raw_dim();
        at.slice_mut().copy_from_slice(index);
        if let Some(element) = self.get(at) {
            show(element);
        }
    }
}

/// Arrays and views of one or two dimensions are shown as tables; the text of all of them is
/// `ndarray`'s own.
///
/// ```
/// use ferrolab::{display::Display, ndarray::array};
/// let shown = array![[1.0, 2.5], [-3.0, 1000.0]].mime_bundle();
/// let html = String::from_utf8_lossy(&shown[0].1);
/// assert!(html.contains("f64 · 2 × 2") && html.contains(">1000.0<") && html.contains(">-3.0<"));
/// assert!(shown[1].1.starts_with(b"[[1.0, 2.5],"));
/// ```
impl<A: Debug, S: Data<Elem = A>, D: Dimension> Display for ArrayBase<S, D> {
    fn mime_bundle(&self) -> MimeBundle {
        bundle(self, std::any::type_name::<A>(), own_text(self))
    }
}

#[inline(never)]
fn bundle(grid: &dyn Grid, element: &str, text: String) -> MimeBundle {
    let mut data = Vec::new();
    if let Some(html) = html(grid, element) {
        data.push(("text/html".to_owned(), html.into_bytes()));
    }
    data.push(("text/plain".to_owned(), text.into_bytes()));
    data
}

/// Indices shown of an axis, and how many of them come before a gap.
fn axis(length: usize, most: Option<usize>) -> (Vec<usize>, usize) {
    let (head, tail) = match most {
        Some(most) if length > most => (most / 2, most / 2),
        Some(_) => (length, 0),
        None => ends(length, None),
    };
    ((0..head).chain(length - tail..length).collect(), head)
}

fn html(grid: &dyn Grid, element: &str) -> Option<String> {
    let lengths = grid.lengths();
    let element = element.rsplit("::").next().unwrap_or(element);
    let caption = format!("{element} · {}", lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(" × "));
    // A vector lies down, as in its text.
    let (rows, columns) = match *lengths {
        [columns] => (1, columns),
        [rows, columns] => (rows, columns),
        _ => return None,
    };
    let (shown_rows, head_rows) = axis(rows, None);
    let (shown_columns, head_columns) = axis(columns, Some(COLUMNS));
    let cell = |row: usize, column: usize, show: &mut dyn FnMut(&dyn Debug)| {
        let index = [row, column];
        grid.at(&index[2 - lengths.len()..], show);
    };
    let float = matches!(element, "f64" | "f32");
    let form = match float {
        true => {
            let mut values = Vec::new();
            for &row in &shown_rows {
                for &column in &shown_columns {
                    // Its `Debug` text is the shortest that is exact.
                    cell(row, column, &mut |x| values.extend(format!("{x:?}").parse::<f64>()));
                }
            }
            Form::of(&values)
        }
        false => Form::Whole,
    };
    let mut headers = vec![String::new()];
    headers.extend(shown_columns.iter().map(usize::to_string));
    let gap = (shown_columns.len() < columns).then_some(head_columns + 1);
    let mut texts = Vec::new();
    for &row in &shown_rows {
        let mut line = vec![if lengths.len() == 1 { String::new() } else { row.to_string() }];
        for &column in &shown_columns {
            cell(row, column, &mut |x| line.push(form.text(x)));
        }
        texts.push(line);
    }
    if let Some(at) = gap {
        headers.insert(at, "…".to_owned());
        texts.iter_mut().for_each(|line| line.insert(at, "…".to_owned()));
    }
    let left_out = rows - shown_rows.len();
    let table = Table::elided(headers, texts, head_rows, left_out).numbers();
    Some(table.html_with(&format!("<caption style=\"text-align:left\">{}</caption>", escape(&caption))))
}

/// How numbers are written, the same for a whole array.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// As `Debug` does.
    Whole,
    /// So many digits after the point.
    Fixed(usize),
    /// Powers of ten.
    Powers,
}

impl Form {
    /// As many digits as the values need, and as are worth reading.
    fn of(values: &[f64]) -> Self {
        let sizes = values.iter().map(|x| x.abs()).filter(|x| x.is_finite() && *x > 0.0);
        let (least, most) = sizes.fold((f64::INFINITY, 0.0_f64), |(a, b), x| (a.min(x), b.max(x)));
        if most == 0.0 {
            return Self::Fixed(1);
        }
        if most >= 1e8 || least < 1e-4 && most < 1e-2 || most / least >= 1e8 {
            return Self::Powers;
        }
        let before = most.log10().floor() as i32 + 1;
        let room = (DIGITS - before).clamp(1, DIGITS + 2) as usize;
        let needed = values.iter().filter(|x| x.is_finite()).map(|x| {
            let text = format!("{x:.room$}");
            text.trim_end_matches('0').rsplit('.').next().map_or(0, str::len)
        });
        Self::Fixed(needed.max().unwrap_or(1).clamp(1, room))
    }

    fn text(self, x: &dyn Debug) -> String {
        match self {
            Self::Whole => debug_text(x),
            Self::Fixed(digits) => format!("{x:.digits$?}"),
            Self::Powers => match format!("{x:?}").parse::<f64>() {
                Ok(x) if x.is_finite() => format!("{x:.4e}"),
                _ => format!("{x:?}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2, Array3, array, s};

    fn drawn(value: &dyn Display) -> String {
        let data = value.mime_bundle();
        data.iter()
            .find(|(mime, _)| mime == "text/html")
            .map_or(String::new(), |(_, d)| String::from_utf8_lossy(d).into())
    }

    #[test]
    fn the_text_of_a_large_array_is_short() {
        let text = own_text(&Array2::from_shape_fn((1000, 1000), |(y, x)| (y * x) as f64 / 1e6));
        assert!(text.len() < 5000 && text.contains("..."), "{text}");
    }

    #[test]
    fn large_arrays_show_their_ends() {
        let big = Array2::from_shape_fn((1000, 200), |(i, j)| i * 1000 + j);
        let html = drawn(&big);
        for part in ["usize · 1000 × 200", ">0<", ">999199<", ">4005<", "990 more rows", "…"] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains(">5005<") && !html.contains(">6<"));
        assert_eq!(html.matches("<tr>").count(), 1 + 5 + 1 + 5);
        assert!(drawn(&big.slice(s![.., 3])).contains("usize · 1000"));
        assert!(drawn(&Array1::from_iter(0..5).view()).matches("<td").count() >= 5);
    }

    #[test]
    fn other_shapes_keep_their_text() {
        for shown in [Array3::<f64>::zeros((2, 2, 2)).mime_bundle(), ndarray::arr0(1.5).mime_bundle()] {
            assert_eq!(shown.len(), 1);
            assert_eq!(shown[0].0, "text/plain");
        }
        for shape in [(0, 3), (3, 0), (0, 0)] {
            assert!(drawn(&Array2::<f64>::zeros(shape)).contains("f64 · "));
        }
        assert!(drawn(&Array2::from_elem((2, 2), 1.0).into_dyn()).contains("f64 · 2 × 2"));
        assert!(drawn(&array!["<b>", "x"]).contains("&lt;b&gt;"));
    }

    #[test]
    fn floats_have_the_digits_they_need() {
        assert_eq!(Form::of(&[1.0, 2.0]), Form::Fixed(1));
        assert_eq!(Form::of(&[0.25, 10.0]), Form::Fixed(2));
        assert_eq!(Form::of(&[1.0 / 3.0]), Form::Fixed(6));
        assert_eq!(Form::of(&[123_456.789]), Form::Fixed(1));
        assert_eq!(Form::of(&[1e-9, 1.0]), Form::Powers);
        assert_eq!(Form::of(&[1e300]), Form::Powers);
        assert_eq!(Form::of(&[f64::NAN, f64::INFINITY, 0.0]), Form::Fixed(1));
        let html = drawn(&array![f64::NAN, 1.5, f64::NEG_INFINITY]);
        assert!(html.contains(">NaN<") && html.contains(">-inf<") && html.contains(">1.5<"), "{html}");
    }
}
