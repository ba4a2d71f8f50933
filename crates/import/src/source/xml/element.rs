//! Elements of the XML of a workbook.

/// Longest name of an element that is distinguished.
const MAX_NAME_BYTES: usize = 12;

/// Element of a part, as far as the scan distinguishes it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Element {
    SharedString,
    CellFormat,
    StylePart,
    CopiedStyle,
    Sheet,
    Relationship,
    MergedCell,
    Cell,
    Formula,
    Value,
    Other,
}

/// Name of an element without its prefix.
#[derive(Default)]
pub(super) struct Name {
    bytes: [u8; MAX_NAME_BYTES],
    length: usize,
}

impl Name {
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    pub(super) fn push(&mut self, byte: u8) {
        if byte == b':' {
            self.length = 0;
            return;
        }
        if let Some(free) = self.bytes.get_mut(self.length) {
            *free = byte;
        }
        self.length += 1;
    }

    pub(super) fn element(&self) -> Element {
        match self.bytes.get(..self.length).unwrap_or_default() {
            b"si" => Element::SharedString,
            b"xf" => Element::CellFormat,
            b"font" | b"fill" | b"border" | b"definedName" => Element::StylePart,
            b"numFmt" | b"name" => Element::CopiedStyle,
            b"sheet" => Element::Sheet,
            b"Relationship" => Element::Relationship,
            b"mergeCell" => Element::MergedCell,
            b"c" => Element::Cell,
            b"f" => Element::Formula,
            b"v" => Element::Value,
            _ => Element::Other,
        }
    }
}
