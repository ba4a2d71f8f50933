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
use devices_domain::{DeviceFilter, PageRequest, PageStart, User, UserId};

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

/// Returns the name of a user as pages show it: the email address if the user has no other.
pub(crate) fn display_name(user: &User) -> String {
    let names = [&user.fields.first_name, &user.fields.last_name];
    let names = names
        .into_iter()
        .flatten()
        .map(devices_domain::Text::as_str);
    let name = names.collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        user.fields.email.as_str().to_owned()
    } else {
        name
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
