//! The real router over mocked ports: responses when the ports fail.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod batches;
mod events;
mod imports;
mod keys;
mod known_keys;

use std::sync::Arc;

use actix_web::body::to_bytes;
use actix_web::dev::ServiceResponse;
use actix_web::{test, web};
use chrono::DateTime;
use devices_api::http::{Ports, State, app};
use devices_api::secret::KeySecret;
use devices_api::settings::Settings;
use devices_domain::{
    Actor, ChangeConflicts, ChangeDeviceError, Conflicts, CreateError, Device, DeviceId, KeyId,
    MockAuditTrail, MockBatchRepository, MockDeviceRepository, MockEnrollmentRepository,
    MockEventFeed, MockFleetStatistics, MockKeyRepository, MockRateLimiter, MockSessionRepository,
    MockStore, MockStoreHealth, MockUserRepository, MockWorkspaceKeyRepository, NewDevice, RawRow,
    RawValue, RepositoryError, Scope, StoredDevice, UniqueField, WorkspaceId, WorkspaceStore,
};
use serde_json::{Value, json};

const WORKSPACE: WorkspaceId = WorkspaceId(7);

fn unavailable() -> RepositoryError {
    RepositoryError::Unavailable("host db.internal is unreachable".into())
}

fn failed() -> RepositoryError {
    RepositoryError::Failed("relation \"devices\" does not exist".into())
}

/// Mocks keys: every key has the scope WRITE.
fn mock_keys() -> MockKeyRepository {
    let mut keys = MockKeyRepository::new();
    keys.expect_find_actor().returning(|workspace, _| {
        Ok(Some(Actor {
            workspace,
            key: KeyId(1),
            scope: Scope::Write,
        }))
    });
    keys
}

/// Mocks the store of the workspace. `prepare` mocks its devices.
fn mock_store(prepare: fn(&mut MockDeviceRepository)) -> MockStore {
    let mut store = MockStore::new();
    store
        .expect_for_request()
        .withf(|admission| admission.actor().workspace == WORKSPACE)
        .returning(move |_| {
            let mut devices = MockDeviceRepository::new();
            prepare(&mut devices);
            workspace_store(devices)
        });
    store
}

fn workspace_store(devices: MockDeviceRepository) -> WorkspaceStore {
    WorkspaceStore {
        devices: Box::new(devices),
        batches: Box::new(MockBatchRepository::new()),
        users: Box::new(MockUserRepository::new()),
        enrollments: Box::new(MockEnrollmentRepository::new()),
        keys: Box::new(MockWorkspaceKeyRepository::new()),
        feed: Box::new(MockEventFeed::new()),
        statistics: Box::new(MockFleetStatistics::new()),
        audit: Box::new(MockAuditTrail::new()),
    }
}

struct Response {
    status: u16,
    retry_after: Option<String>,
    body: Value,
}

impl Response {
    async fn read(response: ServiceResponse) -> Self {
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        assert!(header("x-request-id").is_some());
        Self {
            status: response.status().as_u16(),
            retry_after: header("retry-after"),
            body: serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap(),
        }
    }
}

/// Sends a request with a key of the workspace.
async fn send(
    keys: MockKeyRepository,
    store: MockStore,
    request: test::TestRequest,
) -> Result<ServiceResponse, actix_web::Error> {
    let mut responses = send_all(keys, store, [request]).await;
    responses.remove(0)
}

/// Sends requests with the same key, one after the other.
async fn send_all(
    keys: MockKeyRepository,
    store: MockStore,
    requests: impl IntoIterator<Item = test::TestRequest>,
) -> Vec<Result<ServiceResponse, actix_web::Error>> {
    let ports = Ports {
        store: Arc::new(store),
        keys: Arc::new(keys),
        sessions: Arc::new(MockSessionRepository::new()),
        limiter: Arc::new(MockRateLimiter::new()),
        health: Arc::new(MockStoreHealth::new()),
    };
    let url = ("DEVICES__DATABASE__URL", "postgres://nowhere/devices");
    let settings = Settings::for_environment("test", &[url]).unwrap();
    let state = State::new(ports, &settings);
    let app = test::init_service(app(web::Data::new(state))).await;
    let secret = KeySecret::generate(WORKSPACE);
    let key = ("Authorization", format!("Bearer {}", secret.expose()));
    let mut responses = Vec::new();
    for request in requests {
        let request = request.insert_header(key.clone()).to_request();
        let response = test::try_call_service(&app, request).await;
        responses.push(response.map(ServiceResponse::map_into_boxed_body));
    }
    responses
}

