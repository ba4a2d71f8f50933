//! Filters of device lists.

use chrono::{DateTime, NaiveTime, Utc};
use devices_domain::{
    Date, DeviceFilter, FieldValue, Instant, RawValue, RequiredText, SerialNumber, UserId,
    fold_case,
};

use crate::http::extract::query::{InvalidParameter, QueryParams, parse_integer};

/// Reads all filters from the query.
pub(crate) fn read(parameters: &mut QueryParams) -> DeviceFilter {
    let folded = |value: RequiredText| fold_case(value.as_str()).into_owned();
    let user = parameters.parse("user_id", |text| parse_integer(text, 1..=i64::MAX));
    let serial_number = parameters.parse_field::<SerialNumber>("serial_number");
    DeviceFilter {
        search: parameters.search(),
        user: user.map(UserId),
        client_status: parameters.parse_field("client_status"),
        serial_number: serial_number.map(|serial| serial.folded().to_owned()),
        type_: parameters.parse_field("type").map(folded),
        category: parameters.parse_field("category").map(folded),
        updated_since: parameters.parse("updated_since", parse_instant_or_date),
    }
}

/// Parses an instant, or a date, which stands for its midnight in UTC.
fn parse_instant_or_date(text: &str) -> Result<DateTime<Utc>, InvalidParameter> {
    // The `+` of an offset is decoded as a space unless it is sent as `%2B`.
    let text = match text.rsplit_once(' ') {
        Some((instant, offset)) if instant.contains(['T', 't']) => format!("{instant}+{offset}"),
        _ => text.to_owned(),
    };
    let raw = RawValue::text(text.as_str());
    match (Instant::parse(&raw), Date::parse(&raw)) {
        (Ok(instant), _) => Ok(instant.to_utc()),
        (Err(_), Ok(date)) if !text.contains(['T', 't', ' ']) => {
            Ok(date.to_naive().and_time(NaiveTime::MIN).and_utc())
        }
        (Err(invalid), _) => Err((invalid.reason, format!("{}, or a date", invalid.detail))),
    }
}
