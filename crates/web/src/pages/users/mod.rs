//! Users: the people to whom devices are assigned.

mod changes;
mod create;
mod delete;
mod detail;
mod edit;
mod errors;
mod form;
mod list;

use actix_web::{HttpRequest, web};
use devices_domain::{
    Assignee, DeviceFilter, Email, PageRequest, PageStart, ShortText, User, UserFields, UserId,
};

use crate::error::ConsoleError;
use crate::pages::paging::NOTICE;
use crate::query::Pairs;
use crate::routes::page;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::EN;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(page("/users").get(list::list).post(create::create))
        .service(page("/users/new").get(create::show))
        .service(page("/users/{id:\\d+}").get(detail::show).post(edit::save))
        .service(page("/users/{id:\\d+}/edit").get(edit::show))
        .service(
            page("/users/{id:\\d+}/delete")
                .get(delete::show)
                .post(delete::delete),
        );
}

/// Returns the name of a user as pages show it.
pub(crate) fn display_name(user: &User) -> String {
    let UserFields {
        first_name,
        last_name,
        email,
        ..
    } = &user.fields;
    full_name(first_name.as_ref(), last_name.as_ref(), email)
}

/// Returns the name of the assignee of a device as pages show it.
pub(crate) fn assignee_name(assignee: &Assignee) -> String {
    let Assignee {
        first_name,
        last_name,
        email,
        ..
    } = assignee;
    full_name(first_name.as_ref(), last_name.as_ref(), email)
}

/// Returns the first and the last name, or the email address if there is neither.
fn full_name(
    first_name: Option<&ShortText>,
    last_name: Option<&ShortText>,
    email: &Email,
) -> String {
    let names = [first_name, last_name].into_iter().flatten();
    let names: Vec<_> = names.map(ShortText::as_str).collect();
    if names.is_empty() {
        email.as_str().to_owned()
    } else {
        names.join(" ")
    }
}

/// Finds a user of the workspace.
async fn find(
    request: &HttpRequest,
    signed_in: &SignedIn,
    user: UserId,
) -> Result<User, ConsoleError> {
    let users = signed_in.workspace().users;
    let find = async move { Ok(users.find(user).await?) };
    let found = run_to_completion(request, signed_in.actor(), find).await?;
    found.ok_or(ConsoleError::NotFound)
}

/// Returns the number of active devices that are assigned to a user.
async fn count_devices(
    request: &HttpRequest,
    signed_in: &SignedIn,
    user: UserId,
) -> Result<u64, ConsoleError> {
    let devices = signed_in.workspace().devices;
    let page = PageRequest {
        limit: 1,
        start: PageStart::Offset(0),
    };
    let count = async move { Ok(devices.list(devices_of(user), page).await?) };
    let page = run_to_completion(request, signed_in.actor(), count).await?;
    Ok(page.total.count)
}

fn devices_of(user: UserId) -> DeviceFilter {
    DeviceFilter {
        user: Some(user),
        ..DeviceFilter::default()
    }
}

/// Returns the result of the last action, which the query names.
fn notice(query: &Pairs) -> Option<String> {
    let texts = &EN.users;
    let text = match query.get(NOTICE)? {
        "created" => texts.created,
        "exists" => texts.exists,
        "saved" => texts.saved,
        "merged" => texts.merged,
        "unchanged" => texts.unchanged,
        "deleted" => texts.deleted,
        "gone" => texts.gone,
        _ => return None,
    };
    Some(text.to_owned())
}