async fn post(keys: MockKeyRepository, store: MockStore) -> Response {
    let row = json!({"name": "a", "type": "b", "category": "c", "serial_number": "SN1"});
    let request = test::TestRequest::post()
        .uri("/devices")
        .set_json(json!({ "devices": [row] }));
    match send(keys, store, request).await {
        Ok(response) => Response::read(response).await,
        Err(error) => {
            let request = test::TestRequest::default().to_http_request();
            Response::read(ServiceResponse::new(request, error.error_response())).await
        }
    }
}

#[actix_web::test]
async fn failed_key_lookup_returns_503_not_401() {
    let mut keys = MockKeyRepository::new();
    keys.expect_find_actor()
        .returning(|_, _| Err(unavailable()));
    let response = post(keys, MockStore::new()).await;
    assert_eq!(
        (response.status, response.retry_after.as_deref()),
        (503, Some("1"))
    );
    assert_eq!(response.body, json!({"error": "SERVICE_UNAVAILABLE"}));
}

#[actix_web::test]
async fn unavailable_store_returns_503() {
    let unavailable_store = mock_store(|devices| {
        devices
            .expect_create()
            .returning(|_| Err(unavailable().into()));
    });
    let response = post(mock_keys(), unavailable_store).await;
    assert_eq!(
        (response.status, response.retry_after.as_deref()),
        (503, Some("1"))
    );
    assert_eq!(response.body, json!({"error": "SERVICE_UNAVAILABLE"}));
}

#[actix_web::test]
async fn failed_store_returns_500_without_cause() {
    let failed_store = mock_store(|devices| {
        devices.expect_create().returning(|_| Err(failed().into()));
    });
    let response = post(mock_keys(), failed_store).await;
    assert_eq!((response.status, response.retry_after), (500, None));
    assert_eq!(response.body, json!({"error": "INTERNAL_ERROR"}));
}

#[actix_web::test]
async fn panic_returns_500() {
    let panicking_store = mock_store(|devices| {
        devices
            .expect_create()
            .returning(|_| panic!("a mocked panic"));
    });
    let response = post(mock_keys(), panicking_store).await;
    assert_eq!(response.status, 500);
    assert_eq!(response.body, json!({"error": "INTERNAL_ERROR"}));
}

#[actix_web::test]
async fn conflict_is_reported_for_its_row() {
    let store = mock_store(|devices| {
        devices.expect_create().returning(|_| {
            let mut conflicts = Conflicts::default();
            let serial_number = "SN1".to_owned();
            conflicts.taken[UniqueField::SerialNumber].insert(serial_number, DeviceId(812));
            Err(CreateError::Conflicts(conflicts.into()))
        });
    });
    let response = post(mock_keys(), store).await;
    assert_eq!(response.status, 400);
    assert_eq!(response.body["error"], "INVALID_SERIAL_NUMBER");
    assert_eq!(response.body["errors"][0]["existing_device_id"], 812);
}

/// Returns a full chunk of an export.
fn chunk(after: Option<DeviceId>) -> Vec<StoredDevice> {
    let mut row = RawRow::for_device();
    for name in ["name", "type", "category"] {
        row.set(name, RawValue::text("x"));
    }
    let fields = NewDevice::from_row(&row).unwrap().fields;
    let first = after.map_or(0, |device| device.0) + 1;
    let stored = (first..first + 250).map(|id| StoredDevice {
        device: Device {
            id: DeviceId(id),
            fields: fields.clone(),
            enrollment: None,
        },
        assignee: None,
        created_at: DateTime::default(),
        updated_at: DateTime::default(),
        archived_at: None,
    });
    stored.collect()
}

