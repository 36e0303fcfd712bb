//! TLS between a notebook, a scheduler and workers, in the words of Dask's `Security`. It holds
//! paths and choices, never keys; Dask reads the files.

use super::protocol::Tls;
use crate::executor::Error;
use serde_json::Value;
use std::fmt;
use std::path::Path;

/// How a cluster's connections are protected: certificates that scheduler, workers and notebook
/// show each other. Who has no certificate of the same authority cannot connect.
///
/// Whoever reaches a Dask scheduler can run code on its workers, as their user. On the loopback
/// interface that is every user of the machine, on a network everybody in it. With TLS, only
/// those who hold a key do. The names are those of Dask's `Security`; what is not given is taken
/// from Dask's configuration (`distributed.comm.tls`, or variables such as
/// `DASK_DISTRIBUTED__COMM__TLS__CA_FILE`).
///
/// ```no_run
/// use ferrolab::cluster::{Cluster, Security, slurm};
/// // credentials that are made now, and live as long as the cluster
/// let cluster = Cluster::local_with(4, &Security::temporary())?;
/// let cluster = Cluster::slurm(slurm().nodes(4).security(&Security::temporary()))?;
/// // a scheduler that runs already
/// let mine = Security::new().tls_ca_file("ca.pem").tls_client_cert("me.pem").tls_client_key("me.key");
/// let cluster = Cluster::connect_with("tls://10.0.0.1:8786", &mine)?;
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
#[must_use = "it protects nothing until a cluster is opened with it"]
pub struct Security {
    options: Tls,
}

impl Security {
    /// TLS with the files named next, and else those of Dask's configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// New credentials for one cluster, for [`Cluster::local_with`](super::Cluster::local_with)
    /// and [`Slurm::security`](super::Slurm::security): they are made by the Dask client, which needs the Python package
    /// `cryptography`, and are valid for a year, or until nobody holds them.
    pub fn temporary() -> Self {
        Self::default().set("temporary", true.into())
    }

    /// One certificate and one key for all roles, signed by one authority.
    ///
    /// ```
    /// use ferrolab::cluster::Security;
    /// let one = Security::files("ca.pem", "cert.pem", "key.pem");
    /// assert_eq!(one.clone().tls_client_key("key.pem"), one);
    /// ```
    pub fn files(ca: impl AsRef<Path>, cert: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        let (cert, key) = (cert.as_ref(), key.as_ref());
        let client = Self::new().tls_ca_file(ca).tls_client_cert(cert).tls_client_key(key);
        client.tls_scheduler_cert(cert).tls_scheduler_key(key).tls_worker_cert(cert).tls_worker_key(key)
    }

    fn set(mut self, name: &str, value: Value) -> Self {
        self.options.insert(name.to_owned(), value);
        self
    }

    fn file(self, name: &str, path: &Path) -> Self {
        // The client's process has another working directory.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.set(name, path.to_string_lossy().into_owned().into())
    }

    /// The authority's certificate, PEM.
    pub fn tls_ca_file(self, path: impl AsRef<Path>) -> Self {
        self.file("tls_ca_file", path.as_ref())
    }

    /// The notebook's certificate, PEM.
    pub fn tls_client_cert(self, path: impl AsRef<Path>) -> Self {
        self.file("tls_client_cert", path.as_ref())
    }

    /// The notebook's key, PEM; not needed when it stands in the certificate's file.
    pub fn tls_client_key(self, path: impl AsRef<Path>) -> Self {
        self.file("tls_client_key", path.as_ref())
    }

    /// The certificate of a scheduler that is started from here, PEM.
    pub fn tls_scheduler_cert(self, path: impl AsRef<Path>) -> Self {
        self.file("tls_scheduler_cert", path.as_ref())
    }

    /// The key of a scheduler that is started from here, PEM.
    pub fn tls_scheduler_key(self, path: impl AsRef<Path>) -> Self {
        self.file("tls_scheduler_key", path.as_ref())
    }

    /// The certificate of workers that are started from here, PEM; on Slurm the nodes have to see it.
    pub fn tls_worker_cert(self, path: impl AsRef<Path>) -> Self {
        self.file("tls_worker_cert", path.as_ref())
    }

    /// The key of workers that are started from here, PEM; on Slurm the nodes have to see it.
    pub fn tls_worker_key(self, path: impl AsRef<Path>) -> Self {
        self.file("tls_worker_key", path.as_ref())
    }

    /// What was chosen, unchecked: files may be others' to read.
    pub(super) fn options(&self) -> &Tls {
        &self.options
    }

    /// What the Dask client is told.
    pub(crate) fn checked(&self) -> Result<Tls, Error> {
        for (name, path) in &self.options {
            if let Some(path) = path.as_str()
                && let Err(why) = std::fs::File::open(path)
            {
                return Err(Error::refused(format!("{name}: cannot read {path}: {why}")));
            }
        }
        Ok(self.options.clone())
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Security({})", Value::Object(self.options.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let wrong = Security::new().tls_ca_file("/none/ca.pem").checked().unwrap_err();
        assert!(wrong.message.contains("tls_ca_file") && wrong.message.contains("/none/ca.pem"), "{wrong}");
        assert_eq!(Security::temporary().checked().unwrap()["temporary"], true);
    }
}
