//! The file of an import on its way between the steps: the page carries it, and the server keeps
//! nothing (ADR 58).

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::texts::{self, EN};

/// Maximum length of the text that carries a file. It travels down and up with each step.
const MAX_TEXT: usize = 2 << 20;

/// Maximum length of the name of a file, in characters.
const MAX_NAME: usize = 255;

/// A file that a browser sent.
pub(super) struct SentFile {
    pub(super) bytes: Vec<u8>,
    pub(super) name: String,
}

/// A file for the next step, in the form of a page.
#[derive(Default)]
pub(super) struct EmbeddedFile {
    pub(super) name: String,
    /// The compressed file. `None` if it is too large for a page: the browser sends it again. The
    /// script of the console keeps it; without the script, the user chooses it again.
    pub(super) content: Option<String>,
}

impl EmbeddedFile {
    /// Returns why the file has to be chosen again.
    pub(super) fn choose_again_hint(&self) -> String {
        texts::fill(EN.import.choose_again_hint, &[("name", &self.name)])
    }
}

impl SentFile {
    pub(super) fn new(bytes: Vec<u8>, name: Option<&str>) -> Self {
        let name = name.unwrap_or_default();
        let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
        Self {
            bytes,
            name: base.chars().take(MAX_NAME).collect(),
        }
    }

    /// Reads the file in a page. `None` if the text is damaged, or the file has more bytes than
    /// allowed.
    pub(super) fn from_page(text: &str, name: Option<&str>, max_bytes: usize) -> Option<Self> {
        let compressed = STANDARD.decode(text.trim()).ok()?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        // One more byte than allowed shows that there are too many.
        let mut decoder = GzDecoder::new(compressed.as_slice()).take(limit.saturating_add(1));
        decoder.read_to_end(&mut bytes).ok()?;
        (bytes.len() <= max_bytes).then(|| Self::new(bytes, name))
    }

    /// Prepares the file for the next step. A browser that keeps the file itself needs only its
    /// name.
    pub(super) fn embed(&self, browser_keeps_file: bool) -> EmbeddedFile {
        EmbeddedFile {
            name: self.name.clone(),
            content: (!browser_keeps_file).then(|| self.to_text()).flatten(),
        }
    }

    fn to_text(&self) -> Option<String> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.bytes).ok()?;
        let compressed = encoder.finish().ok()?;
        (compressed.len() / 3 * 4 <= MAX_TEXT).then(|| STANDARD.encode(compressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns bytes that cannot be compressed.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let bytes = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        });
        bytes.take(length).collect()
    }

    #[test]
    fn file_survives_the_page() {
        let file = SentFile::new(noise(10_000), Some(r"C:\files\laptops.csv"));
        let embedded = file.embed(false);
        assert_eq!(embedded.name, "laptops.csv");
        let text = embedded.content.unwrap();
        let read = SentFile::from_page(&text, Some("laptops.csv"), 10_000).unwrap();
        assert!(read.bytes == file.bytes);
        assert!(SentFile::from_page(&text, None, 9_999).is_none());
    }

    #[test]
    fn large_file_is_sent_again() {
        assert!(
            SentFile::new(noise(2 << 20), None)
                .embed(false)
                .content
                .is_none()
        );
        assert!(
            SentFile::new(vec![b'x'; 2 << 20], None)
                .embed(false)
                .content
                .is_some()
        );
        assert!(
            SentFile::new(vec![b'x'; 100], None)
                .embed(true)
                .content
                .is_none()
        );
    }

    #[test]
    fn damaged_text_is_no_file() {
        for text in ["", "*", "QUJD"] {
            assert!(SentFile::from_page(text, None, 100).is_none(), "{text}");
        }
    }
}
