//! Taking the addresses of a connection file, and saying clearly which could not be taken.
//!
//! Listeners only; who speaks on them is not decided here.

use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{fmt, io};

use jupyter_protocol::{ConnectionInfo, Transport};
use zeromq::Listener;

/// Why a connection could not be opened.
#[derive(Debug)]
pub enum BindError {
    /// An address could not be taken.
    Address {
        /// Which channel was to live there.
        channel: &'static str,
        /// The address.
        endpoint: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The connection file asks for signatures we cannot make.
    Scheme(String),
    /// The runtime of the sockets could not be started.
    Runtime(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::Address { channel, endpoint, source } => {
                write!(f, "cannot open the {channel} channel on {endpoint}: {source}")?;
                match source.kind() {
                    io::ErrorKind::AddrInUse => write!(
                        f,
                        "; another process holds this port: start the kernel with a fresh \
                         connection file"
                    ),
                    io::ErrorKind::AddrNotAvailable => write!(
                        f,
                        "; this machine has no such address: `ip` in the connection file must be \
                         an address of this machine"
                    ),
                    io::ErrorKind::InvalidInput => write!(
                        f,
                        "; a socket's path has 107 characters at most: set JUPYTER_RUNTIME_DIR to a shorter folder"
                    ),
                    io::ErrorKind::PermissionDenied => {
                        write!(f, "; this user may not use this address")
                    }
                    _ => Ok(()),
                }
            }
            BindError::Scheme(scheme) => write!(
                f,
                "the connection file asks for the signature scheme {scheme:?}; only \
                 \"hmac-sha256\" is known"
            ),
            BindError::Runtime(source) => write!(f, "cannot start the sockets' thread: {source}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BindError::Address { source, .. } | BindError::Runtime(source) => Some(source),
            BindError::Scheme(_) => None,
        }
    }
}

/// The five listeners, with the ports they got.
pub(super) struct Listeners {
    pub(super) shell: Listener,
    pub(super) control: Listener,
    pub(super) stdin: Listener,
    pub(super) iopub: Listener,
    pub(super) heartbeat: Listener,
    /// As asked for, with ports 0 replaced by those the system gave.
    pub(super) connection: ConnectionInfo,
    /// Socket files to remove at the end.
    pub(super) paths: Vec<PathBuf>,
}

/// Take all five addresses, or none.
pub(super) fn listen(wanted: &ConnectionInfo) -> Result<Listeners, BindError> {
    if !wanted.key.is_empty() && wanted.signature_scheme != "hmac-sha256" {
        return Err(BindError::Scheme(wanted.signature_scheme.clone()));
    }
    let mut connection = wanted.clone();
    let mut paths = Vec::new();
    let mut take = |channel: &'static str, port: &mut u16| match connection.transport {
        Transport::TCP => take_tcp(channel, &wanted.ip, port),
        Transport::IPC => take_ipc(channel, &wanted.ip, port, &mut paths),
    };
    Ok(Listeners {
        shell: take("shell", &mut connection.shell_port)?,
        control: take("control", &mut connection.control_port)?,
        stdin: take("stdin", &mut connection.stdin_port)?,
        iopub: take("iopub", &mut connection.iopub_port)?,
        heartbeat: take("heartbeat", &mut connection.hb_port)?,
        connection,
        paths,
    })
}

fn take_tcp(channel: &'static str, ip: &str, port: &mut u16) -> Result<Listener, BindError> {
    let failed = |source| BindError::Address { channel, endpoint: format!("tcp://{ip}:{port}"), source };
    let address = resolve(ip, *port).map_err(failed)?;
    let listener = TcpListener::bind(address).map_err(failed)?;
    *port = listener.local_addr().map_err(failed)?.port();
    Ok(listener.into())
}

