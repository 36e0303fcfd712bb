//! Making, scaling and closing clusters.

use super::Cluster;
use super::bridge::{self, Link, unexpected};
use super::card::Status;
use super::protocol::{Answer, Ask, Request, Tls};
use super::run::{Appearance, waiting};
use super::security::Security;
use super::target;
use crate::executor::Error;
use crate::progress::{Bar, Unit};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A cluster's name in the bridge.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) id: String,
}

/// What the bridge is told when the cell has succeeded: a cell that fails changes nothing, so its
/// drops must not close what the snapshot still holds.
static DROPPED: Mutex<Vec<Request>> = Mutex::new(Vec::new());

pub(crate) fn when_the_cell_succeeds(request: Request) {
    DROPPED.lock().unwrap_or_else(PoisonError::into_inner).push(request);
}

/// What the bridge is told when the cell has failed: its variables are gone, and what they held on workers has to go.
static MADE: Mutex<Vec<Request>> = Mutex::new(Vec::new());

pub(crate) fn when_the_cell_fails(request: Request) {
    MADE.lock().unwrap_or_else(PoisonError::into_inner).push(request);
}

/// After a cell: tells the bridge what was dropped, if the cell succeeded, else what is in no variable.
pub(crate) fn settle(succeeded: bool) {
    let dropped = std::mem::take(&mut *DROPPED.lock().unwrap_or_else(PoisonError::into_inner));
    let made = std::mem::take(&mut *MADE.lock().unwrap_or_else(PoisonError::into_inner));
    for request in if succeeded { dropped } else { made } {
        // Nobody waits for these; a bridge that is gone has closed everything.
        if let Some(mut link) = Link::to_running() {
            let _ = link.send(&request, &[]);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        when_the_cell_succeeds(Request::Close { cluster: self.id.clone() });
    }
}

pub(super) fn open(ask: Ask) -> Result<Cluster, Error> {
    let request = Request::Open { ask, process: std::process::id(), needs: target::needs() };
    let mut note = |note: &Answer| {
        if let Answer::Note { text } = note {
            println!("{text}");
        }
    };
    let id = match Link::open()?.request(&request, &[], &mut note)?.0 {
        Answer::Cluster(state) => state.id,
        other => return Err(unexpected(&other)),
    };
    // A cluster that a failing cell made is in no variable: it ends with this process then.
    when_the_cell_succeeds(Request::Keep { cluster: id.clone() });
    Ok(Cluster { inner: Arc::new(Inner { id }), appearance: Appearance::default() })
}

fn start_here(workers: usize, security: Option<Tls>) -> Result<Cluster, Error> {
    if workers == 0 {
        return Err(Error::refused("a cluster needs at least one worker"));
    }
    let cluster = open(Ask::Local { workers, security })?;
    cluster.wait_for_workers(workers)?;
    Ok(cluster)
}

impl Cluster {
    /// Starts workers here: `workers` processes of one thread each, on the loopback interface only.
    ///
    /// # Errors
    /// When there is no Python with Dask and none can be made, or the processes do not start.
    ///
    /// ```no_run
    /// let cluster = ferrolab::cluster::Cluster::local(4)?;
    /// assert_eq!(cluster.count()?, 4);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn local(workers: usize) -> Result<Self, Error> {
        start_here(workers, None)
    }

    /// [`Cluster::local`] with TLS: then other users of this machine cannot connect either.
    ///
    /// # Errors
    /// As for [`Cluster::local`], and when the certificates cannot be used.
    ///
    /// ```no_run
    /// use ferrolab::cluster::{Cluster, Security};
    /// let cluster = Cluster::local_with(4, &Security::temporary())?;
    /// assert!(cluster.status()?.address().starts_with("tls://"));
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn local_with(workers: usize, security: &Security) -> Result<Self, Error> {
        start_here(workers, Some(security.checked()?))
    }

    /// Connects to a scheduler that runs already: `tcp://host:port`.
    ///
    /// # Errors
    /// When none answers.
    pub fn connect(address: &str) -> Result<Self, Error> {
        open(Ask::Address { address: address.to_owned(), security: None })
    }

    /// Connects to a scheduler over TLS.
    ///
    /// # Errors
    /// When none answers, or the certificates are not what it wants.
    ///
    /// ```no_run
    /// use ferrolab::cluster::{Cluster, Security};
    /// let mine = Security::new().tls_ca_file("ca.pem").tls_client_cert("me.pem").tls_client_key("me.key");
    /// let cluster = Cluster::connect_with("tls://10.0.0.1:8786", &mine)?;
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn connect_with(address: &str, security: &Security) -> Result<Self, Error> {
        open(Ask::Address { address: address.to_owned(), security: Some(security.checked()?) })
    }

    /// [`Cluster::connect_with`] three PEM files: the authority's certificate, ours, and its key.
    ///
    /// # Errors
    /// As for [`Cluster::connect_with`].
    pub fn connect_tls(
        address: &str,
        ca: impl AsRef<Path>,
        cert: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        Self::connect_with(address, &Security::files(ca, cert, key))
    }

    /// Connects through the file that `dask scheduler --scheduler-file` writes; waits for it up to
    /// a minute.
    ///
    /// # Errors
    /// When there is none, it belongs to another user, or nobody answers at the address in it.
    pub fn scheduler_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        open(Ask::File { path: path.as_ref().to_owned(), security: None })
    }

    /// [`Cluster::scheduler_file`] of a scheduler that speaks TLS.
    ///
    /// # Errors
    /// As for [`Cluster::scheduler_file`] and [`Cluster::connect_with`].
    pub fn scheduler_file_with(path: impl AsRef<Path>, security: &Security) -> Result<Self, Error> {
        open(Ask::File { path: path.as_ref().to_owned(), security: Some(security.checked()?) })
    }

    /// Any Dask cluster or client that a Python function returns, by `module:function`; modules are
    /// looked for in the current directory too.
    ///
    /// # Errors
    /// When the module or the function is not there, or what it returns is no cluster.
    pub fn client(function: &str) -> Result<Self, Error> {
        open(Ask::Client { function: function.to_owned(), directory: std::env::current_dir().ok() })
    }

    /// Asks for so many workers (on Slurm: nodes). They come and go in their own time.
    ///
    /// # Errors
    /// When the cluster was not started from the notebook, or is gone.
    pub fn scale(&self, workers: usize) -> Result<(), Error> {
        bridge::ask(&Request::Scale { cluster: self.id(), workers }).map(drop)
    }

    /// Lets Dask choose the number of workers from the work there is, within bounds.
    ///
    /// # Errors
    /// As for [`Cluster::scale`], and when `minimum` is above `maximum`.
    pub fn adapt(&self, minimum: usize, maximum: usize) -> Result<(), Error> {
        if minimum > maximum {
            return Err(Error::refused(format!("adapt: the minimum, {minimum}, is above the maximum, {maximum}")));
        }
        bridge::ask(&Request::Adapt { cluster: self.id(), minimum, maximum }).map(drop)
    }

    /// Waits until there are so many workers, showing what it waits for.
    ///
    /// # Errors
    /// When the cluster is gone.
    pub fn wait_for_workers(&self, workers: usize) -> Result<(), Error> {
        let bar = Bar::new(workers as u64).message("workers").unit(Unit::from("workers"));
        let mut note = |note: &Answer| {
            let Answer::Waiting { workers: there, queue } = note else { return };
            bar.inc(there.saturating_sub(bar.done()));
            bar.set_message(&if *there == 0 { waiting(queue) } else { "workers".to_owned() });
        };
        Link::open()?.request(&Request::Wait { cluster: self.id(), workers }, &[], &mut note)?;
        bar.inc((workers as u64).saturating_sub(bar.done()));
        Ok(())
    }

    /// What the cluster is and has, now: it displays as a card.
    ///
    /// # Errors
    /// When it is gone.
    pub fn status(&self) -> Result<Status, Error> {
        match bridge::ask(&Request::Status { cluster: self.id() })? {
            Answer::Cluster(state) => Ok(Status::new(*state)),
            other => Err(unexpected(&other)),
        }
    }

    /// The last lines of each worker's log: (name, text).
    ///
    /// # Errors
    /// When the cluster is gone.
    pub fn logs(&self) -> Result<Vec<(String, String)>, Error> {
        match bridge::ask(&Request::Logs { cluster: self.id() })? {
            Answer::Logs { logs } => Ok(logs.into_iter().collect()),
            other => Err(unexpected(&other)),
        }
    }

    /// Closes the cluster now, with the workers and jobs that were started for it. Others'
    /// schedulers go on.
    ///
    /// # Errors
    /// When the Dask client's process is gone.
    pub fn close(self) -> Result<(), Error> {
        bridge::ask(&Request::Close { cluster: self.id() }).map(drop)
    }
}
