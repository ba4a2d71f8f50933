//! Imports, in a store that fails.

use actix_web::test::TestRequest;
use devices_domain::{MockDeviceRepository, RepositoryError};
use devices_tests::Form;
use serde_json::json;

use super::{Response, failed, mock_keys, mock_store, send, unavailable};

/// Posts a file with a valid row. `prepare` mocks the devices.
async fn post(path: &str, prepare: fn(&mut MockDeviceRepository)) -> Response {
    let file = Form::of_csv("Name,Type,Category", &["Laptop 1,laptop,computers"]);
    let request = TestRequest::post()
        .uri(path)
        .insert_header(("Content-Type", Form::content_type()))
        .set_payload(file.into_body());
    Response::read(
        send(mock_keys(), mock_store(prepare), request)
            .await
            .unwrap(),
    )
    .await
}

#[actix_web::test]
async fn import_without_store_returns_503() {
    for path in ["/devices/import", "/devices/import/validate"] {
        let response = post(path, |devices| {
            let upsert = devices.expect_upsert();
            upsert.returning(|_| Err(unavailable().into()));
            let plan = devices.expect_plan_upsert();
            plan.returning(|_| Err(unavailable().into()));
        });
        let response = response.await;
        assert_eq!(response.status, 503, "{path}");
        assert_eq!(response.retry_after.as_deref(), Some("1"), "{path}");
        assert_eq!(response.body, json!({"error": "SERVICE_UNAVAILABLE"}));
    }
}

#[actix_web::test]
async fn import_in_doubt_says_so() {
    let response = post("/devices/import", |devices| {
        let upsert = devices.expect_upsert();
        upsert.returning(|_| Err(RepositoryError::InDoubt("connection lost".into()).into()));
    });
    let response = response.await;
    assert_eq!(response.status, 503);
    assert_eq!(response.body["error"], "SERVICE_UNAVAILABLE");
    let message = response.body["message"].as_str().unwrap();
    assert!(message.contains("may have been stored"), "{message}");
}

#[actix_web::test]
async fn failed_import_returns_500_without_cause() {
    let response = post("/devices/import", |devices| {
        let upsert = devices.expect_upsert();
        upsert.returning(|_| Err(failed().into()));
    });
    let response = response.await;
    assert_eq!((response.status, response.retry_after), (500, None));
    assert_eq!(response.body, json!({"error": "INTERNAL_ERROR"}));
}

#[actix_web::test]
async fn panic_during_import_returns_500() {
    for path in ["/devices/import", "/devices/import/validate"] {
        let response = post(path, |devices| {
            let upsert = devices.expect_upsert();
            upsert.returning(|_| panic!("a mocked panic"));
            let plan = devices.expect_plan_upsert();
            plan.returning(|_| panic!("a mocked panic"));
        });
        let response = response.await;
        assert_eq!(response.status, 500, "{path}");
        assert_eq!(response.body, json!({"error": "INTERNAL_ERROR"}));
    }
}
