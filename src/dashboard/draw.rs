//! How a dashboard looks: as HTML, bounded whatever a place has, and as a few lines of text. Pure functions of what is
//! known at one moment.

use super::About;
use super::frame::{Frame, Memory};
use super::history::{History, Lane};
use super::works::Row;
use crate::display::escape;
use crate::progress::{Outcome, clock};
use ferrolab_base::text::{bytes, grouped};
use std::fmt::Write;
use std::time::Duration;

/// Width of a strip, and of the words before it, in pixels.
const STRIP: usize = 480;
const NAMES: usize = 150;
/// Pixels from one row to the next, and of a strip's height.
const STEP: usize = 14;
const TALL: usize = 11;
/// Steps that a share is drawn in.
const STEPS: f32 = 10.0;
/// Rows of lanes, and of memory.
const ROWS: usize = 48;
/// Characters of a name.
const LONGEST: usize = 60;

/// What threads do: the word, and its colour.
const SORTS: [(&str, &str); 3] = [
    ("computing", "var(--jp-success-color1,#3d9a50)"),
    ("transferring", "var(--jp-warn-color1,#e08a1e)"),
    ("disk", "#8e5bb5"),
];
/// The two sorts of memory, and what is on a disk.
const MEMORY: [&str; 3] = ["var(--jp-brand-color1,#2196f3)", "rgba(33,150,243,.4)", "#8e5bb5"];

/// All that is known at one moment.
pub(super) struct Facts<'a> {
    pub(super) about: &'a About,
    pub(super) frame: &'a Frame,
    pub(super) history: &'a History,
    pub(super) works: Vec<Row>,
    /// Operations that have no row: ended ones and running ones.
    pub(super) earlier: (usize, usize),
    /// Why nothing changes any more.
    pub(super) over: Option<&'a str>,
}

