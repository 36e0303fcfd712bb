//! How measurements look: text as IPython's, and a figure of the distribution. Nothing is computed
//! here but what a reader sees.

use ferrolab_base::text::escape;
use std::fmt;

use super::compare::Comparison;
use super::measure::{Method, Timing};
use super::{stats, units};
use crate::display::{Display, MimeBundle};
use crate::plot::{self, Plot};

/// A body that takes no longer than so many empty loops may have been computed beforehand.
/// One or two instructions more than the loop's own cannot be told from that.
const NOTHING: f64 = 2.5;
/// The empty loop is named when it is more than this part of a loop.
const NOTABLE: f64 = 0.01;

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.samples.len();
        let loops = units::count(self.loops());
        let method = match self.method {
            Method::Slope => "slope",
            Method::Median => "median",
        };
        if n == 1 {
            let plural = if self.loops() == 1 { "" } else { "s" };
            return write!(f, "{} per loop (1 run, {loops} loop{plural})", units::time(self.estimate));
        }
        let of = match self.samples.iter().all(|s| s.loops == self.samples[0].loops) {
            true => {
                format!("{n} runs, {} loop{} each", units::count(self.samples[0].loops), plural(self.samples[0].loops))
            }
            false => format!("{n} batches, {loops} loops"),
        };
        let estimate = units::estimate(self.estimate, self.interval);
        writeln!(f, "{estimate} per loop ({method} of {of}; with its 95 % interval)")?;
        writeln!(
            f,
            "median {}, mean {}, standard deviation {}, MAD {}, fastest {}",
            units::time(self.median),
            units::time(self.mean),
            units::time(self.deviation),
            units::time(self.mad),
            units::time(self.fastest)
        )?;
        match (self.outliers.mild, self.outliers.severe) {
            (0, 0) => write!(f, "no outliers")?,
            (mild, severe) => write!(f, "outliers: {mild} mild, {severe} severe (fences of Tukey)")?,
        }
        if let Some(hint) = about_nothing(self.estimate, self.fastest, self.empty_loop) {
            write!(f, "\n{hint}")?;
        }
        Ok(())
    }
}

fn plural(n: u64) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// What to say of a body hardly longer than an empty loop.
pub(super) fn about_nothing(estimate: f64, fastest: f64, empty_loop: f64) -> Option<String> {
    if fastest < empty_loop * NOTHING {
        return Some(format!(
            "hint: this is hardly longer than an empty loop ({}), so the compiler may have computed the value beforehand or left it out; end the body with the value, and hide its inputs: `std::hint::black_box(x)`",
            units::time(empty_loop)
        ));
    }
    (empty_loop > estimate * NOTABLE)
        .then(|| format!("an empty loop takes {}, which is not subtracted", units::time(empty_loop)))
}

/// Text and figures as one display.
pub(super) fn bundle(text: &str, more_html: &str, figures: &[Plot]) -> MimeBundle {
    let mut html = format!("<div><pre style=\"margin:0 0 .5em 0\">{}</pre>{more_html}", escape(text));
    for figure in figures {
        let svg = figure.svg();
        // A document's heading does not belong inside a page.
        html.push_str(svg.find("<svg").map_or("", |at| &svg[at..]));
    }
    html.push_str("</div>");
    vec![("text/html".to_owned(), html.into_bytes()), ("text/plain".to_owned(), text.as_bytes().to_vec())]
}

impl Timing {
    /// The distribution of the batches as a histogram, in a unit that fits.
    ///
    /// ```
    /// let figure = ferrolab::timing::timeit(|| 1 + 1).figure();
    /// assert!(figure.svg().contains("per loop"));
    /// ```
    #[must_use]
    pub fn figure(&self) -> Plot {
        let (scale, unit) = units::unit(self.estimate);
        let times: Vec<f64> = self.samples.iter().map(|s| s.per_loop() * scale).collect();
        plot::hist(times).xlabel(format!("{unit} per loop")).ylabel("batches").size(480, 220)
    }
}

impl Display for Timing {
    fn mime_bundle(&self) -> MimeBundle {
        let figures: Vec<Plot> = if self.samples.len() > 2 { vec![self.figure()] } else { Vec::new() };
        bundle(&self.to_string(), "", &figures)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.entries.iter().map(|e| e.name.chars().count()).max().unwrap_or(0);
        for entry in &self.entries {
            let estimate = units::estimate(entry.median, entry.interval);
            writeln!(f, "{:width$}  {estimate} per loop", entry.name)?;
        }
        let Some(first) = self.entries.first() else { return Ok(()) };
        for (ratio, entry) in self.ratios.iter().zip(&self.entries[1..]) {
            let range = |low, high| format!("95 % interval {} to {}", units::ratio(low), units::ratio(high));
            let (low, high) = ratio.interval;
            let (name, first) = (&entry.name, &first.name);
            let value = units::ratio(ratio.ratio);
            match (ratio.differs(), ratio.ratio > 1.0) {
                (true, true) => writeln!(f, "{name} takes {value} times as long as {first} ({})", range(low, high))?,
                (true, false) => {
                    let times = units::ratio(1.0 / ratio.ratio);
                    writeln!(f, "{name} is {times} times as fast as {first} ({})", range(1.0 / high, 1.0 / low))?;
                }
                (false, _) => writeln!(
                    f,
                    "{first} and {name}: no difference that can be told apart (ratio {value}, {})",
                    range(low, high)
                )?,
            }
        }
        write!(f, "medians of {} interleaved rounds, with their 95 % intervals", first.samples.len())?;
        let fastest = self.entries.iter().min_by(|a, b| a.median.total_cmp(&b.median));
        if let Some(entry) = fastest
            && let Some(hint) = about_nothing(
                entry.median,
                entry.samples.iter().copied().fold(f64::INFINITY, f64::min),
                self.empty_loop,
            )
        {
            write!(f, "\n{}: {hint}", entry.name)?;
        }
        Ok(())
    }
}

impl Comparison {
    /// The distributions of all candidates in one figure. Rounds beyond Tukey's outer fences are
    /// left out of it, so that the rest can be seen; they are part of all numbers.
    ///
    /// ```
    /// use ferrolab::timing::{candidate, compare};
    /// let both = compare([candidate("one", || 1), candidate("two", || 2)]);
    /// assert!(both.figure().svg().contains("one"));
    /// ```
    #[must_use]
    pub fn figure(&self) -> Plot {
        let slowest = self.entries.iter().map(|e| e.median).fold(0.0, f64::max);
        let (scale, unit) = units::unit(slowest);
        let hists = self.entries.iter().map(|entry| {
            let sorted = stats::sorted(&entry.samples);
            let (low, high) = (stats::quantile(&sorted, 0.25), stats::quantile(&sorted, 0.75));
            let (low, high) = (low - 3.0 * (high - low), high + 3.0 * (high - low));
            let kept: Vec<f64> = sorted.iter().filter(|t| (low..=high).contains(*t)).map(|t| t * scale).collect();
            plot::hist(kept).label(entry.name.as_str())
        });
        let all = hists.reduce(Plot::add).unwrap_or_else(|| plot::hist(Vec::<f64>::new()));
        all.xlabel(format!("{unit} per loop")).ylabel("rounds").size(480, 240)
    }
}

impl Display for Comparison {
    fn mime_bundle(&self) -> MimeBundle {
        bundle(&self.to_string(), "", &[self.figure()])
    }
}
