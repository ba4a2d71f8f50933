//! Bodies that are rejected for the value or the name of a field.

use devices_tests::device;
use serde_json::{Value, json};

use super::{api_with_one_device, assert_body_rejected, assert_rejected, assert_value_rejected};

#[test]
fn wrong_types_are_rejected() {
    let api = api_with_one_device();
    for field in [
        "name",
        "brand",
        "serial_number",
        "model_year",
        "client_purchase_price",
        "client_purchase_date",
    ] {
        for value in [
            json!(7),
            json!(1299.5),
            json!(true),
            json!({}),
            json!(["x"]),
        ] {
            assert_value_rejected(&api, field, value, "wrong_type");
        }
    }
    assert_value_rejected(&api, "name", Value::Null, "required");
    for value in [
        json!("true"),
        json!("yes"),
        json!("oui"),
        json!(1),
        json!([]),
    ] {
        assert_value_rejected(&api, "is_rented", value.clone(), "wrong_type");
        assert_value_rejected(&api, "has_webcam", value, "wrong_type");
    }
    for value in [json!(7), json!({}), json!([7]), json!(["CE", null])] {
        assert_value_rejected(&api, "compliance", value, "wrong_type");
    }
    for value in [json!("12"), json!(1.5), json!([1])] {
        assert_value_rejected(&api, "user_id", value, "wrong_type");
    }
}

#[test]
fn values_beyond_limits_are_rejected() {
    let api = api_with_one_device();
    for (field, max_length) in [
        ("name", 255),
        ("brand", 255),
        ("comment", 10_000),
        ("compliance", 100),
    ] {
        assert_value_rejected(&api, field, json!("é".repeat(max_length + 1)), "too_long");
    }
    assert_value_rejected(&api, "serial_number", json!("S".repeat(65)), "too_long");
    assert_value_rejected(
        &api,
        "connection_type",
        json!(["x".repeat(101)]),
        "too_long",
    );
    assert_value_rejected(
        &api,
        "connection_type",
        json!(vec!["x"; 51]),
        "too_many_items",
    );
    assert_value_rejected(&api, "connection_type", json!(["USB", " "]), "empty_item");
    for user in [
        "0",
        "-1",
        "9223372036854775808",
        "1e400",
        "-99999999999999999999",
    ] {
        let row = device(json!({})).to_string();
        let row = row.replace('{', &format!("{{\"user_id\":{user},"));
        assert_body_rejected(&api, format!("{{\"devices\":[{row}]}}"), "out_of_range");
    }
}

#[test]
fn unknown_enum_values_are_rejected() {
    let api = api_with_one_device();
    for value in ["mass_import", "CSV_IMPORT", "MASS_IMPORT,ONBOARDING"] {
        assert_value_rejected(&api, "added_via", json!(value), "not_in_enum");
    }
    for value in ["AZERTY", "french_azerty", "FRENCH AZERTY"] {
        assert_value_rejected(&api, "keyboard_layout", json!(value), "not_in_enum");
    }
    for field in ["added_via", "keyboard_layout"] {
        assert_value_rejected(&api, field, json!(1), "wrong_type");
        assert_value_rejected(&api, field, json!(["MASS_IMPORT"]), "wrong_type");
    }
}

#[test]
fn malformed_dates_and_amounts_are_rejected() {
    let api = api_with_one_device();
    for date in [
        "yesterday",
        "2023-02-29",
        "2024-13-01",
        "31/12/2024",
        "01/02/2024",
        "45123",
        "0000-01-01",
        "0000-01-01T00:00:00Z",
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
            assert_value_rejected(&api, field, json!(date), "malformed");
        }
    }
    for amount in [
        "free",
        "1.299,00",
        "$1,299.00",
        "1.299",
        "129.500",
        "129.5010",
        "1 299",
        "1299.001",
        "12e3",
        ".",
        "1299 EUR",
        "NaN",
        "--1",
    ] {
        let body = json!({"devices": [device(json!({"client_purchase_price": amount}))]});
        let response = api.post_text(body.to_string());
        assert_rejected(&api, &response, 400, amount);
    }
    let response = api.post(&json!([device(json!({"client_rental_price": "-1.00"}))]));
    assert_rejected(&api, &response, 400, "a negative price");
    let reversed_dates = device(json!({
        "client_rental_startDate": "2024-05-02", "client_rental_endDate": "2024-05-01",
    }));
    assert_body_rejected(
        &api,
        json!({"devices": [reversed_dates]}).to_string(),
        "ends_before_start",
    );
}

#[test]
fn invalid_serial_numbers_are_rejected() {
    let api = api_with_one_device();
    for (serial, reason) in [
        ("É12", "malformed"),
        ("AB\u{200B}12", "malformed"),
        ("AB\u{2011}12", "malformed"),
        ("AB\n12", "control_character"),
        ("AB\u{202E}12", "bidirectional_override"),
        ("8.96529E+19", "spreadsheet_number"),
        ("8,96529e+19", "spreadsheet_number"),
        ("-1", "placeholder"),
        ("#N/A", "placeholder"),
        ("#¿NOMBRE?", "placeholder"),
        ("(null string)", "placeholder"),
        ("SystemSerialNumb", "placeholder"),
        ("H1AK500000", "placeholder"),
        ("111111", "placeholder"),
        ("1234567890123", "placeholder"),
        ("00000001", "placeholder"),
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
        assert_value_rejected(&api, "serial_number", json!(serial), reason);
        let response = api.post(&json!([device(json!({"serial_number": serial}))]));
        assert_eq!(response.json()["error"], "INVALID_SERIAL_NUMBER");
    }
}

