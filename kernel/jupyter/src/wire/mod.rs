//! The five sockets of a Jupyter kernel, on a thread of their own.
//!
//! Requests are checked, read and handed to an inbox; what the session says leaves through an
//! [`Outlet`]. Shell, control, stdin and heartbeat are sockets of the `zeromq` crate, iopub is
//! [`publisher`]'s. No request is understood here.

mod bind;
mod codec;
mod holders;
mod publisher;
mod signals;
mod zmtp;

use std::iter;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use jupyter_protocol::{ConnectionInfo, JupyterMessage};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zeromq::{
    Listener, RepSocket, RouterRecvHalf, RouterSendHalf, RouterSocket, Socket, SocketRecv, SocketSend, ZmqMessage,
};

pub use self::bind::BindError;
use self::bind::Listeners;
use self::codec::Codec;
use self::publisher::{Published, Publisher};
use crate::messages::{self, Channel, Event, Outlet};

/// Where received events go. Called on the sockets' thread: must not wait.
pub type Inbox = dyn Fn(Event) + Send + Sync;

/// How often, and how long in between, a frontend's stdin is looked for.
const ATTEMPTS: u32 = 30;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

struct Outgoing {
    message: ZmqMessage,
    /// Told whether the addressee is connected; then it is looked for with patience.
    reached: Option<mpsc::Sender<bool>>,
}

/// The open sockets of a kernel.
pub struct Wire {
    runtime: Runtime,
    listeners: Option<Listeners>,
    connection: ConnectionInfo,
    paths: Vec<PathBuf>,
    outlet: Arc<Lines>,
    incoming: Vec<UnboundedReceiver<Outgoing>>,
}

impl Wire {
    /// Take the addresses of a connection; nothing is served before [`Wire::start`]. Ports that
    /// are 0 are chosen by the system.
    ///
    /// # Errors
    /// When an address cannot be taken or the signature scheme is unknown; the text says which.
    pub fn bind(connection: &ConnectionInfo) -> Result<Wire, BindError> {
        let listeners = bind::listen(connection)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("wire")
            .enable_all()
            .build()
            .map_err(BindError::Runtime)?;
        let session = messages::welcome("").header.msg_id;
        let codec = Arc::new(Codec::new(&connection.key, session));
        let greeter = codec.clone();
        let publisher = Publisher::new(move |topic| {
            let message = messages::welcome(&String::from_utf8_lossy(topic));
            published(&greeter, Bytes::copy_from_slice(topic), message)
        });
        let (shell, shell_incoming) = unbounded_channel();
        let (control, control_incoming) = unbounded_channel();
        let (stdin, stdin_incoming) = unbounded_channel();
        Ok(Wire {
            runtime,
            connection: listeners.connection.clone(),
            paths: listeners.paths.clone(),
            listeners: Some(listeners),
            outlet: Arc::new(Lines { codec, publisher: Arc::new(publisher), shell, control, stdin }),
            incoming: vec![shell_incoming, control_incoming, stdin_incoming],
        })
    }

    /// The connection as it is: with the ports that were given.
    pub fn connection(&self) -> &ConnectionInfo {
        &self.connection
    }

    /// Where the session speaks. What is published before [`Wire::start`] waits.
    pub fn outlet(&self) -> Arc<dyn Outlet> {
        self.outlet.clone()
    }

    /// Serve the sockets, and take over SIGINT and SIGTERM. A second call does nothing.
    ///
    /// # Errors
    /// When the system refuses a socket or a signal handler.
    pub fn start(&mut self, inbox: Arc<Inbox>) -> Result<(), BindError> {
        let Some(listeners) = self.listeners.take() else {
            return Ok(());
        };
        let incoming = std::mem::take(&mut self.incoming);
        let outlet = self.outlet.clone();
        self.runtime.block_on(async move {
            signals::watch(&inbox).map_err(BindError::Runtime)?;
            let channels = [
                (Channel::Shell, listeners.shell),
                (Channel::Control, listeners.control),
                (Channel::Stdin, listeners.stdin),
            ];
            for ((channel, listener), outgoing) in iter::zip(channels, incoming) {
                let mut socket = RouterSocket::new();
                adopt(&mut socket, listener).await?;
                let (send, receive) = socket.split();
                tokio::spawn(receive_all(channel, receive, outlet.codec.clone(), inbox.clone()));
                tokio::spawn(send_all(send, outgoing));
            }
            let mut heartbeat = RepSocket::new();
            adopt(&mut heartbeat, listeners.heartbeat).await?;
            tokio::spawn(echo(heartbeat));
            serve_iopub(listeners.iopub, outlet.publisher.clone()).map_err(BindError::Runtime)
        })
    }

