//! What is drawn of a bar: its numbers, as words. Pure functions; how the words are laid out is
//! [`super::render`]'s.

use super::state::Outcome;
use ferrolab_base::text::grouped;
use std::time::Duration;

/// What a bar counts.
///
/// ```
/// use ferrolab::progress::Unit;
/// assert_eq!(Unit::from("bytes"), Unit::Bytes);
/// assert_eq!(Unit::from("files"), Unit::Items("files".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// Things with a name.
    Items(String),
    /// Bytes, shown as KiB, MiB, GiB (multiples of 1024).
    Bytes,
}

impl Default for Unit {
    fn default() -> Self {
        Self::Items("it".to_owned())
    }
}

impl From<&str> for Unit {
    fn from(name: &str) -> Self {
        match name {
            "bytes" | "B" => Self::Bytes,
            name => Self::Items(name.to_owned()),
        }
    }
}

impl From<String> for Unit {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

/// Everything that is drawn of a bar.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) message: String,
    pub(super) unit: Unit,
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    pub(super) elapsed: Duration,
    pub(super) rate: f64,
    pub(super) outcome: Outcome,
    /// How many bars it stands below.
    pub(super) depth: usize,
    /// What each thread has done; empty when nobody asked.
    pub(super) lanes: Vec<u64>,
    /// Those elsewhere who do the work, by name.
    pub(super) workers: Vec<Lane>,
}

/// What one of many who share the work has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) done: u64,
    /// Its state in words, when that is not simply "running".
    pub(crate) note: String,
}

/// Of more workers than this only some are shown: those with a note, the busiest, and the slowest.
const MOST_WORKERS: usize = 8;
/// How many of each.
const ENDS: usize = 3;

impl View {
    /// From 0 to 1, when the total is known.
    pub(super) fn fraction(&self) -> Option<f64> {
        let total = self.total?;
        Some(match total {
            0 => 1.0,
            total => (self.done as f64 / total as f64).clamp(0.0, 1.0),
        })
    }

    /// `72%`; never 100% before everything is done.
    pub(super) fn percent(&self) -> Option<String> {
        let fraction = self.fraction()?;
        Some(format!("{}%", (fraction * 100.0 + 1e-9).floor()))
    }

    /// A number of what is counted.
    pub(super) fn amount(&self, n: u64) -> String {
        match &self.unit {
            Unit::Bytes => binary(n as f64),
            Unit::Items(_) => grouped(n),
        }
    }

    /// `720/1,000`, or `720 it` without a total.
    pub(super) fn counts(&self) -> String {
        match self.total {
            Some(total) => format!("{}/{}", self.amount(self.done), self.amount(total)),
            None => match &self.unit {
                Unit::Bytes => self.amount(self.done),
                Unit::Items(name) => format!("{} {name}", self.amount(self.done)),
            },
        }
    }

    /// `240.1 it/s`, or `4.0 s/it` when it is slow.
    pub(super) fn rate(&self) -> String {
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return "?".to_owned();
        }
        match &self.unit {
            Unit::Bytes => format!("{}/s", binary(self.rate)),
            Unit::Items(name) if self.rate >= 1.0 => format!("{} {name}/s", decimal(self.rate)),
            Unit::Items(name) => format!("{:.1} s/{name}", 1.0 / self.rate),
        }
    }

    /// Time to the end at the present rate.
    pub(super) fn left(&self) -> Option<String> {
        let total = self.total?;
        if self.outcome != Outcome::Running || self.rate <= 0.0 || self.done == 0 {
            return None;
        }
        let seconds = total.saturating_sub(self.done) as f64 / self.rate;
        Some(match seconds < 1e7 {
            true => clock(Duration::from_secs_f64(seconds.max(0.0))),
            false => "months".to_owned(),
        })
    }

    /// Its state as a word.
    pub(super) fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Running => "running",
            Outcome::Done => "done",
            Outcome::Failed => "failed",
            Outcome::Interrupted => "interrupted",
            Outcome::Stopped => "stopped",
        }
    }

    /// Its message on one line.
    pub(super) fn label(&self) -> String {
        self.message.replace(['\n', '\r', '\t'], " ")
    }

    /// The workers to show, in their order, and what is said of the others.
    pub(super) fn shown_workers(&self) -> (Vec<&Lane>, Option<String>) {
        let all: Vec<&Lane> = self.workers.iter().collect();
        if all.len() <= MOST_WORKERS {
            return (all, None);
        }
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(all[*at].done), *at));
        let noted = (0..all.len()).filter(|at| !all[*at].note.is_empty()).take(MOST_WORKERS - 2 * ENDS);
        let ends = order[..ENDS].iter().chain(&order[order.len() - ENDS..]).copied();
        let mut chosen: Vec<usize> = noted.chain(ends).collect();
        chosen.sort_by_key(|at| order.iter().position(|other| other == at));
        chosen.dedup();
        let hidden = (0..all.len()).filter(|at| !chosen.contains(at)).map(|at| all[at].done);
        let (least, most) = hidden.clone().fold((u64::MAX, 0), |(l, m), done| (l.min(done), m.max(done)));
        let rest = format!("and {} more, {} to {} each", hidden.count(), self.amount(least), self.amount(most));
        (chosen.into_iter().map(|at| all[at]).collect(), Some(rest))
    }

    /// `1,200 · 240.1 it/s · paused`.
    pub(super) fn facts_of(&self, lane: &Lane) -> String {
        let rate = lane.done as f64 / self.elapsed.as_secs_f64().max(1e-9);
        let one = View { rate, workers: Vec::new(), lanes: Vec::new(), ..self.clone() };
        let note = if lane.note.is_empty() { String::new() } else { format!(" · {}", lane.note) };
        format!("{} · {}{note}", self.amount(lane.done), one.rate())
    }

    /// `8 threads, 1,200 to 1,310 each`; nothing without lanes.
    pub(super) fn spread(&self) -> Option<String> {
        let (least, most) = (self.lanes.iter().min()?, self.lanes.iter().max()?);
        Some(match self.lanes.len() {
            1 => "1 thread".to_owned(),
            n if least == most => format!("{n} threads, {} each", self.amount(*most)),
            n => format!("{n} threads, {} to {} each", self.amount(*least), self.amount(*most)),
        })
    }
}

/// `1536` as `1.5 KiB`.
fn binary(value: f64) -> String {
    let (value, unit) = scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]);
    match unit == "B" {
        true => format!("{value:.0} B"),
        false => format!("{value:.1} {unit}"),
    }
}

/// `1500.0` as `1.5k`.
fn decimal(value: f64) -> String {
    let (value, unit) = scaled(value, 1000.0, &["", "k", "M", "G", "T", "P"]);
    format!("{value:.1}{unit}")
}

fn scaled<'a>(mut value: f64, step: f64, units: &[&'a str]) -> (f64, &'a str) {
    let mut unit = 0;
    // What would be rounded to a whole step belongs to the next unit.
    while value >= step - 0.05 && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    (value, units[unit])
}

/// `01:05`, or `2:01:05` from an hour on, or `3d 04h`.
pub(crate) fn clock(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..3600 => format!("{:02}:{:02}", s / 60, s % 60),
        3600..86_400 => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
        _ => format!("{}d {:02}h", s / 86_400, s / 3600 % 24),
    }
}