/// ZeroMQ writes "every address" as a star and IPv6 addresses in brackets.
fn resolve(ip: &str, port: u16) -> io::Result<SocketAddr> {
    let ip = ip.trim_start_matches('[').trim_end_matches(']');
    let ip = if ip == "*" { "0.0.0.0" } else { ip };
    if let Ok(address) = ip.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, port));
    }
    (ip, port).to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn take_ipc(
    channel: &'static str,
    prefix: &str,
    port: &mut u16,
    paths: &mut Vec<PathBuf>,
) -> Result<Listener, BindError> {
    let free = |port: &u16| !Path::new(&format!("{prefix}-{port}")).exists();
    if *port == 0 {
        *port = (1..u16::MAX).find(free).unwrap_or(u16::MAX);
    }
    let path = PathBuf::from(format!("{prefix}-{port}"));
    remove_abandoned(&path);
    let listener = bind_alone(&path).map_err(|source| BindError::Address {
        channel,
        endpoint: format!("ipc://{}", path.display()),
        source,
    })?;
    paths.push(path);
    Ok(listener.into())
}

/// A socket that nobody else can connect to from the moment it is there, whatever the umask is.
fn bind_alone(path: &Path) -> io::Result<UnixListener> {
    // SAFETY: plain requests about this process, which has one thread that makes files while it opens its sockets.
    let before = unsafe { libc::umask(0o077) };
    let bound = UnixListener::bind(path);
    // SAFETY: as above.
    unsafe { libc::umask(before) };
    bound
}

/// A killed kernel leaves its socket files; the next one gets the same names.
fn remove_abandoned(path: &Path) {
    let is_socket = path.symlink_metadata().is_ok_and(|data| data.file_type().is_socket());
    if is_socket && UnixStream::connect(path).is_err() {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(transport: Transport, ip: &str) -> ConnectionInfo {
        ConnectionInfo {
            ip: ip.into(),
            transport,
            shell_port: 0,
            iopub_port: 0,
            stdin_port: 0,
            control_port: 0,
            hb_port: 0,
            key: "k".into(),
            signature_scheme: "hmac-sha256".into(),
            kernel_name: None,
        }
    }

    #[test]
    fn ports_are_given_and_kept() {
        let taken = listen(&connection(Transport::TCP, "127.0.0.1")).unwrap();
        let c = &taken.connection;
        let ports = [c.shell_port, c.iopub_port, c.stdin_port, c.control_port, c.hb_port];
        assert!(ports.iter().all(|&port| port > 0));
        let Err(error) = listen(c) else { panic!("a port was given twice") };
        let text = error.to_string();
        assert!(text.contains("shell") && text.contains(&c.shell_port.to_string()), "{text}");
        assert!(text.contains("another process"), "{text}");
    }

    #[test]
    fn socket_files_of_a_dead_kernel_are_replaced() {
        let prefix = std::env::temp_dir().join(format!("ferrolab-bind-{}", std::process::id()));
        let mut wanted = connection(Transport::IPC, &prefix.to_string_lossy());
        let first = listen(&wanted).unwrap();
        wanted.shell_port = first.connection.shell_port;
        assert!(listen(&wanted).is_err());
        let paths = first.paths.clone();
        drop(first);
        let second = listen(&wanted).unwrap();
        for path in paths.iter().chain(&second.paths) {
            let _ = std::fs::remove_file(path);
        }
    }

    #[test]
    fn sockets_in_files_are_ones_own_and_a_path_that_is_too_long_is_explained() {
        use std::os::unix::fs::PermissionsExt as _;
        let prefix = std::env::temp_dir().join(format!("ferrolab-own-{}", std::process::id()));
        let taken = listen(&connection(Transport::IPC, &prefix.to_string_lossy())).unwrap();
        for path in &taken.paths {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
            std::fs::remove_file(path).unwrap();
        }
        let long = std::env::temp_dir().join("x".repeat(120));
        let Err(error) = listen(&connection(Transport::IPC, &long.to_string_lossy())) else { panic!("it is too long") };
        assert!(error.to_string().contains("JUPYTER_RUNTIME_DIR"), "{error}");
    }

    #[test]
    fn bad_connections_are_explained() {
        let mut scheme = connection(Transport::TCP, "127.0.0.1");
        scheme.signature_scheme = "hmac-md5".into();
        assert!(matches!(listen(&scheme), Err(BindError::Scheme(_))));
        let foreign = listen(&connection(Transport::TCP, "203.0.113.7"));
        assert!(foreign.is_err_and(|error| error.to_string().contains("203.0.113.7")));
    }
}
