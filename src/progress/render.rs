//! How bars look, as HTML and as text. Pure functions of [`View`]s.
//!
//! Nothing moves by itself, so there is nothing to hold still for readers who prefer that; states
//! are told by a sign and a word besides the colour.

use super::state::Outcome;
use super::view::{Lane, View, clock};
use crate::display::{MimeBundle, escape};
use unicode_width::UnicodeWidthStr;

/// Width of the text bar, in characters.
const WIDTH: usize = 24;
/// Lanes drawn one by one; of more threads, only the spread is told.
const MOST_LANES: usize = 64;

/// Bars that stand together, in all representations.
pub(super) fn bundle(views: &[&View]) -> MimeBundle {
    vec![("text/html".to_owned(), html(views).into_bytes()), ("text/plain".to_owned(), text(views).into_bytes())]
}

/// The bars as lines of text, such as
/// `72%|████████▌   | 720/1,000 [00:03<00:01, 240.1 it/s]`, their beginnings below each other.
pub(super) fn text(views: &[&View]) -> String {
    let labels: Vec<String> = views
        .iter()
        .map(|view| match view.label() {
            label if label.is_empty() => "  ".repeat(view.depth),
            label => format!("{}{label}: ", "  ".repeat(view.depth)),
        })
        .collect();
    let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
    let lines = views.iter().zip(&labels).map(|(view, label)| {
        let fill = " ".repeat(widest - label.width());
        format!("{label}{fill}{}{}", line(view), workers(view))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line(view: &View) -> String {
    let mut out = String::new();
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
    if !matches!(view.outcome, Outcome::Running | Outcome::Done) {
        out += &format!(" {}", view.word());
    }
    if let Some(spread) = view.spread() {
        let lanes: String = heights(view).map(|h| ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][h]).collect();
        out += &format!(" {lanes} {spread}");
    }
    out
}

/// A line for each worker, their names below each other.
fn workers(view: &View) -> String {
    let (shown, rest) = view.shown_workers();
    let widest = shown.iter().map(|lane| lane.name.width()).max().unwrap_or(0);
    let most = shown.iter().map(|lane| lane.done).max().unwrap_or(0).max(1);
    let indent = "  ".repeat(view.depth + 1);
    let line = |lane: &&Lane| {
        let fill = " ".repeat(widest - lane.name.width());
        let bar = "█".repeat((lane.done as f64 / most as f64 * 8.0) as usize);
        format!("\n{indent}{}{fill} |{bar:<8}| {}", lane.name, view.facts_of(lane))
    };
    let mut out: String = shown.iter().map(line).collect();
    out.extend(rest.map(|rest| format!("\n{indent}{rest}")));
    out
}

/// Height of each lane, in eighths less one, beside the busiest; none when there are too many.
fn heights(view: &View) -> impl Iterator<Item = usize> {
    let most = view.lanes.iter().max().copied().unwrap_or(0).max(1);
    let shown = if view.lanes.len() <= MOST_LANES { &view.lanes[..] } else { &[] };
    shown.iter().map(move |lane| (lane.saturating_mul(7) / most).min(7) as usize)
}

/// The bars as one HTML element, in columns. Colours are the frontend's (JupyterLab's and VS
/// Code's variables) with fallbacks that can be told apart on white and on black.
fn html(views: &[&View]) -> String {
    let labelled = views.iter().any(|view| !view.message.is_empty() || view.depth > 0);
    let columns = if labelled { "fit-content(40%) " } else { "" };
    let mut out = format!(
        "<div style=\"display:grid;grid-template-columns:{columns}minmax(80px,360px) 1fr;\
         gap:3px 12px;align-items:center;margin:2px 0;\
         font:12px/1.4 var(--jp-code-font-family,ui-monospace,monospace);\
         color:var(--jp-content-font-color1,var(--vscode-foreground,inherit))\">"
    );
    for view in views {
        if labelled {
            let indent = view.depth * 16;
            out += &format!(
                "<div style=\"padding-left:{indent}px;overflow-wrap:anywhere\">{}</div>",
                escape(&view.label())
            );
        }
        out += &track(view);
        out += &facts(view);
        if !view.workers.is_empty() {
            out += &lanes(view, labelled);
        }
    }
    out += "</div>";
    out
}

fn colour(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Running => "var(--jp-brand-color1,#2196f3)",
        Outcome::Done => "var(--jp-success-color1,#3d9a50)",
        Outcome::Failed => "var(--jp-error-color1,#d9433f)",
        Outcome::Interrupted | Outcome::Stopped => "var(--jp-warn-color1,#e08a1e)",
    }
}

fn track(view: &View) -> String {
    let colour = colour(view.outcome);
    let label = match view.message.is_empty() {
        true => "progress".to_owned(),
        false => escape(&view.label()),
    };
    let valued = view.fraction().map(|fraction| {
        let percent = (fraction * 100.0 + 1e-9).floor();
        format!(" aria-valuemin=\"0\" aria-valuemax=\"100\" aria-valuenow=\"{percent}\"")
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
    format!(
        "<div role=\"progressbar\" aria-label=\"{label}\" aria-valuetext=\"{spoken}\"{} \
         style=\"height:12px;border-radius:6px;overflow:hidden;background:rgba(128,128,128,.25)\">\
         <div style=\"height:100%;{fill}\"></div></div>",
        valued.unwrap_or_default()
    )
}

/// A row for each worker, as wide as the bar: its name, its share of what the busiest has done, facts.
fn lanes(view: &View, labelled: bool) -> String {
    let (shown, rest) = view.shown_workers();
    let most = shown.iter().map(|lane| lane.done).max().unwrap_or(0).max(1);
    let empty = if labelled { "<div></div>" } else { "" };
    let mut out = String::from(empty);
    out += "<div style=\"grid-column:span 2;display:grid;grid-template-columns:fit-content(40%) 80px 1fr;gap:1px 8px;align-items:center;opacity:.9\">";
    for lane in shown {
        let width = 100.0 * lane.done as f64 / most as f64;
        out += &format!(
            "<div>{}</div><div style=\"height:6px;border-radius:3px;background:rgba(128,128,128,.25)\">\
             <div style=\"height:100%;border-radius:3px;width:{width:.0}%;background:{}\"></div></div><div>{}</div>",
            escape(&lane.name),
            colour(view.outcome),
            escape(&view.facts_of(lane))
        );
    }
    if let Some(rest) = rest {
        out += &format!("<div style=\"grid-column:1 / -1\">{}</div>", escape(&rest));
    }
    out += "</div>";
    out
}

fn facts(view: &View) -> String {
    let mut facts: Vec<String> = Vec::new();
    facts.extend(view.percent());
    facts.push(view.counts());
    facts.push(view.rate());
    facts.push(clock(view.elapsed));
    facts.extend(view.left().map(|left| format!("{left} left")));
    let mut out = format!("<div>{}", escape(&facts.join(" · ")));
    let sign = match view.outcome {
        Outcome::Running => "",
        Outcome::Done => "✓",
        Outcome::Failed => "✗",
        Outcome::Interrupted | Outcome::Stopped => "■",
    };
    if !sign.is_empty() {
        let colour = colour(view.outcome);
        out += &format!(
            " · <span aria-hidden=\"true\" style=\"color:{colour};font-weight:bold\">{sign}</span> {}",
            view.word()
        );
    }
    if let Some(spread) = view.spread() {
        out += "<div style=\"display:flex;align-items:flex-end;gap:2px;margin-top:2px\">";
        for (lane, height) in heights(view).enumerate() {
            let share = view.lanes[lane] as f64 / view.elapsed.as_secs_f64().max(1e-9);
            let told = View { done: view.lanes[lane], total: None, rate: share, lanes: Vec::new(), ..view.clone() };
            let told = escape(&format!("thread {}: {}, {}", lane + 1, told.counts(), told.rate()));
            out += &format!(
                "<span title=\"{told}\" style=\"width:6px;height:{}px;background:{}\"></span>",
                2 * height + 2,
                colour(view.outcome)
            );
        }
        out += &format!("<span style=\"margin-left:6px\">{}</span></div>", escape(&spread));
    }
    out += "</div>";
    out
}
