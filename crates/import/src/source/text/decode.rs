//! Decodes bytes to UTF-8 as a stream.

use std::io::{self, BufRead, Read};
use std::ops::Range;

use encoding_rs::{Decoder, DecoderResult, Encoding};

use crate::error::{FileError, FileErrorReason};

const BUFFER_BYTES: usize = 1 << 16;

/// Reader of a text file in UTF-8, without its byte order mark. Uses constant memory.
///
/// An invalid byte is an error whose inner error is a [`FileError`]. Everything before it is read
/// first.
pub(super) struct Utf8Reader<R> {
    reader: R,
    decoder: Decoder,
    input: Box<[u8]>,
    undecoded: Range<usize>,
    output: Box<[u8]>,
    unread: Range<usize>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Reading,
    InputEnded,
    Malformed,
    Ended,
}

impl<R: Read> Utf8Reader<R> {
    pub(super) fn new(reader: R, encoding: &'static Encoding) -> Self {
        Self {
            reader,
            decoder: encoding.new_decoder_with_bom_removal(),
            input: vec![0; BUFFER_BYTES].into(),
            undecoded: 0..0,
            output: vec![0; BUFFER_BYTES].into(),
            unread: 0..0,
            state: State::Reading,
        }
    }

    /// Decodes the next bytes. May decode none.
    fn decode(&mut self) -> io::Result<()> {
        if self.undecoded.is_empty() && self.state == State::Reading {
            self.undecoded = 0..self.reader.read(&mut self.input)?;
            if self.undecoded.is_empty() {
                self.state = State::InputEnded;
            }
        }
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
            &self.input[self.undecoded.clone()],
            &mut self.output,
            self.state == State::InputEnded,
        );
        self.undecoded.start += read;
        self.unread = 0..written;
        match result {
            DecoderResult::Malformed(..) => self.state = State::Malformed,
            DecoderResult::InputEmpty if self.state == State::InputEnded => {
                self.state = State::Ended;
            }
            DecoderResult::InputEmpty | DecoderResult::OutputFull => {}
        }
        Ok(())
    }

    fn malformed(&self) -> io::Error {
        let encoding = self.decoder.encoding().name();
        let message = format!(
            "the file is not valid {encoding}: state its actual `encoding`, or save it again as UTF-8"
        );
        let error = FileError::new(FileErrorReason::Damaged, message);
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

impl<R: Read> BufRead for Utf8Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.unread.is_empty() {
            match self.state {
                State::Reading | State::InputEnded => self.decode()?,
                State::Malformed => return Err(self.malformed()),
                State::Ended => break,
            }
        }
        Ok(&self.output[self.unread.clone()])
    }

    fn consume(&mut self, amount: usize) {
        self.unread.start += amount;
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{SHIFT_JIS, UTF_8, UTF_16LE};

    use super::*;

    #[test]
    fn long_text_is_decoded_across_buffers() {
        let text = "Gerät;x\u{1F4BB}y\r\n".repeat(20_000);
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut decoded = String::new();
        let mut reader = Utf8Reader::new(&bytes[..], UTF_16LE);
        reader.read_to_string(&mut decoded).expect("valid text");
        assert!(decoded == text);
    }

    #[test]
    fn text_before_invalid_byte_is_read() {
        let mut reader = Utf8Reader::new(&b"\xEF\xBB\xBFabc\xFFdef"[..], UTF_8);
        let mut decoded = Vec::new();
        let error = reader.read_to_end(&mut decoded).expect_err("an error");
        assert_eq!(decoded, b"abc");
        assert!(error.to_string().contains("UTF-8"));
    }

    #[test]
    fn truncated_character_is_an_error() {
        for (bytes, encoding) in [(&b"ab\x83"[..], SHIFT_JIS), (&b"a\0b"[..], UTF_16LE)] {
            let mut reader = Utf8Reader::new(bytes, encoding);
            assert!(reader.read_to_end(&mut Vec::new()).is_err());
        }
    }
}
