//! Values of filters. Errors are predicates of the filter, such as "must be a date".

use chrono::{DateTime, NaiveDate, Utc};
use devices_domain::{
    Attributes, Date, FieldValue, Instant, RawValue, RequiredText, Search, fold_case,
};

use crate::texts::EN;

pub(super) fn parse_search(text: &str) -> Result<Option<Search>, String> {
    Search::parse(text).map_err(|error| error.detail.into_owned())
}

pub(super) fn parse_folded(text: &str) -> Result<String, String> {
    let value = parse::<RequiredText>(text)?;
    Ok(fold_case(value.as_str()).into_owned())
}

fn parse<T: FieldValue>(text: &str) -> Result<T, String> {
    T::parse(&RawValue::text(text)).map_err(|error| error.detail.into_owned())
}

pub(super) fn parse_id(text: &str) -> Result<i64, String> {
    let id = text.parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| EN.devices.invalid_id.to_owned())
}

pub(super) fn parse_date(text: &str) -> Result<NaiveDate, String> {
    parse::<Date>(text).map(Date::to_naive)
}

/// Parses an instant, or a date, which stands for its midnight in UTC.
pub(super) fn parse_instant(text: &str) -> Result<DateTime<Utc>, String> {
    let instant = Instant::parse_or_date(text).map(Instant::to_utc);
    instant.map_err(|_| EN.devices.invalid_instant.to_owned())
}

pub(super) fn parse_attribute(key: &str, value: &str) -> Result<(String, String), String> {
    if key.is_empty() || value.is_empty() {
        return Err(EN.devices.incomplete_attribute.to_owned());
    }
    let key = Attributes::parse_key(key).map_err(|error| error.detail.into_owned())?;
    let value = Attributes::parse_value(value).map_err(|error| error.detail.into_owned())?;
    Ok((key, value))
}
