//! Estimates the memory that reading the XML of a workbook needs.

/// Longest markup with the text after it. A cell has at most 32,767 characters.
const MAX_TOKEN_BYTES: u64 = 8 << 20;
/// Largest number of shared strings that a workbook may declare: calamine reserves memory for them.
const MAX_DECLARED_STRINGS: u64 = 2_000_000;
/// Longest name of an element that is counted.
const MAX_NAME_BYTES: usize = 12;

/// Upper bound of the memory that calamine allocates for a workbook beyond its inflated size.
///
/// Scans the bytes of every part without parsing them: a workbook may store its strings and styles
/// anywhere.
#[derive(Default)]
pub(super) struct MemoryEstimate {
    shared_strings: u64,
    cell_formats: u64,
    style_parts: u64,
    longest_style: u64,
    sheets: u64,
    relationships: u64,
    longest_relationship: u64,
    merged_cells: u64,
    deepest_nesting: u64,
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
        elements.saturating_add(formats).saturating_add(sheets)
    }

    pub(super) fn has_merged_cells(&self) -> bool {
        self.merged_cells > 0
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
            declared_strings: 0,
            longest_style: 0,
            longest_relationship: 0,
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
    declared_strings: u64,
    longest_style: u64,
    longest_relationship: u64,
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

/// Element that calamine keeps in memory.
#[derive(Clone, Copy, PartialEq)]
enum Element {
    StringTable,
    SharedString,
    CellFormat,
    StylePart,
    CopiedStyle,
    Sheet,
    Relationship,
    MergedCell,
    Other,
}

/// Name of an element without its prefix.
#[derive(Default)]
struct Name {
    bytes: [u8; MAX_NAME_BYTES],
    length: usize,
}

impl Name {
    fn push(&mut self, byte: u8) {
        if byte == b':' {
            self.length = 0;
            return;
        }
        if let Some(free) = self.bytes.get_mut(self.length) {
            *free = byte;
        }
        self.length += 1;
    }

    fn element(&self) -> Element {
        match self.bytes.get(..self.length).unwrap_or_default() {
            b"sst" => Element::StringTable,
            b"si" => Element::SharedString,
            b"xf" => Element::CellFormat,
            b"font" | b"fill" | b"border" | b"definedName" => Element::StylePart,
            b"numFmt" | b"name" => Element::CopiedStyle,
            b"sheet" => Element::Sheet,
            b"Relationship" => Element::Relationship,
            b"mergeCell" => Element::MergedCell,
            _ => Element::Other,
        }
    }
}

impl PartScan<'_> {
    pub(super) fn feed(&mut self, byte: u8) {
        self.token_bytes += 1;
        if byte == b'<' {
            self.open_markup();
        } else {
            match self.state {
                State::Text => {}
                State::AfterOpen => self.classify_markup(byte),
                State::Name => self.feed_name(byte),
                State::Tag => self.feed_tag(byte),
                State::Quoted(quote) if byte == quote => self.state = State::Tag,
                State::Quoted(_) => self.feed_declaration(byte),
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
        estimate.longest_style = estimate.longest_style.max(style);
        estimate.longest_relationship = estimate.longest_relationship.max(relationship);
    }

    fn open_markup(&mut self) {
        self.check_token();
        self.is_irregular |= self.state != State::Text;
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
                self.name.length = 0;
                self.state = State::Name;
                self.feed_name(byte);
            }
        }
    }

    fn feed_name(&mut self, byte: u8) {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>') {
            self.element = self.name.element();
            self.count_element();
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
            Element::StringTable | Element::Other => {}
        }
    }

    fn feed_tag(&mut self, byte: u8) {
        self.feed_declaration(byte);
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
        match self.element {
            Element::CopiedStyle => self.longest_style = self.longest_style.max(self.token_bytes),
            Element::Relationship => {
                self.longest_relationship = self.longest_relationship.max(self.token_bytes);
            }
            _ => {}
        }
    }

    /// Reads the numbers of the tag of the string table.
    fn feed_declaration(&mut self, byte: u8) {
        if self.element != Element::StringTable {
            return;
        }
        if byte.is_ascii_digit() {
            let digit = u64::from(byte - b'0');
            self.declared_strings = self
                .declared_strings
                .saturating_mul(10)
                .saturating_add(digit);
            self.estimate.is_excessive |= self.declared_strings > MAX_DECLARED_STRINGS;
        } else {
            self.declared_strings = 0;
        }
    }

    fn close_element(&mut self) {
        if !self.is_irregular {
            self.nesting = self.nesting.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(part: &[u8]) -> MemoryEstimate {
        let mut estimate = MemoryEstimate::default();
        let mut scan = estimate.scan_part();
        for byte in part {
            scan.feed(*byte);
        }
        scan.finish(part.len() as u64);
        estimate
    }

    #[test]
    fn shared_strings_are_counted() {
        let found = estimate(b"<?xml version=\"1.0\"?>\n<x:sst><x:si><t>a</t></x:si><si/></x:sst>");
        assert_eq!((found.shared_strings, found.deepest_nesting), (2, 3));
    }

    #[test]
    fn declared_strings_are_bounded() {
        for (count, is_excessive) in [("2000000", false), ("2000001", true), ("9e9", false)] {
            for quote in ['"', '\''] {
                let part = format!("<sst a={quote}1{quote} uniqueCount={quote}{count}{quote}>");
                assert_eq!(
                    estimate(part.as_bytes()).is_excessive,
                    is_excessive,
                    "{part}"
                );
            }
        }
        assert!(estimate(b"<sst uniqueCount='99999999999999999999999999'/>").is_excessive);
    }

    #[test]
    fn closed_elements_are_not_nested() {
        assert_eq!(
            estimate("<a b='/'/><a></a>".repeat(9).as_bytes()).deepest_nesting,
            1
        );
        assert_eq!(
            estimate("<a b='/>'>".repeat(9).as_bytes()).deepest_nesting,
            9
        );
    }

    #[test]
    fn hidden_closing_tags_do_not_reduce_nesting() {
        for part in [
            "<a b='</a>'>",
            "<a><!--</a>-->",
            "<a><![CDATA[</a>]]>",
            "<a><?x </a>?>",
        ] {
            let found = estimate(part.repeat(9).as_bytes());
            assert!(
                found.deepest_nesting >= 9,
                "{part}: {}",
                found.deepest_nesting
            );
        }
    }

    #[test]
    fn copied_styles_are_multiplied() {
        let format = format!("<numFmt formatCode=\"{}\"/>", "0>".repeat(1000));
        let part = format + &"<xf/>".repeat(1000);
        assert!(estimate(part.as_bytes()).bytes() > 2_000_000);
        let irregular = format!("<!-- -->{part}");
        assert!(estimate(irregular.as_bytes()).bytes() > 2_000_000);
    }

    #[test]
    fn long_tokens_are_excessive() {
        let text = "x".repeat(MAX_TOKEN_BYTES as usize);
        assert!(estimate(format!("<t>{text}</t>").as_bytes()).is_excessive);
        assert!(estimate(format!("<t a='{text}'/>").as_bytes()).is_excessive);
        assert!(!estimate(format!("<t>{}</t>", &text[9..]).as_bytes()).is_excessive);
    }
}
