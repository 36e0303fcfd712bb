//! Bytes to text, across reads that end in the middle of a character.

/// A decoder of one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    rest: Vec<u8>,
}

impl Decoder {
    /// The text of these bytes; an unfinished character waits for its rest, and what is not
    /// UTF-8 becomes U+FFFD.
    pub fn decode(&mut self, bytes: &[u8]) -> String {
        let joined;
        let mut input = if self.rest.is_empty() {
            bytes
        } else {
            self.rest.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.rest);
            &joined[..]
        };
        let mut text = String::with_capacity(input.len());
        loop {
            match std::str::from_utf8(input) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => {
                    let (valid, after) = input.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(bad) = error.error_len() else {
                        self.rest = after.to_vec();
                        return text;
                    };
                    text.push('\u{fffd}');
                    input = &after[bad..];
                }
            }
        }
    }

    /// What is left when no more bytes come.
    pub fn finish(&mut self) -> String {
        if std::mem::take(&mut self.rest).is_empty() { String::new() } else { "\u{fffd}".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::Decoder;

    #[test]
    fn characters_survive_any_cut() {
        let text = "aä€😀b";
        for cut in 0..=text.len() {
            let mut decoder = Decoder::default();
            let (head, tail) = text.as_bytes().split_at(cut);
            assert_eq!(decoder.decode(head) + &decoder.decode(tail) + &decoder.finish(), text);
        }
    }

    #[test]
    fn other_bytes_become_replacement_characters() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"a\xffb\xe2\x82"), "a\u{fffd}b");
        assert_eq!(decoder.finish(), "\u{fffd}");
    }
}