#[test]
fn control_characters_are_rejected_and_named() {
    let api = api_with_one_device();
    for (field, value, name) in [
        ("name", "a\nb", "U+000A (line feed)"),
        ("brand", "a\r\nb", "U+000D (carriage return)"),
        ("color", "a\tb", "U+0009 (tab)"),
        ("serial_number", "A\0", "U+0000 (null)"),
        ("compliance", "a\u{85}b", "U+0085 (next line)"),
        ("comment", "a\n\0", "U+0000 (null)"),
        ("comment", "a\u{B}b", "U+000B (vertical tab)"),
        ("comment", "a\u{1B}b", "U+001B (escape)"),
    ] {
        assert_value_rejected(&api, field, json!(value), "control_character");
        let response = api.post(&json!([device(json!({field: value}))]));
        assert_eq!(
            response.json()["errors"][0]["message"],
            format!("devices[0].{field} must not contain the control character {name}")
        );
    }
    assert_value_rejected(
        &api,
        "comment",
        json!("a\n\u{202E}b"),
        "bidirectional_override",
    );
    let surrogate = device(json!({"comment": "?"})).to_string();
    let surrogate = surrogate.replace('?', "a\\n\\ud800");
    assert_body_rejected(
        &api,
        format!("{{\"devices\":[{surrogate}]}}"),
        "ill_formed_text",
    );
}

#[test]
fn invisible_name_is_required() {
    let api = api_with_one_device();
    for invisible in [
        "",
        " ",
        "\u{FEFF}",
        "\u{200B}",
        "\u{3164}",
        "\u{AD}\u{FE0F}",
    ] {
        for field in ["name", "type", "category"] {
            assert_value_rejected(&api, field, json!(invisible), "required");
        }
    }
}

#[test]
fn serial_number_error_says_what_to_send() {
    let api = api_with_one_device();
    for (serial, message) in [
        (
            "AB\u{200B}12",
            "must not contain the character U+200B, which is invisible: remove it",
        ),
        (
            "AB\u{2011}12",
            "must not contain the character U+2011, a dash: use the hyphen-minus \"-\" instead",
        ),
        (
            "N/A",
            "must be the device's own number, not a placeholder for \"none\": \
             omit the field if the device has no serial number",
        ),
        (
            "1E+11",
            "was shortened by a spreadsheet, which lost its digits: \
             format the column as text and enter the original again",
        ),
    ] {
        let response = api.post(&json!([device(json!({"serial_number": serial}))]));
        assert_eq!(response.status, 400);
        assert_eq!(
            response.json()["errors"][0]["message"],
            format!("devices[0].serial_number {message}")
        );
    }
}

#[test]
fn expanding_serial_number_is_too_long() {
    let api = api_with_one_device();
    // Each U+FDFA is 18 characters after NFKC normalization.
    let serial = "\u{FDFA}".repeat(1_300_000);
    assert_value_rejected(&api, "serial_number", json!(serial), "too_long");
}

#[test]
fn unknown_field_suggests_nearest_name() {
    let api = api_with_one_device();
    let near = device(json!({"client_warranty_end_date": "2027-01-01"}));
    let response = assert_body_rejected(
        &api,
        json!({"devices": [near]}).to_string(),
        "unknown_field",
    );
    assert_eq!(
        response.json(),
        json!({
            "error": "devices[0]: unknown field `client_warranty_end_date`, did you mean \
                          `client_warranty_endDate`?",
            "errors": [{
                "index": 0,
                "pointer": "/devices/0/client_warranty_end_date",
                "field": "client_warranty_end_date",
                "code": "INVALID_FIELD",
                "reason": "unknown_field",
                "message": "devices[0]: unknown field `client_warranty_end_date`, did you mean \
                            `client_warranty_endDate`?",
                "did_you_mean": "client_warranty_endDate",
            }],
            "errors_total": 1,
        })
    );
    for (name, suggestion) in [
        ("username", json!("user_email")),
        ("userPrincipalName", json!("user_email")),
        ("email", json!("user_email")),
        ("client_status", json!("lifecycle")),
        ("serialNumber", json!("serial_number")),
        ("warranty_months", Value::Null),
        ("mac_address", Value::Null),
        ("os_version", Value::Null),
        ("first_name", Value::Null),
    ] {
        let response = api.post(&json!([device(json!({name: "x"}))]));
        assert_eq!(response.status, 400, "{name}");
        let entry = &response.json()["errors"][0];
        assert_eq!(entry["did_you_mean"], suggestion, "{name}: {entry}");
    }
    let far = device(json!({"a/b~c": 1}));
    let response =
        assert_body_rejected(&api, json!({"devices": [far]}).to_string(), "unknown_field");
    assert_eq!(
        response.json()["errors"][0]["pointer"],
        "/devices/0/a~1b~0c"
    );
}
