//! The crate `devices-client`, which other crates use, too.

use std::io::Read;

use devices_client::{
    Client, ClientError, DeviceFilter, DeviceKey, ExportFormat, ImportRequest, PageRequest,
    RejectedFormat,
};
use devices_tests::{Api, ServerOptions};
use serde_json::{Value, json};

fn client(api: &Api) -> Client {
    Client::new(&api.server.url(""), &api.key).unwrap()
}

/// Returns a request to import a file with these lines.
fn request(lines: &[&str], options: Value) -> ImportRequest {
    ImportRequest {
        file_name: "devices.csv".to_owned(),
        file: lines.join("\n").into_bytes(),
        options,
        idempotency_key: None,
    }
}

const HEADER: &str = "Serial;Name;Type;Category;Price";

#[test]
fn plan_and_import_agree() {
    let api = Api::start();
    let client = client(&api);
    let lines = [
        HEADER,
        "C-1;A;laptop;computers;1,50",
        "C-2;;laptop;computers;",
    ];
    let request = request(&lines, json!({ "atomic": false }));
    let plan = client.validate_import(&request).unwrap();
    assert_eq!((plan.plan.create, plan.plan.fail), (1, 1), "{plan:?}");
    assert_eq!(plan.file.delimiter.as_deref(), Some(";"));
    assert_eq!(plan.columns[0].field.as_deref(), Some("serial_number"));
    assert_eq!(plan.errors[0].row, Some(3));
    let response = client.import(&request).unwrap();
    assert_eq!((response.status, response.is_replayed), (207, false));
    assert_eq!(
        (
            response.result.batch.counts.created,
            response.result.batch.counts.failed
        ),
        (1, 1)
    );
    let rejected = &response.result.results[0];
    assert_eq!(rejected.errors[0].column, plan.errors[0].column);
    let batch = response.result.batch.id.unwrap();
    assert_eq!(client.batch(batch).unwrap().counts.created, 1);
}

#[test]
fn import_with_a_key_is_replayed() {
    let api = Api::start();
    let client = client(&api);
    let lines = [HEADER, "C-1;A;laptop;computers;"];
    let request = ImportRequest {
        idempotency_key: Some("import-1".to_owned()),
        ..request(&lines, json!({}))
    };
    let first = client.import(&request).unwrap();
    let second = client.import(&request).unwrap();
    assert_eq!((first.status, first.is_replayed), (201, false));
    assert!(second.is_replayed);
    assert_eq!(second.result, first.result);
}

#[test]
fn rejected_file_has_a_report() {
    let api = Api::start();
    let client = client(&api);
    let request = request(&[HEADER, "C-1;;laptop;computers;x"], json!({}));
    let error = client.import(&request).unwrap_err();
    assert_eq!(error.status(), Some(400), "{error}");
    let report = error.report().unwrap();
    assert_eq!(report.errors_total, 2, "{report:?}");
    assert!(report.errors.iter().all(|error| error.row == Some(2)));
    let csv = client.rejected_rows(&request, RejectedFormat::Csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(
        csv.starts_with("Serial;Name;Type;Category;Price;Error"),
        "{csv}"
    );
    let xlsx = client
        .rejected_rows(&request, RejectedFormat::Xlsx)
        .unwrap();
    assert!(xlsx.starts_with(b"PK"));
    let unreadable = ImportRequest {
        file: vec![0xff, 0xd8, 0xff, 0xe0, 0, 1],
        ..request
    };
    let error = client.import(&unreadable).unwrap_err();
    assert_eq!(error.code(), Some("INVALID_FILE"), "{error}");
    assert!(error.report().unwrap().reason.is_some());
}

#[test]
fn lists_and_exports_are_read() {
    let api = Api::start();
    let client = client(&api);
    let id = api.create_device(json!({ "serial_number": "C-1" }));
    api.create_device(json!({ "serial_number": "C-2" }));
    let all = DeviceFilter::default();
    let first = PageRequest {
        limit: Some(1),
        cursor: None,
    };
    let page = client.devices(&all, &first).unwrap();
    assert_eq!(
        (page.total, page.items[0].text("serial_number")),
        (2, Some("C-2"))
    );
    let next = PageRequest {
        cursor: page.next,
        ..first
    };
    let page = client.devices(&all, &next).unwrap();
    assert_eq!(page.items[0].id(), u64::try_from(id).ok());
    assert_eq!(page.next, None);
    let device = client.device(DeviceKey::SerialNumber("c-1")).unwrap();
    assert_eq!(device, Some(page.items[0].clone()));
    let mut export = String::new();
    let mut reader = client.export(&all, ExportFormat::Ndjson).unwrap();
    reader.read_to_string(&mut export).unwrap();
    assert_eq!(export.lines().count(), 2);
}

/// Returns the error of importing 12 MB.
fn error_of_large_import(api: &Api, key: &str) -> ClientError {
    let client = Client::new(&api.server.url(""), key).unwrap();
    let line = "C;A;laptop;computers;";
    let lines: Vec<_> = std::iter::once(HEADER)
        .chain(std::iter::repeat_n(line, 12_000_000 / line.len()))
        .collect();
    client.import(&request(&lines, json!({}))).unwrap_err()
}

#[test]
fn early_rejection_of_a_large_file_is_read() {
    let limit = ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_BYTES", 1_048_576);
    let api = Api::start_with(&limit);
    let error = error_of_large_import(&api, &api.key);
    assert_eq!(error.status(), Some(413), "{error}");
    let error = error_of_large_import(&api, "fdk_wrongwrongwrong");
    assert_eq!(error.status(), Some(401), "{error}");
}
