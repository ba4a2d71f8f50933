//! Text: trimmed, of a bounded length, without characters that hide or break what is read.

use compact_str::CompactString;
use serde::{Serialize, Serializer};

use super::{FieldType, FieldValue, Format, InvalidValue, InvalidValueSink, RawValue};
use crate::validation::error::Reason;

/// Text of 1 to `MAX` characters, trimmed, without control characters and bidirectional
/// overrides; any other Unicode is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(Kept);

/// How texts are kept: most have no more than 24 bytes, and are no allocation then.
pub(crate) type Kept = CompactString;

/// The text of most fields.
pub type ShortText = Text<255>;

/// A longer remark.
pub type Comment = Text<10_000>;

impl<const MAX: usize> Text<MAX> {
    /// A text that was judged before, such as one that was stored; not judged again.
    pub fn from_trusted(text: impl AsRef<str>) -> Self {
        Self(Kept::new(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FieldValue for Text<MAX> {
    const FORMAT: Format = Format::Text { max_length: MAX };

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = clean(raw)?;
        // Bytes are never fewer than characters, and are known without counting.
        if text.len() > MAX && text.chars().count() > MAX {
            return Err(InvalidValue::new(
                Reason::TooLong,
                format!("must have at most {MAX} characters"),
            ));
        }
        Ok(Self(Kept::new(text)))
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.as_str())
    }
}

/// A [`ShortText`] that must be there, with at least one character that can be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RequiredText(ShortText);

impl RequiredText {
    /// A label that was judged before, such as one that was stored; not judged again.
    pub fn from_trusted(text: impl AsRef<str>) -> Self {
        Self(Text::from_trusted(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FieldValue for RequiredText {
    const FORMAT: Format = <ShortText as FieldValue>::FORMAT;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = ShortText::parse(raw)?;
        match text.as_str().chars().all(is_invisible) {
            true => Err(InvalidValue::new(
                Reason::Required,
                "is required and must hold a visible character",
            )),
            false => Ok(Self(text)),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.as_str())
    }
}

/// At most 50 texts of at most 100 characters each; empty where nothing was given. A single text
/// is a list of one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextList(Vec<Text<{ TextList::MAX_LENGTH }>>);

impl TextList {
    /// The most items.
    pub const MAX_ITEMS: usize = 50;
    /// The longest item, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// A list that was judged before, such as one that was stored; not judged again.
    pub fn from_trusted(items: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self(items.into_iter().map(Text::from_trusted).collect())
    }

    /// The items, in the order they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(Text::as_str)
    }
}

impl Serialize for TextList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl FieldType for TextList {
    const NULLABLE: bool = true;
    const FORMAT: Format = Format::TextList {
        max_items: Self::MAX_ITEMS,
        max_length: Self::MAX_LENGTH,
    };

    fn read(raw: &RawValue<'_>, refuse: InvalidValueSink<'_>) -> Option<Self> {
        match raw {
            RawValue::List(items) => {
                let mut refused = items.len() > Self::MAX_ITEMS;
                if refused {
                    let detail = format!("must have at most {} items", Self::MAX_ITEMS);
                    refuse(None, InvalidValue::new(Reason::TooManyItems, detail));
                }
                let mut texts = Vec::with_capacity(items.len().min(Self::MAX_ITEMS));
                for (index, item) in items.iter().take(Self::MAX_ITEMS).enumerate() {
                    match item {
                        RawValue::Text(text) if text.trim().is_empty() => {
                            Err(InvalidValue::new(Reason::EmptyItem, "must not be empty"))
                        }
                        item => Text::parse(item),
                    }
                    .map_or_else(
                        |refusal| {
                            refused = true;
                            refuse(Some(index), refusal);
                        },
                        |text| texts.push(text),
                    );
                }
                (!refused).then_some(Self(texts))
            }
            RawValue::Text(_) | RawValue::IllFormedText | RawValue::Absent | RawValue::Null => {
                let single = Option::<Text<{ Self::MAX_LENGTH }>>::read(raw, refuse)?;
                Some(Self(single.into_iter().collect()))
            }
            other => {
                refuse(
                    None,
                    InvalidValue::wrong_type("a string or an array of strings", other.kind()),
                );
                None
            }
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        match self.0.is_empty() {
            true => RawValue::Absent,
            false => RawValue::List(self.iter().map(RawValue::text).collect()),
        }
    }
}

/// The trimmed text, if no character of it hides or breaks what is read.
pub(crate) fn clean<'r>(raw: &'r RawValue<'_>) -> Result<&'r str, InvalidValue> {
    let text = match raw {
        RawValue::Text(text) => match as_it_is(text) {
            true => return Ok(text),
            false => text.trim(),
        },
        RawValue::IllFormedText => {
            return Err(InvalidValue::new(
                Reason::IllFormedText,
                "must be well-formed Unicode; it holds a lone surrogate",
            ));
        }
        other => return Err(InvalidValue::wrong_type("a string", other.kind())),
    };
    match text.chars().find(|c| is_harmful(*c)) {
        None => Ok(text),
        Some(c) if c.is_control() => Err(InvalidValue::new(
            Reason::ControlCharacter,
            format!(
                "must not hold control characters; it holds U+{:04X}",
                c as u32
            ),
        )),
        Some(c) => Err(InvalidValue::new(
            Reason::BidirectionalOverride,
            format!(
                "must not hold bidirectional overrides; it holds U+{:04X}",
                c as u32
            ),
        )),
    }
}

/// Whether a text is what most are: ASCII that can be printed, and nothing to be trimmed.
fn as_it_is(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_printed = |byte: &u8| (b' '..=b'~').contains(byte);
    bytes.first() != Some(&b' ')
        && bytes.last() != Some(&b' ')
        // All of them, so that many are looked at at once.
        && bytes.iter().fold(true, |all, byte| all & is_printed(byte))
}

/// Control characters (general category Cc) and the two bidirectional overrides of Unicode
/// Standard Annex #9: U+202D LEFT-TO-RIGHT OVERRIDE and U+202E RIGHT-TO-LEFT OVERRIDE.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202D}' | '\u{202E}')
}

/// White space, what Unicode lists as `Default_Ignorable_Code_Point`
/// (DerivedCoreProperties.txt, Unicode 16), and the empty Braille pattern.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parse(text: &str) -> Result<ShortText, Reason> {
        ShortText::parse(&RawValue::text(text)).map_err(|refusal| refusal.reason)
    }

    fn label(raw: RawValue<'_>) -> Result<RequiredText, Reason> {
        let mut reason = None;
        RequiredText::read(&raw, &mut |_, refusal| reason = Some(refusal.reason))
            .ok_or_else(|| reason.expect("a refusal says why"))
    }

    fn list(items: Vec<RawValue<'_>>) -> Result<TextList, Vec<(Option<usize>, Reason)>> {
        let mut reasons = Vec::new();
        TextList::read(&RawValue::List(items), &mut |item, refusal| {
            reasons.push((item, refusal.reason));
        })
        .ok_or(reasons)
    }

    #[rstest]
    #[case::trimmed("  Dell Inc.\t", "Dell Inc.")]
    #[case::accents_as_sent("Téléphone", "Téléphone")]
    #[case::decomposed_as_sent("e\u{301}", "e\u{301}")]
    #[case::emoji_sequence("👩\u{200D}💻", "👩\u{200D}💻")]
    #[case::right_to_left_mark("\u{200F}שלום", "\u{200F}שלום")]
    fn keeps_text_as_it_came(#[case] sent: &str, #[case] kept: &str) {
        assert_eq!(parse(sent).unwrap().as_str(), kept);
    }

    #[rstest]
    #[case::nul("a\0b", Reason::ControlCharacter)]
    #[case::newline_inside("a\nb", Reason::ControlCharacter)]
    #[case::c1("a\u{85}b", Reason::ControlCharacter)]
    #[case::delete("a\u{7F}b", Reason::ControlCharacter)]
    #[case::right_to_left_override("a\u{202E}b", Reason::BidirectionalOverride)]
    fn refuses_characters_that_hide_or_break_text(#[case] sent: &str, #[case] reason: Reason) {
        assert_eq!(parse(sent), Err(reason));
    }

    #[test]
    fn counts_characters_not_bytes() {
        assert!(parse(&"é".repeat(255)).is_ok());
        assert_eq!(parse(&"é".repeat(256)), Err(Reason::TooLong));
        assert!(parse(&format!("  {}  ", "x".repeat(255))).is_ok());
    }

    #[rstest]
    #[case::absent(RawValue::Absent, Reason::Required)]
    #[case::null(RawValue::Null, Reason::Required)]
    #[case::empty(RawValue::text(""), Reason::Required)]
    #[case::blank(RawValue::text(" \u{3000} "), Reason::Required)]
    #[case::zero_width(RawValue::text("\u{200B}\u{FEFF}"), Reason::Required)]
    #[case::hangul_filler(RawValue::text("\u{3164}"), Reason::Required)]
    #[case::number(RawValue::Integer(4), Reason::WrongType)]
    #[case::lone_surrogate(RawValue::IllFormedText, Reason::IllFormedText)]
    fn a_label_must_be_seen(#[case] raw: RawValue<'_>, #[case] reason: Reason) {
        assert_eq!(label(raw), Err(reason));
    }

    #[test]
    fn a_single_text_is_a_list_of_one_and_nothing_an_empty_list() {
        let read = |raw| TextList::read(&raw, &mut |_, _| unreachable!()).unwrap();
        assert_eq!(
            read(RawValue::text("HDMI")).iter().collect::<Vec<_>>(),
            ["HDMI"]
        );
        assert_eq!(read(RawValue::text(" ")), TextList::default());
        assert_eq!(read(RawValue::Null), TextList::default());
        assert_eq!(read(RawValue::List(vec![])), TextList::default());
    }

    #[test]
    fn a_list_names_every_item_that_is_wrong() {
        let items = vec![
            RawValue::text("CE"),
            RawValue::text(""),
            RawValue::Integer(3),
            RawValue::text("x".repeat(101)),
            RawValue::Null,
        ];
        assert_eq!(
            list(items).unwrap_err(),
            [
                (Some(1), Reason::EmptyItem),
                (Some(2), Reason::WrongType),
                (Some(3), Reason::TooLong),
                (Some(4), Reason::WrongType),
            ]
        );
    }

    #[test]
    fn a_list_takes_fifty_items_and_no_more() {
        assert!(list(vec![RawValue::text("x"); 50]).is_ok());
        assert_eq!(
            list(vec![RawValue::text("x"); 51]).unwrap_err(),
            [(None, Reason::TooManyItems)]
        );
    }
}
