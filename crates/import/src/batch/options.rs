//! Options of an import: one JSON object with the options of the file and those of its batch.

use devices_domain::{BatchOptions, FieldValue, OnConflict, RawValue, UniqueField};
use serde_json::{Map, Value};

use crate::error::{OptionError, OptionErrorReason};
use crate::options::ImportOptions;

/// Options of an import: of its file, and of its batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BatchImportOptions {
    /// Interpretation of the file.
    pub file: ImportOptions,
    /// Treatment of its rows.
    pub batch: BatchOptions,
}

impl BatchImportOptions {
    /// Parses the options. Empty text is the default of every option.
    ///
    /// # Errors
    /// The first option that is unknown, repeated, invalid, or has no effect.
    pub fn parse(json: &[u8]) -> Result<Self, OptionError> {
        let text = std::str::from_utf8(json)
            .map_err(|_| OptionError::new("", OptionErrorReason::NotJson, "is not UTF-8"))?;
        // Windows tools write a byte order mark.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let text = if text.trim_ascii().is_empty() {
            "{}"
        } else {
            text
        };
        let (file, members) = ImportOptions::parse(text, &BatchOptions::NAMES)?;
        let batch = batch_options(&members)?;
        Ok(Self { file, batch })
    }

    /// Returns a text that is equal for equal options, whatever the order and the white space of
    /// their JSON, and whether defaults are stated.
    #[must_use]
    pub fn canonical(&self) -> String {
        let file = serde_json::to_string(&self.file)
            .expect("texts, numbers and maps can always be written as JSON");
        let BatchOptions {
            on_conflict,
            is_atomic,
            nulls,
            match_field,
            unknown_users,
        } = self.batch;
        format!(
            "{file}\0on_conflict={}&atomic={is_atomic}&nulls={}&match={}&unknown_users={}",
            on_conflict.as_str(),
            nulls.as_str(),
            match_field.name(),
            unknown_users.as_str(),
        )
    }
}

fn batch_options(members: &Map<String, Value>) -> Result<BatchOptions, OptionError> {
    let default = BatchOptions::default();
    let on_conflict = read(members, "on_conflict")?.unwrap_or(default.on_conflict);
    if on_conflict == OnConflict::Error {
        for name in ["nulls", "match"] {
            if members.contains_key(name) {
                let message = "has an effect only with `on_conflict` `skip` or `update`";
                return Err(error(name, OptionErrorReason::NoEffect, message));
            }
        }
    }
    Ok(BatchOptions {
        on_conflict,
        is_atomic: read_boolean(members, "atomic")?.unwrap_or(default.is_atomic),
        nulls: read(members, "nulls")?.unwrap_or(default.nulls),
        match_field: read_match_field(members)?.unwrap_or(default.match_field),
        unknown_users: read(members, "unknown_users")?.unwrap_or(default.unknown_users),
    })
}

/// Reads an option by the rule of its type.
fn read<T: FieldValue>(members: &Map<String, Value>, name: &str) -> Result<Option<T>, OptionError> {
    let Some(text) = read_text(members, name)? else {
        return Ok(None);
    };
    let value = T::parse(&RawValue::text(text));
    let value = value.map_err(|invalid| error(name, OptionErrorReason::NotInEnum, invalid.detail));
    value.map(Some)
}

fn read_match_field(members: &Map<String, Value>) -> Result<Option<UniqueField>, OptionError> {
    let Some(text) = read_text(members, "match")? else {
        return Ok(None);
    };
    let mut fields = UniqueField::ALL.into_iter();
    let field = fields.find(|field| field.name() == text);
    field.map(Some).ok_or_else(|| {
        let names = UniqueField::ALL.map(UniqueField::name).join(", ");
        let message = format!("must be one of {names}");
        error("match", OptionErrorReason::NotInEnum, message)
    })
}

fn read_text<'m>(
    members: &'m Map<String, Value>,
    name: &str,
) -> Result<Option<&'m str>, OptionError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(error(
            name,
            OptionErrorReason::WrongType,
            "must be a string",
        )),
    }
}

