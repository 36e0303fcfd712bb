//! Scaling: the same body on 1, 2, 4… threads, each time on a rayon pool of that size, and what
//! the times say of it.

use std::fmt;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::amdahl::Amdahl;
use super::measure::{Bar, Batch};
use super::{report, stats, units};
use crate::display::{Display, MimeBundle};
use crate::par::without_bars;
use crate::plot::{self, Plot};
use crate::rt::{self, Failure, signals};

/// Time for all runs, seconds; a body that takes longer runs once on each number of threads.
const BUDGET: f64 = 12.0;
/// A run should take this long, seconds: long against waking threads and a pause of one of them.
const LONG_ENOUGH: f64 = 20e-3;
/// Runs on one number of threads at most.
const MOST: usize = 9;
/// The most threads that are tried.
pub(super) const MOST_THREADS: usize = 65_536;

/// The body on one number of threads. Times are seconds per loop.
///
/// ```
/// let found = ferrolab::timing::scaling(&[1], || ferrolab::par::map(0..10, |i| i));
/// let run = &found.runs[0];
/// assert_eq!((run.threads, run.speedup, run.efficiency), (1, 1.0, 1.0));
/// assert!(!run.samples.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Threads of the pool it ran on.
    pub threads: usize,
    /// Median of the runs.
    pub seconds: f64,
    /// All runs.
    pub samples: Vec<f64>,
    /// How many times faster than on the smallest number of threads, times that number.
    pub speedup: f64,
    /// `speedup` per thread; 1 is ideal.
    pub efficiency: f64,
}

/// What [`super::scaling`] found. Shown as text, a table, and figures of speed-up and efficiency.
///
/// ```
/// let found = ferrolab::timing::scaling(&[1, 2], || ferrolab::par::map(0..10, |i| i));
/// assert_eq!(found.runs.len(), 2);
/// assert!(found.amdahl.is_some() && found.to_string().contains("Amdahl's law"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// One for each number of threads, ascending.
    pub runs: Vec<Run>,
    /// The fit by Amdahl's law, when there are two numbers of threads.
    pub amdahl: Option<Amdahl>,
    /// Threads that were granted; more than these share cores.
    pub granted: usize,
}

/// 1, 2, 4… and `granted` itself.
pub(super) fn default_counts(granted: usize) -> Vec<usize> {
    let granted = granted.max(1);
    let mut counts: Vec<usize> = std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|n| *n < granted).collect();
    counts.push(granted);
    counts
}

/// Runs `batch` on pools of each of `counts` threads.
pub(super) fn run(
    counts: &[usize],
    granted: usize,
    batch: &mut (dyn FnMut(u64) -> Result<Duration, Failure> + Send),
) -> Result<Scaling, Failure> {
    let mut counts = if counts.is_empty() { default_counts(granted) } else { counts.to_vec() };
    counts.sort_unstable();
    counts.dedup();
    let share = Duration::from_secs_f64(BUDGET / counts.len() as f64);
    let bar = Bar::new(counts.len(), "scaling");
    let mut samples = Vec::with_capacity(counts.len());
    for (index, &threads) in counts.iter().enumerate() {
        rt::check_interrupt();
        bar.0.set_message(format!("scaling, {threads} thread{}", if threads == 1 { "" } else { "s" }));
        samples.push(on_pool(threads, || without_bars(|| repeat(batch, share, index == 0)))??);
        bar.0.add(1);
    }
    bar.done();
    Ok(Scaling::of(&counts, samples, granted))
}

/// Runs of the body, seconds per loop. The first one of all, which touches memory for the first
/// time, does not count unless it is long.
fn repeat(batch: Batch<'_>, share: Duration, first: bool) -> Result<Vec<f64>, Failure> {
    let start = Instant::now();
    let mut seconds = batch(1)?.as_secs_f64();
    let mut samples = Vec::new();
    if seconds * 3.0 > share.as_secs_f64() {
        samples.push(seconds);
        if first && start.elapsed() < share {
            rt::check_interrupt();
            samples[0] = batch(1)?.as_secs_f64();
        }
    }
    let mut loops = 1_u64;
    while seconds < LONG_ENOUGH && loops < 1 << 40 {
        loops *= 2;
        rt::check_interrupt();
        seconds = batch(loops)?.as_secs_f64();
    }
    while samples.len() < MOST && (samples.is_empty() || start.elapsed() < share) {
        rt::check_interrupt();
        samples.push(batch(loops)?.as_secs_f64() / loops as f64);
    }
    Ok(samples)
}

/// The system refused so many threads.
#[derive(Debug)]
struct NoThreads {
    wanted: usize,
    why: String,
}

impl fmt::Display for NoThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, why } = self;
        write!(f, "no pool of {wanted} threads: {why}; try fewer, or see `ulimit -u` and the limits of the job")
    }
}

impl std::error::Error for NoThreads {}

/// Runs `work` on a thread of a pool of its own, and waits for the pool's end: a thread that is
/// still ending when the next cell forks would not be in the copy.
fn on_pool<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> Result<R, Failure> {
    let (gone, ended) = mpsc::channel::<()>();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(16 << 20)
        .thread_name(|index| format!("worker {index}"))
        .start_handler(|_| signals::install_for_this_thread())
        .exit_handler(move |_| {
            // Nobody listens any more when an exit took too long.
            let _ = gone.send(());
        })
        .build()
        .map_err(|error| NoThreads { wanted: threads, why: error.to_string() })?;
    let result = pool.install(work);
    drop(pool);
    for _ in 0..threads {
        if ended.recv_timeout(Duration::from_secs(1)).is_err() {
            break;
        }
    }
    Ok(result)
}

