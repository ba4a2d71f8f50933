//! Bodies that are rejected because of a value.

use devices_tests::device;
use serde_json::{Value, json};

use super::{api_with_a_device, assert_reason, assert_refused, assert_value};

#[test]
fn values_of_the_wrong_type() {
    let api = api_with_a_device();
    for field in [
        "name",
        "brand",
        "serial_number",
        "client_purchase_price",
        "client_purchase_date",
    ] {
        for value in [json!(7), json!(true), json!({}), json!(["x"])] {
            assert_value(&api, field, value, "wrong_type");
        }
    }
    assert_value(&api, "name", Value::Null, "required");
    for value in [json!("true"), json!(1), json!([])] {
        assert_value(&api, "is_rented", value.clone(), "wrong_type");
        assert_value(&api, "has_webcam", value, "wrong_type");
    }
    for value in [json!(7), json!({}), json!([7]), json!(["CE", null])] {
        assert_value(&api, "compliance", value, "wrong_type");
    }
    for value in [json!("12"), json!(1.5), json!([1])] {
        assert_value(&api, "user_id", value, "wrong_type");
    }
}

#[test]
fn values_out_of_their_limits() {
    let api = api_with_a_device();
    for (field, longest) in [
        ("name", 255),
        ("brand", 255),
        ("comment", 10_000),
        ("compliance", 100),
    ] {
        assert_value(&api, field, json!("é".repeat(longest + 1)), "too_long");
    }
    assert_value(&api, "serial_number", json!("S".repeat(65)), "too_long");
    assert_value(
        &api,
        "connection_type",
        json!(["x".repeat(101)]),
        "too_long",
    );
    assert_value(
        &api,
        "connection_type",
        json!(vec!["x"; 51]),
        "too_many_items",
    );
    assert_value(&api, "connection_type", json!(["USB", " "]), "empty_item");
    for user in [
        "0",
        "-1",
        "9223372036854775808",
        "1e400",
        "-99999999999999999999",
    ] {
        let row = device(json!({})).to_string();
        let row = row.replace("{", &format!("{{\"user_id\":{user},"));
        assert_reason(&api, format!("{{\"devices\":[{row}]}}"), "out_of_range");
    }
}

#[test]
fn words_that_are_not_in_an_enumeration() {
    let api = api_with_a_device();
    for value in ["mass_import", "CSV_IMPORT", "MASS_IMPORT,ONBOARDING"] {
        assert_value(&api, "added_via", json!(value), "not_in_enum");
    }
    for value in ["AZERTY", "french_azerty", "FRENCH AZERTY"] {
        assert_value(&api, "keyboard_layout", json!(value), "not_in_enum");
    }
    for field in ["added_via", "keyboard_layout"] {
        assert_value(&api, field, json!(1), "wrong_type");
        assert_value(&api, field, json!(["MASS_IMPORT"]), "wrong_type");
    }
}

#[test]
fn dates_and_amounts_that_are_none() {
    let api = api_with_a_device();
    for date in [
        "yesterday",
        "2023-02-29",
        "2024-13-01",
        "31/12/2024",
        "2024-1-1",
        "20240101",
        "2024-01-01T25:00:00",
        "2024-01-01 x",
    ] {
        for field in [
            "client_purchase_date",
            "client_warranty_endDate",
            "client_rental_startDate",
        ] {
            assert_value(&api, field, json!(date), "malformed");
        }
    }
    for amount in [
        "free", "1.299,00", "1 299", "1299.001", "12e3", ".", "1299 EUR", "NaN", "--1",
    ] {
        let body = json!({"devices": [device(json!({"client_purchase_price": amount}))]});
        let answer = api.post_text(body.to_string());
        assert_refused(&api, &answer, 400, amount);
    }
    let answer = api.post(&json!([device(json!({"client_rental_price": "-1.00"}))]));
    assert_refused(&api, &answer, 400, "a negative price");
    let backwards = device(json!({
        "client_rental_startDate": "2024-05-02", "client_rental_endDate": "2024-05-01",
    }));
    assert_reason(
        &api,
        json!({"devices": [backwards]}).to_string(),
        "ends_before_start",
    );
}

#[test]
fn serial_numbers_that_no_device_carries() {
    let api = api_with_a_device();
    for (serial, reason) in [
        ("AB  12", "malformed"),
        ("AB*12", "malformed"),
        ("СН-12", "malformed"),
        ("#", "malformed"),
        ("To be filled by O.E.M.", "placeholder"),
        ("default string", "placeholder"),
        ("SYSTEM SERIAL NUMBER", "placeholder"),
        ("Not Specified", "placeholder"),
        ("None", "placeholder"),
        ("n/a", "placeholder"),
        ("unknown", "placeholder"),
        ("No Asset Information", "placeholder"),
        ("0000", "placeholder"),
        ("XXXX", "placeholder"),
        ("....", "placeholder"),
        ("--", "placeholder"),
        ("*", "placeholder"),
    ] {
        assert_value(&api, "serial_number", json!(serial), reason);
        let answer = api.post(&json!([device(json!({"serial_number": serial}))]));
        assert_eq!(answer.json()["error"], "INVALID_SERIAL_NUMBER");
    }
}

#[test]
fn an_unknown_field_is_named_with_the_one_that_was_meant() {
    let api = api_with_a_device();
    let near = device(json!({"client_warranty_end_date": "2027-01-01"}));
    let answer = assert_reason(
        &api,
        json!({"devices": [near]}).to_string(),
        "unknown_field",
    );
    assert_eq!(
        answer.json(),
        json!({
            "error": "devices[0].client_warranty_end_date is no field of a device; did you mean \
                      `client_warranty_endDate`?",
            "errors": [{
                "index": 0,
                "pointer": "/devices/0/client_warranty_end_date",
                "field": "client_warranty_end_date",
                "code": "INVALID_FIELD",
                "reason": "unknown_field",
                "message": "devices[0].client_warranty_end_date is no field of a device; did you \
                            mean `client_warranty_endDate`?",
                "did_you_mean": "client_warranty_endDate",
            }],
            "errors_total": 1,
        })
    );
    let far = device(json!({"a/b~c": 1}));
    let answer = assert_reason(&api, json!({"devices": [far]}).to_string(), "unknown_field");
    assert_eq!(answer.json()["errors"][0]["pointer"], "/devices/0/a~1b~0c");
}
