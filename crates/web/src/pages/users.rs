//! Users: the people to whom devices are assigned.

use actix_web::web;
use askama::Template;
use askama_web::WebTemplate;
use devices_domain::{Page, PageRequest, PageStart, Search, User, UserFilter};

use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::pages::paging::{self, Pager};
use crate::query::Query;
use crate::session::SignedIn;
use crate::texts::{self, EN};

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope.route("/users", web::get().to(list));
}

#[derive(Template, WebTemplate)]
#[template(path = "users/list.html")]
struct UserList {
    frame: Frame,
    search: String,
    count: String,
    users: Vec<User>,
    pager: Pager,
}

async fn list(signed_in: SignedIn, Query(query): Query) -> Result<UserList, ConsoleError> {
    let search = query.get("search").unwrap_or_default().to_owned();
    let filter = UserFilter {
        search: Search::parse(&search).ok().flatten(),
        ..UserFilter::default()
    };
    let request = PageRequest {
        limit: paging::LIMIT,
        start: paging::start(&query).unwrap_or(PageStart::Offset(0)),
    };
    let Page {
        items, total, next, ..
    } = signed_in.workspace().users.list(filter, request).await?;
    Ok(UserList {
        frame: Frame::new(&signed_in, Section::Users, EN.users.title),
        search,
        count: texts::count(total.count, EN.users.one, EN.users.other),
        users: items,
        pager: Pager::new("/users", &query, next),
    })
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
