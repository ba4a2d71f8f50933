//! Lists of texts.

use std::convert::Infallible;

use serde::Serialize;

use super::sanitize::trim;
use super::{FieldType, Format, InvalidValue, InvalidValueSink, RawValue, Text};
use crate::validation::error::{Item as ErrorItem, Reason};

/// At most 50 texts of at most 100 characters each. A single text is read as a list of one item,
/// and no value as an empty list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct TextList(Vec<TextListItem>);

/// One of the texts.
pub(crate) type TextListItem = Text<{ TextList::MAX_LENGTH }>;

impl TextList {
    /// Maximum number of items.
    pub const MAX_ITEMS: usize = 50;
    /// Maximum length of an item, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// Wraps texts that are known to be valid, such as stored ones, without validation.
    pub fn from_trusted(items: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self(items.into_iter().map(Text::from_trusted).collect())
    }

    /// Iterates over the items, in the order in which they were sent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.0.iter().map(Text::as_str)
    }

    /// Returns the list with this item at its end, or unchanged if it has the item.
    ///
    /// # Errors
    /// If the list already has the maximum number of items.
    pub(crate) fn with(&self, item: &TextListItem) -> Result<Self, InvalidValue> {
        let mut list = self.clone();
        if list.0.contains(item) {
            return Ok(list);
        }
        if list.0.len() >= Self::MAX_ITEMS {
            return Err(too_many_items());
        }
        list.0.push(item.clone());
        Ok(list)
    }

    /// Returns the list without this item, however often the list has it.
    pub(crate) fn without(&self, item: &TextListItem) -> Self {
        let kept = self.0.iter().filter(|kept| *kept != item);
        Self(kept.cloned().collect())
    }
}

fn too_many_items() -> InvalidValue {
    let max_items = TextList::MAX_ITEMS;
    let detail = format!("must have at most {max_items} items");
    InvalidValue::new(Reason::TooManyItems, detail)
}

impl FieldType for TextList {
    const NULLABLE: bool = true;
    const FORMAT: Format = Format::TextList {
        max_items: Self::MAX_ITEMS,
        max_length: Self::MAX_LENGTH,
    };

    type Part = Infallible;

    fn read(raw: &RawValue<'_>, reject: InvalidValueSink<'_>) -> Option<Self> {
        match raw {
            RawValue::List(items) => read_items(items, reject).map(Self),
            RawValue::Text(_) | RawValue::IllFormedText | RawValue::Absent | RawValue::Null => {
                let item = Option::<TextListItem>::read(raw, reject)?;
                Some(Self(item.into_iter().collect()))
            }
            other => {
                reject(
                    None,
                    InvalidValue::wrong_type("a string or an array of strings", other),
                );
                None
            }
        }
    }

    fn merge(&mut self, part: &Infallible) {
        match *part {}
    }

    fn to_raw(&self) -> RawValue<'_> {
        if self.0.is_empty() {
            RawValue::Absent
        } else {
            RawValue::List(self.iter().map(RawValue::text).collect())
        }
    }
}

/// Reads every item before it returns `None`, so that all errors are reported.
fn read_items(items: &[RawValue<'_>], reject: InvalidValueSink<'_>) -> Option<Vec<TextListItem>> {
    let max_items = TextList::MAX_ITEMS;
    let mut is_valid = true;
    if items.len() > max_items {
        is_valid = false;
        reject(None, too_many_items());
    }
    let mut texts = Vec::with_capacity(items.len().min(max_items));
    for (index, item) in items.iter().take(max_items).enumerate() {
        match read_item(item) {
            Ok(text) => texts.push(text),
            Err(invalid) => {
                is_valid = false;
                reject(Some(ErrorItem::Index(index)), invalid);
            }
        }
    }
    is_valid.then_some(texts)
}

/// Reads an item. An empty text is an error.
pub(crate) fn read_item(item: &RawValue<'_>) -> Result<TextListItem, InvalidValue> {
    use super::FieldValue as _;

    match item {
        RawValue::Text(text) if trim(text).is_empty() => {
            Err(InvalidValue::new(Reason::EmptyItem, "must not be empty"))
        }
        item => Text::parse(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: Vec<RawValue<'_>>) -> Result<TextList, Vec<(Option<usize>, Reason)>> {
        let mut reasons = Vec::new();
        TextList::read(&RawValue::List(items), &mut |item, invalid| {
            let index = item.map(|item| match item {
                ErrorItem::Index(index) => index,
                ErrorItem::Key(key) => panic!("unexpected key {key}"),
            });
            reasons.push((index, invalid.reason));
        })
        .ok_or(reasons)
    }

    #[test]
    fn single_text_is_a_list_of_one() {
        let read = |raw| TextList::read(&raw, &mut |_, _| unreachable!()).unwrap();
        assert_eq!(
            read(RawValue::text("HDMI")).iter().collect::<Vec<_>>(),
            ["HDMI"]
        );
        assert_eq!(read(RawValue::text(" \u{FEFF}")), TextList::default());
        assert_eq!(read(RawValue::Null), TextList::default());
        assert_eq!(read(RawValue::List(vec![])), TextList::default());
    }

    #[test]
    fn every_invalid_item_is_reported() {
        let items = vec![
            RawValue::text("CE"),
            RawValue::text("\u{FEFF}"),
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
    fn item_is_added_once_and_removed_everywhere() {
        let item = |text: &str| TextListItem::from_trusted(text);
        let list = TextList::from_trusted(["CE", "RoHS", "CE"]);
        assert_eq!(list.with(&item("CE")).unwrap(), list);
        let longer = list.with(&item("ce")).unwrap();
        assert_eq!(longer, TextList::from_trusted(["CE", "RoHS", "CE", "ce"]));
        assert_eq!(
            longer.without(&item("CE")),
            TextList::from_trusted(["RoHS", "ce"])
        );
        let full = TextList::from_trusted(["x"; TextList::MAX_ITEMS]);
        assert_eq!(full.with(&item("x")).unwrap(), full);
        let error = full.with(&item("y")).unwrap_err();
        assert_eq!(error.reason, Reason::TooManyItems);
    }

    #[test]
    fn list_of_51_items_is_rejected() {
        assert!(list(vec![RawValue::text("x"); 50]).is_ok());
        assert_eq!(
            list(vec![RawValue::text("x"); 51]).unwrap_err(),
            [(None, Reason::TooManyItems)]
        );
    }
}
