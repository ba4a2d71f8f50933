//! Search documents: the lexemes by which a device or a user is found, and the identifiers that are
//! searched by substring.

use std::borrow::Cow;
use std::ops::Range;

use super::fold::fold_prefix_into;
use super::tokens;
use crate::device::DeviceFields;
use crate::field::{AssetTag, Comment, SerialNumber, ShortText};
use crate::user::UserFields;

/// Importance of a section of a document. PostgreSQL's `setweight` has the same four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Highest importance, such as names and serial numbers.
    A,
    /// Importance of brands and types, for example.
    B,
    /// Not used by any section yet.
    C,
    /// Lowest importance, such as comments.
    D,
}

/// Set of the weights of the sections that contain a lexeme. Not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights(u8);

impl Weights {
    /// Returns `true` if a section of this weight contains the lexeme.
    #[must_use]
    pub fn contains(self, weight: Weight) -> bool {
        self.0 & Self::from(weight).0 != 0
    }

    /// Returns the weights, the highest first.
    pub fn iter(self) -> impl Iterator<Item = Weight> {
        let all = [Weight::A, Weight::B, Weight::C, Weight::D];
        all.into_iter().filter(move |weight| self.contains(*weight))
    }

    fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl From<Weight> for Weights {
    fn from(weight: Weight) -> Self {
        Self(1 << weight as u8)
    }
}

/// The lexemes of a device or a user, with the weights of the sections that contain them.
///
/// Has at most [`MAX_LEXEMES`](Self::MAX_LEXEMES) lexemes of at most 255 characters, from at most
/// [`MAX_TEXT_BYTES`](Self::MAX_TEXT_BYTES) of folded text. Text beyond that is not searched. The
/// fields that identify a device come first, its comment and its attributes last, so that a comment
/// that grows when it is folded (U+FDFA becomes 18 characters) hides no other field but attributes.
#[derive(Debug, Clone, Default)]
pub struct SearchDocument {
    /// Folded text of all sections.
    text: String,
    lexemes: Vec<Lexeme>,
}

/// A lexeme of a document.
#[derive(Debug, Clone)]
struct Lexeme {
    /// First eight bytes, padded with zeros. Most comparisons need no more.
    prefix: u64,
    start: u32,
    end: u32,
    weights: Weights,
}

impl Lexeme {
    fn new(text: &str, range: Range<usize>, weights: Weights) -> Self {
        let bytes = &text.as_bytes()[range.clone()];
        let prefix = match bytes.first_chunk() {
            Some(chunk) => u64::from_be_bytes(*chunk),
            None => (0..8).fold(0, |prefix, index| {
                prefix << 8 | u64::from(bytes.get(index).copied().unwrap_or_default())
            }),
        };
        Self {
            prefix,
            start: range.start as u32,
            end: range.end as u32,
            weights,
        }
    }

    fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl SearchDocument {
    /// Maximum number of lexemes, counted with their repetitions. Above the 10,000 of the longest
    /// comment in a script without blanks between words.
    pub const MAX_LEXEMES: usize = 16_384;

    /// Maximum number of bytes of folded text, over all sections.
    ///
    /// Keeps a document below the 1 MiB of a `tsvector`: it takes at most three bytes of lexemes
    /// per byte of text, and 11 bytes per lexeme for its length, positions and alignment.
    pub const MAX_TEXT_BYTES: usize = 64 * 1024;

    /// Builds the document of a device, without its assignee.
    #[must_use]
    pub fn for_device(fields: &DeviceFields) -> Self {
        Self::of_sections(device_sections(fields))
    }

    /// Returns the size in bytes of the text of the document, before folding. Folding takes up to
    /// about 100 ns per byte (Arabic ligatures).
    #[must_use]
    pub fn text_bytes(fields: &DeviceFields) -> usize {
        device_sections(fields).map(|(_, text)| text.len()).sum()
    }

    /// Returns whether two states of a device have documents of the same text.
    #[must_use]
    pub fn has_same_text(before: &DeviceFields, after: &DeviceFields) -> bool {
        device_sections(before).eq(device_sections(after))
    }

    /// Builds the document of a user.
    #[must_use]
    pub fn for_user(fields: &UserFields) -> Self {
        let first_name = fields.first_name.as_ref().map(ShortText::as_str);
        let last_name = fields.last_name.as_ref().map(ShortText::as_str);
        let texts = [first_name, last_name, Some(fields.email.as_str())];
        Self::of_sections(texts.into_iter().flatten().map(|text| (Weight::A, text)))
    }

    fn of_sections<'a>(sections: impl Iterator<Item = (Weight, &'a str)> + Clone) -> Self {
        let length = sections.clone().map(|(_, text)| text.len()).sum();
        let mut document = Self {
            text: String::with_capacity(length),
            lexemes: Vec::with_capacity(length / 4),
        };
        for (weight, text) in sections {
            document.add_section(weight.into(), text);
        }
        document.sort();
        document
    }