fn read_boolean(members: &Map<String, Value>, name: &str) -> Result<Option<bool>, OptionError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(error(
            name,
            OptionErrorReason::WrongType,
            "must be true or false",
        )),
    }
}

fn error(name: &str, reason: OptionErrorReason, message: impl Into<String>) -> OptionError {
    OptionError::new(format!("/{name}"), reason, message)
}

#[cfg(test)]
mod tests {
    use devices_domain::{Nulls, UnknownUsers};
    use rstest::rstest;

    use super::*;

    #[test]
    fn every_batch_option_is_read() {
        let options = BatchImportOptions::parse(
            br#"{"on_conflict":"update","match":"asset_tag","atomic":false,"nulls":"clear",
                 "unknown_users":"create","sheet":"Inventory"}"#,
        );
        let options = options.unwrap();
        let expected = BatchOptions {
            on_conflict: OnConflict::Update,
            is_atomic: false,
            nulls: Nulls::Clear,
            match_field: UniqueField::AssetTag,
            unknown_users: UnknownUsers::Create,
        };
        assert_eq!(options.batch, expected);
        assert_eq!(options.file.sheet.as_deref(), Some("Inventory"));
    }

    #[rstest]
    #[case(r#"{"on_conflict":"upsert"}"#, "/on_conflict", "not_in_enum")]
    #[case(r#"{"on_conflict":""}"#, "/on_conflict", "not_in_enum")]
    #[case(r#"{"on_conflict":true}"#, "/on_conflict", "wrong_type")]
    #[case(r#"{"atomic":"false"}"#, "/atomic", "wrong_type")]
    #[case(r#"{"on_conflict":"skip","nulls":"erase"}"#, "/nulls", "not_in_enum")]
    #[case(r#"{"nulls":"clear"}"#, "/nulls", "no_effect")]
    #[case(
        r#"{"on_conflict":"error","match":"asset_tag"}"#,
        "/match",
        "no_effect"
    )]
    #[case(r#"{"on_conflict":"skip","match":"name"}"#, "/match", "not_in_enum")]
    #[case(r#"{"unknown_users":"ignore"}"#, "/unknown_users", "not_in_enum")]
    #[case(r#"{"date_format":"YY"}"#, "/date_format", "not_in_enum")]
    #[case(r#"{"other_columns":"drop"}"#, "/other_columns", "not_in_enum")]
    fn invalid_option_is_rejected(#[case] json: &str, #[case] pointer: &str, #[case] reason: &str) {
        let error = BatchImportOptions::parse(json.as_bytes()).unwrap_err();
        assert_eq!(
            (error.pointer.as_str(), error.reason.as_str()),
            (pointer, reason)
        );
    }

    #[rstest]
    #[case(b"")]
    #[case(b" \r\n")]
    #[case(b"\xEF\xBB\xBF{}")]
    #[case(br#"{"atomic":true,"on_conflict":"error","unknown_users":"error"}"#)]
    fn explicit_defaults_have_the_same_canonical_text(#[case] json: &[u8]) {
        let options = BatchImportOptions::parse(json).unwrap();
        assert_eq!(
            options.canonical(),
            BatchImportOptions::parse(b"{}").unwrap().canonical()
        );
    }

    #[test]
    fn order_of_options_does_not_change_the_canonical_text() {
        let canonical = |json: &str| {
            BatchImportOptions::parse(json.as_bytes())
                .unwrap()
                .canonical()
        };
        assert_eq!(
            canonical(r#"{"sheet":"A","atomic":false,"columns":{"B":"model","A":null}}"#),
            canonical(r#"{ "columns": {"A":null,"B":"model"}, "atomic":false, "sheet":"A" }"#),
        );
        assert_ne!(canonical("{}"), canonical(r#"{"atomic":false}"#));
    }

    #[test]
    fn options_that_are_not_utf8_are_rejected() {
        assert!(BatchImportOptions::parse(b"{\"sheet\":\"\xE4\"}").is_err());
    }
}
