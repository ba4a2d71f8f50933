//! Filters of device lists.

use devices_domain::{
    AssetTag, Attributes, DeviceFilter, FieldValue, InvalidValue, RawValue, Reason, RequiredText,
    Text, TextList, UserId, fold_case,
};

use crate::http::extract::query::{InvalidParameter, QueryParams, parse_integer};
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
        asset_tag: parameters.parse("asset_tag", parse_asset_tag),
        tags: parameters.parse_all("tag", TextList::MAX_ITEMS, parse_tag),
        attributes: parameters.parse_keys("attributes.", Attributes::MAX_KEYS, parse_attribute),
    }
}

/// Parses an asset tag to look up, and folds it. Text that no asset tag can have becomes an empty
/// text, which finds nothing.
fn parse_asset_tag(text: &str) -> Result<String, InvalidParameter> {
    let tag = AssetTag::parse(&non_blank(text)?);
    Ok(tag.map_or_else(|_| String::new(), |tag| tag.folded().to_owned()))
}

fn parse_tag(text: &str) -> Result<String, InvalidParameter> {
    let tag = Text::<{ TextList::MAX_LENGTH }>::parse(&non_blank(text)?);
    tag.map(|tag| tag.as_str().to_owned())
        .map_err(invalid_parameter)
}

fn parse_attribute(key: &str, value: &str) -> Result<(String, String), InvalidParameter> {
    let key = Attributes::parse_key(key).map_err(invalid_parameter)?;
    non_blank(value)?;
    let value = Attributes::parse_value(value).map_err(invalid_parameter)?;
    Ok((key, value))
}

fn non_blank(text: &str) -> Result<RawValue<'_>, InvalidParameter> {
    if text.trim().is_empty() {
        Err((Reason::Required, "must not be empty".to_owned()))
    } else {
        Ok(RawValue::text(text))
    }
}

fn invalid_parameter(invalid: InvalidValue) -> InvalidParameter {
    (invalid.reason, invalid.detail.into_owned())
}
