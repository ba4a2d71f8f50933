//! Generators of valid devices, as JSON.

use devices_domain::{Format, fields};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Generates a valid value of a format, and sometimes `null` or blank text.
fn valid_value(format: Format) -> BoxedStrategy<Value> {
    let text = |length: usize| {
        let inner = format!("[^\\pC\u{202D}\u{202E}]{{0,{}}}", length - 2);
        let inner = proptest::string::string_regex(&inner).unwrap();
        inner.prop_map(|inner| format!("a{inner}z"))
    };
    let value = match format {
        Format::Text { max_length } => text(max_length.min(300)).prop_map_into().boxed(),
        Format::Lines { max_length } => text(max_length.min(300))
            .prop_map(|line| format!("{line}\n\t{line}").into())
            .boxed(),
        Format::TextList {
            max_items,
            max_length,
        } => prop_oneof![
            text(max_length).prop_map_into(),
            prop::collection::vec(text(max_length), 0..=max_items).prop_map_into(),
        ]
        .boxed(),
        Format::Attributes {
            max_keys,
            max_key_length,
            max_length,
        } => {
            let pairs = (text(max_key_length), text(max_length));
            let pairs = prop::collection::btree_map(pairs.0, pairs.1, 0..=max_keys / 5);
            pairs.prop_map(|pairs| json!(pairs)).boxed()
        }
        Format::SerialNumber | Format::AssetTag => {
            "[Qq][ -~ａ-ｚ]{0,40}[A-Z1-9]".prop_map_into().boxed()
        }
        Format::Amount => "[0-9]{1,12}([.,][0-9]{1,2})?".prop_map_into().boxed(),
        Format::Date => {
            "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T[01][0-9]:[0-5][0-9]Z)?"
                .prop_map_into()
                .boxed()
        }
        Format::OneOf(words) => prop::sample::select(words).prop_map_into().boxed(),
        Format::Boolean => any::<bool>().prop_map_into().boxed(),
        Format::Id => (1..=i64::MAX).prop_map_into().boxed(),
        Format::Email => "[a-z.]{1,20}@[a-zA-Z]{1,20}".prop_map_into().boxed(),
        Format::Instant => "20[0-9]{2}-0[1-9]-1[0-9]T[01][0-9]:[0-5][0-9]:00Z"
            .prop_map_into()
            .boxed(),
    };
    prop_oneof![9 => value, 1 => prop::sample::select(vec![json!(null), json!(""), json!(" ")])]
        .boxed()
}

/// Generates a valid device, as JSON.
pub(crate) fn valid_device() -> impl Strategy<Value = Value> {
    let members: Vec<_> = fields()
        .iter()
        .map(|field| {
            let value = if field.is_required() {
                "[a-z]{1,255}".prop_map_into().boxed()
            } else {
                valid_value(field.format())
            };
            value.prop_map(|value| (field.name().to_owned(), value))
        })
        .collect();
    members.prop_map(|members| {
        let mut device: serde_json::Map<_, _> = members.into_iter().collect();
        // The dates are generated independently, and a rental must not end before it starts.
        device.remove("client_rental_endDate");
        device.into()
    })
}
