//! The iopub socket: an XPUB with a queue of its own for each subscriber.
//!
//! The sockets of the `zeromq` crate do not fit here: its XPUB writes to one subscriber after the
//! other, so that one that stops reading silences all; its PUB drops what a slow subscriber has
//! not read, counts its queues in messages and not in bytes, and does not tell of subscriptions.
//! Here, a cell that floods waits for its readers; a reader that makes no progress for a while
//! loses messages, alone, until it reads again. What is published before anybody ever subscribed
//! waits for the first subscriber.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Notify;

use super::zmtp::{self, Wish};

/// Bytes that may wait for a subscriber before a cell's output waits.
const COMFORTABLE: usize = 4 << 20;
/// Bytes that may wait for a subscriber at all, but for the last message.
const MOST: usize = 16 << 20;
/// Bytes kept for the first subscriber.
const BACKLOG: usize = 1 << 20;
/// How long a cell waits for a subscriber that reads nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes given to the system at once.
const BATCH: usize = 256 << 10;

/// A message as it goes out.
#[derive(Clone)]
pub(super) struct Published {
    /// Its first frame, which subscriptions look at.
    pub(super) topic: Bytes,
    /// All of it, framed.
    pub(super) frames: Bytes,
}

struct Peer {
    topics: Vec<Vec<u8>>,
    queue: VecDeque<Bytes>,
    /// Queued or being written.
    bytes: usize,
    /// When it last took something, or had nothing to take.
    progress: Instant,
    /// Messages it lost since it last kept up.
    lost: u64,
    wake: Arc<Notify>,
}

impl Peer {
    fn wants(&self, topic: &[u8]) -> bool {
        self.topics.iter().any(|wanted| topic.starts_with(wanted))
    }

    fn is_stalled(&self) -> bool {
        self.bytes >= COMFORTABLE && self.progress.elapsed() > PATIENCE
    }

    fn push(&mut self, frames: &Bytes) {
        if self.bytes == 0 {
            self.progress = Instant::now();
        }
        if self.is_stalled() || self.bytes >= MOST {
            if self.lost == 0 {
                eprintln!("ferrolab: a frontend does not read the iopub channel; it loses output");
            }
            self.lost += 1;
            return;
        }
        self.bytes += frames.len();
        self.queue.push_back(frames.clone());
        self.wake.notify_one();
    }
}

#[derive(Default)]
struct Subscribers {
    peers: HashMap<u64, Peer>,
    next: u64,
    /// What nobody has had yet; gone with the first subscription.
    backlog: Option<VecDeque<Published>>,
    backlog_bytes: usize,
}

type Welcome = dyn Fn(&[u8]) -> Option<Published> + Send + Sync;

/// The subscribers and what waits for them. Shared by publishing threads and the wire's tasks.
pub(super) struct Publisher {
    state: Mutex<Subscribers>,
    /// Told when a subscriber has taken something, or left.
    room: Condvar,
    welcome: Box<Welcome>,
}

impl Publisher {
    /// Without subscribers; `welcome` makes the message that a new one gets for its topic.
    pub(super) fn new(welcome: impl Fn(&[u8]) -> Option<Published> + Send + Sync + 'static) -> Publisher {
        let state = Subscribers { backlog: Some(VecDeque::new()), ..Subscribers::default() };
        Publisher { state: Mutex::new(state), room: Condvar::new(), welcome: Box::new(welcome) }
    }

    fn state(&self) -> MutexGuard<'_, Subscribers> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Send to every subscriber that wants it. With `wait`, first wait for room.
    pub(super) fn publish(&self, message: Published, wait: bool) {
        let mut state = self.state();
        while wait && state.peers.values().any(|peer| peer.bytes >= COMFORTABLE && !peer.is_stalled()) {
            state = self.room.wait_timeout(state, Duration::from_millis(100)).unwrap_or_else(PoisonError::into_inner).0;
        }
        let state = &mut *state;
        if let Some(backlog) = &mut state.backlog {
            state.backlog_bytes += message.frames.len();
            backlog.push_back(message);
            while state.backlog_bytes > BACKLOG && backlog.len() > 1 {
                let oldest = backlog.pop_front().map_or(0, |oldest| oldest.frames.len());
                state.backlog_bytes -= oldest;
            }
            return;
        }
        for peer in state.peers.values_mut().filter(|peer| peer.wants(&message.topic)) {
            peer.push(&message.frames);
        }
    }

