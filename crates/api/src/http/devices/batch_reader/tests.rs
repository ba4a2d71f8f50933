//! Bodies of every kind.

use devices_domain::{ErrorReport, NewDevice, Shape, fields};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn report(body: &str) -> ErrorReport {
    let batch = read(body.as_bytes(), BatchRules::default()).unwrap();
    batch.into_devices().unwrap_err()
}

fn reasons(body: &str) -> Vec<Reason> {
    let report = report(body);
    report
        .entries()
        .iter()
        .map(|entry| entry.error.reason)
        .collect()
}

fn not_json(body: &[u8]) -> Reason {
    read(body, BatchRules::default()).unwrap_err().reason
}

#[rstest]
#[case(b"".as_slice())]
#[case(b"  \n")]
#[case(b"{")]
#[case(b"devices")]
#[case(br#"{"devices":[]} {}"#)]
#[case(br#"{"devices":[],}"#)]
#[case(br#"{'devices':[]}"#)]
#[case(br#"{"devices":[{"name":"a"]}"#)]
#[case(b"{\"devices\":[{\"name\":\"a\nb\"}]}")]
#[case(br#"{"devices":[{"name":NaN}]}"#)]
#[case(br#"{"devices":[{"user_id":01}]}"#)]
fn text_that_is_no_json_is_refused_as_such(#[case] body: &[u8]) {
    assert_eq!(not_json(body), Reason::NotJson);
}

#[rstest]
#[case(b"{\"devices\":[{\"name\":\"\xff\"}]}".as_slice())]
#[case(b"{\"devices\":[{\"unknown\":\"\xc3\x28\"}]}")]
#[case(b"\xff\xfe{\0}\0")]
fn bytes_that_are_not_utf_8_are_refused_wherever_they_are(#[case] body: &[u8]) {
    assert_eq!(not_json(body), Reason::NotUtf8);
}

#[rstest]
#[case("[]", Reason::WrongType)]
#[case("[[[[]]]]", Reason::WrongType)]
#[case("null", Reason::WrongType)]
#[case("1e400000", Reason::WrongType)]
#[case("\"devices\"", Reason::WrongType)]
#[case("{}", Reason::Required)]
#[case(r#"{"devices":null}"#, Reason::WrongType)]
#[case(r#"{"devices":{}}"#, Reason::WrongType)]
#[case(r#"{"devices":{"name":"x"}}"#, Reason::WrongType)]
#[case(r#"{"devices":"x"}"#, Reason::WrongType)]
#[case(r#"{"devices":[]}"#, Reason::EmptyBatch)]
#[case(r#"{"devices":[7]}"#, Reason::WrongType)]
#[case(r#"{"devices":[["name","type"]]}"#, Reason::WrongType)]
fn json_of_another_shape_is_refused_as_such(#[case] body: &str, #[case] reason: Reason) {
    if body == "1e400000" {
        assert_eq!(not_json(body.as_bytes()), Reason::NotJson);
    } else {
        assert_eq!(reasons(body), [reason]);
    }
}

const DEVICE: &str = r#"{"name":"a","type":"b","category":"c"}"#;

#[test]
fn members_of_the_body_are_known_and_given_once() {
    assert_eq!(
        reasons(&format!(
            r#"{{"devices":[{DEVICE}],"page":1,"devices":[{DEVICE}]}}"#
        )),
        [Reason::UnknownField, Reason::RepeatedField]
    );
}

