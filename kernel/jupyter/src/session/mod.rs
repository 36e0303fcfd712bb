//! One user session: requests in, replies and publications out.
//!
//! Three lanes, a thread each: cells run one after the other; what else comes in on shell is
//! answered while they run; control waits for neither. The session knows nothing of sockets,
//! processes or rustc: messages leave through an [`Outlet`], cells run in an
//! [`evaluator::Evaluator`].

mod attach;
pub mod evaluator;
mod execute;
mod history;
mod prompt;
mod query;
mod sink;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jupyter_protocol::{ConnectionInfo, ExecutionState, JupyterMessageContent, ReplyStatus, ShutdownReply};

use self::evaluator::{Evaluator, Insight};
use self::history::History;
use self::prompt::Prompts;
use crate::messages::{self, About, Channel, Event, Outlet, Request};

/// How long a running cell may take to notice that the session ends.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What a session is told at its start.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the kernel says of itself.
    pub about: About,
    /// Where its ports are, for those who ask.
    pub connection: ConnectionInfo,
    /// The file that keeps the history across sessions; in memory without one.
    pub history: Option<PathBuf>,
}

/// How a session ended. The process then exits with status 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnd {
    /// Whether the frontend is about to start another.
    pub restart: bool,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Arc<Request>>,
    closing: bool,
    /// The cells' lane does nothing any more.
    done: bool,
}

/// A session. Shared by its lanes and by whoever hands it events.
pub struct Session {
    outlet: Arc<dyn Outlet>,
    options: Options,
    insight: OnceLock<Arc<dyn Insight>>,
    history: OnceLock<Mutex<History>>,
    prompts: Arc<Prompts>,
    host: usage::Host,
    /// Of the last cell that counted.
    count: AtomicU32,
    /// Also held while status is published, so that idle never overtakes busy.
    running: Mutex<Option<Arc<Request>>>,
    queue: Mutex<Queue>,
    queue_changed: Condvar,
    record: Arc<attach::Transcript>,
    queries: Sender<Arc<Request>>,
    control: Sender<Event>,
    ended: Mutex<Option<SessionEnd>>,
    end: Condvar,
}

/// The ends of the lanes that [`Session::start`] serves.
struct Lanes {
    queries: Receiver<Arc<Request>>,
    control: Receiver<Event>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Run what is not ours; its panic becomes a text.
fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        format!("the kernel itself panicked: {}", text.unwrap_or_default())
    })
}

impl Session {
    fn new(outlet: Arc<dyn Outlet>, options: Options) -> (Session, Lanes) {
        let (queries, queries_lane) = channel();
        let (control, control_lane) = channel();
        let session = Session {
            outlet,
            options,
            insight: OnceLock::new(),
            history: OnceLock::new(),
            prompts: Arc::default(),
            host: usage::Host::default(),
            count: AtomicU32::new(0),
            running: Mutex::default(),
            queue: Mutex::default(),
            queue_changed: Condvar::new(),
            record: Arc::default(),
            queries,
            control,
            ended: Mutex::default(),
            end: Condvar::new(),
        };
        (session, Lanes { queries: queries_lane, control: control_lane })
    }

