//! Filters of device lists.

use devices_domain::{DeviceFilter, RequiredText, UserId, fold_case};

use crate::http::extract::query::{QueryParams, parse_integer};
use crate::http::extract::query_values::{parse_instant_or_date, parse_serial_number_key};

/// Reads all filters from the query.
pub(crate) fn read(parameters: &mut QueryParams) -> DeviceFilter {
    let folded = |value: RequiredText| fold_case(value.as_str()).into_owned();
    let user = parameters.parse("user_id", |text| parse_integer(text, 1..=i64::MAX));
    DeviceFilter {
        search: parameters.search(),
        user: user.map(UserId),
        client_status: parameters.parse_field("client_status"),
        serial_number: parameters.parse("serial_number", parse_serial_number_key),
        type_: parameters.parse_field("type").map(folded),
        category: parameters.parse_field("category").map(folded),
        updated_since: parameters.parse("updated_since", parse_instant_or_date),
    }
}
