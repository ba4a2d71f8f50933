//! Fields: the Rust type of a field is its validation rule, and one macro declares groups of
//! fields.

mod amount;
mod asset_tag;
mod attributes;
mod boolean;
mod comment;
mod date;
mod definition;
mod duration;
mod email;
mod field_change;
mod field_type;
mod field_value;
mod fields_macro;
mod identifier;
mod identifier_key;
mod instant;
mod invalid_value;
mod iso_8601;
mod placeholder;
mod raw_row;
mod raw_value;
mod required_text;
mod row_ref;
mod sanitize;
mod serial_number;
mod string_enum;
mod suggestion;
mod table;
mod text;
mod text_list;
mod unknown_fields;
mod user_id;

pub use amount::Amount;
pub use asset_tag::AssetTag;
pub use attributes::Attributes;
pub use comment::Comment;
pub use date::Date;
pub use definition::{Field, Format};
pub use duration::{Duration, Lifetime};
pub use email::Email;
pub(crate) use field_change::{FieldChange, read_change};
pub(crate) use field_type::{
    FieldType, InvalidValueSink, is_empty_value, non_null_field_type, read_or_default,
    read_required,
};
pub use field_value::FieldValue;
pub(crate) use fields_macro::fields;
pub(crate) use identifier::fold_identifier;
pub use identifier_key::IdentifierKey;
pub use instant::Instant;
pub use invalid_value::InvalidValue;
pub use raw_row::RawRow;
pub use raw_value::{RawValue, ValueKind};
pub use required_text::RequiredText;
pub use row_ref::RowRef;
pub(crate) use row_ref::read_row_ref;
pub use sanitize::trim;
pub(crate) use sanitize::{is_ignorable, sanitize};
pub use serial_number::SerialNumber;
pub(crate) use string_enum::string_enum;
pub use suggestion::nearest_name;
pub(crate) use table::{FieldTable, read, read_if_valid, validate, validate_single};
pub use text::{ShortText, Text};
pub use text_list::TextList;
pub(crate) use text_list::{TextListItem, read_item as read_text_list_item};
pub use unknown_fields::UnknownFields;
