//! Finds formulas whose value a workbook does not store.

use super::element::Element;

/// Scan of the cells of a part for formulas without a value.
///
/// Programs that write workbooks without calculating them leave the values out. Such a cell is read
/// as empty.
#[derive(Default)]
pub(super) struct FormulaScan {
    element: Option<Element>,
    cell: Option<Cell>,
    tag_bytes: u64,
    /// Last eight bytes of a tag.
    window: u64,
    without_value: u64,
}

#[derive(Default)]
struct Cell {
    is_text: bool,
    has_formula: bool,
    has_value: bool,
}

impl FormulaScan {
    pub(super) fn without_value(&self) -> u64 {
        self.without_value
    }

    /// Starts an element. Any other than a formula and its value ends the cell.
    pub(super) fn open(&mut self, element: Element) {
        self.element = Some(element);
        self.window = 0;
        match (element, &mut self.cell) {
            (Element::Formula, Some(cell)) => cell.has_formula = true,
            (Element::Formula | Element::Value, _) => {}
            _ => {
                self.end_cell();
                self.cell = (element == Element::Cell).then(Cell::default);
            }
        }
    }

    fn end_cell(&mut self) {
        // The text of a formula may be empty.
        let lacks_value = |cell: Cell| cell.has_formula && !cell.has_value && !cell.is_text;
        self.without_value += u64::from(self.cell.take().is_some_and(lacks_value));
    }

    /// Reads a byte of a tag. Recognises the type of a cell with text.
    pub(super) fn feed_attribute(&mut self, byte: u8) {
        if self.element != Some(Element::Cell) {
            return;
        }
        self.window = (self.window << 8) | u64::from(byte);
        if let (Some(cell), [_, _, last @ ..]) = (&mut self.cell, self.window.to_be_bytes()) {
            cell.is_text |= last == *b"t=\"str" || last == *b"t='str";
        }
    }

    /// Ends the tag of this length.
    pub(super) fn end_tag(&mut self, bytes: u64) {
        self.tag_bytes = bytes;
    }

    /// Ends the text after a tag. The length is that of both.
    pub(super) fn end_text(&mut self, bytes: u64) {
        if self.element == Some(Element::Value) {
            if let Some(cell) = &mut self.cell {
                cell.has_value |= bytes > self.tag_bytes;
            }
            self.element = None;
        }
    }
}
