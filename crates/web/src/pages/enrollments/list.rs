//! List of enrolments.

use actix_web::HttpRequest;
use askama::Template;
use askama_web::WebTemplate;
use devices_domain::{PageRequest, StoredEnrollment};

use super::filter::Filter;
use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::pages::paging::{self, Pager};
use crate::query::{Pairs, Query};
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::{self, EN};

#[derive(Template, WebTemplate)]
#[template(path = "enrollments/list.html")]
pub(super) struct EnrollmentList {
    frame: Frame,
    filter: Filter,
    count: String,
    enrollments: Vec<StoredEnrollment>,
    pager: Pager,
}

pub(super) async fn list(
    request: HttpRequest,
    signed_in: SignedIn,
    Query(query): Query,
) -> Result<EnrollmentList, ConsoleError> {
    let filter = Filter::read(&query);
    let frame = Frame::new(&signed_in, Section::Enrollments, EN.enrollments.title);
    if filter.error.is_some() {
        return Ok(EnrollmentList {
            frame,
            filter,
            count: String::new(),
            enrollments: Vec::new(),
            pager: Pager::new("/enrollments", &Pairs::default(), None),
        });
    }
    let paging = PageRequest {
        limit: paging::LIMIT,
        start: paging::start(&query),
    };
    let enrollments = signed_in.workspace().enrollments;
    let conditions = filter.conditions.clone();
    let page = async move { Ok(enrollments.list(conditions, paging).await?) };
    let page = run_to_completion(&request, signed_in.actor(), page).await?;
    let texts = &EN.enrollments;
    Ok(EnrollmentList {
        frame,
        filter,
        count: texts::count(page.total.count, texts.one, texts.other),
        pager: Pager::new("/enrollments", &query, page.next),
        enrollments: page.items,
    })
}