impl Facts<'_> {
    pub(super) fn html(&self) -> String {
        let mut out = format!(
            "<div style=\"font:12px/1.5 var(--jp-code-font-family,ui-monospace,monospace);\
             color:var(--jp-content-font-color1,var(--vscode-foreground,inherit));overflow-x:auto\"><div><b>{}</b> {}{}</div>",
            escape(&self.about.title),
            escape(&self.heading()),
            self.about.link.as_ref().map_or_else(String::new, |link| format!(
                " · <a href=\"{0}\" target=\"_blank\" rel=\"noopener\">Dask's own dashboard</a>",
                escape(link)
            ))
        );
        for line in [self.tasks(), self.moved()] {
            let _ = write!(out, "<div>{}</div>", escape(&line));
        }
        self.operations(&mut out);
        self.lanes(&mut out);
        self.memory(&mut out);
        for line in self.cut() {
            let _ = write!(out, "<div style=\"opacity:.7\">{}</div>", escape(&line));
        }
        out + "</div>"
    }

    pub(super) fn text(&self) -> String {
        let mut lines = vec![format!("{} {}", self.about.title, self.heading())];
        let shares = self.shares().map(|(word, share)| format!("{share:.0} % {word}"));
        lines.push(format!("threads: {}", shares.join(", ")));
        lines.push(format!("memory: {}", self.memory_words(&total(&self.frame.memory))));
        lines.extend([self.tasks(), self.moved()]);
        lines.extend(self.works.iter().map(|row| format!("{}: {}", short(&row.name), counts(row))));
        lines.extend(self.cut());
        lines.join("\n")
    }

    /// `2 workers, 4 threads, 00:12 of cells`.
    fn heading(&self) -> String {
        let time = clock(Duration::from_secs_f64(self.history.seconds().clamp(0.0, 1e12)));
        let mut words = vec![self.frame.place.clone(), format!("{time} of running cells")];
        words.extend(self.over.map(str::to_owned));
        words.retain(|word| !word.is_empty());
        words.join(", ")
    }

    fn tasks(&self) -> String {
        let told = self.frame.states.iter().map(|(word, n)| format!("{} {word}", grouped(*n)));
        let told: Vec<String> = told.collect();
        // Threads have no tasks but those of operations.
        if told.is_empty() {
            let done = self.works.iter().map(|row| row.done).sum();
            let left = self.works.iter().filter(|row| row.outcome == Outcome::Running);
            let left = left.map(|row| row.total.unwrap_or(row.done).saturating_sub(row.done)).sum();
            return format!("tasks: {} done, {} left", grouped(done), grouped(left));
        }
        format!("tasks: {}", told.join(", "))
    }

    fn moved(&self) -> String {
        let told = self.frame.moved.iter().map(|(word, n)| format!("{} {word}", bytes(*n)));
        format!("moved: {}", told.collect::<Vec<_>>().join(", "))
    }

    /// Of all threads and all of the time, in percent.
    fn shares(&self) -> [(&'static str, f64); 3] {
        let there: Vec<&Lane> = self.history.lanes.iter().filter(|lane| lane.there).collect();
        let whole = self.history.seconds() * there.len() as f64;
        std::array::from_fn(|sort| {
            let seconds: f64 = there.iter().flat_map(|lane| &lane.sums).map(|sums| f64::from(sums[sort])).sum();
            (SORTS[sort].0, 100.0 * seconds / whole.max(1e-9))
        })
    }

    fn operations(&self, out: &mut String) {
        if self.works.is_empty() {
            return;
        }
        *out += "<div style=\"display:grid;grid-template-columns:fit-content(50%) 160px 1fr;gap:1px 10px;align-items:center;margin:3px 0\">";
        for row in &self.works {
            let share = row.total.map_or(1.0, |total| row.done as f64 / total.max(1) as f64).clamp(0.0, 1.0);
            let colour = match row.outcome {
                Outcome::Running => "var(--jp-brand-color1,#2196f3)",
                Outcome::Done => SORTS[0].1,
                Outcome::Failed => "var(--jp-error-color1,#d9433f)",
                Outcome::Interrupted | Outcome::Stopped => SORTS[1].1,
            };
            let _ = write!(
                out,
                "<div style=\"overflow-wrap:anywhere\">{}</div><div style=\"height:8px;border-radius:4px;overflow:hidden;background:rgba(128,128,128,.25)\">\
                 <div style=\"height:100%;width:{:.1}%;background:{colour}\"></div></div><div>{}</div>",
                escape(&short(&row.name)),
                100.0 * share,
                escape(&counts(row))
            );
        }
        *out += "</div>";
    }

    fn lanes(&self, out: &mut String) {
        let lanes = &self.history.lanes[..self.history.lanes.len().min(ROWS)];
        let legend =
            self.shares().into_iter().zip(SORTS).map(|((word, share), (_, colour))| {
                format!("<span style=\"color:{colour}\">■</span> {word} {share:.0} %")
            });
        let _ = write!(out, "<div>{} · idle is empty</div>", legend.collect::<Vec<_>>().join(" "));
        self.svg(out, "what threads did over time", lanes.len(), |out, at| {
            let lane = &lanes[at];
            let gone = if lane.there { "" } else { " (gone)" };
            name(out, &format!("{}{gone}", lane.name), at);
            strip(out, lane, &self.history.spans, at);
        });
    }

    fn memory(&self, out: &mut String) {
        let memory = &self.frame.memory[..self.frame.memory.len().min(ROWS)];
        if memory.is_empty() {
            return;
        }
        let words = [self.about.memory[0], self.about.memory[1], "on disk"];
        let legend =
            words.iter().zip(MEMORY).map(|(word, colour)| format!("<span style=\"color:{colour}\">■</span> {word}"));
        let _ = write!(out, "<div>memory: {}</div>", legend.collect::<Vec<_>>().join(" "));
        let most =
            memory.iter().map(|one| one.limit.max(one.managed + one.unmanaged + one.spilled)).max().unwrap_or(0).max(1);
        self.svg(out, "memory", memory.len(), |out, at| {
            let one = &memory[at];
            name(out, &one.name, at);
            let (mut x, y) = (NAMES as f64, at * STEP + 1);
            let width = |bytes: u64| STRIP as f64 * bytes as f64 / most as f64;
            let _ = write!(
                out,
                "<g><title>{}</title><rect x=\"{NAMES}\" y=\"{y}\" width=\"{:.1}\" height=\"{TALL}\" fill=\"currentColor\" fill-opacity=\".12\"/>",
                escape(&format!("{}: {}", one.name, self.memory_words(one))),
                width(one.limit)
            );
            for (bytes, colour) in [one.managed, one.unmanaged, one.spilled].into_iter().zip(MEMORY) {
                if bytes > 0 {
                    let _ = write!(
                        out,
                        "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"{TALL}\" style=\"fill:{colour}\"/>",
                        width(bytes)
                    );
                    x += width(bytes);
                }
            }
            *out += "</g>";
        });
    }

    /// `1.2 GB results, 300 MB else, 0 bytes on disk, of 4.0 GB`.
    fn memory_words(&self, memory: &Memory) -> String {
        let [managed, unmanaged] = self.about.memory;
        let limit = if memory.limit > 0 { format!(", of {}", bytes(memory.limit)) } else { String::new() };
        format!(
            "{} {managed}, {} {unmanaged}, {} on disk{limit}",
            bytes(memory.managed),
            bytes(memory.unmanaged),
            bytes(memory.spilled)
        )
    }

    /// An element with a row for each of `rows` things.
    fn svg(&self, out: &mut String, label: &str, rows: usize, mut row: impl FnMut(&mut String, usize)) {
        let (width, height) = (NAMES + STRIP, rows * STEP + 2);
        let _ = write!(
            out,
            "<svg role=\"img\" aria-label=\"{label}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             style=\"display:block;font:10px ui-monospace,monospace\" fill=\"currentColor\">"
        );
        (0..rows).for_each(|at| row(out, at));
        *out += "</svg>";
    }

    /// What is not shown one by one.
    fn cut(&self) -> Vec<String> {
        let mut cut: Vec<String> = [&self.frame.lanes_are, &self.frame.memory_is].into_iter().cloned().collect();
        let (ended, running) = self.earlier;
        if ended > 0 {
            cut.push(format!("{} operations ended before those shown", grouped(ended as u64)));
        }
        if running > 0 {
            cut.push(format!("{} more operations run", grouped(running as u64)));
        }
        let lost = self.history.lost + self.history.lanes.len().saturating_sub(ROWS);
        if lost > 0 {
            cut.push(format!("{} lanes of what is gone are not shown", grouped(lost as u64)));
        }
        cut.retain(|line| !line.is_empty());
        cut
    }
}