    /// Send what is still to be sent, for at most half a second, and close.
    pub fn close(self) {
        for line in [&self.outlet.control, &self.outlet.shell] {
            // Answered once all before it is handed over: nobody has an empty address.
            let (sender, reached) = mpsc::channel();
            let message = ZmqMessage::from(Vec::new());
            if line.send(Outgoing { message, reached: Some(sender) }).is_ok() {
                let _ = reached.recv_timeout(Duration::from_millis(100));
            }
        }
        self.outlet.publisher.flush(Duration::from_millis(300));
        // The sockets do not tell when they have written.
        std::thread::sleep(Duration::from_millis(30));
        self.runtime.shutdown_background();
        for path in &self.paths {
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn adopt(socket: &mut impl Socket, listener: Listener) -> Result<(), BindError> {
    match socket.bind_listener(listener).await {
        Ok(_) => Ok(()),
        Err(error) => Err(BindError::Runtime(std::io::Error::other(error))),
    }
}

async fn receive_all(channel: Channel, mut socket: RouterRecvHalf, codec: Arc<Codec>, inbox: Arc<Inbox>) {
    loop {
        let Ok(frames) = socket.recv().await else {
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            continue;
        };
        match codec.decode(channel, frames) {
            Ok(request) => inbox(Event::Request(Box::new(request))),
            Err(reason) => eprintln!("ferrolab: dropped a message on {channel}: {reason}"),
        }
    }
}

async fn send_all(mut socket: RouterSendHalf, mut outgoing: UnboundedReceiver<Outgoing>) {
    while let Some(Outgoing { message, reached }) = outgoing.recv().await {
        let Some(reached) = reached else {
            // A frontend that is gone wants no reply.
            let _ = socket.send(message).await;
            continue;
        };
        if message.len() <= 1 {
            let _ = reached.send(true);
            continue;
        }
        let mut socket = socket.clone();
        tokio::spawn(async move {
            for _ in 0..ATTEMPTS {
                if socket.send(message.clone()).await.is_ok() {
                    let _ = reached.send(true);
                    return;
                }
                tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            }
            let _ = reached.send(false);
        });
    }
}

/// Not `KernelHeartbeatConnection`: that one answers "pong", and a heartbeat is an echo.
async fn echo(mut socket: RepSocket) {
    loop {
        match socket.recv().await {
            Ok(message) => {
                let _ = socket.send(message).await;
            }
            Err(_) => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
        }
    }
}

fn serve_iopub(listener: Listener, publisher: Arc<Publisher>) -> std::io::Result<()> {
    match listener {
        Listener::Tcp(listener) => {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            let _ = stream.set_nodelay(true);
                            tokio::spawn(publisher.clone().serve(stream));
                        }
                        Err(_) => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
                    }
                }
            });
        }
        Listener::Ipc(listener) => {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::UnixListener::from_std(listener)?;
            tokio::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            tokio::spawn(publisher.clone().serve(stream));
                        }
                        Err(_) => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
                    }
                }
            });
        }
        _ => return Err(std::io::ErrorKind::Unsupported.into()),
    }
    Ok(())
}

fn published(codec: &Codec, topic: Bytes, message: JupyterMessage) -> Option<Published> {
    let parts = codec.encode(message).map_err(report_unsayable).ok()?;
    let frames: Vec<&[u8]> = iter::once(&*topic).chain(parts.iter().map(|part| &**part)).collect();
    let frames = zmtp::message(frames.into_iter()).into();
    Some(Published { topic, frames })
}

fn report_unsayable(error: serde_json::Error) {
    eprintln!("ferrolab: dropped a message that cannot be written as JSON: {error}");
}

/// The sending ends of all channels.
struct Lines {
    codec: Arc<Codec>,
    publisher: Arc<Publisher>,
    shell: UnboundedSender<Outgoing>,
    control: UnboundedSender<Outgoing>,
    stdin: UnboundedSender<Outgoing>,
}

impl Lines {
    fn send(&self, channel: Channel, message: JupyterMessage, reached: Option<mpsc::Sender<bool>>) {
        let mut frames = message.zmq_identities.clone();
        match self.codec.encode(message) {
            Ok(parts) => frames.extend(parts),
            Err(error) => return report_unsayable(error),
        }
        let Ok(message) = ZmqMessage::try_from(frames) else {
            return;
        };
        let line = match channel {
            Channel::Shell => &self.shell,
            Channel::Control => &self.control,
            Channel::Stdin => &self.stdin,
        };
        // Fails only when the wire is closed.
        let _ = line.send(Outgoing { message, reached });
    }

    fn broadcast(&self, message: JupyterMessage, wait: bool) {
        let topic = format!("kernel.{}.{}", self.codec.session(), message.header.msg_type);
        if let Some(message) = published(&self.codec, topic.into(), message) {
            self.publisher.publish(message, wait);
        }
    }
}

impl Outlet for Lines {
    fn reply(&self, channel: Channel, message: JupyterMessage) {
        self.send(channel, message, None);
    }

    fn publish(&self, message: JupyterMessage) {
        self.broadcast(message, false);
    }

    fn publish_output(&self, message: JupyterMessage) {
        self.broadcast(message, true);
    }

    fn ask(&self, message: JupyterMessage) -> bool {
        let (sender, reached) = mpsc::channel();
        self.send(Channel::Stdin, message, Some(sender));
        reached.recv().unwrap_or(false)
    }
}
