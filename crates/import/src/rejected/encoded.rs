//! Output in the encoding of a file.

use std::io::{self, Write};
use std::str;

use encoding_rs::{Encoder, EncoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Writes UTF-8 in another encoding. A character that the encoding does not have becomes `?`.
pub(super) struct Encoded<W> {
    output: W,
    encoding: Output,
    /// Bytes of a character whose end was not written yet.
    incomplete: Vec<u8>,
}

enum Output {
    Utf8,
    /// The WHATWG Encoding Standard decodes UTF-16 and has no encoder for it.
    Utf16(fn(u16) -> [u8; 2]),
    Other(Encoder),
}

impl<W: Write> Encoded<W> {
    /// Writes a byte order mark in UTF-8 if the file has one, and always in UTF-16.
    pub(super) fn new(
        mut output: W,
        encoding: &'static Encoding,
        has_byte_order_mark: bool,
    ) -> io::Result<Self> {
        let (encoding, mark): (Output, &[u8]) = if encoding == UTF_16LE {
            (Output::Utf16(u16::to_le_bytes), &[0xFF, 0xFE])
        } else if encoding == UTF_16BE {
            (Output::Utf16(u16::to_be_bytes), &[0xFE, 0xFF])
        } else if encoding != UTF_8 {
            (Output::Other(encoding.new_encoder()), &[])
        } else if has_byte_order_mark {
            (Output::Utf8, &[0xEF, 0xBB, 0xBF])
        } else {
            (Output::Utf8, &[])
        };
        output.write_all(mark)?;
        Ok(Self {
            output,
            encoding,
            incomplete: Vec::new(),
        })
    }

    pub(super) fn output(&self) -> &W {
        &self.output
    }

    /// Ends the text: some encodings return to their initial state.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Output::Other(encoder) = &mut self.encoding {
            encode(encoder, "", true, &mut self.output)?;
        }
        self.output.flush()
    }

    fn write_text(&mut self, text: &str) -> io::Result<()> {
        match &mut self.encoding {
            Output::Utf8 => self.output.write_all(text.as_bytes()),
            Output::Utf16(to_bytes) => {
                let bytes: Vec<u8> = text.encode_utf16().flat_map(*to_bytes).collect();
                self.output.write_all(&bytes)
            }
            Output::Other(encoder) => encode(encoder, text, false, &mut self.output),
        }
    }
}

impl<W: Write> Write for Encoded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.incomplete.extend_from_slice(bytes);
        let buffered = std::mem::take(&mut self.incomplete);
        let complete = match str::from_utf8(&buffered) {
            Ok(_) => buffered.len(),
            Err(error) => error.valid_up_to(),
        };
        let (text, rest) = buffered.split_at(complete);
        self.write_text(str::from_utf8(text).unwrap_or_default())?;
        self.incomplete = rest.to_vec();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn encode(
    encoder: &mut Encoder,
    mut text: &str,
    is_last: bool,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut bytes = [0; 1 << 12];
    loop {
        let (result, read, written) =
            encoder.encode_from_utf8_without_replacement(text, &mut bytes, is_last);
        output.write_all(&bytes[..written])?;
        text = &text[read..];
        match result {
            EncoderResult::InputEmpty => return Ok(()),
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(_) => output.write_all(b"?")?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(encoding: &str, has_mark: bool, chunks: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoding = Encoding::for_label(encoding.as_bytes()).unwrap();
        let mut output = Encoded::new(&mut bytes, encoding, has_mark).unwrap();
        for chunk in chunks {
            output.write_all(chunk).unwrap();
        }
        output.finish().unwrap();
        bytes
    }

    #[test]
    fn text_is_written_in_the_encoding() {
        assert_eq!(
            encoded("windows-1252", true, &["Büro €".as_bytes()]),
            b"B\xFCro \x80"
        );
        assert_eq!(
            encoded("macintosh", false, &["é\u{1F5A5}".as_bytes()]),
            b"\x8E?"
        );
        assert_eq!(encoded("UTF-8", false, &["é".as_bytes()]), "é".as_bytes());
        assert_eq!(encoded("UTF-8", true, &[b"a"]), "\u{FEFF}a".as_bytes());
        assert_eq!(
            encoded("UTF-16LE", false, &["aé".as_bytes()]),
            b"\xFF\xFEa\0\xE9\0"
        );
        assert_eq!(encoded("UTF-16BE", false, &[b"a"]), b"\xFE\xFF\0a");
    }

    #[test]
    fn character_may_be_written_in_pieces() {
        let bytes = "é\u{1F5A5}".as_bytes();
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(encoded("UTF-8", false, &pieces), bytes);
        assert_eq!(encoded("windows-1252", false, &[b"\xC3", b"\xA9"]), b"\xE9");
    }

    #[test]
    fn long_text_is_written_completely() {
        let text = "é".repeat(10_000);
        assert_eq!(
            encoded("windows-1252", false, &[text.as_bytes()]),
            vec![0xE9; 10_000]
        );
    }
}