fn total(all: &[Memory]) -> Memory {
    all.iter().fold(Memory::default(), |sum, one| Memory {
        name: String::new(),
        managed: sum.managed + one.managed,
        unmanaged: sum.unmanaged + one.unmanaged,
        spilled: sum.spilled + one.spilled,
        limit: sum.limit + one.limit,
    })
}

fn counts(row: &Row) -> String {
    let total = row.total.map_or_else(String::new, |total| format!(" of {}", grouped(total)));
    let word = match row.outcome {
        Outcome::Running => "",
        Outcome::Done => ", done",
        Outcome::Failed => ", failed",
        Outcome::Interrupted => ", interrupted",
        Outcome::Stopped => ", stopped",
    };
    format!("{}{total}{word}", grouped(row.done))
}

fn short(name: &str) -> String {
    cut_to(name, LONGEST)
}

fn cut_to(name: &str, most: usize) -> String {
    if name.chars().count() <= most { name.to_owned() } else { name.chars().take(most - 1).chain(['…']).collect() }
}

fn name(out: &mut String, name: &str, at: usize) {
    let (x, y) = (NAMES - 8, at * STEP + TALL - 1);
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{}</text>", escape(&cut_to(name, 23)));
}

/// A lane over time: areas over each other, with a step for each bucket.
fn strip(out: &mut String, lane: &Lane, spans: &[f32], at: usize) {
    let buckets = spans.len().max(1);
    let shares: Vec<[f32; 3]> = (0..buckets).map(|bucket| lane.shares(bucket, spans)).collect();
    let mean = |sort: usize| 100.0 * shares.iter().map(|share| share[sort]).sum::<f32>() / buckets as f32;
    let _ = write!(
        out,
        "<svg x=\"{NAMES}\" y=\"{}\" width=\"{STRIP}\" height=\"{TALL}\" viewBox=\"0 0 {buckets} {STEPS}\" preserveAspectRatio=\"none\">\
         <title>{}: {:.0} % computing, {:.0} % transferring, {:.0} % disk</title>\
         <rect width=\"{buckets}\" height=\"{STEPS}\" fill=\"currentColor\" fill-opacity=\".12\"/>",
        at * STEP + 1,
        escape(&lane.name),
        mean(0),
        mean(1),
        mean(2)
    );
    // From the back: all sorts, then without the last one, then the first alone.
    for last in (0..3).rev() {
        let heights: Vec<u32> =
            shares.iter().map(|share| (share[..=last].iter().sum::<f32>().min(1.0) * STEPS).round() as u32).collect();
        let own = shares.iter().any(|share| share[last] > 0.0);
        if own {
            let _ = write!(out, "<path style=\"fill:{}\" d=\"{}\"/>", SORTS[last].1, steps(&heights));
        }
    }
    *out += "</svg>";
}

