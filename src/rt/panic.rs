//! The panic hook: a panic becomes a frame with message, place and the frames of user code. It
//! prints nothing; how it looks is the kernel's business.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::thread;

use super::channel;
use crate::frame::Frame;

/// Frames of a backtrace that are reported.
const MAX_FRAMES: usize = 30;

/// Install the hook.
pub fn install() {
    std::panic::set_hook(Box::new(report));
}

fn report(info: &PanicHookInfo<'_>) {
    let Some(channel) = channel::get() else { return };
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned());
    let (file, line, column) =
        info.location().map_or((String::new(), 0, 0), |l| (l.file().to_owned(), l.line(), l.column()));
    channel.send(&Frame::Panic {
        message,
        file,
        line,
        column,
        thread: thread::current().name().unwrap_or_default().to_owned(),
        backtrace: user_frames(&Backtrace::force_capture().to_string()),
    });
}

/// The panic that ends the cell has this message, whatever the thread said on which it began.
pub fn rename(message: &str) {
    let Some(channel) = channel::get() else { return };
    channel.send(&Frame::Renamed { message: message.to_owned() });
}

/// The frames of cells in a printed backtrace, as `name\tfile\tline` lines.
fn user_frames(backtrace: &str) -> String {
    let mut frames: Vec<String> = Vec::new();
    let mut lines = backtrace.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((number, name)) = line.trim_start().split_once(": ") else { continue };
        if number.parse::<u32>().is_err() || !is_user(name) {
            continue;
        }
        let place = lines.peek().and_then(|l| l.trim_start().strip_prefix("at "));
        let (file, at) = place.map_or(("", ""), split_place);
        frames.push(format!("{name}\t{file}\t{at}"));
        if frames.len() == MAX_FRAMES {
            break;
        }
    }
    frames.join("\n")
}

fn is_user(name: &str) -> bool {
    name.contains("cells::") || name.contains("__ferrolab_cell")
}

fn split_place(place: &str) -> (&str, &str) {
    let mut parts = place.rsplitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_column), Some(line), Some(file)) => (file, line),
        _ => (place, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::user_frames;

    #[test]
    fn only_frames_of_cells_are_kept() {
        let text = "   0: std::panicking::begin\n             at /rustc/x/panicking.rs:1:2\n   1: cells::price\n             at <anon>:12:5\n   2: <cells::P as core::fmt::Debug>::fmt\n   3: main\n";
        assert_eq!(user_frames(text), "cells::price\t<anon>\t12\n<cells::P as core::fmt::Debug>::fmt\t\t");
    }
}
