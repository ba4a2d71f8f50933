//! Batches, in a store that fails.

use actix_web::test::TestRequest;
use devices_domain::{
    BatchId, MockBatchRepository, MockDeviceRepository, MockStore, RepositoryError,
};
use serde_json::json;

use super::{Response, failed, mock_keys, send, unavailable, workspace_store};

/// Mocks the store of the workspace. `prepare` mocks its batches.
fn mock_store(prepare: fn(&mut MockBatchRepository)) -> MockStore {
    let mut store = MockStore::new();
    store.expect_for_request().returning(move |_| {
        let mut batches = MockBatchRepository::new();
        prepare(&mut batches);
        let mut store = workspace_store(MockDeviceRepository::new());
        store.batches = Box::new(batches);
        store
    });
    store
}

async fn respond(store: MockStore, request: TestRequest) -> Response {
    Response::read(send(mock_keys(), store, request).await.unwrap()).await
}

async fn undo(store: MockStore) -> Response {
    respond(store, TestRequest::post().uri("/batches/17/undo")).await
}

#[actix_web::test]
async fn reads_without_store_return_503() {
    let store = || {
        mock_store(|batches| {
            batches.expect_list().returning(|_, _| Err(unavailable()));
            batches.expect_find().returning(|_| Err(unavailable()));
            let preview = batches.expect_preview_undo();
            preview.returning(|_, _| Err(unavailable()));
        })
    };
    for path in ["/batches", "/batches/17", "/batches/17/undo"] {
        let response = respond(store(), TestRequest::get().uri(path)).await;
        assert_eq!(response.status, 503, "{path}");
        assert_eq!(response.retry_after.as_deref(), Some("1"), "{path}");
        assert_eq!(response.body, json!({"error": "SERVICE_UNAVAILABLE"}));
    }
}

#[actix_web::test]
async fn undo_in_doubt_says_so() {
    let response = undo(mock_store(|batches| {
        let undo = batches.expect_undo();
        undo.withf(|batch, include_changed, _| *batch == BatchId(17) && !include_changed)
            .returning(|_, _, _| Err(RepositoryError::InDoubt("connection lost".into())));
    }))
    .await;
    assert_eq!(response.status, 503);
    assert_eq!(response.body["error"], "SERVICE_UNAVAILABLE");
    let message = response.body["message"].as_str().unwrap();
    assert!(message.contains("may have been stored"), "{message}");
}

#[actix_web::test]
async fn failed_undo_returns_500_without_cause() {
    let response = undo(mock_store(|batches| {
        batches.expect_undo().returning(|_, _, _| Err(failed()));
    }))
    .await;
    assert_eq!((response.status, response.retry_after), (500, None));
    assert_eq!(response.body, json!({"error": "INTERNAL_ERROR"}));
}