/// The outline of bars of these heights that stand beside each other, with nothing said twice.
fn steps(heights: &[u32]) -> String {
    let top = STEPS as u32;
    let mut path = format!("M0 {top}");
    let mut before = 0;
    for (at, height) in heights.iter().enumerate() {
        if *height != before {
            if at > 0 {
                let _ = write!(path, "H{at}");
            }
            let _ = write!(path, "V{}", top - height);
            before = *height;
        }
    }
    let _ = write!(path, "H{}V{top}z", heights.len());
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::history::BUCKETS;
    use crate::dashboard::{Memory, Share};

    fn about() -> About {
        About {
            key: "c".to_owned(),
            title: "Dask cluster".to_owned(),
            link: Some("/proxy/1/status".to_owned()),
            memory: ["results", "else"],
        }
    }

    #[test]
    fn steps_say_nothing_twice() {
        assert_eq!(steps(&[0, 0, 3, 3, 10]), "M0 10H2V7H4V0H5V10z");
        assert_eq!(steps(&[]), "M0 10H0V10z");
    }

    #[test]
    fn what_a_thousand_workers_do_for_a_day_is_bounded() {
        // As many rows as a cluster ever tells of, with names as long as they come, and shares that never repeat.
        let mut history = History::default();
        for i in 0..20_000usize {
            let lanes = (0..32).map(|n| Share {
                name: format!("ferrolab-{:04}-node{n:05} to ferrolab-{n:04}-node{:05}<&>", 31 * n, i / 4000),
                computing: (i * 7 + n) as f64 % 11.0 / 22.0,
                transferring: (i * 3 + n) as f64 % 5.0 / 20.0,
                spilling: (i + n) as f64 % 3.0 / 12.0,
            });
            history.add(0.25, &lanes.collect::<Vec<_>>());
        }
        assert!(history.spans.len() <= BUCKETS);
        let memory = |n: usize| Memory {
            name: format!("m{n}"),
            managed: 1 << 40,
            unmanaged: 1 << 33,
            spilled: 3,
            limit: 1 << 41,
        };
        let frame = Frame {
            seconds: 0.25,
            place: "1,000 workers, 8,000 threads".to_owned(),
            lanes_are: "a lane is 32 workers".to_owned(),
            memory: (0..32).map(memory).collect(),
            states: vec![("processing".to_owned(), 8000), ("in memory".to_owned(), 1_000_000)],
            moved: vec![("between workers", u64::MAX)],
            ..Frame::default()
        };
        let row = |n: u64| Row { name: "x".repeat(5000), done: n, total: Some(1 << 60), outcome: Outcome::Running };
        let facts = Facts {
            about: &about(),
            frame: &frame,
            history: &history,
            works: (0..8).map(row).collect(),
            earlier: (70, 2),
            over: None,
        };
        let (html, text) = (facts.html(), facts.text());
        assert!(html.len() < 150_000, "{}", html.len());
        assert!(text.lines().count() < 25 && text.len() < 3000, "{text}");
        for told in [
            "a lane is 32 workers",
            "70 operations ended",
            "2 more operations run",
            "lanes of what is gone",
            "1,000,000 in memory",
        ] {
            assert!(html.contains(told) && text.contains(told), "{told}");
        }
        assert!(html.contains("href=\"/proxy/1/status\"") && !html.contains("<&>"));
    }

    #[test]
    fn shares_are_told_in_words() {
        let mut history = History::default();
        history.add(1.0, &[Share { name: "a".to_owned(), computing: 0.5, transferring: 0.25, spilling: 0.0 }]);
        let frame = Frame { place: "1 thread".to_owned(), ..Frame::default() };
        let facts = Facts {
            about: &about(),
            frame: &frame,
            history: &history,
            works: Vec::new(),
            earlier: (0, 0),
            over: Some("closed"),
        };
        let text = facts.text();
        assert!(text.starts_with("Dask cluster 1 thread, 00:01 of running cells, closed\nthreads: 50 % computing, 25 % transferring, 0 % disk"), "{text}");
        assert!(facts.html().contains("computing 50 %"));
    }
}
