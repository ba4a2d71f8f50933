//! Finds the number of strings that a workbook declares.

/// Attribute of the table of strings with the number of different ones. The attribute `count` is
/// that of the cells, for which nothing is reserved.
const ATTRIBUTE: &[u8] = b"uniqueCount";

/// Scan of a part for the declared number of shared strings.
///
/// Searches the attribute anywhere: markup that is not a tag cannot hide it.
#[derive(Default)]
pub(super) struct DeclaredStrings {
    /// Number of bytes of [`ATTRIBUTE`] before this one.
    matched: usize,
    number: u64,
    max: u64,
}

impl DeclaredStrings {
    pub(super) fn feed(&mut self, byte: u8) {
        if self.matched < ATTRIBUTE.len() {
            self.match_attribute(byte);
        } else if byte.is_ascii_digit() {
            let digit = u64::from(byte - b'0');
            self.number = self.number.saturating_mul(10).saturating_add(digit);
            self.max = self.max.max(self.number);
        } else if self.number > 0
            || !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'=' | b'"' | b'\'')
        {
            self.number = 0;
            self.matched = 0;
            self.match_attribute(byte);
        }
    }

    fn match_attribute(&mut self, byte: u8) {
        if byte == ATTRIBUTE[self.matched] {
            self.matched += 1;
        } else {
            self.matched = usize::from(byte == ATTRIBUTE[0]);
        }
    }

    /// Returns the largest number that was found.
    pub(super) fn max(&self) -> u64 {
        self.max
    }
}