#[test]
fn names_are_read_through_their_escapes_and_may_be_any_text() {
    let row = r#"{"na\u006de":"a","type":"b","category":"c"}"#;
    let batch = read(
        format!(r#"{{"devices":[{row}]}}"#).as_bytes(),
        BatchRules::default(),
    );
    assert_eq!(batch.unwrap().into_devices().unwrap().len(), 1);

    let row = r#"{"\ud800":1,"":2,"name":7,"type":"b","category":"c"}"#;
    let report = report(&format!(r#"{{"devices":[{row}],"\ud800":1}}"#));
    let found: Vec<_> = report
        .entries()
        .iter()
        .map(|entry| {
            (
                entry.index,
                entry.error.field.as_deref().unwrap(),
                entry.error.reason,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (None, r"\ud800", Reason::UnknownField),
            (Some(0), "name", Reason::WrongType),
            (Some(0), r"\ud800", Reason::UnknownField),
            (Some(0), "", Reason::UnknownField),
        ]
    );
}

#[test]
fn a_member_that_is_ignored_must_not_be_given_twice_either() {
    let rules = BatchRules {
        unknown_fields: UnknownFields::Ignore,
        ..BatchRules::default()
    };
    let body = format!(r#"{{"page":1,"devices":[{DEVICE}],"page":1}}"#);
    let batch = read(body.as_bytes(), rules).unwrap();
    let report = batch.into_devices().unwrap_err();
    assert_eq!(report.entries()[0].error.reason, Reason::RepeatedField);
    assert_eq!(report.total(), 1);
}

#[test]
fn a_byte_order_mark_is_ignored() {
    let body = format!("\u{FEFF}{{\"devices\":[{DEVICE}]}}");
    let batch = read(body.as_bytes(), BatchRules::default()).unwrap();
    assert_eq!(batch.into_devices().unwrap().len(), 1);
}

#[test]
fn nesting_of_any_depth_is_one_value_of_the_wrong_kind() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let in_field = format!(r#"{{"devices":[{{"name":"a","type":"b","category":{deep}}}]}}"#);
        assert_eq!(reasons(&in_field), [Reason::WrongType]);
        let in_list = format!(
            r#"{{"devices":[{{"name":"a","type":"b","category":"c","compliance":["x",{deep}]}}]}}"#
        );
        assert_eq!(reasons(&in_list), [Reason::WrongType]);
        let in_unknown =
            format!(r#"{{"devices":[{{"name":"a","type":"b","category":"c","x":{deep}}}]}}"#);
        assert_eq!(reasons(&in_unknown), [Reason::UnknownField]);
    }
}

#[test]
fn values_are_read_as_what_they_spell() {
    let cases = [
        (r#""x""#, RawValue::text("x")),
        (r#""\u0041\n\ud83d\ude00""#, RawValue::text("A\n😀")),
        (r#""\ud83d""#, RawValue::IllFormedText),
        (r#""\ude00x""#, RawValue::IllFormedText),
        (r#""\u0000""#, RawValue::text("\0")),
        ("null", RawValue::Null),
        ("true", RawValue::Boolean(true)),
        ("12", RawValue::Integer(12)),
        ("-0", RawValue::Integer(0)),
        ("12.0", RawValue::Integer(12)),
        ("1.2e1", RawValue::Integer(12)),
        ("9223372036854775807", RawValue::Integer(i64::MAX)),
        ("9223372036854775808", RawValue::HugeInteger),
        ("9.223372036854775807e18", RawValue::Integer(i64::MAX)),
        ("9.223372036854775808e18", RawValue::HugeInteger),
        ("-9.223372036854775808e+18", RawValue::Integer(i64::MIN)),
        ("120e-1", RawValue::Integer(12)),
        ("0.0e99999999999999999999", RawValue::Integer(0)),
        ("1e400", RawValue::HugeInteger),
        ("1e99999999999999999999", RawValue::HugeInteger),
        ("1.5", RawValue::Other(Kind::Number)),
        ("12e-1", RawValue::Other(Kind::Number)),
        ("1e-99999999999999999999", RawValue::Other(Kind::Number)),
        ("4503599627370497.4", RawValue::Other(Kind::Number)),
        ("12.00000000000000000001", RawValue::Other(Kind::Number)),
        ("{}", RawValue::Other(Kind::Object)),
        (
            r#"["a",null,[1]]"#,
            RawValue::List(vec![
                RawValue::text("a"),
                RawValue::Null,
                RawValue::Other(Kind::List),
            ]),
        ),
    ];
    for (json, value) in cases {
        assert_eq!(read_value(json), value, "{json}");
    }
}

#[test]
fn text_without_escapes_is_borrowed() {
    assert!(matches!(
        read_value(r#""Dell""#),
        RawValue::Text(Cow::Borrowed("Dell"))
    ));
}

#[test]
fn an_endless_list_keeps_no_more_items_than_are_looked_at() {
    let json = format!("[{}1]", "1,".repeat(1_000_000));
    let RawValue::List(items) = read_value(&json) else {
        panic!("not a list");
    };
    assert_eq!(items.len(), RawValue::MAX_ITEMS);
}

/// A value that a field of this shape takes, and nothing at times.
fn accepted(shape: Shape) -> BoxedStrategy<Value> {
    let text = |length: usize| {
        let inner = format!("[^\\pC\u{202D}\u{202E}]{{0,{}}}", length - 2);
        let inner = proptest::string::string_regex(&inner).unwrap();
        inner.prop_map(|inner| format!("a{inner}z"))
    };
    let value = match shape {
        Shape::Text { max_length } => text(max_length.min(300)).prop_map_into().boxed(),
        Shape::TextList {
            max_items,
            max_length,
        } => prop_oneof![
            text(max_length).prop_map_into(),
            prop::collection::vec(text(max_length), 0..=max_items).prop_map_into(),
        ]
        .boxed(),
        Shape::SerialNumber => "[A-Za-z1-9][a-z0-9ａ-ｚ_./:+#-]{0,40}[A-Z1-9]"
            .prop_map_into()
            .boxed(),
        Shape::Amount => "[0-9]{1,12}([.,][0-9]{1,2})?".prop_map_into().boxed(),
        Shape::Date => {
            "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T[01][0-9]:[0-5][0-9]Z)?"
                .prop_map_into()
                .boxed()
        }
        Shape::OneOf(words) => prop::sample::select(words).prop_map_into().boxed(),
        Shape::Boolean => any::<bool>().prop_map_into().boxed(),
        Shape::Id => (1..=i64::MAX).prop_map_into().boxed(),
    };
    prop_oneof![9 => value, 1 => prop::sample::select(vec![json!(null), json!(""), json!(" ")])]
        .boxed()
}

/// A device that passes, as JSON.
fn accepted_device() -> impl Strategy<Value = Value> {
    let members: Vec<_> = fields()
        .iter()
        .map(|field| {
            let value = match field.required() {
                true => "[a-z]{1,255}".prop_map_into().boxed(),
                false => accepted(field.shape()),
            };
            value.prop_map(|value| (field.name().to_owned(), value))
        })
        .collect();
    members.prop_map(|members| {
        let mut device: serde_json::Map<_, _> = members.into_iter().collect();
        // Whether a rental ends before it starts, no field knows alone.
        device.remove("client_rental_endDate");
        device.into()
    })
}

/// The device as its groups of fields are shown.
fn shown(device: &NewDevice) -> Value {
    let groups = [
        json!(device.identity),
        json!(device.ownership),
        json!(device.characteristics),
    ];
    let members = groups.into_iter().flat_map(|group| match group {
        Value::Object(members) => members,
        other => panic!("{other}"),
    });
    members.collect::<serde_json::Map<_, _>>().into()
}

fn read_one(device: &Value) -> Result<NewDevice, ErrorReport> {
    let body = json!({ "devices": [device] }).to_string();
    let batch = read(body.as_bytes(), BatchRules::default()).unwrap();
    batch.into_devices().map(|mut devices| devices.remove(0))
}

proptest! {
    #[test]
    fn an_accepted_row_survives_a_round_trip(sent in accepted_device()) {
        let device = read_one(&sent).unwrap();
        prop_assert_eq!(read_one(&shown(&device)).unwrap(), device);
    }

    #[test]
    fn no_bytes_panic(body: Vec<u8>) {
        if let Ok(batch) = read(&body, BatchRules::default()) {
            prop_assert!(batch.into_devices().is_err());
        }
    }

    #[test]
    fn no_text_of_json_pieces_panics(
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"devices\"", "\"name\"", "\"\\ud800\"", "null",
                "1e9", "-1", "\"\"", "true", "{\"devices\":[{", "\"compliance\":[", " ",
            ]),
            0..40,
        )
    ) {
        let body = pieces.concat();
        if let Ok(batch) = read(body.as_bytes(), BatchRules::default()) {
            prop_assert!(batch.into_devices().is_err());
        }
    }
}
