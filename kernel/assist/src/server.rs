//! The protocol's side: which tools there are, and what each does with the kernel. Everything a tool says is text, and what is
//! long has a handle.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value, json};

use crate::Books;
use crate::client::{Kernel, Lane, Sent};
use crate::notebook;
use crate::store::{PAGE, Run, Store, page};
use crate::tools;

/// What the kernel answers at once.
const AT_ONCE: Duration = Duration::from_secs(10);
/// A check takes as long as compiling, and the first one may wait for the environment.
const COMPILING: Duration = Duration::from_secs(120);
/// How long `run` waits when it is not told.
const USUAL: f64 = 60.0;
/// Cells that `state` lists.
const LAST_CELLS: u64 = 10;

const INSTRUCTIONS: &str = "A live session of Rust cells, as in a notebook. Call `state` first. Each `run` is a cell: variables, functions and types \
stay for later cells, the value of the last expression is shown, and no `fn main` is needed. A cell that fails (an error, a panic, a crash) changes nothing, so trying \
is safe; `check` finds type errors without running. `:dep NAME = \"VERSION\"` in a line of its own loads a crate. `par`, `plot`, `progress` and `display` are in scope \
in every cell; `docs` describes them. Long outputs are cut, and `more` gives the rest by the handle.";

/// The server.
pub(crate) struct Server {
    kernel: Arc<Kernel>,
    books: Box<dyn Books>,
    notebook: Option<PathBuf>,
    store: Store,
}

type Said = Result<Vec<ContentBlock>, String>;

fn words(text: impl Into<String>) -> Said {
    Ok(vec![ContentBlock::text(text)])
}

fn argument<'a>(arguments: &'a Map<String, Value>, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default()
}

impl Server {
    pub(crate) fn new(kernel: Arc<Kernel>, books: Box<dyn Books>, notebook: Option<PathBuf>) -> Self {
        Self { kernel, books, notebook, store: Store::default() }
    }

    async fn call(&self, name: &str, arguments: &Map<String, Value>) -> Said {
        match name {
            "state" => self.state().await,
            "run" => self.run(arguments).await,
            "check" => self.check(argument(arguments, "code")).await,
            "variables" => self.variables().await,
            "inspect" => self.inspect(arguments).await,
            "complete" => self.complete(arguments).await,
            "docs" => self.docs(argument(arguments, "name")).await,
            "figure" => self.figure(arguments).await,
            "interrupt" => self.interrupt().await,
            "undo" => self.undo().await,
            "notebook" => self.edit(arguments),
            "more" => self.more(arguments).await,
            other => Err(format!("there is no tool `{other}`")),
        }
    }

    async fn known(&self) -> Result<Value, String> {
        let known = self.kernel.request(Lane::Control, "state_request", json!({}), AT_ONCE).await?;
        match known["status"].as_str() {
            Some("ok") => Ok(known),
            _ => Err(known["evalue"].as_str().unwrap_or("the kernel does not tell its state").to_owned()),
        }
    }

