//! A client of a kernel: requests on shell and control, each with its reply, and what the kernel publishes. What comes of a
//! cell is gathered elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jupyter_protocol::{ConnectionInfo, JupyterMessage, UnknownMessage};
use jupyter_zmq_client::{
    ClientIoPubConnection, DealerRecvConnection, DealerSendConnection, create_client_control_connection,
    create_client_iopub_connection, create_client_shell_connection_with_identity, peer_identity_for_session,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// How long one answer may take while the connection is made.
const ANSWER: Duration = Duration::from_secs(1);

/// A message of the kernel's.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) kind: String,
    pub(crate) parent: String,
    pub(crate) content: Value,
}

/// A channel for requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Shell,
    Control,
}

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Value>>>>;
type Followers = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Message>>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics half way through a change of these.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cell that was sent.
pub(crate) struct Sent {
    /// The reply, when the cell is over.
    pub(crate) reply: oneshot::Receiver<Value>,
    /// What is published because of it.
    pub(crate) published: mpsc::UnboundedReceiver<Message>,
}

/// What everybody's cells do.
#[derive(Debug, Default, Clone)]
pub(crate) struct Around {
    /// The cell that runs: its number and text.
    pub(crate) running: Option<(u64, String)>,
    /// The error of the last cell that failed: its number and what was shown.
    pub(crate) last_error: Option<(u64, String)>,
    /// Which request is busy.
    busy: Option<String>,
    number: u64,
}

/// A kernel that is connected.
pub(crate) struct Kernel {
    shell: tokio::sync::Mutex<DealerSendConnection>,
    control: tokio::sync::Mutex<DealerSendConnection>,
    waiting: Waiting,
    followers: Followers,
    around: Arc<Mutex<Around>>,
    /// What it says of itself.
    pub(crate) about: Value,
}

impl Kernel {
    /// Connects, and asks the kernel who it is, for as long as one has patience.
    ///
    /// # Errors
    /// When nobody answers, or it is another kernel, for the user.
    pub(crate) async fn connect(info: &ConnectionInfo, patience: Duration) -> Result<Self, String> {
        let session = format!("ferrolab-mcp-{}-{}", std::process::id(), info.shell_port);
        let opened = tokio::time::timeout(patience, open(info, &session)).await;
        let (shell, control, published) =
            opened.map_err(|_| nobody(info))?.map_err(|e| format!("{}: {e}", nobody(info)))?;
        let (waiting, followers, around) = (Waiting::default(), Followers::default(), Arc::default());
        let ((shell, from_shell), (control, from_control)) = (shell, control);
        tokio::spawn(replies(from_shell, waiting.clone()));
        tokio::spawn(replies(from_control, waiting.clone()));
        tokio::spawn(publications(published, followers.clone(), Arc::clone(&around)));
        let mut kernel = Self {
            shell: tokio::sync::Mutex::new(shell),
            control: tokio::sync::Mutex::new(control),
            waiting,
            followers,
            around,
            about: Value::Null,
        };
        kernel.about = kernel.first_words(info, patience).await?;
        match kernel.about["implementation"].as_str() {
            Some("ferrolab") => Ok(kernel),
            other => Err(format!(
                "the kernel of this connection file is `{}`, not Ferrolab's; a wrong key looks like this, too",
                other.unwrap_or("unknown")
            )),
        }
    }

