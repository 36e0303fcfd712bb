//! A check that a text is one JSON document. It builds nothing: the frontend parses the text, and
//! this only keeps a malformed one from making the whole output message malformed.

const DEPTH: usize = 512;

/// `Err` with the byte at which the text stops being JSON.
pub(crate) fn json(text: &str) -> Result<(), usize> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    match reader.value(0) && reader.end() {
        true => Ok(()),
        false => Err(reader.at),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn end(&mut self) -> bool {
        self.peek().is_none()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.bytes[self.at..].starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn value(&mut self, depth: usize) -> bool {
        if depth > DEPTH {
            return false;
        }
        match self.peek() {
            Some(b'{') => {
                self.list(b'}', |r| r.peek() == Some(b'"') && r.string() && r.eat(b':') && r.value(depth + 1))
            }
            Some(b'[') => self.list(b']', |r| r.value(depth + 1)),
            Some(b'"') => self.string(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) => self.number(),
            None => false,
        }
    }

    fn list(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> bool) -> bool {
        self.at += 1;
        if self.eat(close) {
            return true;
        }
        loop {
            if !item(self) {
                return false;
            }
            if self.eat(close) {
                return true;
            }
            if !self.eat(b',') {
                return false;
            }
        }
    }

    fn string(&mut self) -> bool {
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return true;
                }
                Some(b'\\') => match self.bytes.get(self.at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
                    Some(b'u') => {
                        let hex = self.bytes.get(self.at + 2..self.at + 6);
                        if !hex.is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit)) {
                            return false;
                        }
                        self.at += 6;
                    }
                    _ => return false,
                },
                Some(0..0x20) | None => return false,
                Some(_) => self.at += 1,
            }
        }
    }

    fn digits(&mut self) -> bool {
        let from = self.at;
        while matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > from
    }

    fn number(&mut self) -> bool {
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'-'));
        let leading_zero = self.bytes.get(self.at) == Some(&b'0');
        let from = self.at;
        if !self.digits() || (leading_zero && self.at - from > 1) {
            return false;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if !self.digits() {
                return false;
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            return self.digits();
        }
        true
    }
}