impl Scaling {
    pub(super) fn of(counts: &[usize], samples: Vec<Vec<f64>>, granted: usize) -> Self {
        let times: Vec<(usize, f64)> = counts.iter().copied().zip(samples.iter().map(|s| stats::median(s))).collect();
        let (base, slowest) = times[0];
        let runs = times.iter().zip(samples).map(|(&(threads, seconds), samples)| {
            let speedup = base as f64 * slowest / seconds;
            Run { threads, seconds, samples, speedup, efficiency: speedup / threads as f64 }
        });
        Self { runs: runs.collect(), amdahl: Amdahl::fit(&times), granted }
    }

    /// The speed-up on each number of threads, the ideal line, and the fit by Amdahl's law.
    ///
    /// ```
    /// let found = ferrolab::timing::scaling(&[1, 2], || ferrolab::par::sum::<_, u64>(0..1000u64));
    /// assert!(found.speedup_figure().svg().contains("ideal"));
    /// ```
    #[must_use]
    pub fn speedup_figure(&self) -> Plot {
        let threads: Vec<f64> = self.runs.iter().map(|r| r.threads as f64).collect();
        let speedup: Vec<f64> = self.runs.iter().map(|r| r.speedup).collect();
        let mut figure = plot::line(&threads, &threads).label("ideal");
        let (first, last) = (self.runs[0].threads, self.runs[self.runs.len() - 1].threads);
        if let Some(fit) = self.amdahl.filter(|fit| (0.0..=1.0).contains(&fit.serial) && last > first) {
            let step = ((last - first) / 50).max(1);
            let fine: Vec<usize> = (first..=last).step_by(step).collect();
            // Speed-ups are relative to the smallest number of threads; so is the law here.
            let base = first as f64 / fit.speedup(first);
            let law: Vec<f64> = fine.iter().map(|n| base * fit.speedup(*n)).collect();
            figure = figure.add(plot::line(&fine, &law).label("Amdahl's law"));
        }
        figure = figure.add(plot::scatter(&threads, &speedup).label("measured"));
        figure.title("Speed-up").xlabel("threads").ylabel("times as fast").size(400, 300)
    }

    /// The efficiency on each number of threads, in percent of the ideal.
    ///
    /// ```
    /// let found = ferrolab::timing::scaling(&[1, 2], || ferrolab::par::map(0..10, |i| i));
    /// assert!(found.efficiency_figure().svg().contains("Efficiency"));
    /// ```
    #[must_use]
    pub fn efficiency_figure(&self) -> Plot {
        let threads: Vec<String> = self.runs.iter().map(|r| r.threads.to_string()).collect();
        let percent: Vec<f64> = self.runs.iter().map(|r| r.efficiency * 100.0).collect();
        let ideal = vec![100.0; threads.len()];
        plot::bar(&threads, &percent)
            .label("measured")
            .add(plot::line(0..threads.len(), &ideal).label("ideal"))
            .title("Efficiency")
            .xlabel("threads")
            .ylabel("%")
            .size(400, 300)
    }

    /// What stands below the table.
    fn words(&self) -> String {
        let mut lines: Vec<String> = self.amdahl.iter().map(Amdahl::words).collect();
        let base = self.runs[0].threads;
        if base > 1 {
            lines.push(format!("speed-ups are relative to {base} threads, taken as ideal"));
        }
        let most = self.runs[self.runs.len() - 1].threads;
        if most > self.granted {
            lines.push(format!("{most} threads are more than the {} granted, so they share cores", self.granted));
        }
        lines.join("\n")
    }

    fn rows(&self) -> impl Iterator<Item = [String; 4]> + '_ {
        self.runs.iter().map(|run| {
            let spread = stats::deviation(&run.samples);
            let time = match run.samples.len() {
                1 => format!("{} (1 run)", units::time(run.seconds)),
                _ => units::with_spread(run.seconds, spread),
            };
            let percent = format!("{:.0} %", run.efficiency * 100.0);
            [run.threads.to_string(), time, format!("{:.2}", run.speedup), percent]
        })
    }
}

const HEADINGS: [&str; 4] = ["threads", "time (median ± s.d.)", "speed-up", "efficiency"];

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 4]> = std::iter::once(HEADINGS.map(str::to_owned)).chain(self.rows()).collect();
        let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3].map(width);
        for row in &rows {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
            writeln!(f, "{}", cells.join("  "))?;
        }
        f.write_str(&self.words())
    }
}

impl Display for Scaling {
    fn mime_bundle(&self) -> MimeBundle {
        let cell = |tag: &str, text: &str| {
            format!("<{tag} style=\"text-align:right\">{}</{tag}>", ferrolab_base::text::escape(text))
        };
        let mut html = format!("<table><tr>{}</tr>", HEADINGS.map(|h| cell("th", h)).concat());
        for row in self.rows() {
            html.push_str(&format!("<tr>{}</tr>", row.map(|text| cell("td", &text)).concat()));
        }
        html.push_str("</table>");
        let mut data = report::bundle(&self.words(), &html, &[self.speedup_figure(), self.efficiency_figure()]);
        for (mime, bytes) in &mut data {
            if mime == "text/plain" {
                *bytes = self.to_string().into_bytes();
            }
        }
        data
    }
}
