//! Why a value cannot be written or read. One word wide, since every `?` of code that is compiled with
//! cells carries it; what users see of it is [`crate::executor::Error`].

use std::fmt;

/// Why serde cannot write or read a value, in its words.
///
/// ```
/// use ferrolab::cluster::Fault;
/// let fault: Fault = serde::de::Error::missing_field("mass");
/// assert_eq!(fault.to_string(), "missing field `mass`");
/// ```
pub struct Fault(Box<Words>);

struct Words(String);

impl Fault {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self(Box::new(Words(words.into())))
    }

    /// The bytes end within a value.
    #[cold]
    #[inline(never)]
    pub(super) fn short() -> Self {
        Self::new("the bytes end too early")
    }

    /// Something else is there than was asked for.
    #[cold]
    #[inline(never)]
    pub(super) fn other(found: &str, wanted: &str) -> Self {
        Self::new(format!("invalid type: {found}, expected {wanted}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Fault {}

impl serde::ser::Error for Fault {
    #[cold]
    #[inline(never)]
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::new(words.to_string())
    }
}

impl serde::de::Error for Fault {
    #[cold]
    #[inline(never)]
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::new(words.to_string())
    }
}

impl From<postcard::Error> for Fault {
    #[cold]
    #[inline(never)]
    fn from(error: postcard::Error) -> Self {
        match error {
            postcard::Error::DeserializeUnexpectedEnd => Self::short(),
            other => Self::new(other.to_string()),
        }
    }
}