    /// Asks until the kernel answers and what it publishes is heard: a kernel that begins does not listen yet, and a
    /// subscription takes effect some time after the connection.
    async fn first_words(&self, info: &ConnectionInfo, patience: Duration) -> Result<Value, String> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            let (message, id) = message("kernel_info_request", json!({}));
            let reply = self.expect(&id);
            let (tell, mut told) = mpsc::unbounded_channel();
            lock(&self.followers).insert(id.clone(), tell);
            self.send(Lane::Shell, message).await?;
            let answered = tokio::time::timeout(ANSWER, reply).await;
            let heard = tokio::time::timeout(ANSWER, told.recv()).await;
            lock(&self.waiting).remove(&id);
            lock(&self.followers).remove(&id);
            if let (Ok(Ok(about)), Ok(Some(_))) = (answered, heard) {
                return self.control_too(about, info, begun + patience).await;
            }
        }
        Err(nobody(info))
    }

    /// The other channel is a connection of its own.
    async fn control_too(&self, about: Value, info: &ConnectionInfo, end: Instant) -> Result<Value, String> {
        while Instant::now() < end {
            if self.request(Lane::Control, "kernel_info_request", json!({}), ANSWER).await.is_ok() {
                return Ok(about);
            }
        }
        Err(nobody(info))
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    /// When there is none in time.
    pub(crate) async fn request(
        &self,
        lane: Lane,
        kind: &str,
        content: Value,
        most: Duration,
    ) -> Result<Value, String> {
        let (message, id) = message(kind, content);
        let reply = self.expect(&id);
        self.send(lane, message).await?;
        let answered = tokio::time::timeout(most, reply).await;
        lock(&self.waiting).remove(&id);
        match answered {
            Ok(Ok(content)) => Ok(content),
            _ => Err(format!("the kernel did not answer a {kind} within {} s", most.as_secs())),
        }
    }

    /// Sends a cell.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub(crate) async fn execute(&self, code: &str, counts: bool) -> Result<Sent, String> {
        let content = json!({
            "code": code, "silent": false, "store_history": counts, "user_expressions": {}, "allow_stdin": false,
            "stop_on_error": true,
        });
        let (message, id) = message("execute_request", content);
        let reply = self.expect(&id);
        let (tell, published) = mpsc::unbounded_channel();
        lock(&self.followers).insert(id, tell);
        self.send(Lane::Shell, message).await?;
        Ok(Sent { reply, published })
    }

    /// What everybody's cells do now.
    pub(crate) fn around(&self) -> Around {
        lock(&self.around).clone()
    }

    fn expect(&self, id: &str) -> oneshot::Receiver<Value> {
        let (tell, told) = oneshot::channel();
        lock(&self.waiting).insert(id.to_owned(), tell);
        told
    }

    async fn send(&self, lane: Lane, message: JupyterMessage) -> Result<(), String> {
        let socket = if lane == Lane::Shell { &self.shell } else { &self.control };
        socket.lock().await.send(message).await.map_err(|e| format!("the kernel cannot be reached: {e}"))
    }
}

type Split = (DealerSendConnection, DealerRecvConnection);

async fn open(info: &ConnectionInfo, session: &str) -> Result<(Split, Split, ClientIoPubConnection), String> {
    let identity = peer_identity_for_session(session).map_err(|e| e.to_string())?;
    let shell = create_client_shell_connection_with_identity(info, session, identity);
    let shell = shell.await.map_err(|e| e.to_string())?.split();
    let control = create_client_control_connection(info, session).await.map_err(|e| e.to_string())?.split();
    let published = create_client_iopub_connection(info, "", session).await.map_err(|e| e.to_string())?;
    Ok((shell, control, published))
}

fn nobody(info: &ConnectionInfo) -> String {
    format!("no kernel answers on port {} of {}: it has ended, or the key is another one's", info.shell_port, info.ip)
}

fn message(kind: &str, content: Value) -> (JupyterMessage, String) {
    let content = UnknownMessage { msg_type: kind.to_owned(), content };
    let message = JupyterMessage::new(content, None);
    let id = message.header.msg_id.clone();
    (message, id)
}

fn read(message: JupyterMessage) -> Message {
    Message {
        kind: message.header.msg_type.clone(),
        parent: message.parent_header.as_ref().map(|parent| parent.msg_id.clone()).unwrap_or_default(),
        content: serde_json::to_value(&message.content).unwrap_or(Value::Null),
    }
}

async fn replies(mut from: DealerRecvConnection, waiting: Waiting) {
    // What is not signed with the key, or is no message, is nobody's.
    let mut failures = 0;
    while failures < 100 {
        match from.read().await {
            Ok(message) => {
                failures = 0;
                let message = read(message);
                if let Some(tell) = lock(&waiting).remove(&message.parent) {
                    drop(tell.send(message.content));
                }
            }
            Err(_) => failures += 1,
        }
    }
}

async fn publications(mut from: ClientIoPubConnection, followers: Followers, around: Arc<Mutex<Around>>) {
    let mut failures = 0;
    while failures < 100 {
        let Ok(message) = from.read().await else {
            failures += 1;
            continue;
        };
        failures = 0;
        let message = read(message);
        lock(&around).note(&message);
        let mut followers = lock(&followers);
        let over = message.kind == "status" && message.content["execution_state"] == "idle";
        let gone = followers.get(&message.parent).is_some_and(|tell| tell.send(message.clone()).is_err());
        if over || gone {
            followers.remove(&message.parent);
        }
    }
}

impl Around {
    fn note(&mut self, message: &Message) {
        match message.kind.as_str() {
            "execute_input" => {
                self.number = message.content["execution_count"].as_u64().unwrap_or(0);
                self.busy = Some(message.parent.clone());
                let code = message.content["code"].as_str().unwrap_or_default().to_owned();
                self.running = Some((self.number, code));
            }
            "error" => {
                let lines = message.content["traceback"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let shown: Vec<&str> = lines.collect();
                self.last_error = Some((self.number, shown.join("\n")));
            }
            "status" if message.content["execution_state"] == "idle" && self.busy.as_ref() == Some(&message.parent) => {
                self.busy = None;
                self.running = None;
            }
            _ => {}
        }
    }
}
