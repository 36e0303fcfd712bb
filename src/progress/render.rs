//! How a bar looks, as HTML and as text. Pure functions of a [`View`].

use super::state::Outcome;
use crate::display::{MimeBundle, escape};
use std::time::Duration;

/// Width of the text bar, in characters.
const WIDTH: usize = 24;

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
    /// Bytes, shown as kB, MB, GB.
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
}

impl View {
    fn fraction(&self) -> Option<f64> {
        let total = self.total?;
        Some(match total {
            0 => 1.0,
            total => (self.done as f64 / total as f64).clamp(0.0, 1.0),
        })
    }

    /// `72%`; never 100% before everything is done.
    fn percent(&self) -> Option<String> {
        let fraction = self.fraction()?;
        Some(format!("{}%", (fraction * 100.0 + 1e-9).floor()))
    }

    fn amount(&self, n: u64) -> String {
        match &self.unit {
            Unit::Bytes => scaled(n as f64, &["B", "kB", "MB", "GB", "TB", "PB"]),
            Unit::Items(_) => grouped(n),
        }
    }

    fn counts(&self) -> String {
        match self.total {
            Some(total) => format!("{}/{}", self.amount(self.done), self.amount(total)),
            None => match &self.unit {
                Unit::Bytes => self.amount(self.done),
                Unit::Items(name) => format!("{} {name}", self.amount(self.done)),
            },
        }
    }

    fn rate(&self) -> String {
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return "?".to_owned();
        }
        match &self.unit {
            Unit::Bytes => format!("{}/s", scaled(self.rate, &["B", "kB", "MB", "GB", "TB", "PB"])),
            Unit::Items(name) if self.rate >= 1.0 => {
                format!("{} {name}/s", scaled(self.rate, &["", "k", "M", "G", "T", "P"]).replace(' ', ""))
            }
            Unit::Items(name) => format!("{:.1} s/{name}", 1.0 / self.rate),
        }
    }

    fn left(&self) -> Option<String> {
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

    fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Running => "running",
            Outcome::Done => "done",
            Outcome::Failed => "failed",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// The bar in all its representations.
pub(super) fn bundle(view: &View) -> MimeBundle {
    vec![("text/html".to_owned(), html(view).into_bytes()), ("text/plain".to_owned(), text(view).into_bytes())]
}

/// The bar as a line of text, such as
/// `72%|████████▌   | 720/1,000 [00:03<00:01, 240.1 it/s]`.
pub(super) fn text(view: &View) -> String {
    let mut out = String::new();
    if !view.message.is_empty() {
        out += &format!("{}: ", view.message);
    }
    if let (Some(fraction), Some(percent)) = (view.fraction(), view.percent()) {
        let eighths = (fraction * (WIDTH * 8) as f64) as usize;
        let mut bar = "█".repeat(eighths / 8);
        bar.extend(['▏', '▎', '▍', '▌', '▋', '▊', '▉'].get((eighths % 8).wrapping_sub(1)));
        out += &format!("{percent:>4}|{bar:<WIDTH$}| ");
    }
    out += &view.counts();
    let elapsed = clock(view.elapsed);
    let left = view.left().map(|left| format!("<{left}")).unwrap_or_default();
    out += &format!(" [{elapsed}{left}, {}]", view.rate());
    if matches!(view.outcome, Outcome::Failed | Outcome::Interrupted) {
        out += &format!(" {}", view.word());
    }
    out
}

/// The bar as one HTML element. Colours are the frontend's (JupyterLab's and VS Code's variables)
/// with fallbacks that are readable on white and on black.
fn html(view: &View) -> String {
    let colour = match view.outcome {
        Outcome::Running => "var(--jp-brand-color1,#2196f3)",
        Outcome::Done => "var(--jp-success-color1,#3d9a50)",
        Outcome::Failed => "var(--jp-error-color1,#d9433f)",
        Outcome::Interrupted => "var(--jp-warn-color1,#e08a1e)",
    };
    let text = "var(--jp-content-font-color1,var(--vscode-foreground,inherit))";
    let fonts = "var(--jp-code-font-family,ui-monospace,monospace)";
    let message = escape(&view.message);
    let label = match message.is_empty() {
        true => "progress",
        false => &message,
    };
    let mut out = format!(
        "<div style=\"display:flex;align-items:center;gap:10px;margin:2px 0;\
         font:12px {fonts};color:{text}\">"
    );
    if !message.is_empty() {
        out += &format!("<span>{message}</span>");
    }
    let valued = view.fraction().map(|fraction| {
        let percent = fraction * 100.0;
        format!(" aria-valuemin=\"0\" aria-valuemax=\"100\" aria-valuenow=\"{percent:.0}\"")
    });
    let spoken = escape(&format!("{}, {}", view.counts(), view.word()));
    // Without a total the bar is a pattern: it says that something goes on, not how far it is.
    let fill = match view.fraction() {
        Some(fraction) => format!("width:{:.1}%;background:{colour}", fraction * 100.0),
        None if view.outcome == Outcome::Running => format!(
            "width:100%;opacity:.6;background:repeating-linear-gradient(45deg,{colour} 0 8px,\
             transparent 8px 16px)"
        ),
        None => format!("width:100%;background:{colour}"),
    };
    out += &format!(
        "<div role=\"progressbar\" aria-label=\"{label}\" aria-valuetext=\"{spoken}\"{} \
         style=\"flex:1 1 auto;min-width:80px;max-width:360px;height:12px;border-radius:6px;\
         overflow:hidden;background:rgba(128,128,128,.25)\">\
         <div style=\"height:100%;border-radius:6px;{fill}\"></div></div>",
        valued.unwrap_or_default()
    );
    let mut facts: Vec<String> = Vec::new();
    facts.extend(view.percent());
    facts.push(view.counts());
    facts.push(view.rate());
    facts.push(clock(view.elapsed));
    facts.extend(view.left().map(|left| format!("{left} left")));
    let facts = escape(&facts.join(" · "));
    out += &format!("<span style=\"white-space:nowrap\">{facts}</span>");
    if view.outcome != Outcome::Running {
        out += &format!("<span style=\"color:{colour}\">{}</span>", view.word());
    }
    out += "</div>";
    out
}

/// `1234567` as `1,234,567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit == 0 && value.fract() == 0.0 {
        true => format!("{value} {}", units[unit]),
        false => format!("{value:.1} {}", units[unit]),
    }
}

/// `01:05`, or `2:01:05` from an hour on, or `3d 04h`.
fn clock(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..3600 => format!("{:02}:{:02}", s / 60, s % 60),
        3600..86_400 => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
        _ => format!("{}d {:02}h", s / 86_400, s / 3600 % 24),
    }
}
