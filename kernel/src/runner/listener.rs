//! Who hears what a cell says while it runs, and what there is to hear. What becomes of it is not known here.

use std::time::Instant;

use ferrolab_base::frame::MimeBundle;

/// Who hears what a cell says, in order.
pub trait Listener {
    /// Bytes on standard output (`false`) or standard error (`true`).
    fn bytes(&mut self, error: bool, bytes: &[u8]);
    /// Pass on what was held back for coalescing; when there is more to pass on later.
    fn flush(&mut self) -> Option<Instant>;
    /// A display, an update of one, or the result.
    fn display(&mut self, display: Shown);
    /// `clear_output`.
    fn clear(&mut self, wait: bool);
    /// A panic; reported when the cell ends with one, printed otherwise.
    fn panicked(&mut self, panic: Panic);
    /// The message of the panic that ends the cell.
    fn renamed(&mut self, message: String);
    /// A sentence for the user about the session.
    fn note(&mut self, text: &str);
    /// Ask the user; none when nobody answers.
    fn input(&mut self, prompt: &str, password: bool) -> Option<String>;
}

/// A display as the runner sent it.
#[derive(Debug)]
pub struct Shown {
    /// Its `display_id`.
    pub display_id: Option<String>,
    /// An update of an earlier one.
    pub update: bool,
    /// The value of the trailing expression.
    pub result: bool,
    /// Representations.
    pub data: MimeBundle,
    /// A JSON object or nothing.
    pub metadata: String,
}

/// A panic as the runner sent it.
#[derive(Debug, Clone, Default)]
pub struct Panic {
    /// Its message.
    pub message: String,
    /// Generated file, line and column.
    pub place: (String, u32, u32),
    /// The thread.
    pub thread: String,
    /// `name\tfile\tline` lines.
    pub backtrace: String,
}
