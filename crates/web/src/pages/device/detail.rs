//! Details of a device.

use actix_web::{HttpRequest, web};
use askama::Template;
use askama_web::WebTemplate;
use chrono::{DateTime, Utc};
use devices_domain::{
    DeviceId, Enrollment, Field, Format, HistorySubject, SerialNumber, StoredDevice,
    enrollment_fields,
};

use super::notice::Notice;
use super::{DeviceHead, Person, find};
use crate::error::ConsoleError;
use crate::fields::{DEVICE_GROUPS, Value, filled_values, label};
use crate::frame::{Frame, Section};
use crate::pages::history::History;
use crate::query::Query;
use crate::session::SignedIn;
use crate::texts::{self, EN};

#[derive(Template, WebTemplate)]
#[template(path = "device/detail.html")]
pub(super) struct DetailPage {
    frame: Frame,
    head: DeviceHead,
    /// Groups that have a value.
    groups: Vec<ValueGroup>,
    /// Labels of the fields without a value.
    empty_labels: Vec<String>,
    empty_count: String,
    assignee: Option<Person>,
    enrollment: Option<EnrollmentCard>,
    /// `false` if the device has no serial number.
    can_be_enrolled: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
    history: History,
}

struct ValueGroup {
    title: &'static str,
    values: Vec<(String, Value)>,
}

struct EnrollmentCard {
    status: &'static str,
    serial_number: String,
    values: Vec<(String, Value)>,
}

/// Shows a device.
pub(super) async fn show(
    request: HttpRequest,
    signed_in: SignedIn,
    id: web::Path<i64>,
    Query(query): Query,
) -> Result<DetailPage, ConsoleError> {
    let stored = find(&request, &signed_in, DeviceId(*id)).await?;
    let subject = HistorySubject::Device(DeviceId(*id));
    let history = History::read(&request, &signed_in, subject, &query).await?;
    let frame = Frame::new(&signed_in, Section::Devices, name(&stored));
    let frame = frame.with_notice(Notice::text(&query));
    Ok(DetailPage::new(frame, &stored, history))
}

fn name(stored: &StoredDevice) -> &str {
    stored.device.fields.identity.name.as_str()
}

impl DetailPage {
    fn new(frame: Frame, stored: &StoredDevice, history: History) -> Self {
        let fields = &stored.device.fields;
        let row = fields.to_row();
        let groups = DEVICE_GROUPS.iter().map(|group| ValueGroup {
            title: group.title,
            values: filled_values(shown(group.fields), &row),
        });
        let all = DEVICE_GROUPS.iter().flat_map(|group| shown(group.fields));
        let empty = all.filter(|field| Value::new(field, row.get(field.name())) == Value::Nothing);
        let empty_labels: Vec<_> = empty.map(label).collect();
        let serial_number = fields.identity.serial_number.as_ref();
        let enrollment = stored.device.enrollment.as_ref().zip(serial_number);
        Self {
            frame,
            head: DeviceHead::new(stored),
            groups: groups.filter(|group| !group.values.is_empty()).collect(),
            empty_count: texts::count(
                empty_labels.len() as u64,
                EN.device.empty_one,
                EN.device.empty_other,
            ),
            empty_labels,
            assignee: stored.assignee.as_ref().map(Person::new),
            enrollment: enrollment
                .map(|(enrollment, serial_number)| EnrollmentCard::new(enrollment, serial_number)),
            can_be_enrolled: serial_number.is_some(),
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            archived_at: stored.archived_at,
            history,
        }
    }
}

/// Returns the fields whose values are shown. The assignee has a card of its own.
fn shown(fields: &'static [Field]) -> impl Iterator<Item = &'static Field> {
    let fields = fields.iter();
    fields.filter(|field| field.format() != Format::Id)
}

impl EnrollmentCard {
    fn new(enrollment: &Enrollment, serial_number: &SerialNumber) -> Self {
        let row = enrollment.fields.to_row();
        let reported = enrollment_fields().iter();
        let reported = reported.filter(|field| field.name() != "status");
        Self {
            status: enrollment.fields.status.as_str(),
            serial_number: serial_number.as_str().to_owned(),
            values: filled_values(reported, &row),
        }
    }
}