    /// Wait until everything is written, but not for longer than this.
    pub(super) fn flush(&self, longest: Duration) {
        let end = Instant::now() + longest;
        let mut state = self.state();
        while state.peers.values().any(|peer| peer.bytes > 0) && Instant::now() < end {
            state = self.room.wait_timeout(state, Duration::from_millis(10)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Serve one connection to its end.
    pub(super) async fn serve<S>(self: Arc<Self>, mut stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let greeted = tokio::time::timeout(PATIENCE, zmtp::shake_hands(&mut stream)).await;
        if !matches!(greeted, Ok(Ok(()))) {
            return;
        }
        let wake = Arc::new(Notify::new());
        let key = {
            let mut state = self.state();
            state.next += 1;
            let key = state.next;
            let peer = Peer {
                topics: Vec::new(),
                queue: VecDeque::new(),
                bytes: 0,
                progress: Instant::now(),
                lost: 0,
                wake: wake.clone(),
            };
            state.peers.insert(key, peer);
            key
        };
        let (read, write) = tokio::io::split(stream);
        tokio::select! {
            _ = self.listen(key, read) => {}
            _ = self.write(key, &wake, write) => {}
        }
        self.state().peers.remove(&key);
        self.room.notify_all();
    }

    async fn listen<S: AsyncRead>(&self, key: u64, mut stream: ReadHalf<S>) -> io::Result<()> {
        loop {
            let wish = zmtp::read_wish(&mut stream).await?;
            self.grant(key, wish);
        }
    }

    fn grant(&self, key: u64, wish: Wish) {
        let welcome = match &wish {
            Wish::Subscribe(topic) => (self.welcome)(topic),
            _ => None,
        };
        let mut state = self.state();
        let state = &mut *state;
        let Some(peer) = state.peers.get_mut(&key) else {
            return;
        };
        match wish {
            Wish::Subscribe(topic) => {
                peer.topics.push(topic);
                if let Some(welcome) = welcome {
                    peer.push(&welcome.frames);
                }
                let backlog = state.backlog.take().unwrap_or_default();
                for message in backlog {
                    if peer.wants(&message.topic) {
                        peer.push(&message.frames);
                    }
                }
            }
            Wish::Unsubscribe(topic) => {
                if let Some(index) = peer.topics.iter().position(|wanted| *wanted == topic) {
                    peer.topics.remove(index);
                }
            }
            Wish::Ping(context) => peer.push(&zmtp::pong(&context).into()),
            Wish::Nothing => {}
        }
    }

    async fn write<S: AsyncWrite>(&self, key: u64, wake: &Notify, mut stream: WriteHalf<S>) -> io::Result<()> {
        loop {
            let mut batch = self.take_batch(key);
            if batch.is_empty() {
                wake.notified().await;
                continue;
            }
            while !batch.is_empty() {
                let written = stream.write(&batch).await?;
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                let _ = batch.split_to(written);
                self.took(key, written);
            }
        }
    }

    fn take_batch(&self, key: u64) -> Bytes {
        let mut state = self.state();
        let Some(peer) = state.peers.get_mut(&key) else {
            return Bytes::new();
        };
        let Some(first) = peer.queue.pop_front() else {
            return Bytes::new();
        };
        let Some(next) = peer.queue.front() else {
            return first;
        };
        if first.len() + next.len() > BATCH {
            return first;
        }
        let mut batch = Vec::with_capacity(BATCH.min(peer.bytes));
        batch.extend(first);
        while let Some(next) = peer.queue.front().filter(|n| batch.len() + n.len() <= BATCH) {
            batch.extend(next);
            peer.queue.pop_front();
        }
        batch.into()
    }

    fn took(&self, key: u64, written: usize) {
        let mut state = self.state();
        if let Some(peer) = state.peers.get_mut(&key) {
            peer.bytes = peer.bytes.saturating_sub(written);
            peer.progress = Instant::now();
            if peer.bytes < COMFORTABLE && peer.lost > 0 {
                eprintln!("ferrolab: that frontend reads again; it lost {} messages", peer.lost);
                peer.lost = 0;
            }
        }
        drop(state);
        self.room.notify_all();
    }
}
