//! A kernel of the server's own: started with a connection file that only its user can read, ended with the server.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jupyter_protocol::ConnectionInfo;
use jupyter_protocol::connection_info::Transport;
use tempfile::TempDir;

/// How long the kernel may take to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A kernel, and the folder of its connection file.
pub(crate) struct Own {
    child: Child,
    pub(crate) connection: ConnectionInfo,
    _folder: TempDir,
}

impl Own {
    /// Starts one.
    ///
    /// # Errors
    /// When it cannot be started, for the user.
    pub(crate) fn start(executable: &Path) -> Result<Self, String> {
        let told = |what: &str, e: std::io::Error| format!("{what}: {e}");
        let folder = tempfile::Builder::new()
            .prefix("ferrolab-mcp-")
            .tempdir()
            .map_err(|e| told("no folder for the connection file", e))?;
        let connection = connection().map_err(|e| told("no ports for the kernel", e))?;
        let path = folder.path().join("kernel.json");
        let text = serde_json::to_vec(&connection).map_err(|e| e.to_string())?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(&text))
            .map_err(|e| told("no connection file", e))?;
        // Standard output is the protocol's.
        let child = Command::new(executable)
            .arg("kernel")
            .arg("-f")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|e| told("the kernel cannot be started", e))?;
        Ok(Self { child, connection, _folder: folder })
    }

    /// Ends it: it takes its processes with it.
    pub(crate) fn end(mut self) {
        let pid = i32::try_from(self.child.id()).unwrap_or(0);
        if pid > 0 {
            // SAFETY: a plain signal to our own child, which has not been waited for.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        let begun = Instant::now();
        while begun.elapsed() < LAST_WORDS {
            if self.child.try_wait().map_or(true, |status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // It had its time.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports of this machine that are free now, and a key.
fn connection() -> std::io::Result<ConnectionInfo> {
    let held: Vec<TcpListener> = (0..5).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<std::io::Result<_>>()?;
    let ports: Vec<u16> =
        held.iter().map(|held| held.local_addr().map(|address| address.port())).collect::<std::io::Result<_>>()?;
    let mut key = [0_u8; 32];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut key)?;
    Ok(ConnectionInfo {
        ip: "127.0.0.1".to_owned(),
        transport: Transport::TCP,
        shell_port: ports[0],
        iopub_port: ports[1],
        stdin_port: ports[2],
        control_port: ports[3],
        hb_port: ports[4],
        key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
        signature_scheme: "hmac-sha256".to_owned(),
        kernel_name: Some("ferrolab".to_owned()),
    })
}
