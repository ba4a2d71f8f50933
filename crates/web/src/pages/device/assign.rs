//! Assigning a device to a user, and taking it back.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use devices_domain::{
    DeviceId, PageRequest, PageStart, Precondition, RawRow, RawValue, Reason, Search, StoredDevice,
    UpdateDeviceError, User, UserFilter, UserId,
};

use super::edit::update;
use super::notice::Notice;
use super::{DeviceHead, Person, find, precondition};
use crate::error::ConsoleError;
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::pages::users::display_name;
use crate::query::{Pairs, Query};
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, WriteAccess};
use crate::texts::{self, EN};

/// Action of the form that takes the device back.
const TAKE_BACK: &str = "take_back";

/// Number of users that a search shows.
const MAX_CANDIDATES: u32 = 10;

#[derive(Template)]
#[template(path = "device/assign.html")]
struct AssignPage {
    frame: Frame,
    head: DeviceHead,
    assignee: Option<Person>,
    /// The device as the user sees it.
    seen: Seen,
    search: String,
    candidates: Vec<Candidate>,
    count: String,
    /// States that more users match. Empty if all are shown.
    more: String,
    warning: Option<&'static str>,
}

/// Revision and assignee of the device on the page that the user sees.
///
/// The live search replaces the candidates only. Their forms keep these values, so that an
/// assignment never replaces an assignee that the page did not show.
struct Seen {
    revision: i64,
    assignee: Option<UserId>,
}

impl Seen {
    /// Reads the headers that the live search sends. `None` if the whole page is shown.
    fn read(headers: &HeaderMap) -> Option<Self> {
        let number = |name| headers.get(name)?.to_str().ok()?.parse().ok();
        Some(Self {
            revision: number("seen-revision")?,
            assignee: number("seen-assignee").map(UserId),
        })
    }

    /// Returns the id of the assignee, empty for none.
    fn assignee(&self) -> String {
        self.assignee.map(|id| id.to_string()).unwrap_or_default()
    }
}

/// User to whom the device can be assigned.
struct Candidate {
    id: UserId,
    name: String,
    email: String,
    is_assignee: bool,
}

/// Shows the users to whom the device can be assigned.
pub(super) async fn show(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
    Query(query): Query,
) -> Result<HttpResponse, ConsoleError> {
    let stored = find(&request, &signed_in, DeviceId(*id)).await?;
    if stored.archived_at.is_some() {
        return Ok(respond::see_other(&format!("/devices/{id}")));
    }
    let search = query.get("search").unwrap_or_default();
    let mut page = AssignPage::new(&request, &signed_in, &stored, search, None).await?;
    if let Some(seen) = Seen::read(request.headers()) {
        page.seen = seen;
    }
    respond::page(StatusCode::OK, &page)
}

/// Assigns the device, or takes it back. If somebody else has changed other fields meanwhile, their
/// change is kept. If somebody else has changed the assignee, shows the present one.
pub(super) async fn save(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let (id, sent) = (DeviceId(*id), &form.values);
    let assignee = requested_assignee(sent)?;
    let search = sent.get("search").unwrap_or_default();
    let seen = sent.get("assignee").and_then(|text| text.parse().ok());
    let assignment = Assignment {
        device: id,
        assignee,
        seen: seen.map(UserId),
    };
    match assign(&request, &signed_in, &assignment, precondition(sent)?).await {
        Ok(()) if assignee.is_some() => Ok(Notice::Assigned.respond(id)),
        Ok(()) => Ok(Notice::Unassigned.respond(id)),
        Err(AssignError::Choose(warning)) => {
            let stored = find(&request, &signed_in, id).await?;
            let page =
                AssignPage::new(&request, &signed_in, &stored, search, Some(warning)).await?;
            respond::page(StatusCode::CONFLICT, &page)
        }
        Err(AssignError::Console(error)) => Err(error),
    }
}

/// Change of the assignee of a device.
struct Assignment {
    device: DeviceId,
    assignee: Option<UserId>,
    /// Assignee that the page showed.
    seen: Option<UserId>,
}

/// Returns the user of a form, `None` to take the device back. A form without a user must say so.
fn requested_assignee(sent: &Pairs) -> Result<Option<UserId>, ConsoleError> {
    match (sent.get("action"), sent.get("user_id").map(str::parse)) {
        (Some(TAKE_BACK), None) => Ok(None),
        (None, Some(Ok(user @ 1..))) => Ok(Some(UserId(user))),
        (None, Some(_)) => Err(ConsoleError::MalformedForm("user_id is not an id")),
        _ => Err(ConsoleError::MalformedForm("it has no user_id")),
    }
}

