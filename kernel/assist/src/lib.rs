//! Assistants on a live session: a server of the Model Context Protocol on standard input and output, which is a client of a
//! kernel, as a notebook is. It runs no Rust itself, and what it knows of a session it has asked the kernel.

mod client;
mod find;
mod notebook;
mod outcome;
mod own;
mod server;
mod store;
mod tools;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt;
use rmcp::transport::io::stdio;
use serde_json::{Map, Value};

/// How long a kernel of our own may take to begin, and how long one that runs may take to answer.
const BEGINS: Duration = Duration::from_secs(60);
const RUNS: Duration = Duration::from_secs(10);

/// The session that the tools are about.
#[derive(Debug, Clone)]
pub enum Attach {
    /// One of its own, which ends with the server.
    Own,
    /// That of a kernel with this connection file.
    Connection(PathBuf),
    /// That of the kernel that runs this notebook.
    Notebook(PathBuf),
}

/// What a server is told at its start.
pub struct Options {
    /// The session.
    pub attach: Attach,
    /// The notebook that the tool `notebook` edits, when it is named no other.
    pub notebook: Option<PathBuf>,
    /// This program, which is also the kernel.
    pub executable: PathBuf,
    /// Reads and writes notebooks.
    pub books: Box<dyn Books>,
}

/// Notebooks as files, of whatever form.
pub trait Books: Send + Sync {
    /// A notebook as nbformat has it.
    ///
    /// # Errors
    /// What is wrong with the file, for the user.
    fn read(&self, path: &Path) -> Result<Map<String, Value>, String>;
    /// Writes one in the form that its name asks for.
    ///
    /// # Errors
    /// Why it cannot be written, for the user.
    fn write(&self, path: &Path, notebook: &Map<String, Value>) -> Result<(), String>;
}

/// Serves until standard input ends.
///
/// # Errors
/// When there is no session to attach to, for the user.
pub fn serve(options: Options) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| format!("no threads for the server: {e}"))?;
    let served = runtime.block_on(run(options));
    // A read of standard input that goes on cannot be ended.
    runtime.shutdown_background();
    served
}

async fn run(options: Options) -> Result<(), String> {
    let (own, connection) = match &options.attach {
        Attach::Own => {
            let own = own::Own::start(&options.executable)?;
            let connection = own.connection.clone();
            (Some(own), connection)
        }
        Attach::Connection(path) => (None, find::read(path)?),
        Attach::Notebook(path) => (None, find::read(&find::of_notebook(path)?)?),
    };
    let patience = if own.is_some() { BEGINS } else { RUNS };
    let kernel = client::Kernel::connect(&connection, patience).await;
    let kernel = match kernel {
        Ok(kernel) => kernel,
        Err(problem) => {
            own.into_iter().for_each(own::Own::end);
            return Err(problem);
        }
    };
    let server = server::Server::new(Arc::new(kernel), options.books, options.notebook);
    let ended = async {
        let running = server.serve(stdio()).await.map_err(|e| format!("the client did not begin: {e}"))?;
        running.waiting().await.map(|_| ()).map_err(|e| format!("the server stopped: {e}"))
    };
    let ended = ended.await;
    if let Some(own) = own {
        own.end();
    }
    ended
}
