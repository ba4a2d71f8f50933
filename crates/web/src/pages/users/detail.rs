//! One user, with the assigned devices and the history.

use actix_web::{HttpRequest, web};
use askama::Template;
use askama_web::WebTemplate;
use devices_domain::{HistorySubject, Page, PageRequest, StoredDevice, User, UserId, user_fields};

use crate::error::ConsoleError;
use crate::fields::{Value, values};
use crate::frame::{Frame, Section};
use crate::pages::history::History;
use crate::pages::paging::{self, Pager};
use crate::query::Query;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::{self, EN};

#[derive(Template, WebTemplate)]
#[template(path = "users/detail.html")]
pub(super) struct UserDetail {
    frame: Frame,
    user: User,
    values: Vec<(String, Value)>,
    device_count: String,
    devices: Vec<StoredDevice>,
    pager: Pager,
    history: History,
}

pub(super) async fn show(
    request: HttpRequest,
    signed_in: SignedIn,
    id: web::Path<i64>,
    Query(query): Query,
) -> Result<UserDetail, ConsoleError> {
    let id = UserId(*id);
    let user = super::find(&request, &signed_in, id).await?;
    let paging = PageRequest {
        limit: paging::LIMIT,
        start: paging::start(&query),
    };
    let devices = signed_in.workspace().devices;
    let page = async move { Ok(devices.list(super::devices_of(id), paging).await?) };
    let page = run_to_completion(&request, signed_in.actor(), page).await?;
    let Page {
        items, total, next, ..
    } = page;
    let path = format!("/users/{id}");
    let subject = HistorySubject::User(id);
    let history = History::read(&request, &signed_in, subject, &query).await?;
    let frame = Frame::new(&signed_in, Section::Users, super::display_name(&user));
    Ok(UserDetail {
        frame: frame.with_notice(super::notice(&query)),
        values: values(user_fields(), &user.fields.to_row()),
        device_count: texts::count(total.count, EN.users.one_device, EN.users.devices),
        devices: items,
        pager: Pager::new(&path, &query, next),
        history,
        user,
    })
}
