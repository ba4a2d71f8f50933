//! History of an object, from the audit trail.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use devices_domain::{Action, AuditEntry, BatchId, EventId, HistorySubject, Interface};

use crate::error::ConsoleError;
use crate::fields::label_of_any_field;
use crate::pages::paging::NOTICE;
use crate::query::Pairs;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::{self, EN};

/// Number of events that a page shows.
const LIMIT: usize = 20;

/// Name of the parameter with the event before which the shown ones are.
const BEFORE: &str = "before";

/// A part of the history of an object, newest first.
pub(crate) struct History {
    pub(crate) events: Vec<HistoryEvent>,
    /// Page with the newest events. `None` if it is this one.
    pub(crate) newest: Option<String>,
    /// Page with older events. `None` if there are none.
    pub(crate) older: Option<String>,
}

/// An event of a history.
pub(crate) struct HistoryEvent {
    pub(crate) at: DateTime<Utc>,
    pub(crate) action: &'static str,
    pub(crate) author: String,
    /// Labels of the changed fields.
    pub(crate) fields: Vec<String>,
    pub(crate) batch: Option<BatchId>,
}

impl History {
    /// Reads the part of the history that the query selects. The request is that of the page of the
    /// object.
    pub(crate) async fn read(
        request: &HttpRequest,
        signed_in: &SignedIn,
        subject: HistorySubject,
        query: &Pairs,
    ) -> Result<Self, ConsoleError> {
        let before = query.get(BEFORE).and_then(|text| text.parse().ok());
        let audit = signed_in.workspace().audit;
        // One more than is shown, to know whether there are older ones.
        let limit = LIMIT as u32 + 1;
        let read = async move { Ok(audit.history(subject, before.map(EventId), limit).await?) };
        let mut entries = run_to_completion(request, signed_in.actor(), read).await?;
        let has_older = entries.len() > LIMIT;
        entries.truncate(LIMIT);
        let last = entries.last().filter(|_| has_older);
        // The page may have other parameters, such as the cursor of another list.
        let path = request.path();
        let others = query.without(BEFORE).without(NOTICE);
        let link = |before: Option<EventId>| {
            let mut pairs = others.clone();
            let before = before.map(|id| (BEFORE.to_owned(), id.to_string()));
            pairs.0.extend(before);
            let start = if pairs.0.is_empty() { "" } else { "?" };
            format!("{path}{start}{}#history", pairs.encode())
        };
        Ok(Self {
            newest: before.map(|_| link(None)),
            older: last.map(|entry| link(Some(entry.id))),
            events: entries.iter().map(HistoryEvent::new).collect(),
        })
    }

    /// Returns the batch that created the object. `None` if this part does not contain the event.
    pub(crate) fn creating_batch(&self) -> Option<BatchId> {
        let created = Action::Created.as_str();
        let event = self.events.iter().find(|event| event.action == created);
        event.and_then(|event| event.batch)
    }
}

impl HistoryEvent {
    fn new(entry: &AuditEntry) -> Self {
        let fields = entry.fields.iter();
        Self {
            at: entry.occurred_at,
            action: entry.action.as_str(),
            author: author(entry),
            fields: fields.map(|name| label_of_any_field(name)).collect(),
            batch: entry.batch,
        }
    }
}

/// Returns the author of the newest event of an object. Empty if none is recorded.
pub(crate) async fn last_author(
    request: &HttpRequest,
    signed_in: &SignedIn,
    subject: HistorySubject,
) -> Result<String, ConsoleError> {
    let audit = signed_in.workspace().audit;
    let read = async move { Ok(audit.history(subject, None, 1).await?) };
    let newest = run_to_completion(request, signed_in.actor(), read).await?;
    Ok(newest.first().map(author).unwrap_or_default())
}

/// Returns the name of the key or of the operator.
fn author(entry: &AuditEntry) -> String {
    let texts = &EN.history;
    if let Some(name) = &entry.key_name {
        let text = match entry.interface {
            Some(Interface::Console) => texts.by_key_in_console,
            Some(Interface::Api) => texts.by_key_in_api,
            None => texts.by_key,
        };
        return texts::fill(text, &[("name", name)]);
    }
    if let Some(operator) = &entry.operator {
        return texts::fill(texts.by_command, &[("name", &operator.as_str())]);
    }
    match entry.key {
        Some(key) => texts::fill(texts.by_unknown_key, &[("id", &key)]),
        None => String::new(),
    }
}
