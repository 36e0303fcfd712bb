//! The functions that make figures, one for each kind: thin generic shims over code that is
//! compiled once.

use super::Plot;
use super::canvas::Pixels;
use super::field::{Field, Look};
use super::input::{IntoMatrix, IntoSeries, Numbers};
use super::series::{Kind, Quartiles, Series, bin};

#[track_caller]
fn xy(kind: Kind, xs: Numbers, ys: Numbers) -> Plot {
    super::painter::check();
    let (n, m) = (xs.len(), ys.len());
    assert!(n == m, "a figure needs as many x as y values, and got {n} and {m}");
    Plot::new(Vec::new(), vec![Series::new(kind, xs, ys.into_vec())])
}

// One for each kind, so that cells hold a call and not what kinds are.
#[track_caller]
fn of_line(xs: Numbers, ys: Numbers) -> Plot {
    xy(Kind::Line, xs, ys)
}
#[track_caller]
fn of_scatter(xs: Numbers, ys: Numbers) -> Plot {
    xy(Kind::Scatter, xs, ys)
}
#[track_caller]
fn of_steps(xs: Numbers, ys: Numbers) -> Plot {
    xy(Kind::Steps, xs, ys)
}
#[track_caller]
fn of_area(xs: Numbers, ys: Numbers) -> Plot {
    xy(Kind::Area(Vec::new()), xs, ys)
}

fn of_y(ys: Numbers) -> Plot {
    let xs = Numbers::indices(ys.len());
    xy(Kind::Line, xs, ys)
}

/// A line through points. Values that are not finite leave a gap.
///
/// # Panics
/// When there are not as many x as y values.
///
/// ```
/// let wave: Vec<f64> = (0..100).map(|i| (i as f64 / 10.0).sin()).collect();
/// ferrolab::plot::line(0..100, &wave).title("sine");
/// ```
#[must_use]
#[track_caller]
pub fn line(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    of_line(xs.into_series(), ys.into_series())
}

/// A line through values at 0, 1, 2…
///
/// ```
/// ferrolab::plot::line_y(&[1.0, 4.0, 9.0]);
/// ferrolab::plot::line_y(&[Some(1.0), None, Some(9.0)]); // with a gap
/// ```
#[must_use]
pub fn line_y(ys: impl IntoSeries) -> Plot {
    of_y(ys.into_series())
}

/// Points. More than 20,000 are drawn as a density: the more there are at a place, the more opaque
/// it is.
///
/// # Panics
/// When there are not as many x as y values.
///
/// ```
/// ferrolab::plot::scatter(&[1, 2, 3], &[1.0f32, 0.5, 2.0]);
/// ```
#[must_use]
#[track_caller]
pub fn scatter(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    of_scatter(xs.into_series(), ys.into_series())
}

/// Levels that hold until the next point.
///
/// # Panics
/// When there are not as many x as y values.
///
/// ```
/// ferrolab::plot::steps(&[0, 2, 3], &[1, 5, 4]);
/// ```
#[must_use]
#[track_caller]
pub fn steps(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    of_steps(xs.into_series(), ys.into_series())
}

/// The area between a curve and zero (or the lower end of a logarithmic axis).
///
/// # Panics
/// When there are not as many x as y values.
///
/// ```
/// ferrolab::plot::area(0..4, &[1.0, 3.0, 2.0, 4.0]);
/// ```
#[must_use]
#[track_caller]
pub fn area(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    of_area(xs.into_series(), ys.into_series())
}

/// The area between two curves, such as a band of confidence around a line.
///
/// # Panics
/// When there are not as many values of each.
///
/// ```
/// use ferrolab::plot;
/// let mean = [2.0, 3.0, 5.0];
/// plot::between(0..3, &[1.5, 2.2, 4.1], &[2.5, 3.9, 6.0]).add(plot::line(0..3, &mean));
/// ```
#[must_use]
#[track_caller]
pub fn between(xs: impl IntoSeries, low: impl IntoSeries, high: impl IntoSeries) -> Plot {
    ring(xs.into_series(), low.into_series(), high.into_series())
}

#[track_caller]
fn ring(xs: Numbers, low: Numbers, high: Numbers) -> Plot {
    let (n, m) = (low.len(), high.len());
    assert!(n == m, "an area between two curves needs as many values of each, and got {n} and {m}");
    xy(Kind::Area(low.into_vec()), xs, high)
}

/// A histogram; [`Plot::bins`] sets the number of bins, which otherwise follows the rule of
/// Freedman and Diaconis (1981). Values that are not finite are left out.
///
/// ```
/// ferrolab::plot::hist(&[1.0, 1.5, 2.0, 7.0]).bins(3).xlabel("USD");
/// ```
#[must_use]
pub fn hist(values: impl IntoSeries) -> Plot {
    counted(values.into_series())
}

