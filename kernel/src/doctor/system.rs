//! Checks of the machine as this process sees it: cache directory, threads, memory, huge pages.

use std::env;
use std::fs;
use std::path::Path;

use super::Check;
use super::threads::{self, Granted};
use ferrolab_engine::environment::loadable;
use ferrolab_system::limits::{self, Limit};

const GIB: f64 = (1_u64 << 30) as f64;

pub(super) fn checks(cache: &Path) -> Vec<Check> {
    vec![cache_dir(cache), threads_check(&threads::granted()), memory(), limits_check(&limits::low()), huge_pages()]
}

fn cache_dir(cache: &Path) -> Check {
    const NAME: &str = "cache";
    const MOVE: &str = "set XDG_CACHE_HOME to a directory on a local disk with free space";
    let at = cache.display();
    let Some(existing) = cache.ancestors().find(|dir| dir.is_dir()) else {
        return Check::fail(NAME, format!("{at} cannot be created"), MOVE);
    };
    if let Some(refusal) = loadable::refusal(existing) {
        return Check::fail(NAME, refusal.message, refusal.help);
    }
    let probe = existing.join(format!(".ferrolab-doctor-{}", std::process::id()));
    let written = fs::write(&probe, vec![0_u8; 4096]);
    // The probe may not exist when writing it failed.
    let _ = fs::remove_file(&probe);
    if let Err(e) = written {
        let advice = limits::explain(&e.to_string()).unwrap_or_else(|| MOVE.to_owned());
        return Check::fail(NAME, format!("{at} is not writable: {e}"), advice);
    }
    let Ok(stat) = rustix::fs::statvfs(existing) else {
        return Check::ok(NAME, format!("{at}, writable"));
    };
    let free = stat.f_bavail as f64 * stat.f_frsize as f64 / GIB;
    let kind = rustix::fs::statfs(existing).ok().and_then(|stat| file_system(stat.f_type as u64));
    let on = kind.map_or(String::new(), |kind| format!(", on {kind}"));
    let detail = format!("{at}, {free:.1} GiB free{on}");
    if free < 0.25 {
        return Check::fail(NAME, detail, MOVE);
    }
    match kind {
        _ if free < 2.0 => Check::warn(NAME, detail, "dependencies need some GiB; make room"),
        Some("NFS" | "SMB" | "AFS" | "BeeGFS") => {
            Check::warn(NAME, detail, "it works, but cells start faster from a local disk: set XDG_CACHE_HOME")
        }
        Some("tmpfs (memory)") => Check::warn(NAME, detail, "what is cached there takes memory and is lost at reboot"),
        _ => Check::ok(NAME, detail),
    }
}

/// File systems worth naming, by the magic number of `statfs(2)`.
fn file_system(magic: u64) -> Option<&'static str> {
    // The field is signed on some systems, so that large numbers arrive with the sign extended.
    Some(match magic as u32 {
        0x6969 => "NFS",
        0x0bd0_0bd0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x1983_0326 => "BeeGFS",
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => "SMB",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x00c3_6400 => "CephFS",
        0x0102_1994 => "tmpfs (memory)",
        _ => return None,
    })
}

fn threads_check(granted: &Granted) -> Check {
    const NAME: &str = "threads";
    let said: Vec<String> = granted.limits.iter().map(|limit| format!("{} {}", limit.source, limit.threads)).collect();
    let mut detail = format!("{} of {} online", granted.threads, granted.online);
    if !said.is_empty() {
        detail += &format!(" ({})", said.join(", "));
    }
    if granted.chosen.is_none() {
        detail += &format!("; limited by {}", granted.decided_by());
    }
    match &granted.chosen {
        Some(chosen) if chosen.threads > granted.allowed() => Check::warn(
            NAME,
            format!("{detail}; chosen by {} {}", chosen.source, chosen.threads),
            format!("more threads than the {} granted slow each other down", granted.allowed()),
        ),
        Some(chosen) => Check::ok(NAME, format!("{detail}; chosen by {} {}", chosen.source, chosen.threads)),
        None if granted.threads == 1 && granted.online > 1 => Check::warn(
            NAME,
            detail,
            "parallel helpers have one core to use; ask the batch system for more\n\
             (Slurm: --cpus-per-task)",
        ),
        None => Check::ok(NAME, detail),
    }
}

