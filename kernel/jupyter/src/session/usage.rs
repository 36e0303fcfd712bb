//! What jupyter-resource-usage asks: the use of the session and of its machine.
//!
//! The machine's part is read from /proc; where that is not there, it is left out.

use std::fs::read_to_string;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::evaluator::Usage;

/// The machine's CPU times at the last question, for the difference to the next.
#[derive(Debug, Default)]
pub(super) struct Host {
    last: Mutex<Option<(u64, u64)>>,
}

impl Host {
    /// `usage_reply`'s content, with the fields that ipykernel sends.
    pub(super) fn report(&self, usage: &Usage) -> Value {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let mut reply = json!({
            "hostname": hostname(),
            "pid": usage.pid,
            "kernel_cpu": usage.cpu_percent,
            "kernel_memory": usage.memory_bytes,
            "cpu_count": cpus,
        });
        if let Some(percent) = self.cpu_percent() {
            reply["host_cpu_percent"] = json!(percent);
        }
        if let Some(memory) = read_to_string("/proc/meminfo").ok().and_then(|text| memory(&text)) {
            reply["host_virtual_memory"] = memory;
        }
        reply
    }

    /// Since the last question; none at the first.
    fn cpu_percent(&self) -> Option<f64> {
        let now = busy_and_total(&read_to_string("/proc/stat").ok()?)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (busy, total) = last.replace(now)?;
        let total = now.1.checked_sub(total).filter(|&total| total > 0)?;
        let percent = 100.0 * now.0.saturating_sub(busy) as f64 / total as f64;
        Some((percent * 10.0).round() / 10.0)
    }
}

/// This process's own use, for as long as there is nothing that runs cells.
pub(super) fn own() -> Usage {
    let pages = read_to_string("/proc/self/statm").ok();
    let resident = pages.and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    Usage {
        cpu_percent: 0.0,
        // 4 KiB a page wherever nobody says otherwise; an estimate for the first second.
        memory_bytes: resident.unwrap_or(0) * 4096,
        pid: std::process::id(),
    }
}

fn hostname() -> String {
    read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

fn busy_and_total(stat: &str) -> Option<(u64, u64)> {
    let times = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    // Guest time, from the ninth on, is part of user time.
    let times: Vec<u64> = times.take(8).filter_map(|time| time.parse().ok()).collect();
    let idle: u64 = times.iter().skip(3).take(2).sum();
    let total: u64 = times.iter().sum();
    Some((total - idle, total))
}

/// As psutil's `virtual_memory` names and counts it.
fn memory(meminfo: &str) -> Option<Value> {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    };
    let (total, free) = (field("MemTotal")?, field("MemFree")?);
    let available = field("MemAvailable").unwrap_or(free);
    let buffers = field("Buffers").unwrap_or(0);
    let slab_reclaimable = field("SReclaimable").unwrap_or(0);
    let used = total.saturating_sub(available);
    Some(json!({
        "total": total,
        "available": available,
        "percent": (1000.0 * used as f64 / total.max(1) as f64).round() / 10.0,
        "used": used,
        "free": free,
        "active": field("Active").unwrap_or(0),
        "inactive": field("Inactive").unwrap_or(0),
        "buffers": buffers,
        "cached": field("Cached").unwrap_or(0) + slab_reclaimable,
        "shared": field("Shmem").unwrap_or(0),
        "slab": field("Slab").unwrap_or(0),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_files_are_understood() {
        assert_eq!(busy_and_total("cpu  1 2 3 10 5 0 1 0 9 9\ncpu0 1"), Some((7, 22)));
        let memory = memory("MemTotal: 100 kB\nMemFree: 20 kB\nMemAvailable: 60 kB\n").unwrap();
        assert_eq!((&memory["total"], &memory["percent"]), (&json!(102_400), &json!(40.0)));
        assert_eq!(super::memory("nothing"), None);
    }

    #[test]
    fn reports_have_the_fields_of_ipykernel() {
        let report = Host::default().report(&own());
        for field in ["hostname", "pid", "kernel_cpu", "kernel_memory", "cpu_count"] {
            assert!(report.get(field).is_some(), "{field}");
        }
    }
}
