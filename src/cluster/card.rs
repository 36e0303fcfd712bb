//! What a cluster looks like: workers, threads, memory, jobs in the queue, a link to the dashboard.

use super::{Cluster, jupyter};
use crate::display::{Display, MimeBundle};
use serde_json::Value;
use std::fmt;
use std::fmt::Write as _;

/// What a cluster was at one moment.
#[derive(Clone, PartialEq)]
pub struct Status {
    answer: Value,
}

impl Status {
    pub(crate) fn new(answer: Value) -> Self {
        Self { answer }
    }

    /// Threads of all workers.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.answer["threads"].as_u64().unwrap_or(0) as usize
    }

    /// Workers that are there.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.list("workers").count()
    }

    /// The scheduler's address.
    #[must_use]
    pub fn address(&self) -> &str {
        self.text("address")
    }

    /// The dashboard's address as the scheduler knows it; empty when it has none.
    #[must_use]
    pub fn dashboard(&self) -> &str {
        self.text("dashboard")
    }

    /// Memory that all workers may use together, bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.list("workers").filter_map(|w| w["memory"].as_u64()).sum()
    }

    fn used(&self) -> u64 {
        self.list("workers").filter_map(|w| w["used"].as_u64()).sum()
    }

    fn text(&self, name: &str) -> &str {
        self.answer[name].as_str().unwrap_or("")
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.answer[name].as_array().into_iter().flatten()
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
        if !self.text("link").is_empty() {
            return Some(self.text("link").to_owned());
        }
        let place = self.dashboard().split_once("://")?.1.split('/').next()?;
        let port: u16 = place.rsplit_once(':')?.1.parse().ok()?;
        let there = if self.answer["nearby"] == true { port.to_string() } else { place.to_owned() };
        Some(format!("{}/proxy/{there}/status", base.trim_end_matches('/')))
    }

    fn lines(&self) -> Vec<(String, String)> {
        let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
        let mut lines = vec![
            ("workers".to_owned(), format!("{} with {} threads", self.workers(), self.threads())),
            ("memory".to_owned(), format!("{} of {}", gib(self.used()), gib(self.memory()))),
            ("scheduler".to_owned(), self.address().to_owned()),
            ("client".to_owned(), self.text("python").to_owned()),
        ];
        for job in self.list("queue") {
            let text = |key: &str| job[key].as_str().unwrap_or("");
            let mut line = text("state").to_lowercase();
            for (word, key) in [(" on ", "node"), (": ", "reason"), (", starts about ", "start")] {
                if !text(key).is_empty() {
                    line.push_str(word);
                    line.push_str(text(key));
                }
            }
            lines.push((format!("job {}", text("job")), line));
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
            escape(self.text("cluster_kind"))
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dask cluster ({})", self.text("cluster_kind"))?;
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
    use serde_json::json;

    #[test]
    fn a_card_has_what_matters() {
        let status = Status::new(json!({
            "cluster_kind": "slurm", "address": "tcp://10.0.0.1:8786", "dashboard": "http://10.0.0.1:8787/status", "threads": 4,
            "workers": [{"name": "<b>", "threads": 4, "memory": 4u64 << 30, "used": 1u64 << 30}],
            "queue": [{"job": "17", "state": "PENDING", "reason": "Resources: busy", "start": "12:00:00", "node": ""}],
        }));
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
        let link = |answer: Value, base: &str| Status::new(answer).link_below(base);
        let near = json!({"dashboard": "http://127.0.0.1:41234/status", "nearby": true});
        assert_eq!(link(near.clone(), "/").unwrap(), "/proxy/41234/status");
        assert_eq!(link(near, "/user/me/").unwrap(), "/user/me/proxy/41234/status");
        let told = json!({"dashboard": "http://10.0.0.1:8787/status", "link": "https://hpc.example/dask/8787"});
        assert_eq!(link(told, "/").unwrap(), "https://hpc.example/dask/8787");
        assert_eq!(link(json!({"dashboard": ""}), "/"), None);
    }
}