/// Reason why the assignee was not changed.
enum AssignError {
    /// The user must choose again. The text states why.
    Choose(&'static str),
    Console(ConsoleError),
}

impl From<ConsoleError> for AssignError {
    fn from(error: ConsoleError) -> Self {
        Self::Console(error)
    }
}

/// Changes the assignee of a device.
async fn assign(
    request: &HttpRequest,
    signed_in: &SignedIn,
    assignment: &Assignment,
    precondition: Precondition,
) -> Result<(), AssignError> {
    let (id, assignee) = (assignment.device, assignment.assignee);
    let error = match update(request, signed_in, id, row(assignee), precondition).await? {
        Ok(_) => return Ok(()),
        Err(UpdateDeviceError::PreconditionFailed) => {
            let stored = find(request, signed_in, id).await?;
            let now = stored.device.fields.ownership.user_id;
            if now == assignee {
                // The form was sent twice.
                return Ok(());
            }
            if now != assignment.seen {
                return Err(AssignError::Choose(EN.device_assign.changed));
            }
            let precondition = Precondition::AnyOf(vec![stored.revision()]);
            match update(request, signed_in, id, row(assignee), precondition).await? {
                Ok(_) => return Ok(()),
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    Err(match error {
        UpdateDeviceError::NotFound => ConsoleError::NotFound.into(),
        UpdateDeviceError::Repository(error) => ConsoleError::from(error).into(),
        UpdateDeviceError::PreconditionFailed => AssignError::Choose(EN.device_assign.changed),
        UpdateDeviceError::Archived => AssignError::Choose(EN.device_form.archived),
        UpdateDeviceError::Rejected(report)
            if report
                .entries()
                .iter()
                .all(|e| e.error.reason == Reason::UnknownUser) =>
        {
            AssignError::Choose(EN.device_assign.unknown_user)
        }
        error @ (UpdateDeviceError::Rejected(_) | UpdateDeviceError::Empty) => {
            ConsoleError::Internal(error.into()).into()
        }
    })
}

fn row(assignee: Option<UserId>) -> RawRow<'static> {
    let mut row = RawRow::for_device();
    let value = assignee.map_or(RawValue::Null, |user| RawValue::Integer(user.0));
    row.set("user_id", value);
    row
}

impl AssignPage {
    async fn new(
        request: &HttpRequest,
        signed_in: &SignedIn,
        stored: &StoredDevice,
        search: &str,
        warning: Option<&'static str>,
    ) -> Result<Self, ConsoleError> {
        let filter = UserFilter {
            search: Search::parse(search).ok().flatten(),
            ..UserFilter::default()
        };
        let first = PageRequest {
            limit: MAX_CANDIDATES,
            start: PageStart::Offset(0),
        };
        let users = signed_in.workspace().users;
        let list = async move { Ok(users.list(filter, first).await?) };
        let found = run_to_completion(request, signed_in.actor(), list).await?;
        let head = DeviceHead::new(stored);
        let title = texts::fill(EN.device_assign.title, &[("name", &head.name)]);
        let assignee = stored.assignee.as_ref().map(Person::new);
        let assignee_id = assignee.as_ref().map(|assignee| assignee.id);
        let seen = Seen {
            revision: head.revision,
            assignee: assignee_id,
        };
        let shown = found.items.len();
        let texts = &EN.device_assign;
        Ok(Self {
            frame: Frame::new(signed_in, Section::Devices, title),
            head,
            assignee,
            seen,
            search: search.to_owned(),
            count: texts::count(found.total.count, texts.found_one, texts.found_other),
            more: if found.next.is_some() {
                texts::fill(texts.first_of, &[("shown", &shown)])
            } else {
                String::new()
            },
            candidates: found
                .items
                .iter()
                .map(|user| Candidate::new(user, assignee_id))
                .collect(),
            warning,
        })
    }
}

impl Candidate {
    fn new(user: &User, assignee: Option<UserId>) -> Self {
        Self {
            id: user.id,
            name: display_name(user),
            email: user.fields.email.as_str().to_owned(),
            is_assignee: assignee == Some(user.id),
        }
    }
}
