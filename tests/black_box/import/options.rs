//! Options of an import.

use devices_tests::{Api, Form, Response};
use serde_json::json;

use super::{HEADER, import, plan, valid_rows};

/// Asserts that options are rejected with an error at this pointer.
#[track_caller]
fn assert_rejected(api: &Api, options: &str, pointer: &str) -> String {
    let head = "Content-Disposition: form-data; name=\"options\"";
    let form = || valid_rows(1).with_part(head, options);
    let response = import(api, form());
    assert_eq!(response.status, 400, "{options}: {}", response.text);
    let body = response.json();
    let error = &body["errors"][0];
    assert_eq!(error["pointer"], pointer, "{options}: {body}");
    assert_eq!(error["code"], "INVALID_BODY", "{options}");
    assert_eq!(error["message"], body["error"], "{options}");
    let validated = api.send_form("/devices/import/validate", form());
    assert_eq!(validated.json(), body, "{options}");
    body["error"].as_str().unwrap().to_owned()
}

#[test]
fn unknown_option_is_rejected_with_the_nearest_name() {
    let api = Api::start();
    for (options, pointer, nearest) in [
        (
            r#"{"on_conflct": "update"}"#,
            "/options/on_conflct",
            "`on_conflict`",
        ),
        (r#"{"column": {}}"#, "/options/column", "`columns`"),
        (r#"{"headerrow": 2}"#, "/options/headerrow", "`header_row`"),
        (
            r#"{"unknown_user": "create"}"#,
            "/options/unknown_user",
            "`unknown_users`",
        ),
    ] {
        let message = assert_rejected(&api, options, pointer);
        assert!(message.contains("did you mean"), "{message}");
        assert!(message.contains(nearest), "{message}");
    }
    assert_rejected(&api, r#"{"dry_run": true}"#, "/options/dry_run");
}

#[test]
fn invalid_options_are_rejected() {
    let api = Api::start();
    for (options, pointer) in [
        ("[]", "/options"),
        ("{", "/options"),
        (r#"{"atomic": "no"}"#, "/options/atomic"),
        (r#"{"on_conflict": "upsert"}"#, "/options/on_conflict"),
        (r#"{"nulls": "clear"}"#, "/options/nulls"),
        (r#"{"match": "asset_tag"}"#, "/options/match"),
        (
            r#"{"on_conflict": "update", "match": "name"}"#,
            "/options/match",
        ),
        (r#"{"atomic": true, "atomic": false}"#, "/options/atomic"),
        (r#"{"columns": []}"#, "/options/columns"),
        (r#"{"header_row": 0}"#, "/options/header_row"),
        (r#"{"delimiter": "x"}"#, "/options/delimiter"),
        (r#"{"encoding": "klingon"}"#, "/options/encoding"),
        (r#"{"date_format": "YY"}"#, "/options/date_format"),
        (
            r#"{"defaults": {"colour": "red"}}"#,
            "/options/defaults/colour",
        ),
    ] {
        assert_rejected(&api, options, pointer);
    }
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn option_errors_have_the_reasons_of_batch_options() {
    let api = Api::start();
    for (name, value) in [
        ("on_conflict", "upsert"),
        ("nulls", "clear"),
        ("match", "asset_tag"),
    ] {
        let options = json!({name: value});
        let rejected = import(&api, valid_rows(1).with_options(&options));
        let path = format!("/devices?{name}={value}");
        let batch = api.send("POST", &path, &json!({"devices": []}));
        let reason = |response: &Response| response.json()["errors"][0]["reason"].clone();
        assert_eq!(reason(&rejected), reason(&batch), "{name}");
    }
}

#[test]
fn option_must_fit_the_file() {
    let api = Api::start();
    for (options, pointer) in [
        (
            r#"{"columns": {"Service Tag": "serial_number"}}"#,
            "/options/columns/Service Tag",
        ),
        (r#"{"columns": {"a/b": null}}"#, "/options/columns/a~1b"),
        (r#"{"sheet": "Inventory"}"#, "/options/sheet"),
    ] {
        assert_rejected(&api, options, pointer);
    }
}

#[test]
fn options_may_be_empty_or_absent() {
    let api = Api::start();
    let head = "Content-Disposition: form-data; name=\"options\"";
    for options in ["", "\r\n", "{}", "\u{feff}{}"] {
        let planned = plan(&api, valid_rows(1).with_part(head, options));
        assert_eq!(planned["plan"]["create"], 1, "{options:?}");
    }
    assert_eq!(plan(&api, valid_rows(1))["plan"]["create"], 1);
}

#[test]
fn query_parameters_are_rejected() {
    let api = Api::start();
    for path in ["/devices/import", "/devices/import/validate"] {
        for parameter in ["on_conflict=update", "atomic=false", "dry_run=true"] {
            let response = api.send_form(&format!("{path}?{parameter}"), valid_rows(1));
            let name = parameter.split('=').next().unwrap();
            response.assert_parameter_rejected(name, "unknown_field", path);
        }
    }
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn if_match_is_rejected() {
    let api = Api::start();
    let response = api.send_form_with("/devices/import", &[("If-Match", "*")], valid_rows(1));
    assert_eq!(response.status, 400, "{}", response.text);
    assert!(response.text.contains("If-Match"), "{}", response.text);
}

#[test]
fn values_are_translated() {
    let api = Api::start();
    let form = Form::of_csv(HEADER, &["SN-00001,LT-00001,Notebook,computers"]);
    let form = form.with_options(&json!({"values": {"type": {"Notebook": "laptop"}}}));
    assert_eq!(import(&api, form).status, 201);
    assert_eq!(api.get_json("/devices?type=laptop")["meta"]["total"], 1);
}
