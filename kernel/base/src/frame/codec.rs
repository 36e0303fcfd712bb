//! Frames as bytes: how each kind is written and read. What they mean is said where they are defined.

use super::{Bytes, Command, Frame, Outcome, Protect, Reply, Restore, Wire};

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }
    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }
    fn bool(&mut self) -> Option<bool> {
        self.u8().map(|b| b != 0)
    }
    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
    fn protect(&mut self) -> Option<Protect> {
        [Protect::Off, Protect::Small, Protect::All].get(usize::from(self.u8()?)).copied()
    }
    fn restore(&mut self) -> Option<Restore> {
        [Restore::Auto, Restore::Always, Restore::Never].get(usize::from(self.u8()?)).copied()
    }
    fn bytes(&mut self) -> Option<Vec<u8>> {
        let n = self.u32()? as usize;
        self.take(n).map(<[u8]>::to_vec)
    }
    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }
    fn places(&mut self) -> Option<Vec<(u32, u64)>> {
        self.list(|b| Some((b.u32()?, b.u64()?)))
    }
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = self.u32()?;
        (0..n).map(|_| item(self)).collect()
    }
}

fn put_u32(out: &mut Vec<u8>, n: u32) {
    out.extend_from_slice(&n.to_le_bytes());
}

fn put_u64(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(&n.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(out, bytes.len() as u32);
    out.extend_from_slice(bytes);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

fn put_texts(out: &mut Vec<u8>, texts: &[String]) {
    put_u32(out, texts.len() as u32);
    texts.iter().for_each(|t| put_text(out, t));
}

fn put_places(out: &mut Vec<u8>, places: &[(u32, u64)]) {
    put_u32(out, places.len() as u32);
    for (object, offset) in places {
        put_u32(out, *object);
        put_u64(out, *offset);
    }
}

impl Wire for Frame {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ready { pid, keeper } => {
                out.push(0);
                put_u32(out, *pid);
                put_u32(out, *keeper);
            }
            Self::Copied { pid } => {
                out.push(11);
                put_u32(out, *pid);
            }
            Self::Display { display_id, update, result, ordered, data, metadata } => {
                out.push(1);
                out.push(display_id.is_some().into());
                put_text(out, display_id.as_deref().unwrap_or(""));
                out.extend([*update, *result, *ordered].map(u8::from));
                put_u32(out, data.len() as u32);
                for (mime, bytes) in data {
                    put_text(out, mime);
                    put_bytes(out, bytes);
                }
                put_text(out, metadata);
            }
            Self::Clear { wait } => out.extend([2, u8::from(*wait)]),
            Self::Renamed { message } => {
                out.push(10);
                put_text(out, message);
            }
            Self::Input { prompt, password } => {
                out.push(3);
                put_text(out, prompt);
                out.push((*password).into());
            }
            Self::Where { file, line, column } => {
                out.push(12);
                put_text(out, file);
                put_u32(out, *line);
                put_u32(out, *column);
            }
            Self::Recompile { processor, objects, places } => {
                out.push(13);
                put_text(out, processor);
                put_texts(out, objects);
                put_places(out, places);
            }
            Self::Panic { message, file, line, column, thread, backtrace } => {
                out.push(4);
                put_text(out, message);
                put_text(out, file);
                put_u32(out, *line);
                put_u32(out, *column);
                put_text(out, thread);
                put_text(out, backtrace);
            }
            Self::Done { outcome, lost, restoring, alive } => {
                out.push(5);
                outcome.encode(out);
                put_texts(out, lost);
                out.push((*restoring).into());
                put_texts(out, alive);
            }
            Self::TookOver { pid, keeper, gone, shared, lost } => {
                out.push(6);
                put_u32(out, *pid);
                put_u32(out, *keeper);
                [gone, shared, lost].into_iter().for_each(|texts| put_texts(out, texts));
            }
            Self::Described { values } => {
                out.push(7);
                put_u32(out, values.len() as u32);
                for (name, text, size) in values {
                    put_text(out, name);
                    put_text(out, text);
                    put_u64(out, *size);
                }
            }
            Self::NoSnapshot { reason } => {
                out.push(8);
                put_text(out, reason);
            }
            Self::Usage { wall_ns, cpu_ns, others_ns, threads, peak_bytes, whole_session, allocations } => {
                out.push(9);
                put_u64(out, *wall_ns);
                put_u64(out, *cpu_ns);
                put_u64(out, *others_ns);
                put_u32(out, *threads);
                put_u64(out, *peak_bytes);
                out.push((*whole_session).into());
                out.push(allocations.is_some().into());
                let (count, bytes) = allocations.unwrap_or_default();
                put_u64(out, count);
                put_u64(out, bytes);
            }
        }
    }

    fn decode(b: &mut Bytes<'_>) -> Option<Self> {
        Some(match b.u8()? {
            0 => Self::Ready { pid: b.u32()?, keeper: b.u32()? },
            11 => Self::Copied { pid: b.u32()? },
            1 => {
                let has_id = b.bool()?;
                let id = b.text()?;
                Self::Display {
                    display_id: has_id.then_some(id),
                    update: b.bool()?,
                    result: b.bool()?,
                    ordered: b.bool()?,
                    data: b.list(|b| Some((b.text()?, b.bytes()?)))?,
                    metadata: b.text()?,
                }
            }
            2 => Self::Clear { wait: b.bool()? },
            3 => Self::Input { prompt: b.text()?, password: b.bool()? },
            12 => Self::Where { file: b.text()?, line: b.u32()?, column: b.u32()? },
            13 => Self::Recompile { processor: b.text()?, objects: b.list(Bytes::text)?, places: b.places()? },
            4 => Self::Panic {
                message: b.text()?,
                file: b.text()?,
                line: b.u32()?,
                column: b.u32()?,
                thread: b.text()?,
                backtrace: b.text()?,
            },
            5 => Self::Done {
                outcome: Outcome::decode(b)?,
                lost: b.list(Bytes::text)?,
                restoring: b.bool()?,
                alive: b.list(Bytes::text)?,
            },
            6 => Self::TookOver {
                pid: b.u32()?,
                keeper: b.u32()?,
                gone: b.list(Bytes::text)?,
                shared: b.list(Bytes::text)?,
                lost: b.list(Bytes::text)?,
            },
            7 => Self::Described { values: b.list(|b| Some((b.text()?, b.text()?, b.u64()?)))? },
            8 => Self::NoSnapshot { reason: b.text()? },
            10 => Self::Renamed { message: b.text()? },
            9 => Self::Usage {
                wall_ns: b.u64()?,
                cpu_ns: b.u64()?,
                others_ns: b.u64()?,
                threads: b.u32()?,
                peak_bytes: b.u64()?,
                whole_session: b.bool()?,
                allocations: {
                    let known = b.bool()?;
                    let counted = (b.u64()?, b.u64()?);
                    known.then_some(counted)
                },
            },
            _ => return None,
        })
    }
}