    async fn state(&self) -> Said {
        let known = self.known().await?;
        let around = self.kernel.around();
        let mut text = String::new();
        // Writing to a String cannot fail.
        match &around.running {
            Some((number, code)) => drop(writeln!(text, "running: cell [{number}]\n{code}")),
            None => drop(writeln!(text, "no cell runs")),
        }
        let _ = write!(text, "\nvariables:\n{}", listed_variables(&known));
        let items = known["items"].as_array().map_or(&[][..], Vec::as_slice);
        let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        let _ = writeln!(text, "\nitems:\n{}", if items.is_empty() { "none".to_owned() } else { items.join("\n") });
        let crates: Vec<&str> = known["crates"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let _ = writeln!(text, "\ncrates: {}", crates.join(", "));
        let _ = write!(text, "\nlast cells:\n{}", self.last_cells().await?);
        if let Some((number, error)) = &around.last_error {
            let _ = writeln!(text, "\nlast error, of cell [{number}]:\n{}", crate::outcome::plain(error));
        }
        let (shown, rest) = page(&text, 0, 2 * PAGE);
        words(if rest.is_some() { format!("{shown}\n[cut; `variables` and `inspect` tell more]") } else { shown })
    }

    async fn last_cells(&self) -> Result<String, String> {
        let wanted = json!({"hist_access_type": "range", "output": false, "raw": true, "session": 0, "start": 0});
        let history = self.kernel.request(Lane::Shell, "history_request", wanted, AT_ONCE).await?;
        let cells = history["history"].as_array().map_or(&[][..], Vec::as_slice);
        let first = cells.len().saturating_sub(LAST_CELLS as usize);
        let cell = |entry: &Value| format!("[{}] {}\n", entry[1], entry[2].as_str().unwrap_or_default());
        let all: String = cells[first..].iter().map(cell).collect();
        Ok(if all.is_empty() { "none\n".to_owned() } else { all })
    }

    async fn variables(&self) -> Said {
        words(listed_variables(&self.known().await?))
    }

    async fn run(&self, arguments: &Map<String, Value>) -> Said {
        let most = arguments.get("timeout").and_then(Value::as_f64).unwrap_or(USUAL);
        let (handle, run) = self.begin(argument(arguments, "code"), true).await?;
        self.wait(&run, most).await;
        self.told(&handle, &run, 0)
    }

    /// Sends a cell; what comes of it is gathered behind a handle.
    async fn begin(&self, code: &str, counts: bool) -> Result<(String, Arc<Run>), String> {
        if code.trim().is_empty() {
            return Err("there is no code to run".to_owned());
        }
        let sent = self.kernel.execute(code, counts).await?;
        let (handle, run) = self.store.begin();
        tokio::spawn(gather(sent, run.clone()));
        Ok((handle, run))
    }

    async fn wait(&self, run: &Run, seconds: f64) {
        let most = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(24 * 3600));
        let ended = run.ended.notified();
        if !run.outcome().over {
            // Whether it came to its end is told by the outcome.
            let _ = tokio::time::timeout(most, ended).await;
        }
    }

    fn told(&self, handle: &str, run: &Run, from: usize) -> Said {
        let outcome = run.outcome();
        let (shown, rest) = page(&outcome.shown(), from, PAGE);
        let mut text = match (&outcome.error, outcome.over) {
            (_, false) => format!("[the cell runs still; `more` with handle {handle} waits for it]\n{shown}"),
            (Some(_), true) => {
                format!("[failed; nothing of the session has changed unless the error says so]\n{shown}")
            }
            (None, true) if shown.is_empty() && from == 0 => "[ran; it put out nothing]".to_owned(),
            (None, true) => shown,
        };
        if let Some(next) = rest {
            let _ = write!(text, "\n[cut; `more` with handle {handle} and from {next} goes on]");
        }
        let failed = outcome.error.is_some() && outcome.over;
        drop(outcome);
        if failed { Err(text) } else { words(text) }
    }

    async fn more(&self, arguments: &Map<String, Value>) -> Said {
        let (handle, run) = self.stored(arguments)?;
        self.wait(&run, arguments.get("timeout").and_then(Value::as_f64).unwrap_or(0.0)).await;
        let from = arguments.get("from").and_then(Value::as_u64).unwrap_or(0) as usize;
        self.told(&handle, &run, from)
    }

    fn stored(&self, arguments: &Map<String, Value>) -> Result<(String, Arc<Run>), String> {
        let handle = arguments.get("handle").and_then(Value::as_str);
        self.store.find(handle).ok_or_else(|| match handle {
            Some(handle) => format!("there is no output of handle {handle} any more; only the newest are kept"),
            None => "no cell was run here yet".to_owned(),
        })
    }

    async fn check(&self, code: &str) -> Said {
        let found = self.kernel.request(Lane::Shell, "check_request", json!({"code": code}), COMPILING).await?;
        if found["status"] != "ok" {
            return Err(found["evalue"].as_str().unwrap_or("the kernel cannot check").to_owned());
        }
        let text = found["text"].as_str().unwrap_or_default();
        let data = json!({"diagnostics": found["diagnostics"], "bindings": found["bindings"]});
        Ok(vec![ContentBlock::text(text), ContentBlock::text(data.to_string())])
    }

    async fn inspect(&self, arguments: &Map<String, Value>) -> Said {
        let (code, cursor) = place(arguments);
        self.described(&code, cursor).await
    }

    async fn docs(&self, name: &str) -> Said {
        self.described(name, name.chars().count()).await
    }

    async fn described(&self, code: &str, cursor: usize) -> Said {
        let wanted = json!({"code": code, "cursor_pos": cursor, "detail_level": 1});
        let found = self.kernel.request(Lane::Shell, "inspect_request", wanted, AT_ONCE).await?;
        let data = &found["data"];
        match ["text/markdown", "text/plain"].into_iter().find_map(|kind| data[kind].as_str()) {
            Some(text) => words(page(text, 0, PAGE).0),
            None => Err("nothing is known of what stands there".to_owned()),
        }
    }