    fn add_section(&mut self, weights: Weights, text: &str) {
        let Self {
            text: folded,
            lexemes,
        } = self;
        let start = folded.len();
        // Each character takes at least a byte.
        fold_prefix_into(folded, text, Self::MAX_TEXT_BYTES);
        let mut end = folded.len().min(Self::MAX_TEXT_BYTES.max(start));
        while !folded.is_char_boundary(end) {
            end -= 1;
        }
        folded.truncate(end);
        for token in tokens::tokens(&folded[start..]) {
            tokens::lexemes(&folded[start..], &token, |range| {
                if lexemes.len() < Self::MAX_LEXEMES {
                    let range = start + range.start..start + range.end;
                    lexemes.push(Lexeme::new(folded, range, weights));
                }
            });
        }
    }

    /// Sorts the lexemes and merges equal ones.
    fn sort(&mut self) {
        let Self { text, lexemes } = self;
        let bytes = |lexeme: &Lexeme| &text.as_bytes()[lexeme.range()];
        lexemes.sort_unstable_by(|left, right| {
            let prefixes = left.prefix.cmp(&right.prefix);
            prefixes.then_with(|| bytes(left).cmp(bytes(right)))
        });
        lexemes.dedup_by(|repeated, kept| {
            let is_equal = repeated.prefix == kept.prefix && bytes(repeated) == bytes(kept);
            if is_equal {
                kept.weights = kept.weights.union(repeated.weights);
            }
            is_equal
        });
    }

    /// Returns the lexemes in the order of their bytes, without repetitions.
    #[must_use]
    pub fn lexemes(&self) -> impl ExactSizeIterator<Item = (&str, Weights)> {
        self.lexemes
            .iter()
            .map(|lexeme| (&self.text[lexeme.range()], lexeme.weights))
    }
}

/// Returns the sections of the document of a device. The fields that identify it come first.
fn device_sections(fields: &DeviceFields) -> impl Iterator<Item = (Weight, &str)> + Clone {
    let identity = &fields.identity;
    let inventory = &fields.inventory;
    let processor = &fields.characteristics.processor;
    let serial_number = identity.serial_number.as_ref();
    let asset_tag = inventory.asset_tag.as_ref();
    let identifying = [
        (Weight::A, Some(identity.name.as_str())),
        (Weight::A, serial_number.map(SerialNumber::as_str)),
        (Weight::A, asset_tag.map(AssetTag::as_str)),
        (Weight::B, identity.brand.as_ref().map(ShortText::as_str)),
        (Weight::B, Some(identity.type_.as_str())),
        (Weight::B, Some(identity.category.as_str())),
        (Weight::B, processor.as_ref().map(ShortText::as_str)),
        (Weight::B, inventory.model.as_ref().map(ShortText::as_str)),
    ];
    let tags = inventory.tags.iter().map(|tag| (Weight::B, Some(tag)));
    let comment = identity.comment.as_ref().map(Comment::as_str);
    let attributes = inventory.attributes.iter();
    let attributes = attributes.map(|(_, value)| (Weight::D, Some(value)));
    let sections = identifying.into_iter().chain(tags);
    let sections = sections.chain([(Weight::D, comment)]).chain(attributes);
    sections.filter_map(|(weight, text)| Some((weight, text?)))
}

impl DeviceFields {
    /// Returns the folded identifiers, separated by line feeds, in which
    /// [`SearchTerm::identifier`](crate::SearchTerm::identifier) is searched as a substring.
    #[must_use]
    pub fn search_identifiers(&self) -> Option<Cow<'_, str>> {
        let serial_number = self.identity.serial_number.as_ref();
        let asset_tag = self.inventory.asset_tag.as_ref();
        match (
            serial_number.map(SerialNumber::folded),
            asset_tag.map(AssetTag::folded),
        ) {
            (Some(serial_number), Some(asset_tag)) => {
                Some(format!("{serial_number}\n{asset_tag}").into())
            }
            (Some(identifier), None) | (None, Some(identifier)) => Some(identifier.into()),
            (None, None) => None,
        }
    }
}