    /// Begin a session. The evaluator is made on the cells' lane; until it is there, cells wait
    /// and everything else is answered as far as it can be without.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(
        outlet: Arc<dyn Outlet>,
        options: Options,
        evaluator: impl FnOnce() -> Box<dyn Evaluator> + Send + 'static,
    ) -> std::io::Result<Arc<Session>> {
        let (session, lanes) = Session::new(outlet, options);
        let session = Arc::new(session);
        session.outlet.publish(messages::child(None, messages::status(ExecutionState::Starting)));
        let lane = session.clone();
        thread::Builder::new().name("cells".into()).spawn(move || lane.run_cells(evaluator))?;
        let lane = session.clone();
        thread::Builder::new()
            .name("queries".into())
            .spawn(move || lanes.queries.iter().for_each(|request| lane.on_query(&request)))?;
        let lane = session.clone();
        thread::Builder::new()
            .name("control".into())
            .spawn(move || lanes.control.iter().for_each(|event| lane.on_control(event)))?;
        Ok(session)
    }

    /// Take an event; returns at once.
    pub fn accept(&self, event: Event) {
        let Event::Request(request) = event else {
            let _ = self.control.send(event);
            return;
        };
        match (&request.content, request.channel) {
            (Ok(JupyterMessageContent::InputReply(reply)), Channel::Stdin) => {
                self.prompts.answer(request.parent.as_deref(), reply.value.clone());
            }
            (Ok(JupyterMessageContent::ExecuteRequest(_)), Channel::Shell | Channel::Control) => {
                let request = Arc::new(*request);
                if attach::is_attach(&request) {
                    let _ = self.queries.send(request.clone());
                }
                self.enqueue(request);
            }
            (_, Channel::Shell) => {
                let _ = self.queries.send(Arc::from(request));
            }
            (_, Channel::Control) => {
                let _ = self.control.send(Event::Request(request));
            }
            (_, Channel::Stdin) => {
                eprintln!("ferrolab: ignored {} on stdin", request.header.msg_type);
            }
        }
    }

    /// Wait for the session's end.
    pub fn wait(&self) -> SessionEnd {
        let mut ended = lock(&self.ended);
        loop {
            if let Some(ended) = *ended {
                return ended;
            }
            ended = self.end.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn on_query(self: &Arc<Self>, request: &Arc<Request>) {
        if attach::is_attach(request) { self.attach(request) } else { self.respond(request) }
    }

    /// Answers a request; a check, which takes as long as compiling does, on a thread of its own.
    fn respond(self: &Arc<Self>, request: &Arc<Request>) {
        if request.header.msg_type != "check_request" {
            return self.answer(request);
        }
        let (session, theirs) = (self.clone(), request.clone());
        if thread::Builder::new().name("check".into()).spawn(move || session.answer(&theirs)).is_err() {
            self.answer(request);
        }
    }

    fn enqueue(&self, request: Arc<Request>) {
        let mut queue = lock(&self.queue);
        if queue.closing {
            drop(queue);
            self.abort(&request);
            return;
        }
        queue.waiting.push_back(request);
        self.queue_changed.notify_all();
    }

    fn on_control(self: &Arc<Self>, event: Event) {
        match event {
            Event::Request(request) => self.respond(&Arc::from(request)),
            Event::Interrupt => self.interrupt(),
            Event::Terminate => {
                let content = ShutdownReply { restart: false, status: ReplyStatus::Ok, error: None };
                self.outlet.publish(messages::child(None, content));
                self.finish(SessionEnd { restart: false });
            }
        }
    }

    fn interrupt(&self) {
        // First: a wait for input that ends is then known to end by the interrupt.
        if let Some(insight) = self.insight.get() {
            insight.interrupt();
        }
        self.prompts.interrupt();
    }

    /// End everything; the reply has been sent.
    fn finish(&self, ended: SessionEnd) {
        let aborted = {
            let mut queue = lock(&self.queue);
            if queue.closing {
                return;
            }
            queue.closing = true;
            self.queue_changed.notify_all();
            std::mem::take(&mut queue.waiting)
        };
        self.prompts.close();
        for request in &aborted {
            self.abort(request);
        }
        // Without insight there is an evaluator in the making, which nothing can hurry.
        if let Some(insight) = self.insight.get() {
            if let Err(panic) = guarded(|| insight.shutdown()) {
                eprintln!("ferrolab: {panic}");
            }
            let end = Instant::now() + LAST_WORDS;
            let mut queue = lock(&self.queue);
            while !queue.done && Instant::now() < end {
                queue = self
                    .queue_changed
                    .wait_timeout(queue, Duration::from_millis(20))
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
        }
        *lock(&self.ended) = Some(ended);
        self.end.notify_all();
    }

    fn history(&self) -> MutexGuard<'_, History> {
        let open = || Mutex::new(History::open(self.options.history.as_deref()));
        lock(self.history.get_or_init(open))
    }

    fn reply(&self, request: &Request, content: JupyterMessageContent, metadata: serde_json::Value) {
        let message = messages::child(Some(request), content)
            .with_metadata(metadata)
            .with_zmq_identities(request.identities.clone());
        self.outlet.reply(request.channel, message);
    }

    /// Publish a status with its own parent; returns when that was.
    fn tell(&self, request: &Request, state: ExecutionState) -> serde_json::Value {
        let message = messages::child(Some(request), messages::status(state));
        let date = serde_json::to_value(message.header.date).unwrap_or_default();
        self.outlet.publish(message);
        date
    }

    /// Idle for a request that is no cell; what it hides, a running cell, is shown again.
    fn tell_idle(&self, request: &Request) {
        let running = lock(&self.running);
        self.tell(request, ExecutionState::Idle);
        if let Some(cell) = &*running {
            self.tell(cell, ExecutionState::Busy);
        }
    }

    /// Answer a cell that will not run.
    fn abort(&self, request: &Request) {
        let started = self.tell(request, ExecutionState::Busy);
        let metadata = serde_json::json!({"started": started, "status": "aborted"});
        self.reply(request, messages::aborted("execute_reply"), metadata);
        self.tell_idle(request);
    }
}