    async fn complete(&self, arguments: &Map<String, Value>) -> Said {
        let (code, cursor) = place(arguments);
        let wanted = json!({"code": code, "cursor_pos": cursor});
        let found = self.kernel.request(Lane::Shell, "complete_request", wanted, AT_ONCE).await?;
        let types = found["metadata"]["_jupyter_types_experimental"].as_array().map_or(&[][..], Vec::as_slice);
        let line = |one: &Value| {
            let part = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            format!("{} ({}) {}", part("text"), part("type"), part("signature")).trim_end().to_owned()
        };
        let lines: Vec<String> = types.iter().map(line).collect();
        words(if lines.is_empty() { "nothing".to_owned() } else { page(&lines.join("\n"), 0, PAGE).0 })
    }

    async fn figure(&self, arguments: &Map<String, Value>) -> Said {
        let code = argument(arguments, "code").trim().trim_end_matches(';').to_owned();
        let run = if code.is_empty() {
            self.stored(arguments)?.1
        } else {
            let shows = format!("display::png(({code}).png()).show();");
            let (handle, run) = self.begin(&shows, false).await?;
            self.wait(&run, USUAL).await;
            let shown = {
                let outcome = run.outcome();
                outcome.over && outcome.error.is_none()
            };
            if !shown {
                return self.told(&handle, &run, 0);
            }
            run
        };
        let picture = arguments.get("picture").and_then(Value::as_u64).unwrap_or(0) as usize;
        let outcome = run.outcome();
        match outcome.pictures.get(picture) {
            Some(picture) => Ok(vec![ContentBlock::image(picture.data.clone(), picture.kind.clone())]),
            None => Err(format!(
                "that cell has shown {} pictures as PNG; plots are shown as drawings, of which `figure` with the plot's expression as `code` makes a PNG",
                outcome.pictures.len()
            )),
        }
    }

    async fn interrupt(&self) -> Said {
        self.kernel.request(Lane::Control, "interrupt_request", json!({}), AT_ONCE).await?;
        words("the cell that runs is interrupted; `more` shows what came of it")
    }

    async fn undo(&self) -> Said {
        let (handle, run) = self.begin(":undo", false).await?;
        self.wait(&run, USUAL).await;
        self.told(&handle, &run, 0)
    }

    fn edit(&self, arguments: &Map<String, Value>) -> Said {
        let path = match arguments.get("path").and_then(Value::as_str) {
            Some(path) => PathBuf::from(path),
            None => self.notebook.clone().ok_or("name the file in `path`: the session has no notebook")?,
        };
        words(page(&notebook::act(&*self.books, &path, arguments)?, 0, 4 * PAGE).0)
    }
}

/// Follows a cell to its end.
async fn gather(mut sent: Sent, run: Arc<Run>) {
    while let Some(message) = sent.published.recv().await {
        run.outcome().take(&message);
    }
    if let Ok(reply) = sent.reply.await
        && reply["status"] == "aborted"
    {
        run.outcome().error = Some("the cell did not run, because one before it failed".to_owned());
    }
    run.outcome().over = true;
    run.ended.notify_waiters();
}

fn place(arguments: &Map<String, Value>) -> (String, usize) {
    let code = argument(arguments, "code").to_owned();
    let end = code.chars().count();
    let cursor = arguments.get("cursor").and_then(Value::as_u64).map_or(end, |cursor| (cursor as usize).min(end));
    (code, cursor)
}

fn listed_variables(known: &Value) -> String {
    let variables = known["variables"].as_array().map_or(&[][..], Vec::as_slice);
    let part = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let all: String = variables.iter().map(|one| format!("{}: {}\n", part(one, "name"), part(one, "type"))).collect();
    if all.is_empty() { "none\n".to_owned() } else { all }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("ferrolab", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        if !tools::exists(&request.name) {
            return Err(ErrorData::invalid_params(format!("there is no tool `{}`", request.name), None));
        }
        let said = match tools::wrong_arguments(&request.name, &arguments) {
            Some(wrong) => Err(wrong),
            None => self.call(&request.name, &arguments).await,
        };
        let result = match said {
            Ok(content) => CallToolResult::success(content),
            Err(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        };
        Ok(result.into())
    }
}
