//! Filters of device lists.

use devices_domain::{
    Attributes, BatchId, DeviceFilter, RequiredText, Text, TextList, UserId, fold_case,
};

use crate::http::extract::query::{
    InvalidParameter, QueryParams, invalid_parameter, parse_integer, parse_value, require_text,
};
use crate::http::extract::query_values::{parse_identifier_key, parse_instant_or_date};

/// Reads all filters from the query.
pub(crate) fn read(parameters: &mut QueryParams) -> DeviceFilter {
    let folded = |value: RequiredText| fold_case(value.as_str()).into_owned();
    let user = parameters.parse("user_id", |text| parse_integer(text, 1..=i64::MAX));
    let batch = parameters.parse("batch_id", |text| parse_integer(text, 1..=i64::MAX));
    DeviceFilter {
        batch: batch.map(BatchId),
        search: parameters.search(),
        user: user.map(UserId),
        client_status: parameters.parse_field("client_status"),
        serial_number: parameters.parse("serial_number", parse_identifier_key),
        type_: parameters.parse_field("type").map(folded),
        category: parameters.parse_field("category").map(folded),
        updated_since: parameters.parse("updated_since", parse_instant_or_date),
        asset_tag: parameters.parse("asset_tag", parse_identifier_key),
        tags: parameters.parse_all("tag", TextList::MAX_ITEMS, parse_tag),
        attributes: parameters.parse_keys("attributes.", Attributes::MAX_KEYS, parse_attribute),
        // The console has further filters.
        ..DeviceFilter::default()
    }
}

fn parse_tag(text: &str) -> Result<String, InvalidParameter> {
    let tag: Text<{ TextList::MAX_LENGTH }> = parse_value(text)?;
    Ok(tag.as_str().to_owned())
}

fn parse_attribute(key: &str, value: &str) -> Result<(String, String), InvalidParameter> {
    let key = Attributes::parse_key(key).map_err(invalid_parameter)?;
    require_text(value)?;
    let value = Attributes::parse_value(value).map_err(invalid_parameter)?;
    Ok((key, value))
}
