//! What a cluster looks like: workers, threads, memory, jobs in the queue, a link to the dashboard.

use super::protocol::{ClusterState, QueuedJob};
use super::{Cluster, jupyter};
use crate::display::{Display, MimeBundle};
use std::fmt;
use std::fmt::Write as _;

/// What a cluster was at one moment.
#[derive(Clone, PartialEq)]
pub struct Status {
    state: ClusterState,
}

impl Status {
    pub(crate) fn new(state: ClusterState) -> Self {
        Self { state }
    }

    /// Threads of all workers.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.state.workers.iter().map(|worker| worker.threads).sum()
    }

    /// Workers that are there.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.state.workers.len()
    }

    /// The scheduler's address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.state.address
    }

    /// The dashboard's address as the scheduler knows it; empty when it has none.
    #[must_use]
    pub fn dashboard(&self) -> &str {
        &self.state.dashboard
    }

    /// Memory that all workers may use together, bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.state.workers.iter().map(|worker| worker.memory).sum()
    }

    /// Threads and memory of each worker that has a limit.
    pub(crate) fn limits(&self) -> Vec<(usize, u64)> {
        let limited = self.state.workers.iter().filter(|worker| worker.memory > 0);
        limited.map(|worker| (worker.threads, worker.memory)).collect()
    }

    fn used(&self) -> u64 {
        self.state.workers.iter().map(|worker| worker.used).sum()
    }

    /// The address of the dashboard for the browser that shows this notebook: what the card links to,
    /// and what dask-labextension takes. `None` when there is no dashboard.
    ///
    /// It is what Dask's configuration says (`distributed.dashboard.link`), and else the way through
    /// Jupyter's own server, where `jupyter-server-proxy` passes `/proxy/PORT` on to this machine and
    /// `/proxy/HOST:PORT` to the hosts it is told to allow.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        self.link_below(&jupyter::base())
    }

    fn link_below(&self, base: &str) -> Option<String> {
        if !self.state.link.is_empty() {
            return Some(self.state.link.clone());
        }
        let place = self.dashboard().split_once("://")?.1.split('/').next()?;
        let port: u16 = place.rsplit_once(':')?.1.parse().ok()?;
        let there = if self.state.nearby { port.to_string() } else { place.to_owned() };
        Some(format!("{}/proxy/{there}/status", base.trim_end_matches('/')))
    }

    fn lines(&self) -> Vec<(String, String)> {
        let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
        let mut lines = vec![
            ("workers".to_owned(), format!("{} with {} threads", self.workers(), self.threads())),
            ("memory".to_owned(), format!("{} of {}", gib(self.used()), gib(self.memory()))),
            ("scheduler".to_owned(), self.address().to_owned()),
            ("client".to_owned(), self.state.python.clone().to_owned()),
        ];
        for QueuedJob { job, state, reason, start, node } in &self.state.queue {
            let mut line = state.to_lowercase();
            for (word, text) in [(" on ", node), (": ", reason), (", starts about ", start)] {
                if !text.is_empty() {
                    line.push_str(word);
                    line.push_str(text);
                }
            }
            lines.push((format!("job {job}"), line));
        }
        lines
    }

    fn html(&self) -> String {
        let mut rows = String::new();
        for (name, value) in self.lines() {
            let _ = write!(
                rows,
                "<tr><td style=\"text-align:left;opacity:.7;padding:1px 12px 1px 0\">{}</td><td style=\"text-align:left\">{}</td></tr>",
                escape(&name),
                escape(&value)
            );
        }
        let link = self.link().map_or_else(String::new, |link| {
            format!(
                " <a href=\"{0}\" target=\"_blank\" rel=\"noopener\">dashboard</a> <span style=\"opacity:.7\">({0})</span>",
                escape(&link)
            )
        });
        format!(
            "<div style=\"border:1px solid var(--jp-border-color1,#8888);border-radius:6px;padding:8px 14px;display:inline-block\">\
             <div><b>Dask cluster</b> ({}){link}</div><table style=\"margin:4px 0 0;border:0\">{rows}</table></div>",
            escape(&self.state.origin)
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dask cluster ({})", &self.state.origin)?;
        if let Some(link) = self.link() {
            write!(f, ", dashboard {link}")?;
        }
        self.lines().iter().try_for_each(|(name, value)| write!(f, "\n  {name}: {value}"))
    }
}

impl Display for Status {
    fn mime_bundle(&self) -> MimeBundle {
        vec![
            ("text/html".to_owned(), self.html().into_bytes()),
            ("text/plain".to_owned(), format!("{self:?}").into_bytes()),
        ]
    }
}

impl Display for Cluster {
    fn mime_bundle(&self) -> MimeBundle {
        match self.status() {
            Ok(status) => status.mime_bundle(),
            Err(error) => vec![("text/plain".to_owned(), format!("Dask cluster: {error}").into_bytes())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::protocol::WorkerState;

    #[test]
    fn a_card_has_what_matters() {
        let text = str::to_owned;
        let status = Status::new(ClusterState {
            origin: text("slurm"),
            address: text("tcp://10.0.0.1:8786"),
            dashboard: text("http://10.0.0.1:8787/status"),
            workers: vec![WorkerState {
                name: text("<b>"),
                threads: 4,
                memory: 4 << 30,
                used: 1 << 30,
                ..WorkerState::default()
            }],
            queue: vec![QueuedJob {
                job: text("17"),
                state: text("PENDING"),
                reason: text("Resources: busy"),
                start: text("12:00:00"),
                node: String::new(),
            }],
            ..ClusterState::default()
        });
        assert_eq!((status.workers(), status.threads(), status.memory()), (1, 4, 4 << 30));
        let (html, text) = (status.html(), format!("{status:?}"));
        assert!(html.contains("proxy/10.0.0.1:8787/status") && html.contains("job 17"), "{html}");
        assert!(
            text.contains("1.0 GiB of 4.0 GiB") && text.contains("pending: Resources: busy, starts about 12:00:00"),
            "{text}"
        );
    }

    #[test]
    fn a_dashboard_is_reached_through_jupyter_unless_dask_is_told_otherwise() {
        let link = |dashboard: &str, nearby: bool, link: &str, base: &str| {
            let (dashboard, link) = (dashboard.to_owned(), link.to_owned());
            Status::new(ClusterState { dashboard, nearby, link, ..ClusterState::default() }).link_below(base)
        };
        let near = "http://127.0.0.1:41234/status";
        assert_eq!(link(near, true, "", "/").unwrap(), "/proxy/41234/status");
        assert_eq!(link(near, true, "", "/user/me/").unwrap(), "/user/me/proxy/41234/status");
        let told = "https://hpc.example/dask/8787";
        assert_eq!(link("http://10.0.0.1:8787/status", false, told, "/").unwrap(), told);
        assert_eq!(link("", false, "", "/"), None);
    }
}
