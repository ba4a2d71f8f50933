//! Activity: the newest changes of the workspace.

use actix_web::{HttpRequest, web};
use askama::Template;
use askama_web::WebTemplate;
use devices_domain::{EventId, EventType, KeyId, RecentEvent, RecentPage, RecentRequest};

use crate::PATH;
use crate::error::ConsoleError;
use crate::fields::{Choice, label_of_any_field, words};
use crate::frame::{Frame, Section};
use crate::pages::paging;
use crate::query::{Pairs, Query};
use crate::routes::page;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::{self, EN};

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope.service(page("/activity").get(list));
}

#[derive(Template, WebTemplate)]
#[template(path = "activity/list.html")]
struct ActivityPage {
    frame: Frame,
    events: Vec<EventRow>,
    types: Vec<Choice>,
    selected_type: &'static str,
    key: Option<i64>,
    is_live: bool,
    is_filtered: bool,
    /// Address of this page, if it is the newest one and is updated while it is open.
    live: Option<String>,
    /// Address that stops the updates, or starts them again. `None` on older pages.
    toggle_live: Option<String>,
    newest: Option<String>,
    older: Option<String>,
}

/// An event as a row of the table.
struct EventRow {
    event: RecentEvent,
    object: Object,
    fields: String,
}

/// Subject of an event: its text, and its address if it has one.
struct Object {
    text: String,
    path: Option<String>,
}

async fn list(
    request: HttpRequest,
    signed_in: SignedIn,
    Query(query): Query,
) -> Result<ActivityPage, ConsoleError> {
    let event_type = query.get("type").and_then(EventType::from_name);
    let key = query.get("key_id").and_then(|id| id.parse().ok());
    let before = query.get("before").and_then(|id| id.parse().ok());
    let recent = RecentRequest {
        before: before.map(EventId),
        limit: paging::LIMIT,
        event_type,
        key: key.map(KeyId),
    };
    let feed = signed_in.workspace().feed;
    let load = async move { Ok(feed.recent(recent).await?) };
    let page = run_to_completion(&request, signed_in.actor(), load).await?;
    let RecentPage { events, next } = page;
    let is_live = query.get("live") != Some("off");
    let is_newest = before.is_none();
    let toggled = Some(("live", "off".to_owned())).filter(|_| is_live);
    let older = next.map(|next| ("before", next.to_string()));
    Ok(ActivityPage {
        frame: Frame::new(&signed_in, Section::Activity, EN.activity.title),
        events: events.into_iter().map(EventRow::new).collect(),
        types: type_choices(),
        selected_type: event_type.map_or("", EventType::as_str),
        key,
        is_live,
        is_filtered: event_type.is_some() || key.is_some(),
        live: (is_newest && is_live).then(|| address(&query, &["before"], None)),
        toggle_live: is_newest.then(|| address(&query, &["before", "live"], toggled)),
        newest: (!is_newest).then(|| address(&query, &["before"], None)),
        older: older.map(|older| address(&query, &["before"], Some(older))),
    })
}

/// Returns the address of a page with the same parameters, except for some, and a further one.
fn address(query: &Pairs, except: &[&str], further: Option<(&str, String)>) -> String {
    const PARAMETERS: [&str; 4] = ["type", "key_id", "live", "before"];
    let names = PARAMETERS.into_iter().filter(|name| !except.contains(name));
    let kept = names.filter_map(|name| Some((name, query.get(name)?.to_owned())));
    let pairs = kept.chain(further);
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
    format!("{PATH}/activity?{}", Pairs(pairs.collect()).encode())
}

/// Returns the types of events in the filter.
fn type_choices() -> Vec<Choice> {
    let names = EventType::ALL.iter().map(|event_type| event_type.as_str());
    names.map(|name| Choice::new(name, words(name))).collect()
}

impl EventRow {
    fn new(event: RecentEvent) -> Self {
        let labels = event.fields.iter().map(|name| label_of_any_field(name));
        Self {
            object: Object::of(&event),
            fields: labels.collect::<Vec<_>>().join(", "),
            event,
        }
    }
}

impl Object {
    fn of(event: &RecentEvent) -> Self {
        let texts = &EN.activity;
        if let Some(device) = event.device {
            let name = event.device_name.clone();
            let text = name.unwrap_or_else(|| texts::fill(texts.device, &[("id", &device)]));
            let path = Some(format!("{PATH}/devices/{device}"));
            return Self { text, path };
        }
        if let Some(user) = event.user {
            let is_deleted = event.user_email.is_none();
            let email = event.user_email.clone();
            return Self {
                text: email.unwrap_or_else(|| texts::fill(texts.user, &[("id", &user)])),
                path: (!is_deleted).then(|| format!("{PATH}/users/{user}")),
            };
        }
        if let Some(serial_number) = &event.enrollment_serial_number {
            let query = Pairs(vec![("serial_number".to_owned(), serial_number.clone())]).encode();
            return Self {
                text: serial_number.clone(),
                path: Some(format!("{PATH}/enrollments?{query}")),
            };
        }
        let text = match event.device_count {
            0 => String::new(),
            count => texts::count(count, texts.one_device, texts.other_devices),
        };
        let batch = event.batch.filter(|_| event.device_count > 0);
        Self {
            text,
            path: batch.map(|batch| format!("{PATH}/batches/{batch}")),
        }
    }
}