#[actix_web::test]
async fn export_that_loses_its_store_is_aborted() {
    for format in ["json", "ndjson", "csv"] {
        let store = mock_store(|devices| {
            devices
                .expect_attribute_keys()
                .returning(|_, _| Ok(Vec::new()));
            devices.expect_record_export().returning(|_, _| Ok(()));
            devices.expect_list_by_id().returning(|_, after, max| {
                assert_eq!(max, 250);
                match after {
                    None => Ok(chunk(after)),
                    Some(_) => Err(unavailable()),
                }
            });
        });
        let uri = format!("/devices/export?format={format}");
        let request = test::TestRequest::get().uri(&uri);
        let response = send(mock_keys(), store, request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(to_bytes(response.into_body()).await.is_err(), "{format}");
    }
}

#[actix_web::test]
async fn export_without_store_returns_503() {
    let unavailable_store = mock_store(|devices| {
        devices.expect_record_export().returning(|_, _| Ok(()));
        devices
            .expect_list_by_id()
            .returning(|_, _, _| Err(unavailable()));
    });
    let request = test::TestRequest::get().uri("/devices/export");
    let response = send(mock_keys(), unavailable_store, request).await.unwrap();
    assert_eq!(response.status(), 503);
}

#[actix_web::test]
async fn export_without_audit_event_returns_503() {
    // The mock panics if a device is read.
    let store = mock_store(|devices| {
        devices
            .expect_record_export()
            .returning(|_, _| Err(unavailable()));
    });
    let request = test::TestRequest::get().uri("/devices/export");
    let response = send(mock_keys(), store, request).await.unwrap();
    assert_eq!(response.status(), 503);
}

/// Sends `POST /devices/7/restore`.
async fn restore(store: MockStore) -> Response {
    let request = test::TestRequest::post().uri("/devices/7/restore");
    Response::read(send(mock_keys(), store, request).await.unwrap()).await
}

#[actix_web::test]
async fn restore_without_store_returns_503() {
    let unavailable_store = mock_store(|devices| {
        devices
            .expect_restore()
            .returning(|_, _, _| Err(unavailable().into()));
    });
    let response = restore(unavailable_store).await;
    assert_eq!(
        (response.status, response.retry_after.as_deref()),
        (503, Some("1"))
    );
    assert_eq!(response.body, json!({"error": "SERVICE_UNAVAILABLE"}));
}

#[actix_web::test]
async fn restore_in_doubt_says_so() {
    let store = mock_store(|devices| {
        devices.expect_restore().returning(|_, _, _| {
            let error = RepositoryError::InDoubt("host db.internal closed the connection".into());
            Err(error.into())
        });
    });
    let response = restore(store).await;
    assert_eq!(response.status, 503);
    assert_eq!(response.body["error"], "SERVICE_UNAVAILABLE");
    let message = response.body["message"].as_str().unwrap();
    assert!(message.contains("may have been stored"), "{message}");
}

#[actix_web::test]
async fn failed_restore_returns_500_without_cause() {
    let store = mock_store(|devices| {
        devices
            .expect_restore()
            .returning(|_, _, _| Err(failed().into()));
    });
    let response = restore(store).await;
    assert_eq!(response.status, 500);
    assert_eq!(response.body, json!({"error": "INTERNAL_ERROR"}));
}

#[actix_web::test]
async fn rejected_restore_points_to_no_field() {
    let store = mock_store(|devices| {
        devices.expect_restore().returning(|_, _, _| {
            let mut rejected = ChangeConflicts::default();
            let taken = &mut rejected.conflicts.taken[UniqueField::SerialNumber];
            taken.insert("SN1".to_owned(), DeviceId(812));
            Err(ChangeDeviceError::Rejected(rejected.into()))
        });
    });
    let response = restore(store).await;
    assert_eq!(response.status, 400);
    assert_eq!(response.body["error"], "INVALID_SERIAL_NUMBER");
    assert_eq!(response.body["errors"][0]["pointer"], "");
    assert_eq!(response.body["errors"][0]["existing_device_id"], 812);
}
