//! Properties of the validation of arbitrary rows.

use devices_domain::{Batch, BatchRules, NewDevice, RawRow, RawValue, ValueKind, fields};
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = ValueKind> {
    prop::sample::select(vec![
        ValueKind::Nothing,
        ValueKind::Null,
        ValueKind::Text,
        ValueKind::Number,
        ValueKind::Boolean,
        ValueKind::List,
        ValueKind::Object,
    ])
}

/// Arbitrary text, and text that is nearly valid for some field.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,300}",
        "[0-9]{1,5}-[0-9]{1,3}-[0-9]{1,3}(T[0-9:.]{0,9}[Zz+-]?)?",
        "-?[0-9]{0,15}[.,]?[0-9]{0,3}",
        "[A-Za-z0-9 ./:+#_-]{1,70}",
        prop::sample::select(vec![
            "MASS_IMPORT",
            "FRENCH_AZERTY",
            "none",
            "0000",
            "\u{200B}"
        ])
        .prop_map(str::to_owned),
    ]
}

fn scalar() -> impl Strategy<Value = RawValue<'static>> {
    prop_oneof![
        Just(RawValue::Absent),
        Just(RawValue::Null),
        text().prop_map(RawValue::text),
        Just(RawValue::IllFormedText),
        any::<i64>().prop_map(RawValue::Integer),
        (1..100i64).prop_map(RawValue::Integer),
        Just(RawValue::HugeInteger),
        any::<bool>().prop_map(RawValue::Boolean),
        kind().prop_map(RawValue::Other),
    ]
}

fn value() -> impl Strategy<Value = RawValue<'static>> {
    prop_oneof![
        4 => scalar(),
        1 => prop::collection::vec(scalar(), 0..60).prop_map(RawValue::List),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let names: Vec<_> = fields().iter().map(devices_domain::Field::name).collect();
    prop_oneof![
        20 => prop::sample::select(names).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn row() -> impl Strategy<Value = RawRow<'static>> {
    let required = prop::option::weighted(0.8, Just(["name", "type", "category"]));
    (required, prop::collection::vec((name(), value()), 0..8)).prop_map(|(required, members)| {
        let mut row = RawRow::for_device();
        for name in required.into_iter().flatten() {
            row.set(name, RawValue::text("x"));
        }
        for (name, value) in members {
            row.set(name, value);
        }
        row
    })
}

proptest! {
    #[test]
    fn arbitrary_row_never_panics(row in row()) {
        if let Err(errors) = NewDevice::from_row(&row) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(!error.detail.is_empty());
                prop_assert!(!error.to_string().chars().any(|c| c == '\0'), "{error}");
            }
        }
    }

    #[test]
    fn single_row_and_batch_agree(row in row()) {
        let single = NewDevice::from_row(&row);
        prop_assert_eq!(&single, &NewDevice::from_row(&row));
        let mut batch = Batch::new(BatchRules::default());
        batch.push(&row);
        match (batch.into_devices(), single) {
            (Ok(devices), Ok(device)) => prop_assert_eq!(devices, [device]),
            (Err(report), Err(errors)) => prop_assert_eq!(report.total(), errors.len()),
            (batch, single) => prop_assert!(false, "{batch:?} {single:?}"),
        }
    }

    #[test]
    fn set_text_never_panics(name in name(), text in text()) {
        let mut row = RawRow::for_device();
        row.set_text(name, text);
        prop_assert!(NewDevice::from_row(&row).is_err());
    }
}