fn counted(values: Numbers) -> Plot {
    let raw = values.into_vec();
    let (edges, counts) = bin(&raw, None);
    let mut plot = Plot::new(Vec::new(), vec![Series::new(Kind::Hist(raw), edges, counts)]);
    plot.ylabel = "count".to_owned();
    plot
}

/// Bars with names. Several with [`Plot::add`] stand side by side, also when their names are not
/// the same or in another order.
///
/// # Panics
/// When there are not as many names as values.
///
/// ```
/// use ferrolab::plot;
/// let names = ["matmul", "fft"];
/// plot::bar(["one", "two"], vec![1, 2]);
/// plot::bar(&names, &[8.1, 2.2]).label("serial").add(plot::bar(&names, &[1.2, 0.5]).label("8 threads"));
/// ```
#[must_use]
#[track_caller]
pub fn bar<L: AsRef<str>>(names: impl AsRef<[L]>, values: impl IntoSeries) -> Plot {
    let mut plot = Plot::empty();
    for name in names.as_ref() {
        plot.push_name(name.as_ref());
    }
    bars(plot, values.into_series())
}

#[track_caller]
fn bars(mut plot: Plot, values: Numbers) -> Plot {
    let (n, m) = (plot.names.len(), values.len());
    assert!(n == m, "bars need as many names as values, and got {n} and {m}");
    plot.series.push(Series::new(Kind::Bars, Numbers::indices(n), values.into_vec()));
    plot
}

/// Groups of values as boxes: median, quartiles, whiskers to the farthest values within one and a
/// half times the distance of the quartiles, and each value beyond as a point (Tukey's rule).
/// Values that are not finite are left out.
///
/// # Panics
/// When there are not as many names as groups.
///
/// ```
/// use ferrolab::plot;
/// plot::boxplot(&["a", "b"], [vec![1.0, 2.0, 3.0, 9.0], vec![2.0, 2.5, 4.0]]).ylabel("seconds");
/// ```
#[must_use]
#[track_caller]
pub fn boxplot<L: AsRef<str>, S: IntoSeries>(names: impl AsRef<[L]>, groups: impl IntoIterator<Item = S>) -> Plot {
    let mut plot = Plot::empty();
    for name in names.as_ref() {
        plot.push_name(name.as_ref());
    }
    for group in groups {
        plot.push_group(group.into_series());
    }
    boxes(plot)
}

#[track_caller]
fn boxes(mut plot: Plot) -> Plot {
    let groups = std::mem::take(&mut plot.groups);
    let (n, m) = (plot.names.len(), groups.len());
    assert!(n == m, "a box plot needs as many names as groups of values, and got {n} and {m}");
    let found = groups.into_iter().enumerate();
    let found = found.filter_map(|(i, group)| Some((i as f64, Quartiles::of(&group.into_vec())?)));
    let (places, boxes): (Vec<f64>, Vec<Quartiles>) = found.unzip();
    let medians = boxes.iter().map(|b| b.quartiles[1]).collect();
    plot.series.push(Series::new(Kind::Boxes(boxes), places, medians));
    plot
}

/// Points with error bars of `±errors`; those that are not finite are left out.
///
/// # Panics
/// When there are not as many of each.
///
/// ```
/// ferrolab::plot::errorbars(&[1, 2, 3], &[1.0, 1.4, 1.7], &[0.1, 0.1, 0.2]);
/// ```
#[must_use]
#[track_caller]
pub fn errorbars(xs: impl IntoSeries, ys: impl IntoSeries, errors: impl IntoSeries) -> Plot {
    with_errors(xs.into_series(), ys.into_series(), None, errors.into_series())
}

/// Points with error bars in both directions.
///
/// # Panics
/// When there are not as many of each.
///
/// ```
/// ferrolab::plot::errorbars_xy(&[1, 2], &[1.0, 1.4], &[0.2, 0.2], &[0.1, 0.3]);
/// ```
#[must_use]
#[track_caller]
pub fn errorbars_xy(
    xs: impl IntoSeries,
    ys: impl IntoSeries,
    x_errors: impl IntoSeries,
    y_errors: impl IntoSeries,
) -> Plot {
    with_errors(xs.into_series(), ys.into_series(), Some(x_errors.into_series()), y_errors.into_series())
}

