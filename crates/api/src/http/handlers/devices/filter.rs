//! Which devices are asked for, read from a query.

use chrono::NaiveTime;
use devices_domain::{
    Date, DeviceFilter, FieldValue, Instant, RawValue, RequiredText, SerialNumber, UserId,
};

use crate::http::extract::query::{QueryParams, parse_integer};

/// Reads every filter of devices.
pub(crate) fn read(parameters: &mut QueryParams) -> DeviceFilter {
    let text = |label: RequiredText| label.as_str().to_owned();
    let user = parameters.parse("user_id", |text| {
        parse_integer(text, 1..=i64::MAX, "an integer above zero")
    });
    let serial_number = parameters.parse_field::<SerialNumber>("serial_number");
    DeviceFilter {
        search: parameters.search(),
        user: user.map(UserId),
        client_status: parameters.parse_field("client_status"),
        serial_number: serial_number.map(|serial| serial.folded().to_owned()),
        type_: parameters.parse_field("type").map(text),
        category: parameters.parse_field("category").map(text),
        updated_since: parameters.parse("updated_since", |text| {
            // A plus that was not written as %2B is a blank in a query.
            let text = match text.rsplit_once(' ') {
                Some((instant, offset)) if instant.contains(['T', 't']) => {
                    format!("{instant}+{offset}")
                }
                _ => text.to_owned(),
            };
            let raw = RawValue::text(text.as_str());
            // A day begins at midnight in UTC.
            let midnight = |day: Date| day.to_naive().and_time(NaiveTime::MIN).and_utc();
            match (Instant::parse(&raw), Date::parse(&raw)) {
                (Ok(instant), _) => Ok(instant.to_utc()),
                (Err(_), Ok(day)) if !text.contains(['T', 't', ' ']) => Ok(midnight(day)),
                (Err(refusal), _) => {
                    Err((refusal.reason, format!("{}, or a date", refusal.detail)))
                }
            }
        }),
    }
}
