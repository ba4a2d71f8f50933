//! Detects the encoding of a text.

use std::io::{BufRead, Read, Seek};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1250};

use super::decode::Utf8Reader;
use super::io_error;
use crate::error::{FileError, ImportError};

const PREFIX_BYTES: u64 = 1 << 16;

/// Returns the encoding by the byte order mark, the zero bytes of UTF-16, valid UTF-8, or the
/// frequency of characters, in this order. Reads the file in constant memory.
pub(super) fn detect<R: Read + Seek>(reader: &mut R) -> Result<&'static Encoding, ImportError> {
    let mut prefix = Vec::new();
    reader.rewind()?;
    reader
        .by_ref()
        .take(PREFIX_BYTES)
        .read_to_end(&mut prefix)?;
    if let Some((encoding, _)) = Encoding::for_bom(&prefix) {
        return Ok(encoding);
    }
    if let Some(encoding) = utf16_by_zero_bytes(&prefix) {
        return Ok(encoding);
    }
    if is_utf8(reader)? {
        return Ok(UTF_8);
    }
    legacy_encoding(reader)
}

/// Letters, digits and delimiters of UTF-16 have a zero byte: the first or the second of each pair.
fn utf16_by_zero_bytes(prefix: &[u8]) -> Option<&'static Encoding> {
    let pairs = prefix.len() / 2;
    let zeros = |offset: usize| {
        prefix
            .iter()
            .skip(offset)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let are_frequent = |zeros: usize| zeros >= 4 && zeros * 4 >= pairs;
    let are_rare = |zeros: usize| zeros * 100 <= pairs;
    if are_frequent(odd) && are_rare(even) {
        Some(UTF_16LE)
    } else if are_frequent(even) && are_rare(odd) {
        Some(UTF_16BE)
    } else {
        None
    }
}

fn is_utf8<R: Read + Seek>(reader: &mut R) -> Result<bool, ImportError> {
    reader.rewind()?;
    let mut reader = Utf8Reader::new(reader, UTF_8);
    loop {
        match reader.fill_buf().map(<[u8]>::len).map_err(io_error) {
            Ok(0) => return Ok(true),
            Ok(length) => reader.consume(length),
            Err(ImportError::File(FileError { .. })) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Guesses an encoding other than Unicode.
fn legacy_encoding<R: Read + Seek>(reader: &mut R) -> Result<&'static Encoding, ImportError> {
    reader.rewind()?;
    let mut detector = LegacyDetector::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = reader.read(&mut buffer)?;
        if length == 0 {
            return Ok(detector.guess());
        }
        detector.feed(&buffer[..length]);
    }
}

/// Guesses the encoding of a text that is read in pieces.
pub(crate) struct LegacyDetector {
    detector: EncodingDetector,
    mac: MacRomanDetector,
    utf8: Utf8Counter,
}

impl LegacyDetector {
    pub(crate) fn new() -> Self {
        Self {
            detector: EncodingDetector::new(Iso2022JpDetection::Deny),
            mac: MacRomanDetector::default(),
            utf8: Utf8Counter::default(),
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.detector.feed(bytes, false);
        self.mac.feed(bytes);
        self.utf8.feed(bytes);
    }

    /// Returns the encoding of a complete text. UTF-8 if it is valid or has a few invalid bytes:
    /// reading reports the row of the first one.
    pub(crate) fn guess(&mut self) -> &'static Encoding {
        if self.utf8.is_damaged_utf8() {
            return UTF_8;
        }
        self.detector.feed(&[], true);
        let guess = self.detector.guess(None, Utf8Detection::Deny);
        if self.mac.is_likely(guess) {
            MACINTOSH
        } else {
            guess
        }
    }
}

/// Recognises UTF-8 with a few invalid bytes: a truncated file, or lines pasted from another file.
/// Read in another encoding, every accented letter of it would be stored as two symbols.
#[derive(Default)]
struct Utf8Counter {
    /// Continuation bytes that the current character still needs.
    missing: u8,
    valid: usize,
    invalid: usize,
}

impl Utf8Counter {
    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                0x80..=0xBF if self.missing > 0 => {
                    self.missing -= 1;
                    self.valid += usize::from(self.missing == 0);
                }
                0x80..=0xBF => self.invalid += 1,
                _ => {
                    self.invalid += usize::from(self.missing > 0);
                    self.missing = match byte {
                        0x00..=0x7F => 0,
                        0xC2..=0xDF => 1,
                        0xE0..=0xEF => 2,
                        _ => 3,
                    };
                }
            }
        }
    }

    /// Pairs of letters of other encodings look like UTF-8 by chance, but never most of them.
    fn is_damaged_utf8(&self) -> bool {
        self.valid > 0 && self.valid >= 4 * self.invalid
    }
}

/// Recognises Mac Roman, which chardetng does not know: Excel for Mac writes it.
///
/// In the Windows encodings, most of its accented letters are symbols or letters of the other case.
/// These do not stand between two letters of one case. Files that have only CR as line ending are
/// Mac files, too.
#[derive(Default)]
struct MacRomanDetector {
    previous: [u8; 2],
    mac_letters: usize,
    /// Letters ü, which are ź in Windows-1250.
    ambiguous_letters: usize,
    windows_letters: usize,
    has_cr: bool,
    has_lf: bool,
}

impl MacRomanDetector {
    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let [before, middle] = self.previous;
            if middle >= 0x80 && before.is_ascii_alphabetic() && byte.is_ascii_alphabetic() {
                let is_lower = before.is_ascii_lowercase() && byte.is_ascii_lowercase();
                let is_upper = before.is_ascii_uppercase() && byte.is_ascii_uppercase();
                self.count_letter(middle, is_lower, is_upper);
            }
            self.has_cr |= byte == b'\r';
            self.has_lf |= byte == b'\n';
            self.previous = [middle, byte];
        }
    }

    fn count_letter(&mut self, byte: u8, is_lower: bool, is_upper: bool) {
        match byte {
            // Ä, Ö, Ü.
            0x80 | 0x85 | 0x86 if is_upper => self.mac_letters += 1,
            // á, à, â, ä, å, ç, é, è, ê, ò, ß.
            0x87..=0x8A | 0x8C..=0x90 | 0x98 | 0xA7 if is_lower => self.mac_letters += 1,
            0x9F => self.ambiguous_letters += 1,
            0xC0..=0xFF => self.windows_letters += 1,
            _ => {}
        }
    }

    fn is_likely(&self, guess: &'static Encoding) -> bool {
        let has_cr_only = self.has_cr && !self.has_lf;
        let has_umlaut = self.ambiguous_letters > 0 && guess != WINDOWS_1250;
        self.windows_letters == 0 && (self.mac_letters > 0 || has_umlaut || has_cr_only)
    }
}
