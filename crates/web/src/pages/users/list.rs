//! List of users.

use actix_web::HttpRequest;
use askama::Template;
use askama_web::WebTemplate;
use devices_domain::{Page, PageRequest, Search, User, UserFilter};

use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::pages::paging::{self, Pager};
use crate::query::{Pairs, Query};
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::{self, EN};

#[derive(Template, WebTemplate)]
#[template(path = "users/list.html")]
pub(super) struct UserList {
    frame: Frame,
    search: String,
    search_error: Option<String>,
    count: String,
    users: Vec<User>,
    pager: Pager,
}

pub(super) async fn list(
    request: HttpRequest,
    signed_in: SignedIn,
    Query(query): Query,
) -> Result<UserList, ConsoleError> {
    let search = query.get("search").unwrap_or_default().to_owned();
    let frame = Frame::new(&signed_in, Section::Users, EN.users.title);
    let frame = frame.with_notice(super::notice(&query));
    let parsed = match Search::parse(&search) {
        Ok(parsed) => parsed,
        Err(error) => {
            return Ok(UserList {
                frame,
                search,
                search_error: Some(error.detail.into_owned()),
                count: String::new(),
                users: Vec::new(),
                pager: Pager::new("/users", &Pairs::default(), None),
            });
        }
    };
    let filter = UserFilter {
        search: parsed,
        ..UserFilter::default()
    };
    let paging = PageRequest {
        limit: paging::LIMIT,
        start: paging::start(&query),
    };
    let users = signed_in.workspace().users;
    let page = async move { Ok(users.list(filter, paging).await?) };
    let page = run_to_completion(&request, signed_in.actor(), page).await?;
    let Page {
        items, total, next, ..
    } = page;
    Ok(UserList {
        frame,
        search,
        search_error: None,
        count: texts::count(total.count, EN.users.one, EN.users.other),
        users: items,
        pager: Pager::new("/users", &query, next),
    })
}
