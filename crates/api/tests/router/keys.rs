//! `/keys`, in a store that fails.

use actix_web::test::TestRequest;
use devices_domain::{
    Actor, KeyId, MockDeviceRepository, MockKeyRepository, MockStore, MockWorkspaceKeyRepository,
    RepositoryError, Scope,
};
use serde_json::json;

use super::{Response, failed, send, unavailable, workspace_store};

/// Mocks keys: every key has the scope ADMIN.
fn admin_keys() -> MockKeyRepository {
    let mut keys = MockKeyRepository::new();
    keys.expect_find_actor().returning(|workspace, _| {
        Ok(Some(Actor {
            workspace,
            key: KeyId(1),
            scope: Scope::Admin,
        }))
    });
    keys
}

/// Returns the responses to all requests that a store answers whose keys fail with this error.
async fn respond(error: fn() -> RepositoryError) -> Vec<Response> {
    let new = json!({"name": "nightly import", "scope": "READ"});
    let requests = [
        TestRequest::get().uri("/keys"),
        TestRequest::post().uri("/keys").set_json(new),
        TestRequest::post().uri("/keys/3/rotate"),
        TestRequest::delete().uri("/keys/3"),
    ];
    let mut responses = Vec::new();
    for request in requests {
        let mut store = MockStore::new();
        store.expect_for_request().returning(move |_| {
            let mut keys = MockWorkspaceKeyRepository::new();
            keys.expect_list().returning(move |_| Err(error()));
            let create = keys.expect_create();
            create.returning(move |_, _, _, _| Err(error().into()));
            let rotate = keys.expect_rotate();
            rotate.returning(move |_, _, _, _, _| Err(error().into()));
            keys.expect_revoke()
                .returning(move |_, _| Err(error().into()));
            let mut store = workspace_store(MockDeviceRepository::new());
            store.keys = Box::new(keys);
            store
        });
        let response = send(admin_keys(), store, request).await.unwrap();
        responses.push(Response::read(response).await);
    }
    responses
}

#[actix_web::test]
async fn unavailable_store_returns_503() {
    for response in respond(unavailable).await {
        assert_eq!(
            (response.status, response.retry_after.as_deref()),
            (503, Some("1"))
        );
        assert_eq!(response.body, json!({"error": "SERVICE_UNAVAILABLE"}));
    }
}

#[actix_web::test]
async fn failed_store_returns_500_without_cause() {
    for response in respond(failed).await {
        assert_eq!((response.status, response.retry_after), (500, None));
        assert_eq!(response.body, json!({"error": "INTERNAL_ERROR"}));
    }
}

#[actix_web::test]
async fn change_in_doubt_says_so() {
    let in_doubt = || RepositoryError::InDoubt("connection lost".into());
    for response in respond(in_doubt).await.into_iter().skip(1) {
        assert_eq!(response.status, 503);
        let message = response.body["message"].as_str().unwrap();
        assert!(message.contains("may have been stored"), "{message}");
    }
}
