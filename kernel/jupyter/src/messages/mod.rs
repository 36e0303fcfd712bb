//! Jupyter messages: requests as they come in, replies and publications as they go out, and the
//! traits between who carries them (wire) and who answers them (session).
//!
//! Built on the types of `jupyter-protocol`. No sockets, no signing, no behaviour of a session.

mod request;
mod response;

pub use request::{Channel, Event, Request};
pub use response::{
    About, aborted, child, complete, debug_refused, display, error, error_reply, execute_reply, execute_result,
    expression, history, inspect, is_complete, kernel_info, other, page, status, stream, update, welcome,
};

use jupyter_protocol::JupyterMessage;

/// The version of the messaging protocol spoken here.
pub const PROTOCOL_VERSION: &str = "5.5";

/// Where messages leave. Cheap to call from any thread; messages given from one thread leave in
/// their order.
pub trait Outlet: Send + Sync {
    /// Answer on the channel that the request came from. Never waits.
    fn reply(&self, channel: Channel, message: JupyterMessage);
    /// Publish on iopub. Never waits: for status and other small messages.
    fn publish(&self, message: JupyterMessage);
    /// Publish a cell's output on iopub; waits while a subscriber is behind, so that a flood
    /// stays in the cell that makes it and not in memory.
    fn publish_output(&self, message: JupyterMessage);
    /// Send to a frontend's stdin channel. False when it cannot be reached there.
    fn ask(&self, message: JupyterMessage) -> bool;
}