#[track_caller]
fn with_errors(xs: Numbers, ys: Numbers, ex: Option<Numbers>, ey: Numbers) -> Plot {
    let n = ys.len();
    for errors in ex.iter().chain([&ey]) {
        let m = errors.len();
        assert!(n == m, "error bars need as many errors as points, and got {m} for {n}");
    }
    let x = ex.map(Numbers::into_vec).unwrap_or_default();
    xy(Kind::Errors { x, y: ey.into_vec() }, xs, ys)
}

/// A heat map of `ny` rows of `nx` values, the first row at the top, with a colour bar. Values that
/// are not finite are gaps. [`Plot::extent`], [`Plot::colormap`], [`Plot::range`] and
/// [`Plot::log_color`] change what it looks like.
///
/// # Panics
/// When there are not `nx · ny` values.
///
/// ```
/// ferrolab::plot::heatmap(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2).colormap("magma");
/// ```
#[must_use]
#[track_caller]
pub fn heatmap(values: impl IntoSeries, nx: usize, ny: usize) -> Plot {
    heat(values.into_series(), nx, ny)
}

#[track_caller]
fn heat(values: Numbers, nx: usize, ny: usize) -> Plot {
    grid(Look::Heat, values.into_vec(), nx, ny)
}

/// A heat map of a table: a 2-D array or view of `ndarray`, or an array of arrays.
///
/// # Panics
/// When rows differ in length.
///
/// ```
/// ferrolab::plot::matrix(&ferrolab::ndarray::Array2::<f64>::eye(3));
/// ferrolab::plot::matrix([[1, 2, 3], [4, 5, 6]]);
/// ```
#[must_use]
#[track_caller]
pub fn matrix(values: impl IntoMatrix) -> Plot {
    let (values, nx, ny) = values.into_matrix();
    heat(values, nx, ny)
}

/// Contour lines of a table of values, coloured by their level, with a colour bar. The values are
/// those in the middle of the cells of a heat map of the same table; added to one, the lines are
/// white. [`Plot::levels`] sets how many there are.
///
/// # Panics
/// When rows differ in length.
///
/// ```
/// let hill = ferrolab::ndarray::Array2::from_shape_fn((20, 30), |(j, i)| -((i as f64 - 15.0).powi(2) + (j as f64 - 9.0).powi(2)));
/// ferrolab::plot::contour(&hill).levels(6).extent(-1.5..1.5, -1.0..1.0);
/// ```
#[must_use]
#[track_caller]
pub fn contour(values: impl IntoMatrix) -> Plot {
    let (values, nx, ny) = values.into_matrix();
    of_lines(values, nx, ny)
}

/// Filled contours: bands of one colour between the levels.
///
/// # Panics
/// When rows differ in length.
///
/// ```
/// ferrolab::plot::contourf([[0.0, 1.0], [1.0, 4.0]]);
/// ```
#[must_use]
#[track_caller]
pub fn contourf(values: impl IntoMatrix) -> Plot {
    let (values, nx, ny) = values.into_matrix();
    of_bands(values, nx, ny)
}

#[track_caller]
fn of_lines(values: Numbers, nx: usize, ny: usize) -> Plot {
    grid(Look::Lines, values.into_vec(), nx, ny)
}
#[track_caller]
fn of_bands(values: Numbers, nx: usize, ny: usize) -> Plot {
    grid(Look::Bands, values.into_vec(), nx, ny)
}

#[track_caller]
pub(super) fn grid(look: Look, values: Vec<f64>, nx: usize, ny: usize) -> Plot {
    let n = values.len();
    assert!(nx.checked_mul(ny) == Some(n), "{nx} columns and {ny} rows need as many values, and got {n}");
    Plot::new(vec![Field::new(look, values, nx, ny)], Vec::new())
}

/// A picture from bytes in rows: 1 (grey), 3 (RGB) or 4 (RGBA) bytes a pixel.
///
/// # Panics
/// When the number of bytes fits none of these.
///
/// ```
/// ferrolab::plot::image(&[255, 0, 0, 0, 0, 255], 2, 1); // a red and a blue pixel
/// ```
#[must_use]
#[track_caller]
pub fn image(bytes: &[u8], width: usize, height: usize) -> Plot {
    let n = width.saturating_mul(height);
    let rgba = match bytes.len() {
        len if len == n => bytes.iter().flat_map(|&g| [g, g, g, 255]).collect(),
        len if len == n.saturating_mul(3) => bytes.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        len if len == n.saturating_mul(4) => bytes.to_vec(),
        len => panic!("an image of {width} × {height} pixels has 1, 3 or 4 bytes a pixel, and got {len} bytes"),
    };
    let mut field = Field::new(Look::Image(Pixels { width, height, rgba }), Vec::new(), 0, 0);
    (field.nx, field.ny) = (width, height);
    Plot::new(vec![field], Vec::new())
}
