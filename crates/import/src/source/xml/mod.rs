//! Estimates the memory that reading the XML of a workbook needs.

/// Longest markup with the text after it. Spreadsheet programs write far shorter ones.
const MAX_TOKEN_BYTES: u64 = 8 << 20;

mod declaration;
mod element;
mod formulas;

use declaration::DeclaredStrings;
use element::{Element, Name};
use formulas::FormulaScan;

/// Upper bound of the memory that calamine allocates for a workbook beyond its inflated size.
///
/// Scans the bytes of every part without parsing them: a workbook may store its strings and styles
/// anywhere.
#[derive(Default)]
pub(super) struct MemoryEstimate {
    shared_strings: u64,
    /// Largest number of strings that a part declares: calamine reserves memory for them.
    declared_strings: u64,
    cell_formats: u64,
    style_parts: u64,
    longest_style: u64,
    sheets: u64,
    relationships: u64,
    longest_relationship: u64,
    merged_cells: u64,
    deepest_nesting: u64,
    formulas_without_value: u64,
    is_excessive: bool,
}

impl MemoryEstimate {
    /// Returns the bytes. The size of each element is rounded up.
    pub(super) fn bytes(&self) -> u64 {
        if self.is_excessive {
            return u64::MAX;
        }
        let elements = 64 * self.shared_strings
            + 512 * (self.cell_formats + self.style_parts)
            + 256 * (self.sheets + self.relationships)
            + 64 * self.merged_cells
            + 16 * self.deepest_nesting;
        // Each cell format copies a number format and the name of a font. Each sheet copies the
        // target of a relationship.
        let formats = self.cell_formats.saturating_mul(2 * self.longest_style);
        let sheets = self.sheets.saturating_mul(self.longest_relationship);
        let strings = self.declared_strings.saturating_mul(24);
        let copies = formats.saturating_add(sheets).saturating_add(strings);
        elements.saturating_add(copies)
    }

    pub(super) fn has_merged_cells(&self) -> bool {
        self.merged_cells > 0
    }

    /// Returns whether a program wrote formulas and did not calculate them.
    pub(super) fn has_formulas_without_value(&self) -> bool {
        self.formulas_without_value > 0
    }

    /// Starts the scan of a part.
    pub(super) fn scan_part(&mut self) -> PartScan<'_> {
        PartScan {
            estimate: self,
            state: State::Text,
            name: Name::default(),
            element: Element::Other,
            previous: 0,
            token_bytes: 0,
            nesting: 0,
            is_closing: false,
            is_irregular: false,
            declared_strings: DeclaredStrings::default(),
            longest_style: 0,
            longest_relationship: 0,
            formulas: FormulaScan::default(),
        }
    }
}

/// Scan of one part.
///
/// Finds the ends of tags as quick-xml does. Comments, CDATA sections and markup within markup make
/// a part irregular: from then on, every `<` counts as the start of an element that does not end.
/// Workbooks have few of these. Binary parts are irregular, and count little.
pub(super) struct PartScan<'a> {
    estimate: &'a mut MemoryEstimate,
    state: State,
    name: Name,
    element: Element,
    previous: u8,
    token_bytes: u64,
    nesting: u64,
    is_closing: bool,
    is_irregular: bool,
    declared_strings: DeclaredStrings,
    longest_style: u64,
    longest_relationship: u64,
    formulas: FormulaScan,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Text,
    AfterOpen,
    Name,
    Tag,
    Quoted(u8),
    Instruction,
}

