//! Checks of what surrounds the kernel: the batch job that it runs in, and the network that new dependencies come from.
//! It asks no batch system.

use std::env;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use super::Check;
use ferrolab_system::job::Job;

/// Where cargo looks for crates.
const INDEX: &str = "index.crates.io:443";
/// A network that answers later is of little use for builds.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn checks() -> Vec<Check> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    job(&variable, SystemTime::now()).into_iter().chain([network(&variable)]).collect()
}

/// The Slurm job around this process, if there is one.
fn job(variable: &dyn Fn(&str) -> Option<String>, now: SystemTime) -> Option<Check> {
    const NAME: &str = "job";
    let Job { id, cpus, memory, end } = Job::of(variable)?;
    let mut detail = format!("Slurm {id}");
    if let Some(cpus) = cpus {
        detail += &format!(", {cpus} CPUs");
    }
    let memory = memory.map(|bytes| bytes >> 20);
    if let Some(memory) = memory {
        detail += &format!(", {memory} MB");
    }
    let left = end.map(|end| end.duration_since(now).unwrap_or_default().as_secs());
    if let Some(left) = left {
        detail += &format!(", ends in {} min", left / 60);
    }
    if left.is_some_and(|left| left < 600) {
        return Some(Check::warn(NAME, detail, "sessions end with the job; ask for more time (Slurm: --time)"));
    }
    if memory.is_some_and(|memory| memory < 1024) {
        return Some(Check::warn(NAME, detail, "rustc alone needs some hundred MB; ask for more (Slurm: --mem)"));
    }
    Some(Check::ok(NAME, detail))
}

fn network(variable: &dyn Fn(&str) -> Option<String>) -> Check {
    const NAME: &str = "network";
    const WITHOUT: &str = "cells run without; a `:dep` of a crate that is not on this machine needs it:\n\
        run that cell once where there is one (a login node) with the same cache and CARGO_HOME";
    if variable("CARGO_NET_OFFLINE").is_some_and(|value| value == "true") {
        return Check::ok(NAME, "not used (CARGO_NET_OFFLINE)");
    }
    let proxies = ["CARGO_HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "http_proxy"];
    if let Some(proxy) = proxies.into_iter().find_map(variable) {
        return Check::ok(NAME, format!("through {}", without_password(&proxy)));
    }
    let (send, receive) = mpsc::channel();
    // The resolver knows no time limit.
    let asked = thread::Builder::new().spawn(move || {
        let reached = INDEX.to_socket_addrs().map_err(|e| e.to_string()).and_then(|addresses| {
            let mut last = "it has no address".to_owned();
            for address in addresses {
                match TcpStream::connect_timeout(&address, PATIENCE) {
                    Ok(_) => return Ok(()),
                    Err(error) => last = error.to_string(),
                }
            }
            Err(last)
        });
        // Whoever asked may have stopped waiting.
        drop(send.send(reached));
    });
    let answer = asked.map_err(|e| e.to_string()).and_then(|_| {
        receive.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
    });
    match answer {
        Ok(()) => Check::ok(NAME, "crates.io can be reached"),
        Err(why) => Check::warn(NAME, format!("crates.io cannot be reached: {why}"), WITHOUT),
    }
}

/// A proxy's address without what must not be shown.
fn without_password(proxy: &str) -> String {
    match (proxy.split_once("://"), proxy.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (None, Some((_, host))) => format!("…@{host}"),
        _ => proxy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_job_is_told_with_what_it_was_granted() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let of = |pairs: &[(&str, &str)]| {
            let get = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            job(&get, now)
        };
        assert_eq!(of(&[]), None);
        let long = of(&[("SLURM_JOB_ID", "7"), ("SLURM_MEM_PER_NODE", "4096"), ("SLURM_JOB_END_TIME", "1007200")]);
        let long = long.expect("a job");
        assert_eq!((long.status, long.detail.as_str()), (Status::Ok, "Slurm 7, 4096 MB, ends in 120 min"));
        let short = of(&[("SLURM_JOB_ID", "7"), ("SLURM_JOB_END_TIME", "1000060")]).expect("a job");
        assert_eq!(short.status, Status::Warn);
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("http://me:secret@proxy:3128"), "http://…@proxy:3128");
        assert_eq!(without_password("proxy:3128"), "proxy:3128");
    }
}
