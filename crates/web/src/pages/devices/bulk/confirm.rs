//! Confirmation of a change: its value, and its effect.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use devices_domain::{
    BulkAction, BulkChange, BulkPreview, DeviceId, Lifecycle, RejectedDevice, RejectionReason,
    User, WorkspaceStore,
};

use super::{BulkRequest, SEEN, parameters};
use crate::error::ConsoleError;
use crate::fields::{sentence, words};
use crate::frame::{Frame, Section};
use crate::pages::devices::action::{self, ActionKind, RequestedAction};
use crate::pages::devices::load;
use crate::pages::devices::selection::Selection;
use crate::pages::users::display_name;
use crate::query::Query;
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::WriteAccess;
use crate::texts::{self, EN};

/// Maximum number of users to choose from.
const MAX_USERS: u32 = 10;

/// Maximum number of rejected devices that the page lists.
const MAX_REJECTED: usize = 50;

#[derive(Template)]
#[template(path = "devices/bulk.html")]
struct ConfirmPage {
    frame: Frame,
    action: ActionKind,
    count: String,
    back: String,
    /// Parameters of the form that asks for the value.
    hidden: Vec<(String, String)>,
    /// Error of the value.
    error: Option<String>,
    tag: String,
    search: String,
    users: Option<Vec<UserChoice>>,
    lifecycles: Vec<(&'static str, String)>,
    effect: Option<Effect>,
}

struct UserChoice {
    id: i64,
    name: String,
    email: String,
}

/// Effect of a change that has its value.
struct Effect {
    /// The change, such as "Assign to Ada Lovelace".
    title: String,
    changed: Option<String>,
    unchanged: Option<String>,
    rejected: Option<String>,
    rejections: Vec<Rejection>,
    has_more_rejections: bool,
    /// Parameters of the form that carries it out.
    hidden: Vec<(String, String)>,
    is_destructive: bool,
    can_be_undone: bool,
}

struct Rejection {
    device: DeviceId,
    reason: String,
}

/// Devices and users that the page reads from the store.
struct Loaded {
    users: Option<Vec<User>>,
    assignee: Option<User>,
    preview: Option<BulkPreview>,
}

/// `GET /devices/bulk`: asks for the value of a change, then shows its effect.
pub(in crate::pages::devices) async fn confirm(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    Query(query): Query,
) -> Result<HttpResponse, ConsoleError> {
    let bulk = BulkRequest::read(&query)?;
    let (requested, error) = match bulk.action.with_value(&query) {
        RequestedAction::Complete(action) => (Some(action), None),
        RequestedAction::Incomplete(error) => {
            (None, error.map(|error| format!("{} {error}", EN.bulk.tag)))
        }
    };
    let change = requested.as_ref().map(|action| {
        BulkChange::new(
            bulk.selection.devices(),
            action.clone(),
            signed_in.origin.clone(),
        )
    });
    let change = change.transpose();
    let change = change.map_err(|_| ConsoleError::MalformedForm("invalid devices"))?;
    let search = query.get("search").unwrap_or_default().to_owned();
    let task = load(signed_in.workspace(), change, search.clone());
    let loaded = run_to_completion(&request, signed_in.actor(), task).await?;
    let is_searched = bulk.action == ActionKind::Assign && !search.is_empty();
    let hidden = vec![("action".to_owned(), bulk.action.as_str().to_owned())];
    let notice = query.get("notice").filter(|notice| *notice == "changed");
    let frame = Frame::new(&signed_in, Section::Devices, bulk.action.text());
    let is_unknown_user =
        matches!(requested, Some(BulkAction::Assign(Some(_)))) && loaded.assignee.is_none();
    let error = error.or(is_unknown_user.then(|| EN.device_assign.unknown_user.to_owned()));
    let effect = requested.filter(|_| !is_unknown_user);
    let effect = effect.zip(loaded.preview.as_ref());
    let effect = effect
        .map(|(action, preview)| effect_of(&bulk, &action, loaded.assignee.as_ref(), preview));
    let page = ConfirmPage {
        frame: frame.with_notice(notice.map(|_| EN.bulk.state_changed.to_owned())),
        action: bulk.action,
        count: texts::count(bulk.selection.len() as u64, EN.bulk.one, EN.bulk.other),
        back: bulk.back_address(),
        hidden: parameters(hidden, &bulk.selection, &bulk.back).0,
        error,
        tag: query.get("tag").unwrap_or_default().to_owned(),
        users: loaded.users.filter(|_| is_searched).map(user_choices),
        search,
        lifecycles: Lifecycle::NAMES
            .iter()
            .map(|name| (*name, words(name)))
            .collect(),
        effect,
    };
    respond::page(StatusCode::OK, &page)
}

async fn load(
    workspace: WorkspaceStore,
    change: Option<BulkChange>,
    search: String,
) -> Result<Loaded, ConsoleError> {
    let users = workspace.users;
    let Some(change) = change else {
        let found = load::search_users(users.as_ref(), &search, MAX_USERS).await?;
        return Ok(Loaded {
            users: Some(found),
            assignee: None,
            preview: None,
        });
    };
    let assignee = match change.action() {
        BulkAction::Assign(Some(user)) => users.find(*user).await?,
        _ => None,
    };
    let preview = workspace
        .devices
        .preview_change_many(Arc::new(change))
        .await?;
    Ok(Loaded {
        users: None,
        assignee,
        preview: Some(preview),
    })
}

fn user_choices(users: Vec<User>) -> Vec<UserChoice> {
    let users = users.iter();
    let choices = users.map(|user| UserChoice {
        id: user.id.0,
        name: display_name(user),
        email: user.fields.email.as_str().to_owned(),
    });
    choices.collect()
}

fn effect_of(
    bulk: &BulkRequest,
    action: &BulkAction,
    assignee: Option<&User>,
    preview: &BulkPreview,
) -> Effect {
    let texts = &EN.bulk;
    let some = |count: usize, one: &'static str, other: &'static str| {
        (count > 0).then(|| texts::count(count as u64, one, other))
    };
    let changed = Selection::new(preview.changed.iter().copied());
    let mut sent = action::parameters(action);
    let last_changed_at = preview.last_changed_at;
    sent.extend(last_changed_at.map(|time| (SEEN.to_owned(), time.timestamp_micros().to_string())));
    let rejections = preview.rejected.iter().take(MAX_REJECTED);
    Effect {
        title: title(action, assignee),
        changed: some(changed.len(), texts.changes_one, texts.changes_other),
        unchanged: some(
            preview.unchanged.len(),
            texts.unchanged_one,
            texts.unchanged_other,
        ),
        rejected: some(
            preview.rejected.len(),
            texts.rejected_one,
            texts.rejected_other,
        ),
        rejections: rejections.map(rejection).collect(),
        has_more_rejections: preview.rejected.len() > MAX_REJECTED,
        hidden: parameters(sent, &changed, &bulk.back).0,
        is_destructive: *action == BulkAction::Archive,
        can_be_undone: action.inverse().is_some(),
    }
}

/// Returns the change with its value, such as "Assign to Ada Lovelace".
pub(super) fn title(action: &BulkAction, assignee: Option<&User>) -> String {
    let value = match action {
        BulkAction::Assign(Some(user)) => assignee.map_or_else(|| user.to_string(), display_name),
        BulkAction::SetLifecycle(Some(lifecycle)) => words(lifecycle.as_str()),
        BulkAction::AddTag(tag) | BulkAction::RemoveTag(tag) => tag.as_str().to_owned(),
        _ => return ActionKind::of(action).text().to_owned(),
    };
    let texts = &EN.bulk;
    let text = match action {
        BulkAction::Assign(_) => texts.assign_to,
        BulkAction::SetLifecycle(_) => texts.set_lifecycle_to,
        BulkAction::AddTag(_) => texts.add_this_tag,
        _ => texts.remove_this_tag,
    };
    texts::fill(text, &[("value", &value)])
}

fn rejection(rejected: &RejectedDevice) -> Rejection {
    let texts = &EN.bulk;
    let reason = match &rejected.reason {
        RejectionReason::NotFound => texts.not_found.to_owned(),
        RejectionReason::Archived => texts.archived.to_owned(),
        RejectionReason::ChangedSince => texts.changed_since.to_owned(),
        RejectionReason::Invalid(errors) => {
            let errors: Vec<_> = errors.iter().map(sentence).collect();
            errors.join("; ")
        }
    };
    Rejection {
        device: rejected.device,
        reason,
    }
}

impl ConfirmPage {
    fn is(&self, action: &str) -> bool {
        self.action.as_str() == action
    }

    /// Returns whether the form asks for a tag.
    fn is_tag(&self) -> bool {
        self.action.parameter() == Some("tag")
    }
}
