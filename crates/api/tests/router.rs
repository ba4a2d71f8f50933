//! The real router over mocked ports: what is answered when they fail.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::sync::Arc;

use actix_web::body::to_bytes;
use actix_web::dev::ServiceResponse;
use actix_web::{test, web};
use devices_api::http::{Ports, State, app};
use devices_api::secret::KeySecret;
use devices_api::settings::Settings;
use devices_domain::{
    Actor, Conflicts, CreateError, Device, DeviceId, KeyId, MockDeviceRepository,
    MockEnrollmentRepository, MockKeyRepository, MockRateLimiter, MockStore, MockStoreHealth,
    MockUserRepository, NewDevice, RawRow, RawValue, RepositoryError, Scope, StoredDevice,
    WorkspaceId, WorkspaceStore,
};
use serde_json::{Value, json};

const WORKSPACE: WorkspaceId = WorkspaceId(7);

fn unavailable() -> RepositoryError {
    RepositoryError::Unavailable("host db.internal is away".into())
}

fn failed() -> RepositoryError {
    RepositoryError::Failed("relation \"devices\" does not exist".into())
}

/// Keys that all open the workspace for writing.
fn keys() -> MockKeyRepository {
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

/// Devices of the workspace, as `prepare` mocks them.
fn devices(prepare: fn(&mut MockDeviceRepository)) -> MockStore {
    let mut repositories = MockStore::new();
    repositories
        .expect_for_workspace()
        .withf(|workspace| *workspace == WORKSPACE)
        .returning(move |_| {
            let mut devices = MockDeviceRepository::new();
            prepare(&mut devices);
            WorkspaceStore {
                devices: Box::new(devices),
                users: Box::new(MockUserRepository::new()),
                enrollments: Box::new(MockEnrollmentRepository::new()),
            }
        });
    repositories
}

struct Answer {
    status: u16,
    retry_after: Option<String>,
    body: Value,
}

impl Answer {
    async fn of(response: ServiceResponse) -> Self {
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

/// The answer to a request with a key that opens the workspace.
async fn ask(
    keys: MockKeyRepository,
    store: MockStore,
    request: test::TestRequest,
) -> Result<ServiceResponse, actix_web::Error> {
    let ports = Ports {
        store: Arc::new(store),
        keys: Arc::new(keys),
        limiter: Arc::new(MockRateLimiter::new()),
        health: Arc::new(MockStoreHealth::new()),
    };
    let url = ("DEVICES__DATABASE__URL", "postgres://nowhere/devices");
    let settings = Settings::for_environment("test", &[url]).unwrap();
    let state = State::new(ports, &settings);
    let app = test::init_service(app(web::Data::new(state))).await;
    let secret = KeySecret::generate(WORKSPACE);
    let key = ("Authorization", format!("Bearer {}", secret.expose()));
    let request = request.insert_header(key).to_request();
    let answered = test::try_call_service(&app, request).await;
    answered.map(ServiceResponse::map_into_boxed_body)
}

async fn post(keys: MockKeyRepository, store: MockStore) -> Answer {
    let row = json!({"name": "a", "type": "b", "category": "c", "serial_number": "SN1"});
    let request = test::TestRequest::post()
        .uri("/devices")
        .set_json(json!({ "devices": [row] }));
    match ask(keys, store, request).await {
        Ok(response) => Answer::of(response).await,
        Err(error) => {
            let request = test::TestRequest::default().to_http_request();
            Answer::of(ServiceResponse::new(request, error.error_response())).await
        }
    }
}

#[actix_web::test]
async fn a_key_that_cannot_be_looked_up_is_a_503_and_not_a_401() {
    let mut keys = MockKeyRepository::new();
    keys.expect_find_actor()
        .returning(|_, _| Err(unavailable()));
    let answer = post(keys, MockStore::new()).await;
    assert_eq!(
        (answer.status, answer.retry_after.as_deref()),
        (503, Some("1"))
    );
    assert_eq!(answer.body, json!({"error": "SERVICE_UNAVAILABLE"}));
}

#[actix_web::test]
async fn a_store_that_is_away_is_a_503() {
    let away = devices(|devices| {
        devices
            .expect_create()
            .returning(|_| Err(unavailable().into()));
    });
    let answer = post(keys(), away).await;
    assert_eq!(
        (answer.status, answer.retry_after.as_deref()),
        (503, Some("1"))
    );
    assert_eq!(answer.body, json!({"error": "SERVICE_UNAVAILABLE"}));
}

#[actix_web::test]
async fn a_store_that_fails_is_a_500_that_does_not_say_how() {
    let broken = devices(|devices| {
        devices.expect_create().returning(|_| Err(failed().into()));
    });
    let answer = post(keys(), broken).await;
    assert_eq!((answer.status, answer.retry_after), (500, None));
    assert_eq!(answer.body, json!({"error": "INTERNAL_ERROR"}));
}

#[actix_web::test]
async fn a_panic_is_a_500_like_any_other() {
    let panicking = devices(|devices| {
        devices
            .expect_create()
            .returning(|_| panic!("a mocked panic"));
    });
    let answer = post(keys(), panicking).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.body, json!({"error": "INTERNAL_ERROR"}));
}

#[actix_web::test]
async fn a_conflict_that_the_store_names_is_an_error_of_its_row() {
    let taken = devices(|devices| {
        devices.expect_create().returning(|_| {
            let mut conflicts = Conflicts::default();
            let serial_number = "SN1".to_owned();
            conflicts
                .taken_serial_numbers
                .insert(serial_number, DeviceId(812));
            Err(CreateError::Conflicts(conflicts.into()))
        });
    });
    let answer = post(keys(), taken).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["error"], "INVALID_SERIAL_NUMBER");
    assert_eq!(answer.body["errors"][0]["existing_device_id"], 812);
}

/// As many devices as an export reads at once.
fn a_part(after: Option<DeviceId>) -> Vec<StoredDevice> {
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
        created_at: Default::default(),
        updated_at: Default::default(),
        archived_at: None,
    });
    stored.collect()
}

#[actix_web::test]
async fn an_export_that_loses_its_store_breaks_off_and_does_not_pass_for_a_whole_one() {
    for format in ["json", "ndjson", "csv"] {
        let lost = devices(|devices| {
            devices.expect_list_by_id().returning(|_, after, most| {
                assert_eq!(most, 250);
                match after {
                    None => Ok(a_part(after)),
                    Some(_) => Err(unavailable()),
                }
            });
        });
        let uri = format!("/devices/export?format={format}");
        let request = test::TestRequest::get().uri(&uri);
        let response = ask(keys(), lost, request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(to_bytes(response.into_body()).await.is_err(), "{format}");
    }
}

#[actix_web::test]
async fn an_export_whose_store_is_away_from_the_beginning_is_a_503() {
    let away = devices(|devices| {
        devices
            .expect_list_by_id()
            .returning(|_, _, _| Err(unavailable()));
    });
    let request = test::TestRequest::get().uri("/devices/export");
    let response = ask(keys(), away, request).await.unwrap();
    assert_eq!(response.status(), 503);
}
