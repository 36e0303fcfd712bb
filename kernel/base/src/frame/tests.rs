//! Frames survive the way there and back, and no bytes make the reader panic.

use crate::frame::{self, Command, Frame, Outcome, Protect, Reply, Restore, Wire};

fn there_and_back<T: Wire + PartialEq + std::fmt::Debug>(value: &T) {
    let mut bytes = Vec::new();
    frame::write(&mut bytes, value).expect("it fits");
    let read: T = frame::read(&mut &bytes[..]).expect("it is whole");
    assert_eq!(read, *value);
    for cut in 0..bytes.len() {
        assert!(frame::read::<T>(&mut &bytes[..cut]).is_err(), "{value:?} cut at {cut}");
    }
}

fn usage(allocations: Option<(u64, u64)>) -> Frame {
    Frame::Usage { wall_ns: 1, cpu_ns: 2, others_ns: 3, threads: 4, peak_bytes: 5, whole_session: true, allocations }
}

#[test]
fn frames() {
    let text = || "grüße 😀".to_owned();
    let failed = Outcome::Failed { message: text(), kind: text() };
    let done = |outcome| Frame::Done { outcome, lost: vec![text()], restoring: true, alive: vec![text()] };
    let frames = [
        Frame::Ready { pid: 7, keeper: 8 },
        Frame::Copied { pid: 9 },
        Frame::Display {
            display_id: Some(text()),
            update: true,
            result: false,
            ordered: true,
            data: vec![(text(), vec![0, 255])],
            metadata: "{}".to_owned(),
        },
        Frame::Clear { wait: true },
        Frame::Input { prompt: text(), password: true },
        Frame::Where { file: text(), line: 1, column: 2 },
        Frame::Recompile { processor: text(), objects: vec![text()], places: vec![(1, u64::MAX), (0, 2)] },
        Frame::Panic { message: text(), file: text(), line: 1, column: 2, thread: text(), backtrace: text() },
        Frame::Renamed { message: text() },
        done(Outcome::Ok),
        done(Outcome::Returned),
        done(Outcome::Panicked),
        done(Outcome::Interrupted),
        done(failed),
        done(Outcome::NotLoaded { message: text() }),
        Frame::TookOver { pid: u32::MAX, keeper: 0, gone: vec![text()], shared: vec![], lost: vec![text(), text()] },
        Frame::Described { values: vec![(text(), text(), u64::MAX)] },
        Frame::NoSnapshot { reason: text() },
        usage(None),
        usage(Some((8, 9))),
    ];
    frames.iter().for_each(there_and_back);
}

#[test]
fn commands_and_replies() {
    let text = || "x".to_owned();
    let commands = [
        Command::Run {
            path: text(),
            needs: vec![text(), text()],
            symbol: text(),
            cell: 7,
            protect: Protect::All,
            restore: Restore::Never,
            count: true,
        },
        Command::Plain { variables: vec![(text(), u64::MAX, 2)] },
        Command::For { runner: 7 },
        Command::Load { path: text() },
        Command::Drop { names: vec![text(), text()] },
        Command::Describe { names: Vec::new() },
        Command::Threads { count: 9 },
        Command::SetEnv { key: text(), value: text() },
        Command::Undo { restore: Restore::Always },
        Command::Exit,
    ];
    commands.iter().for_each(there_and_back);
    let replies = [
        Reply::Shown,
        Reply::Input { text: text() },
        Reply::Interrupted,
        Reply::Place { text: text() },
        Reply::Recompiled { objects: vec![text(), text()], places: vec![(1, u64::MAX)], problem: text() },
    ];
    replies.iter().for_each(there_and_back);
}

#[test]
fn garbage_is_an_error() {
    for byte in 0..=u8::MAX {
        let bytes = [5, 0, 0, 0, byte, 255, 255, 255, 255];
        // Whatever it is, it neither panics nor reserves what it claims to hold.
        let _ = frame::read::<Frame>(&mut &bytes[..]);
        let _ = frame::read::<Command>(&mut &bytes[..]);
    }
}
