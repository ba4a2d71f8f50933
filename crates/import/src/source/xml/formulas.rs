//! Finds formulas whose value a workbook does not store.

use super::element::Element;

/// Scan of the cells of a part for formulas without a value.
///
/// Programs that write workbooks without calculating them leave the values out. Such a cell is read
/// as empty.
#[derive(Default)]
pub(super) struct FormulaScan {
    element: Option<Element>,
    is_cell: bool,
    is_text: bool,
    has_formula: bool,
    has_value: bool,
    tag_bytes: u64,
    /// Last eight bytes of a tag.
    window: u64,
    without_value: u64,
}

impl FormulaScan {
    pub(super) fn without_value(&self) -> u64 {
        self.without_value
    }

    /// Starts an element. Any other than a formula and its value ends the cell.
    pub(super) fn open(&mut self, element: Element) {
        self.element = Some(element);
        self.window = 0;
        match element {
            Element::Formula => self.has_formula = self.is_cell,
            Element::Value => {}
            _ => {
                // The text of a formula may be empty.
                let is_missing = self.has_formula && !self.has_value && !self.is_text;
                self.without_value += u64::from(is_missing);
                self.is_cell = element == Element::Cell;
                self.is_text = false;
                self.has_formula = false;
                self.has_value = false;
            }
        }
    }

    /// Reads a byte of a tag. Recognises the type of a cell with text.
    pub(super) fn feed_attribute(&mut self, byte: u8) {
        if self.element == Some(Element::Cell) {
            self.window = (self.window << 8) | u64::from(byte);
            let last = self.window.to_be_bytes();
            self.is_text |= last[2..] == *b"t=\"str" || last[2..] == *b"t='str";
        }
    }

    /// Ends the tag of this length.
    pub(super) fn end_tag(&mut self, bytes: u64) {
        self.tag_bytes = bytes;
    }

    /// Ends the text after a tag. The length is that of both.
    pub(super) fn end_text(&mut self, bytes: u64) {
        if self.element == Some(Element::Value) {
            self.has_value |= bytes > self.tag_bytes;
            self.element = None;
        }
    }
}
