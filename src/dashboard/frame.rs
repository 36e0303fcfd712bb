//! What a dashboard is told at one moment. Plain data: who asks for it, and how it looks, are other files.

/// What a place did since the last frame, and has now.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frame {
    /// Seconds since the last frame, or since somebody watches.
    pub(crate) seconds: f64,
    /// The place in a few words: `2 workers, 4 threads`.
    pub(crate) place: String,
    pub(crate) lanes: Vec<Share>,
    /// What a lane is when it is no single thread: `a lane is 32 workers`.
    pub(crate) lanes_are: String,
    pub(crate) memory: Vec<Memory>,
    /// Likewise.
    pub(crate) memory_is: String,
    /// Bytes, and where they went.
    pub(crate) moved: Vec<(&'static str, u64)>,
    /// Tasks by state, in the order in which they are told.
    pub(crate) states: Vec<(String, u64)>,
}

/// What a thread, or several, did: shares of the time, together at most 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Share {
    pub(crate) name: String,
    pub(crate) computing: f64,
    pub(crate) transferring: f64,
    pub(crate) spilling: f64,
}

/// Memory of a worker, or of several; bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) name: String,
    /// What results of tasks take.
    pub(crate) managed: u64,
    /// What the processes take besides.
    pub(crate) unmanaged: u64,
    /// Results that are on the disk.
    pub(crate) spilled: u64,
    /// 0 when there is none.
    pub(crate) limit: u64,
}
