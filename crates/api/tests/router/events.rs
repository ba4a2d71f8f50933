//! `GET /events` when the store fails.

use actix_web::test::TestRequest;
use devices_domain::{FeedError, MockDeviceRepository, MockEventFeed, MockStore, WorkspaceStore};
use serde_json::json;

use super::{Response, failed, mock_keys, send, unavailable, workspace_store};

/// Sends a request that may wait, to a store whose feed returns this error.
async fn get(error: fn() -> FeedError) -> Response {
    let mut store = MockStore::new();
    store.expect_for_request().returning(move |_| {
        let mut feed = MockEventFeed::new();
        feed.expect_read().returning(move |_| Err(error()));
        WorkspaceStore {
            feed: Box::new(feed),
            ..workspace_store(MockDeviceRepository::new())
        }
    });
    let request = TestRequest::get()
        .uri("/events")
        .insert_header(("Prefer", "wait=60"));
    Response::read(send(mock_keys(), store, request).await.unwrap()).await
}

#[actix_web::test]
async fn feed_without_store_returns_503() {
    let response = get(|| unavailable().into()).await;
    assert_eq!(
        (response.status, response.retry_after.as_deref()),
        (503, Some("1"))
    );
    assert_eq!(response.body, json!({"error": "SERVICE_UNAVAILABLE"}));
}

#[actix_web::test]
async fn failed_feed_returns_500_without_cause() {
    let response = get(|| failed().into()).await;
    assert_eq!((response.status, response.retry_after), (500, None));
    assert_eq!(response.body, json!({"error": "INTERNAL_ERROR"}));
}

#[actix_web::test]
async fn expired_cursor_returns_410() {
    let response = get(|| FeedError::CursorExpired).await;
    assert_eq!((response.status, response.retry_after), (410, None));
    assert_eq!(response.body["error"], "CURSOR_EXPIRED");
}