impl PartScan<'_> {
    pub(super) fn feed(&mut self, byte: u8) {
        // XML in UTF-16 has the same tags between these bytes. Other XML has none of them.
        if byte == 0 {
            return;
        }
        self.token_bytes += 1;
        self.declared_strings.feed(byte);
        if byte == b'<' {
            self.open_markup();
        } else {
            match self.state {
                State::Text => {}
                State::AfterOpen => self.classify_markup(byte),
                State::Name => self.feed_name(byte),
                State::Tag => self.feed_tag(byte),
                State::Quoted(quote) if byte == quote => {
                    self.formulas.feed_attribute(byte);
                    self.state = State::Tag;
                }
                State::Quoted(_) => self.formulas.feed_attribute(byte),
                State::Instruction => {
                    if byte == b'>' && self.previous == b'?' {
                        self.state = State::Text;
                    }
                }
            }
        }
        self.previous = byte;
    }

    /// Ends the scan of a part of this size.
    pub(super) fn finish(mut self, size: u64) {
        self.check_token();
        self.formulas.open(Element::Other);
        // The lengths of the tags of an irregular part are unknown.
        let longest = |length: u64| {
            if self.is_irregular && length > 0 {
                size
            } else {
                length
            }
        };
        let style = longest(self.longest_style);
        let relationship = longest(self.longest_relationship);
        let estimate = self.estimate;
        let declared = self.declared_strings.max();
        estimate.declared_strings = estimate.declared_strings.max(declared);
        estimate.formulas_without_value += self.formulas.without_value();
        estimate.longest_style = estimate.longest_style.max(style);
        estimate.longest_relationship = estimate.longest_relationship.max(relationship);
    }

    fn open_markup(&mut self) {
        self.check_token();
        self.is_irregular |= self.state != State::Text;
        self.formulas.end_text(self.token_bytes - 1);
        self.state = State::AfterOpen;
        self.token_bytes = 1;
    }

    fn check_token(&mut self) {
        self.estimate.is_excessive |= self.token_bytes > MAX_TOKEN_BYTES;
    }

    fn classify_markup(&mut self, byte: u8) {
        self.is_closing = byte == b'/';
        match byte {
            b'/' => {
                self.element = Element::Other;
                self.state = State::Tag;
                self.close_element();
            }
            b'!' => {
                self.is_irregular = true;
                self.state = State::Text;
            }
            b'?' => self.state = State::Instruction,
            _ => {
                self.nesting += 1;
                let deepest = &mut self.estimate.deepest_nesting;
                *deepest = self.nesting.max(*deepest);
                self.name.clear();
                self.state = State::Name;
                self.feed_name(byte);
            }
        }
    }

    fn feed_name(&mut self, byte: u8) {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>') {
            self.element = self.name.element();
            self.count_element();
            self.formulas.open(self.element);
            self.state = State::Tag;
            self.feed_tag(byte);
        } else {
            self.name.push(byte);
        }
    }

    fn count_element(&mut self) {
        let estimate = &mut *self.estimate;
        match self.element {
            Element::SharedString => estimate.shared_strings += 1,
            Element::CellFormat => estimate.cell_formats += 1,
            Element::StylePart => estimate.style_parts += 1,
            Element::CopiedStyle => {
                estimate.style_parts += 1;
                self.longest_style = self.longest_style.max(1);
            }
            Element::Sheet => estimate.sheets += 1,
            Element::Relationship => {
                estimate.relationships += 1;
                self.longest_relationship = self.longest_relationship.max(1);
            }
            Element::MergedCell => estimate.merged_cells += 1,
            _ => {}
        }
    }

    fn feed_tag(&mut self, byte: u8) {
        self.formulas.feed_attribute(byte);
        match byte {
            b'"' | b'\'' => self.state = State::Quoted(byte),
            b'>' => {
                if self.previous == b'/' && !self.is_closing {
                    self.close_element();
                }
                self.end_tag();
                self.state = State::Text;
            }
            _ => {}
        }
    }

    fn end_tag(&mut self) {
        self.formulas.end_tag(self.token_bytes);
        match self.element {
            Element::CopiedStyle => self.longest_style = self.longest_style.max(self.token_bytes),
            Element::Relationship => {
                self.longest_relationship = self.longest_relationship.max(self.token_bytes);
            }
            _ => {}
        }
    }

    fn close_element(&mut self) {
        if !self.is_irregular {
            self.nesting = self.nesting.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
