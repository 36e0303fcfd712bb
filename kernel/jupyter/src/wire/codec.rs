//! Between messages and the frames that carry them: signing, and checking signatures.
//!
//! Reading rests on `RawMessage` of `jupyter-zmq-client`, which checks the signature; the parts
//! are then read by `messages`, so that a bad content does not cost the header. The key never
//! appears in any text.

use bytes::Bytes;
use jupyter_protocol::{Header, JupyterMessage};
use jupyter_zmq_client::{RawMessage, RuntimeError};
use ring::hmac;
use serde::Serialize;
use zeromq::ZmqMessage;

use crate::messages::{Channel, Request};

const DELIMITER: &[u8] = b"<IDS|MSG>";

/// Signs and checks messages of one connection.
pub(super) struct Codec {
    key: Option<hmac::Key>,
    session: String,
}

impl Codec {
    /// For a connection file's key; an empty key means that nothing is signed.
    pub(super) fn new(key: &str, session: String) -> Codec {
        let key = (!key.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()));
        Codec { key, session }
    }

    /// The id of this kernel's own session, as it stands in headers.
    pub(super) fn session(&self) -> &str {
        &self.session
    }

    /// The frames after the addresses: delimiter, signature, JSON parts, buffers.
    ///
    /// # Errors
    /// When something in the message cannot be said in JSON.
    pub(super) fn encode(&self, mut message: JupyterMessage) -> serde_json::Result<Vec<Bytes>> {
        message.header.session.clone_from(&self.session);
        let parts = [
            to_bytes(&message.header)?,
            message.parent_header.as_ref().map_or_else(|| Ok(Bytes::from_static(b"{}")), header)?,
            to_bytes(&message.metadata)?,
            to_bytes(&message.content)?,
        ];
        let mut frames = Vec::with_capacity(6 + message.buffers.len());
        frames.push(Bytes::from_static(DELIMITER));
        frames.push(self.sign(&parts).into());
        frames.extend(parts);
        frames.append(&mut message.buffers);
        Ok(frames)
    }

    fn sign(&self, parts: &[Bytes]) -> String {
        use std::fmt::Write as _;
        let Some(key) = &self.key else {
            return String::new();
        };
        let mut context = hmac::Context::with_key(key);
        for part in parts {
            context.update(part);
        }
        let mut text = String::with_capacity(64);
        for byte in context.sign().as_ref() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Check and read what was received.
    ///
    /// # Errors
    /// A text that says why it is dropped.
    pub(super) fn decode(&self, channel: Channel, frames: ZmqMessage) -> Result<Request, String> {
        let raw = RawMessage::from_multipart(frames, &self.key).map_err(|error| match error {
            RuntimeError::VerifyError(_) | RuntimeError::DecodeError(_) => {
                "its signature is not made with this connection's key".to_owned()
            }
            other => other.to_string(),
        })?;
        Request::from_parts(channel, raw.zmq_identities, &raw.jparts)
    }
}

fn to_bytes(value: &impl Serialize) -> serde_json::Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from)
}

fn header(header: &Header) -> serde_json::Result<Bytes> {
    to_bytes(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{child, status};
    use jupyter_protocol::ExecutionState;

    fn frames(codec: &Codec) -> Vec<Bytes> {
        let mut frames = vec![Bytes::from_static(b"address")];
        frames.extend(codec.encode(child(None, status(ExecutionState::Idle))).unwrap());
        frames
    }

    fn decode(codec: &Codec, frames: Vec<Bytes>) -> Result<Request, String> {
        codec.decode(Channel::Shell, ZmqMessage::try_from(frames).unwrap())
    }

    #[test]
    fn what_is_signed_is_accepted() {
        for key in ["secret", ""] {
            let codec = Codec::new(key, "s".into());
            let request = decode(&codec, frames(&codec)).unwrap();
            assert_eq!(request.identities, [&b"address"[..]]);
            assert_eq!((&*request.header.session, &*request.header.version), ("s", "5.5"));
        }
    }

    #[test]
    fn everything_else_is_refused_without_naming_the_key() {
        let codec = Codec::new("secret", "s".into());
        let other = decode(&codec, frames(&Codec::new("other", "s".into()))).unwrap_err();
        assert!(other.contains("signature") && !other.contains("secret"));
        let unsigned = decode(&codec, frames(&Codec::new("", "s".into()))).unwrap_err();
        assert!(unsigned.contains("signature"));
        let mut changed = frames(&codec);
        changed[6] = Bytes::from_static(b"{\"code\":\"evil\"}");
        assert!(decode(&codec, changed).is_err());
        for length in 1..7 {
            assert!(decode(&codec, frames(&codec)[..length].to_vec()).is_err());
        }
        let mut garbage = frames(&codec);
        garbage[2] = Bytes::from_static(b"not hex");
        assert!(decode(&codec, garbage).is_err());
    }
}
