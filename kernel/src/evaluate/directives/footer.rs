//! The line below a cell that says what it took, for `%%time` and `:timing on`.

use ferrolab_base::text;
use std::time::Duration;

use crate::evaluate::CellFigures;
use crate::runner::host::Usage;

/// A cell shorter than this gets no advice.
const SHORT: Duration = Duration::from_secs(1);
/// Words in a cell's text that say it means to be parallel.
const PARALLEL: [&str; 7] = ["par::", "par_iter", "par_chunks", "par_bridge", "rayon", "threads()", "par_"];

/// The footer of a cell whose text is `code`.
pub(super) fn footer(report: &CellFigures, code: &str) -> String {
    let compiled = match report.cached {
        true => format!("compile {} (cached)", time(report.compiled)),
        false => format!("compile {}", time(report.compiled)),
    };
    let Some(usage) = report.usage else { return format!("{compiled}\n") };
    let mut text = format!(
        "{compiled}, run {}, CPU {}, cores {:.1} of {}, peak memory {}{}",
        time(usage.wall),
        time(usage.cpu),
        cores(&usage),
        usage.threads,
        text::bytes(usage.peak),
        if usage.whole_session { " (of the session)" } else { "" }
    );
    if let Some((count, bytes)) = usage.allocations {
        text += &format!(", allocations {} ({})", text::grouped(count), text::bytes(bytes));
    }
    text.push('\n');
    if let Some(hint) = hint(&usage, code) {
        text += &format!("hint: {hint}\n");
    }
    text
}

/// CPU time over wall time.
fn cores(usage: &Usage) -> f64 {
    usage.cpu.as_secs_f64() / usage.wall.as_secs_f64().max(1e-9)
}

/// What to say of a long cell with parallel work that left most cores idle.
fn hint(usage: &Usage, code: &str) -> Option<String> {
    let used = cores(usage);
    let wall = usage.wall.as_secs_f64();
    // Other threads at work mean the same as words in the text, which may be in a function called.
    let parallel = usage.others.as_secs_f64() > 0.02 * wall || PARALLEL.iter().any(|word| code.contains(word));
    if usage.wall < SHORT || usage.threads < 2 || used > 0.5 * f64::from(usage.threads) || !parallel {
        return None;
    }
    let why = if usage.others.as_secs_f64() < 0.02 * wall {
        "hardly any work reached the other threads, so the long part may be outside of the parallel loop"
    } else {
        "part of it may be serial, its tasks few or uneven, or it waits (for memory, files, locks)"
    };
    Some(format!("used {used:.1} of {} cores; {why} (`%%scaling` shows more)", usage.threads))
}

fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s => format!("{:.1} ms", s * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(wall: u64, cpu: u64, others: u64, threads: u32) -> Usage {
        let [wall, cpu, others] = [wall, cpu, others].map(Duration::from_millis);
        Usage {
            wall,
            cpu,
            others,
            threads,
            peak: 12_300_000,
            whole_session: false,
            allocations: Some((1_234_567, 890)),
        }
    }

    fn said(usage: Usage, code: &str) -> String {
        let report = CellFigures { compiled: Duration::from_millis(50), cached: false, usage: Some(usage) };
        footer(&report, code)
    }

    #[test]
    fn everything_is_named() {
        let text = said(usage(500, 750, 250, 2), "");
        assert_eq!(
            text,
            "compile 50.0 ms, run 500.0 ms, CPU 750.0 ms, cores 1.5 of 2, peak memory 12.3 MB, allocations 1,234,567 (890 bytes)\n"
        );
        let mut whole = usage(500, 750, 250, 2);
        (whole.whole_session, whole.allocations) = (true, None);
        assert!(said(whole, "").ends_with("peak memory 12.3 MB (of the session)\n"));
    }

    #[test]
    fn idle_cores_are_named_when_the_cell_meant_to_use_them() {
        let hinted = |usage, code| said(usage, code).contains("hint: ");
        assert!(hinted(usage(2000, 2200, 200, 8), "f()"), "threads were at work");
        assert!(hinted(usage(2000, 2000, 0, 8), "par::map(0..3, f)"), "the text says so");
        assert!(said(usage(2000, 2000, 0, 8), "par::map(0..3, f)").contains("used 1.0 of 8 cores; hardly any"));
        assert!(!hinted(usage(2000, 2000, 0, 8), "f()"), "serial work is no mistake");
        assert!(!hinted(usage(900, 900, 100, 8), "par::map(0..3, f)"), "too short to matter");
        assert!(!hinted(usage(2000, 12_000, 10_000, 8), "par::map(0..3, f)"), "most cores were used");
        assert!(!hinted(usage(2000, 2000, 0, 1), "par::map(0..3, f)"), "one core is all there is");
    }
}
