//! Tests with valid, invalid and arbitrary bodies.

use devices_domain::{BatchRules, ErrorReport, UnknownFields};
use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn report(body: &str) -> ErrorReport {
    let batch = read(body.as_bytes(), Batch::new(BatchRules::default())).unwrap();
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
    read(body, Batch::new(BatchRules::default()))
        .unwrap_err()
        .reason
}

#[rstest]
#[case(b"".as_slice())]
#[case(b"  \n")]
#[case(b"{")]
#[case(b"devices")]
#[case(br#"{"devices":[]} {}"#)]
#[case(br#"{"devices":[],}"#)]
#[case(br"{'devices':[]}")]
#[case(br#"{"devices":[{"name":"a"]}"#)]
#[case(b"{\"devices\":[{\"name\":\"a\nb\"}]}")]
#[case(br#"{"devices":[{"name":NaN}]}"#)]
#[case(br#"{"devices":[{"user_id":01}]}"#)]
fn text_that_is_not_json_is_rejected(#[case] body: &[u8]) {
    assert_eq!(not_json(body), Reason::NotJson);
}

#[rstest]
#[case(b"{\"devices\":[{\"name\":\"\xff\"}]}".as_slice())]
#[case(b"{\"devices\":[{\"unknown\":\"\xc3\x28\"}]}")]
#[case(b"\xff\xfe{\0}\0")]
fn body_that_is_not_utf_8_is_rejected(#[case] body: &[u8]) {
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
fn json_of_another_structure_is_rejected(#[case] body: &str, #[case] reason: Reason) {
    assert_eq!(reasons(body), [reason]);
}

const DEVICE: &str = r#"{"name":"a","type":"b","category":"c"}"#;

#[test]
fn unknown_and_repeated_members_are_rejected() {
    assert_eq!(
        reasons(&format!(
            r#"{{"devices":[{DEVICE}],"page":1,"devices":[{DEVICE}]}}"#
        )),
        [Reason::UnknownField, Reason::RepeatedField]
    );
}

#[test]
fn escaped_names_are_decoded() {
    let row = r#"{"na\u006de":"a","type":"b","category":"c"}"#;
    let batch = read(
        format!(r#"{{"devices":[{row}]}}"#).as_bytes(),
        Batch::new(BatchRules::default()),
    );
    assert_eq!(batch.unwrap().into_devices().unwrap().len(), 1);

    let row = r#"{"\ud800":1,"":2,"name":7,"type":"b","category":"c"}"#;
    let report = report(&format!(r#"{{"devices":[{row}],"\ud800":1}}"#));
    let errors: Vec<_> = report
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
        errors,
        [
            (None, r"\ud800", Reason::UnknownField),
            (Some(0), "name", Reason::WrongType),
            (Some(0), r"\ud800", Reason::UnknownField),
            (Some(0), "", Reason::UnknownField),
        ]
    );
}

#[test]
fn unknown_members_of_body_are_never_ignored() {
    let rules = BatchRules {
        unknown_fields: UnknownFields::Ignore,
        ..BatchRules::default()
    };
    let body = format!(r#"{{"page":1,"devices":[{DEVICE}],"page":1}}"#);
    let batch = read(body.as_bytes(), Batch::new(rules)).unwrap();
    let report = batch.into_devices().unwrap_err();
    let errors: Vec<_> = report.entries().iter().map(ToString::to_string).collect();
    let unknown = "unknown field `page`, the body has only the field `devices`";
    assert_eq!(errors, [unknown, unknown]);
}

#[test]
fn byte_order_mark_is_ignored() {
    let body = format!("\u{FEFF}{{\"devices\":[{DEVICE}]}}");
    let batch = read(body.as_bytes(), Batch::new(BatchRules::default())).unwrap();
    assert_eq!(batch.into_devices().unwrap().len(), 1);
}

#[test]
fn deeply_nested_value_has_the_wrong_type() {
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

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(body: Vec<u8>) {
        if let Ok(batch) = read(&body, Batch::new(BatchRules::default())) {
            prop_assert!(batch.into_devices().is_err());
        }
    }

    #[test]
    fn arbitrary_json_tokens_do_not_panic(
        tokens in proptest::collection::vec(
            proptest::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"devices\"", "\"name\"", "\"\\ud800\"", "null",
                "1e9", "-1", "\"\"", "true", "{\"devices\":[{", "\"compliance\":[", " ",
            ]),
            0..40,
        )
    ) {
        let body = tokens.concat();
        if let Ok(batch) = read(body.as_bytes(), Batch::new(BatchRules::default())) {
            prop_assert!(batch.into_devices().is_err());
        }
    }
}
