//! One enrolment, with its history.

use actix_web::{HttpRequest, web};
use askama::Template;
use askama_web::WebTemplate;
use devices_domain::{
    HistorySubject, IdentifierKey, StoredDevice, StoredEnrollment, enrollment_fields,
};

use crate::error::ConsoleError;
use crate::fields::{Value, values};
use crate::frame::{Frame, Section};
use crate::pages::history::History;
use crate::query::Query;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;

#[derive(Template, WebTemplate)]
#[template(path = "enrollments/detail.html")]
pub(super) struct EnrollmentDetail {
    frame: Frame,
    enrollment: StoredEnrollment,
    values: Vec<(String, Value)>,
    /// Active device with the serial number.
    device: Option<StoredDevice>,
    history: History,
}

pub(super) async fn show(
    request: HttpRequest,
    signed_in: SignedIn,
    serial_number: web::Path<String>,
    Query(query): Query,
) -> Result<EnrollmentDetail, ConsoleError> {
    let serial_number = IdentifierKey::new(&serial_number);
    let store = signed_in.workspace();
    let find = async move {
        let Some(enrollment) = store.enrollments.find(serial_number).await? else {
            return Err(ConsoleError::NotFound);
        };
        let device = match enrollment.device_id {
            Some(id) => store.devices.find(id).await?,
            None => None,
        };
        Ok((enrollment, device))
    };
    let (enrollment, device) = run_to_completion(&request, signed_in.actor(), find).await?;
    let serial_number = enrollment.serial_number.as_str();
    let subject = HistorySubject::Enrollment(enrollment.enrollment.id);
    let history = History::read(&request, &signed_in, subject, &query).await?;
    Ok(EnrollmentDetail {
        frame: Frame::new(&signed_in, Section::Enrollments, serial_number),
        values: values(enrollment_fields(), &enrollment.enrollment.fields.to_row()),
        enrollment,
        device,
        history,
    })
}
