//! Format of delimited text: that of the file, where an import of the written rows detects it.

use std::io::{self, Read, Seek, Write};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::encoded::Encoded;
use crate::source::{LegacyDetector, detect_delimiter};

/// Bytes from which the delimiter is detected: at least as many as an import reads.
const SAMPLE_BYTES: usize = 1 << 17;

/// Line ending of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnding {
    Lf,
    CrLf,
    Cr,
}

impl LineEnding {
    /// Returns the characters.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}

/// Properties of a text that its rows do not show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextStyle {
    /// The text begins with the byte order mark of UTF-8.
    has_byte_order_mark: bool,
    line_ending: LineEnding,
}

impl TextStyle {
    /// Detects the style from the first bytes of a file. Continues at its beginning.
    pub(crate) fn detect(reader: &mut (impl Read + Seek)) -> io::Result<Self> {
        let mut start = Vec::new();
        reader.rewind()?;
        reader
            .by_ref()
            .take(SAMPLE_BYTES as u64)
            .read_to_end(&mut start)?;
        reader.rewind()?;
        let has_byte_order_mark = start.starts_with(&[0xEF, 0xBB, 0xBF]);
        // In UTF-16, there are zeros between the characters.
        start.retain(|byte| *byte != 0);
        let line_ending = if start.windows(2).any(|pair| pair == b"\r\n") {
            LineEnding::CrLf
        } else if start.contains(&b'\r') && !start.contains(&b'\n') {
            LineEnding::Cr
        } else {
            LineEnding::Lf
        };
        Ok(Self {
            has_byte_order_mark,
            line_ending,
        })
    }
}

/// Format in which rows are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextFormat {
    encoding: &'static Encoding,
    has_byte_order_mark: bool,
    pub(super) line_ending: LineEnding,
    pub(super) delimiter: char,
    /// The first line states the delimiter: `sep=;`.
    has_separator_line: bool,
}

impl TextFormat {
    /// Creates the format of a text file.
    pub(super) fn new(encoding: &str, delimiter: char, style: TextStyle) -> Self {
        Self {
            encoding: Encoding::for_label(encoding.as_bytes()).unwrap_or(UTF_8),
            has_byte_order_mark: style.has_byte_order_mark,
            line_ending: style.line_ending,
            delimiter,
            has_separator_line: false,
        }
    }

    /// Creates the format of the rows of a workbook.
    pub(super) fn of_workbook() -> Self {
        Self {
            encoding: UTF_8,
            has_byte_order_mark: false,
            line_ending: LineEnding::Lf,
            delimiter: ',',
            has_separator_line: false,
        }
    }

    /// Returns the name of the encoding.
    pub(super) fn encoding_name(&self) -> &'static str {
        self.encoding.name()
    }

    /// Starts a text: writes the byte order mark and the line `sep=;`.
    pub(super) fn start<W: Write>(&self, output: W) -> io::Result<Encoded<W>> {
        let mut output = Encoded::new(output, self.encoding, self.has_byte_order_mark)?;
        if self.has_separator_line {
            write!(
                output,
                "sep={}{}",
                self.delimiter,
                self.line_ending.as_str()
            )?;
        }
        Ok(output)
    }

    /// Returns whether the encoding is guessed from the frequency of its characters.
    pub(super) fn has_legacy_encoding(&self) -> bool {
        ![UTF_8, UTF_16LE, UTF_16BE].contains(&self.encoding)
    }

    /// Adds what an import needs to detect the delimiter of the probed text: the line `sep=;`.
    pub(super) fn state_delimiter(&mut self, probe: &Probe) {
        let detected = detect_delimiter(&probe.sample, self.encoding);
        self.has_separator_line = char::from(detected) != self.delimiter;
    }

    /// Changes the encoding to UTF-8 with a byte order mark, if an import would take the probed
    /// text for another one: a few rows may be too little for the same guess.
    pub(super) fn state_encoding(&mut self, probe: &mut Probe) {
        if self.has_legacy_encoding() && !probe.is_ascii && probe.detector.guess() != self.encoding
        {
            self.encoding = UTF_8;
            self.has_byte_order_mark = true;
        }
    }
}

/// Output that is only measured.
pub(super) struct Probe {
    sample: Vec<u8>,
    detector: LegacyDetector,
    is_ascii: bool,
}

impl Probe {
    pub(super) fn new() -> Self {
        Self {
            sample: Vec::new(),
            detector: LegacyDetector::new(),
            is_ascii: true,
        }
    }

    /// Returns whether the sample for the delimiter is complete.
    pub(super) fn has_sample(&self) -> bool {
        self.sample.len() == SAMPLE_BYTES
    }
}

impl Write for &mut Probe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let missing = SAMPLE_BYTES - self.sample.len();
        self.sample
            .extend_from_slice(&bytes[..missing.min(bytes.len())]);
        self.detector.feed(bytes);
        self.is_ascii = self.is_ascii && bytes.is_ascii();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"a,b\n1,2\n", LineEnding::Lf)]
    #[case(b"a,\"b\nc\"\r\n1,2\r\n", LineEnding::CrLf)]
    #[case(b"a,b\r1,2\r", LineEnding::Cr)]
    #[case(b"\xFF\xFEa\0\r\0\n\0", LineEnding::CrLf)]
    #[case(b"", LineEnding::Lf)]
    fn line_ending_is_detected(#[case] text: &[u8], #[case] expected: LineEnding) {
        let style = TextStyle::detect(&mut Cursor::new(text)).unwrap();
        assert_eq!(style.line_ending, expected);
        assert!(!style.has_byte_order_mark);
    }
}