fn memory() -> Check {
    const NAME: &str = "memory";
    let table = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name))?;
        let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024.0 / GIB)
    };
    let (Some(total), Some(available)) = (field("MemTotal:"), field("MemAvailable:")) else {
        return Check::ok(NAME, "this system does not say");
    };
    let limit = memory_limit().filter(|limit| *limit < total);
    let usable = limit.map_or(available, |limit| available.min(limit));
    let mut detail = format!("{available:.1} of {total:.1} GiB available");
    if let Some(limit) = limit {
        detail += &format!(", limited to {limit:.1} GiB by the cgroup");
    }
    if usable < 1.0 {
        let advice = "rustc alone needs some hundred MiB; ask for more (Slurm: --mem)";
        return Check::warn(NAME, detail, advice);
    }
    Check::ok(NAME, detail)
}

/// What `ulimit` shows, when it is so low that cells or builds will run into it.
fn limits_check(low: &[(Limit, String)]) -> Check {
    const NAME: &str = "limits";
    if low.is_empty() {
        return Check::ok(NAME, "address space, processes, CPU time and file size are enough (ulimit)");
    }
    let said: Vec<&str> = low.iter().map(|(_, said)| said.as_str()).collect();
    let raise: Vec<String> = low.iter().map(|(limit, _)| format!("ulimit {} unlimited", limit.option())).collect();
    let advice = format!(
        "cells, rustc or builds may end for want of it; where Jupyter is started: {}\n\
         (what the shell refuses, an administrator or the batch job's options can raise)",
        raise.join("; ")
    );
    Check::warn(NAME, format!("low: {}", said.join(", ")), advice)
}

/// The memory limit of this process's cgroup or one above it, GiB.
fn memory_limit() -> Option<f64> {
    let table = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut smallest: Option<f64> = None;
    for line in table.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (mount, file) = match fields.next() {
            Some("") => ("/sys/fs/cgroup", "memory.max"),
            Some("memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let path = fields.next().unwrap_or("/").trim_start_matches('/');
        let dir = Path::new(mount).join(path);
        for dir in dir.ancestors().take_while(|dir| dir.starts_with(mount)) {
            let text = fs::read_to_string(dir.join(file)).unwrap_or_default();
            if let Ok(bytes) = text.trim().parse::<f64>() {
                let gib = bytes / GIB;
                smallest = Some(smallest.map_or(gib, |s| s.min(gib)));
            }
        }
    }
    smallest
}

fn huge_pages() -> Check {
    const NAME: &str = "huge pages";
    let text = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    let mode = text.as_deref().ok().and_then(|text| {
        let (_, rest) = text.split_once('[')?;
        rest.split_once(']').map(|(mode, _)| mode)
    });
    let tuned = env::var("GLIBC_TUNABLES").is_ok_and(|v| v.contains("hugetlb"));
    match mode {
        Some("never") => Check::warn(
            NAME,
            "switched off",
            "large arrays are slower to touch first; an administrator can write `madvise` to\n\
             /sys/kernel/mm/transparent_hugepage/enabled",
        ),
        Some(mode) if tuned => Check::ok(NAME, format!("{mode}, GLIBC_TUNABLES is set")),
        Some(mode) => Check::ok(NAME, mode),
        None => Check::ok(NAME, "this system does not offer them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use crate::doctor::threads::Limit;

    #[test]
    fn too_many_threads_are_named() {
        let limits = vec![Limit { source: "affinity".to_owned(), threads: 4 }];
        let granted = Granted {
            threads: 16,
            online: 64,
            limits,
            chosen: Some(Limit { source: "OMP_NUM_THREADS".to_owned(), threads: 16 }),
        };
        let check = threads_check(&granted);
        assert_eq!(check.status, Status::Warn);
        assert!(check.detail.contains("affinity 4") && check.detail.contains("OMP_NUM_THREADS 16"), "{}", check.detail);
    }

    #[test]
    fn low_limits_are_named_with_how_to_raise_them() {
        assert_eq!(limits_check(&[]).status, Status::Ok);
        let check = limits_check(&[(limits::Limit::FileSize, "the size of a file 100 KB (ulimit -f)".to_owned())]);
        assert_eq!(check.status, Status::Warn);
        assert!(check.detail.contains("100 KB") && check.advice.is_some_and(|a| a.contains("ulimit -f unlimited")));
    }

    #[test]
    fn a_cache_that_cannot_be_made_fails() {
        assert_eq!(cache_dir(Path::new("/proc/no/such/dir")).status, Status::Fail);
        let check = cache_dir(&env::temp_dir().join("ferrolab-not-there-yet"));
        assert!(check.detail.contains("GiB free"), "{}", check.detail);
    }

    #[test]
    fn signed_magic_numbers_are_recognised() {
        assert_eq!(file_system(0xffff_ffff_ff53_4d42), Some("SMB"));
        assert_eq!(file_system(0xef53), None);
    }
}
