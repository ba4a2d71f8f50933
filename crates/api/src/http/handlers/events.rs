//! `GET /events`: the event feed.

use std::sync::Arc;

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use devices_domain::{
    Admission, BatchId, DeviceId, EnrollmentId, EventFeed, EventType, FeedEvent, FeedPage,
    FeedRequest, KeyId, RateLimits, UserId, WorkspaceId,
};
use serde::Serialize;
use tokio::time::Duration;

use crate::http::connections::Connection;
use crate::http::extract::auth::ReadAccess;
use crate::http::extract::prefer::Wait;
use crate::http::extract::query::{QueryParams, parse_integer};
use crate::http::limits::run_to_completion::{run_to_completion, run_with};
use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::feed_cursor;
use crate::http::state::State;

const DEFAULT_LIMIT: u32 = 100;

/// Time in which a request that was woken must become a request in flight. All waiting requests of
/// a workspace are woken at once.
const WOKEN_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn list(
    request: HttpRequest,
    ReadAccess(actor, store): ReadAccess,
    wait: Wait,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let mut query = QueryParams::read(&request, |parameters| {
        read_query(parameters, actor.workspace)
    })?;
    let deadline = wait.deadline();
    let mut page = run_to_completion(&state, actor, read(store.feed, query)).await?;
    let place = match deadline {
        Some(_) if is_empty(&page) => state.event_waits.try_acquire(actor.workspace),
        _ => None,
    };
    if let (Some(place), Some(deadline)) = (&place, deadline) {
        while is_empty(&page) {
            let is_woken = tokio::select! {
                is_woken = place.wait(page.cursor.position, deadline) => is_woken,
                () = client_gone(&request) => false,
            };
            if !is_woken {
                break;
            }
            query.after = Some(page.cursor);
            let workspace = actor.workspace;
            let permit = state.in_flight.acquire_timeout(workspace, WOKEN_TIMEOUT);
            let feed = feed_after_wait(&request, &state)?;
            page = run_with(permit.await?, read(feed, query)).await?;
        }
    }
    let mut response = HttpResponse::Ok();
    if place.is_some() {
        let applied = (
            HeaderName::from_static("preference-applied"),
            wait.applied(),
        );
        response.insert_header(applied);
    }
    Ok(response.json(Body::new(&page, actor.workspace)))
}

/// Reads `after`, `limit` and `type`.
fn read_query(parameters: &mut QueryParams, workspace: WorkspaceId) -> FeedRequest {
    let after = parameters.parse("after", |text| feed_cursor::decode(text, workspace));
    let limit = parameters.parse("limit", |text| parse_integer(text, 1..=1_000));
    FeedRequest {
        after,
        limit: limit.map_or(DEFAULT_LIMIT, |limit| limit.unsigned_abs() as u32),
        event_type: parameters.parse_field::<EventType>("type"),
    }
}

async fn read(feed: Box<dyn EventFeed>, query: FeedRequest) -> Result<FeedPage, ApiError> {
    Ok(feed.read(query).await?)
}

/// Returns whether a request can wait: the page has no events, and none follow.
fn is_empty(page: &FeedPage) -> bool {
    page.events.is_empty() && !page.has_more
}

/// Waits until the client has closed its half of the connection. A request that waits ends then:
/// actix would only notice when it sends the response.
async fn client_gone(request: &HttpRequest) {
    match request.conn_data::<Arc<Connection>>() {
        Some(connection) => connection.read_closed().await,
        // In unit tests.
        None => std::future::pending().await,
    }
}

/// Returns the feed for a read after a wait. The key may have been revoked meanwhile, so the store
/// looks it up again. It takes no further token of the rate limits.
fn feed_after_wait(request: &HttpRequest, state: &State) -> Result<Box<dyn EventFeed>, ApiError> {
    let context = RequestContext::of(request);
    let admission = context.admission().ok_or(ApiError::Unauthorized)?;
    let (actor, key_hash) = (admission.actor(), admission.secret_sha256());
    let again = Admission::new(actor, key_hash, RateLimits::UNLIMITED);
    let again = again.with_trace(context.trace());
    Ok(state.store.for_request(Arc::new(again)).feed)
}

#[derive(Serialize)]
struct Body<'a> {
    data: Vec<EventView<'a>>,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    cursor: String,
    has_more: bool,
}

impl<'a> Body<'a> {
    fn new(page: &'a FeedPage, workspace: WorkspaceId) -> Self {
        Self {
            data: page.events.iter().map(EventView::of).collect(),
            meta: Meta {
                cursor: feed_cursor::encode(page.cursor, workspace),
                has_more: page.has_more,
            },
        }
    }
}

/// An event. Only events of users and enrolments have an id of those.
#[derive(Serialize)]
struct EventView<'a> {
    id: String,
    #[serde(rename = "type")]
    event_type: EventType,
    occurred_at: DateTime<Utc>,
    batch_id: Option<BatchId>,
    device_ids: &'a [DeviceId],
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrollment_id: Option<EnrollmentId>,
    fields: &'a [String],
    key: KeyView<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct KeyView<'a> {
    id: KeyId,
    name: &'a str,
}

impl<'a> EventView<'a> {
    fn of(event: &'a FeedEvent) -> Self {
        Self {
            id: event.id.to_string(),
            event_type: event.event_type,
            occurred_at: event.occurred_at,
            batch_id: event.batch,
            device_ids: &event.devices,
            user_id: event.user,
            enrollment_id: event.enrollment,
            fields: &event.fields,
            key: KeyView {
                id: event.key,
                name: &event.key_name,
            },
            request_id: &event.request_id,
        }
    }
}
