//! The publisher's end of ZMTP 3, ZeroMQ's protocol on a stream, with the NULL mechanism.
//!
//! Greeting, READY, frames, subscriptions: what an XPUB needs and no more. Why not the socket of
//! the `zeromq` crate: see `publisher`. No queues and no Jupyter here.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;
/// What a subscriber sends is short; more than this is not one of ours.
const LARGEST: u64 = 64 * 1024;

/// What a subscriber asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Messages whose first frame starts with this.
    Subscribe(Vec<u8>),
    /// No longer these.
    Unsubscribe(Vec<u8>),
    /// A sign of life, with the context to give back.
    Ping(Vec<u8>),
    /// Anything else.
    Nothing,
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn push_frame(out: &mut Vec<u8>, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(length) => out.extend([flags, length]),
        Err(_) => {
            out.push(flags | LONG);
            out.extend((body.len() as u64).to_be_bytes());
        }
    }
    out.extend(body);
}

/// The bytes of a message of several frames.
pub(super) fn message<'a>(frames: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let length: usize = frames.clone().map(|frame| frame.len() + 9).sum();
    let mut out = Vec::with_capacity(length);
    let last = frames.len().saturating_sub(1);
    for (index, frame) in frames.enumerate() {
        push_frame(&mut out, if index < last { MORE } else { 0 }, frame);
    }
    out
}

/// The bytes of the answer to a ping.
pub(super) fn pong(context: &[u8]) -> Vec<u8> {
    let mut body = b"\x04PONG".to_vec();
    body.extend(context);
    let mut out = Vec::new();
    push_frame(&mut out, COMMAND, &body);
    out
}

/// Greet a peer; returns once it is known to be a subscriber.
pub(super) async fn shake_hands<S>(stream: &mut S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut greeting = [0; 64];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[11] = 1;
    greeting[12..16].copy_from_slice(b"NULL");
    stream.write_all(&greeting).await?;
    let mut theirs = [0; 64];
    stream.read_exact(&mut theirs).await?;
    if theirs[0] != 0xff || theirs[9] & 1 == 0 || theirs[10] < 3 {
        return Err(invalid("the peer does not speak ZMTP 3"));
    }
    if &theirs[12..17] != b"NULL\0" {
        return Err(invalid("the peer wants another security mechanism than NULL"));
    }
    let mut ready = b"\x05READY\x0bSocket-Type\0\0\0\x04XPUB".to_vec();
    let mut out = Vec::new();
    push_frame(&mut out, COMMAND, &std::mem::take(&mut ready));
    stream.write_all(&out).await?;
    let (flags, body) = read_frame(stream).await?;
    let Some(properties) = body.strip_prefix(b"\x05READY") else {
        return Err(invalid("the peer does not get ready"));
    };
    if flags & COMMAND == 0 || !is_subscriber(properties) {
        return Err(invalid("the peer is not a SUB socket"));
    }
    Ok(())
}

fn is_subscriber(mut properties: &[u8]) -> bool {
    while let Some((&length, rest)) = properties.split_first() {
        let Some((name, rest)) = rest.split_at_checked(usize::from(length)) else {
            return false;
        };
        let Some((size, rest)) = rest.split_first_chunk::<4>() else {
            return false;
        };
        let Some((value, rest)) = rest.split_at_checked(u32::from_be_bytes(*size) as usize) else {
            return false;
        };
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            return matches!(value, b"SUB" | b"XSUB");
        }
        properties = rest;
    }
    false
}

async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(u8, Vec<u8>)> {
    let flags = stream.read_u8().await?;
    let length = if flags & LONG == 0 { u64::from(stream.read_u8().await?) } else { stream.read_u64().await? };
    if length > LARGEST {
        return Err(invalid("a subscriber sent more than subscriptions"));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok((flags, body))
}

/// Wait for what a subscriber wants next.
pub(super) async fn read_wish<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Wish> {
    let (flags, body) = read_frame(stream).await?;
    Ok(parse_wish(flags, &body))
}

fn parse_wish(flags: u8, body: &[u8]) -> Wish {
    if flags & COMMAND == 0 {
        return match body.split_first() {
            Some((1, topic)) if flags & MORE == 0 => Wish::Subscribe(topic.to_vec()),
            Some((0, topic)) if flags & MORE == 0 => Wish::Unsubscribe(topic.to_vec()),
            _ => Wish::Nothing,
        };
    }
    if let Some(topic) = body.strip_prefix(b"\x09SUBSCRIBE") {
        Wish::Subscribe(topic.to_vec())
    } else if let Some(topic) = body.strip_prefix(b"\x06CANCEL") {
        Wish::Unsubscribe(topic.to_vec())
    } else if let Some(rest) = body.strip_prefix(b"\x04PING") {
        // Two bytes of time to live, then the context.
        Wish::Ping(rest.get(2..).unwrap_or_default().to_vec())
    } else {
        Wish::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed() {
        let long = [7; 300];
        let bytes = message([b"ab".as_slice(), &long].into_iter());
        assert_eq!(bytes[..4], [MORE, 2, b'a', b'b']);
        assert_eq!(bytes[4..13], [LONG, 0, 0, 0, 0, 0, 0, 1, 44]);
        assert_eq!(bytes.len(), 13 + 300);
    }

    #[test]
    fn wishes_come_as_messages_and_as_commands() {
        assert_eq!(parse_wish(0, b"\x01x"), Wish::Subscribe(b"x".to_vec()));
        assert_eq!(parse_wish(0, b"\x00"), Wish::Unsubscribe(Vec::new()));
        assert_eq!(parse_wish(COMMAND, b"\x09SUBSCRIBE"), Wish::Subscribe(Vec::new()));
        assert_eq!(parse_wish(COMMAND, b"\x06CANCELx"), Wish::Unsubscribe(b"x".to_vec()));
        assert_eq!(parse_wish(COMMAND, b"\x04PING\0\0c"), Wish::Ping(b"c".to_vec()));
        assert_eq!(parse_wish(0, b""), Wish::Nothing);
        assert_eq!(parse_wish(COMMAND, b"\x04PING"), Wish::Ping(Vec::new()));
    }

    #[test]
    fn only_subscribers_are_served() {
        assert!(is_subscriber(b"\x0bSocket-Type\0\0\0\x03SUB\x08Identity\0\0\0\0"));
        assert!(is_subscriber(b"\x08Identity\0\0\0\0\x0bsocket-type\0\0\0\x04XSUB"));
        for other in [&b"\x0bSocket-Type\0\0\0\x03REQ"[..], b"", b"\x0bSocket", b"\xff", b"\x01a\xff\xff\xff\xff"] {
            assert!(!is_subscriber(other));
        }
    }
}