impl Wire for Outcome {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ok => out.push(0),
            Self::Returned => out.push(5),
            Self::Panicked => out.push(1),
            Self::Interrupted => out.push(2),
            Self::Failed { message, kind } => {
                out.push(3);
                put_text(out, message);
                put_text(out, kind);
            }
            Self::NotLoaded { message } => {
                out.push(4);
                put_text(out, message);
            }
        }
    }

    fn decode(b: &mut Bytes<'_>) -> Option<Self> {
        Some(match b.u8()? {
            0 => Self::Ok,
            5 => Self::Returned,
            1 => Self::Panicked,
            2 => Self::Interrupted,
            3 => Self::Failed { message: b.text()?, kind: b.text()? },
            4 => Self::NotLoaded { message: b.text()? },
            _ => return None,
        })
    }
}

impl Wire for Command {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Run { path, needs, symbol, cell, protect, restore, count } => {
                out.push(0);
                put_text(out, path);
                put_texts(out, needs);
                put_text(out, symbol);
                put_u32(out, *cell);
                out.extend([*protect as u8, *restore as u8, u8::from(*count)]);
            }
            Self::For { runner } => {
                out.push(9);
                put_u32(out, *runner);
            }
            Self::Plain { variables } => {
                out.push(8);
                put_u32(out, variables.len() as u32);
                for (name, key, levels) in variables {
                    put_text(out, name);
                    put_u64(out, *key);
                    out.push(*levels);
                }
            }
            Self::Load { path } => {
                out.push(1);
                put_text(out, path);
            }
            Self::Drop { names } => {
                out.push(2);
                put_texts(out, names);
            }
            Self::Describe { names } => {
                out.push(3);
                put_texts(out, names);
            }
            Self::Threads { count } => {
                out.push(4);
                put_u32(out, *count);
            }
            Self::SetEnv { key, value } => {
                out.push(5);
                put_text(out, key);
                put_text(out, value);
            }
            Self::Undo { restore } => out.extend([6, *restore as u8]),
            Self::Exit => out.push(7),
        }
    }

    fn decode(b: &mut Bytes<'_>) -> Option<Self> {
        Some(match b.u8()? {
            0 => Self::Run {
                path: b.text()?,
                needs: b.list(Bytes::text)?,
                symbol: b.text()?,
                cell: b.u32()?,
                protect: b.protect()?,
                restore: b.restore()?,
                count: b.bool()?,
            },
            9 => Self::For { runner: b.u32()? },
            8 => Self::Plain { variables: b.list(|b| Some((b.text()?, b.u64()?, b.u8()?)))? },
            1 => Self::Load { path: b.text()? },
            2 => Self::Drop { names: b.list(Bytes::text)? },
            3 => Self::Describe { names: b.list(Bytes::text)? },
            4 => Self::Threads { count: b.u32()? },
            5 => Self::SetEnv { key: b.text()?, value: b.text()? },
            6 => Self::Undo { restore: b.restore()? },
            7 => Self::Exit,
            _ => return None,
        })
    }
}

impl Wire for Reply {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Shown => out.push(0),
            Self::Input { text } => {
                out.push(1);
                put_text(out, text);
            }
            Self::Interrupted => out.push(2),
            Self::Place { text } => {
                out.push(3);
                put_text(out, text);
            }
            Self::Recompiled { objects, places, problem } => {
                out.push(4);
                put_texts(out, objects);
                put_places(out, places);
                put_text(out, problem);
            }
        }
    }

    fn decode(b: &mut Bytes<'_>) -> Option<Self> {
        Some(match b.u8()? {
            0 => Self::Shown,
            1 => Self::Input { text: b.text()? },
            2 => Self::Interrupted,
            3 => Self::Place { text: b.text()? },
            4 => Self::Recompiled { objects: b.list(Bytes::text)?, places: b.places()?, problem: b.text()? },
            _ => return None,
        })
    }
}
