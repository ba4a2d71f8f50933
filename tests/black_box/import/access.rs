//! Keys, isolation and confidentiality.

use devices_tests::{Api, Form, send};
use serde_json::json;

use super::{HEADER, error_locations, import, plan, valid_rows};

#[test]
fn read_key_cannot_import() {
    let api = Api::start();
    let read = api.create_key("acme", "READ");
    for path in ["/devices/import", "/devices/import/validate"] {
        let request = api.request("POST", path).bearer_auth(&read);
        let response = send(valid_rows(1).attach_to(request));
        response.assert_error(403, "INSUFFICIENT_SCOPE");
    }
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn rows_match_no_foreign_devices_and_users() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    api.create_device_as(&globex, json!({"serial_number": "SN-00001"}));
    api.add_user("globex", "stranger@example.com");
    let form = || {
        let header = format!("{HEADER},Email");
        let row = "SN-00001,Laptop 00001,laptop,computers,stranger@example.com";
        Form::of_csv(&header, &[row])
    };
    let update = form().with_options(&json!({"on_conflict": "update"}));
    let rejected = import(&api, update);
    assert_eq!(
        error_locations(&rejected.json()),
        [json!([0, 2, "E", "user_email", "unknown_user"])]
    );
    let options = json!({"on_conflict": "update", "unknown_users": "create"});
    let planned = plan(&api, form().with_options(&options));
    assert_eq!(planned["plan"]["create"], 1);
    assert_eq!(planned["plan"]["create_users"], 1);
    let stored = import(&api, form().with_options(&options));
    assert_eq!(stored.json()["data"]["batch"]["created"], 1);
}

#[test]
fn cells_options_and_file_names_are_not_logged() {
    let api = Api::start();
    let file = "Serial PRIVATE,Name,Type,Category\nSN-PRIVATE,,PRIVATE,\nNone,a\u{1},PRIVATE,x\n";
    let options = json!({
        "columns": {"Serial PRIVATE": "serial_number"}, "defaults": {"comment": "PRIVATE note"},
        "atomic": false,
    });
    for path in ["/devices/import", "/devices/import/validate"] {
        let form = || Form::of_file("PRIVATE.csv", file).with_options(&options);
        let response = api.send_form(path, form());
        assert!(response.status < 300, "{}", response.text);
        for errors in [
            &response.json()["data"]["results"],
            &response.json()["data"]["errors"],
        ] {
            let errors = errors.to_string();
            // Headers are shown.
            let errors = errors.replace("Serial PRIVATE", "");
            assert!(!errors.contains("PRIVATE"), "{errors}");
        }
        let entry = api.server.access_log_entry(response.header("x-request-id"));
        assert!(!entry.to_string().contains("PRIVATE"), "{entry}");
    }
    for options in [
        json!({"PRIVATE": 1}),
        json!({"sheet": "PRIVATE"}),
        json!({"on_conflict": "PRIVATE"}),
    ] {
        let form = Form::of_file("PRIVATE.csv", file).with_options(&options);
        let response = import(&api, form);
        assert_eq!(response.status, 400, "{}", response.text);
        api.server.access_log_entry(response.header("x-request-id"));
    }
    let lines = api.server.log_lines();
    assert!(lines.iter().all(|line| !line.contains("PRIVATE")));
}

#[test]
fn import_is_logged_and_counted_like_a_batch() {
    let api = Api::start();
    let response = import(&api, valid_rows(3));
    let entry = api.server.access_log_entry(response.header("x-request-id"));
    assert_eq!(entry["route"], "/devices/import");
    assert_eq!(entry["devices"], 3);
    let rejected = import(&api, valid_rows(3));
    let entry = api.server.access_log_entry(rejected.header("x-request-id"));
    assert_eq!(entry["problem"], "INVALID_SERIAL_NUMBER");
    let metrics = api.server.metrics();
    let refused = r#"devices_rows_refused_total{code="INVALID_SERIAL_NUMBER"} 3"#;
    assert!(metrics.contains(refused), "{metrics}");
    let unreadable = import(&api, Form::of_file("a.csv", ""));
    let entry = api
        .server
        .access_log_entry(unreadable.header("x-request-id"));
    assert_eq!(entry["problem"], "INVALID_FILE");
    let events = api.events();
    assert_eq!(events.len(), 1, "{events:?}");
}
