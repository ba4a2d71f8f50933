//! `GET /devices/export`.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{
    Accept, ContentDisposition, DispositionParam, DispositionType, Header, Quality, VARY,
};
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{
    DeviceFilter, DeviceId, DeviceRepository, NewDevice, RawRow, RawValue, Reason, RepositoryError,
    StoredDevice, fields,
};
use futures_util::stream;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::http::extract::auth::ReadAccess;
use crate::http::extract::query::QueryParams;
use crate::http::handlers::devices::filter;
use crate::http::limits::concurrency::Permit;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// How many devices are read, and held in memory, at once.
const AT_ONCE: u32 = 250;

/// Streams the devices, oldest first, as rows of new ones. Each that is there all the while is told
/// once; the connection breaks off where the store does, so that no part passes for the whole.
pub(crate) async fn export(
    request: HttpRequest,
    ReadAccess(actor): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let mut parameters = QueryParams::of(&request);
    let filter = filter::read(&mut parameters);
    let format = parameters.parse("format", |text| {
        let from_name = Format::ALL.into_iter().find(|format| format.word() == text);
        from_name.ok_or_else(|| {
            let detail = format!(
                "must be one of {}",
                Format::ALL.map(Format::word).join(", ")
            );
            (Reason::NotInEnum, detail)
        })
    });
    parameters.finish()?;
    let format = match format {
        Some(format) => format,
        None => Format::accepted(&request)?,
    };
    let mut export = Export {
        devices: state.store.for_workspace(actor.workspace).devices.into(),
        filter,
        format,
        after: None,
        is_begun: false,
        is_done: false,
        _permit: state.exports.try_acquire(actor.workspace)?,
    };
    // What is wrong from the beginning is told by a status.
    let first = export.next().await?;
    let name = DispositionParam::Filename(format!("devices.{}", format.word()));
    let rest = stream::unfold(export, |mut export| async {
        if export.is_done {
            return None;
        }
        let part = export.next().await.map(web::Bytes::from);
        if let Err(error) = &part {
            export.is_done = true;
            tracing::warn!(%error, "an export broke off");
        }
        Some((part, export))
    });
    let first = stream::once(async { Ok(web::Bytes::from(first)) });
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((VARY, "Accept"))
        .insert_header(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![name],
        })
        .streaming(stream::StreamExt::chain(first, Box::pin(rest))))
}

/// How devices are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// A body of `POST /devices`.
    Json,
    /// A device a line.
    Ndjson,
    /// A line with the fields' names, then a device a line; the items of a list are lines of a cell.
    Csv,
}

impl Format {
    const ALL: [Self; 3] = [Self::Csv, Self::Ndjson, Self::Json];

    fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// The one that the client likes best (RFC 9110, 12.5.1); of those that it likes alike, JSON first.
    fn accepted(request: &HttpRequest) -> Result<Self, ApiError> {
        let liked = Accept::parse(request).map_err(|_| ApiError::NotAcceptable)?;
        if liked.is_empty() {
            return Ok(Self::Json);
        }
        let quality = |format: &Self| {
            let named = |range: &&str| {
                let mut ranges = liked.iter();
                ranges.find(|liked| liked.item.essence_str() == *range)
            };
            let mut ranges = format.ranges().iter();
            ranges
                .find_map(named)
                .map_or(Quality::ZERO, |liked| liked.quality)
        };
        // Of equal ones the last is taken.
        let best = Self::ALL.into_iter().max_by_key(quality);
        best.filter(|format| quality(format) > Quality::ZERO)
            .ok_or(ApiError::NotAcceptable)
    }

    /// A part of an export: these devices, with what comes before the first and after the last.
    fn write(
        self,
        devices: &[NewDevice],
        is_first: bool,
        is_last: bool,
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let mut part = Vec::new();
        match self {
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(&mut part);
                if is_first {
                    csv.write_record(columns())?;
                }
                for device in devices {
                    let row = device.to_row();
                    csv.write_record(columns().map(|name| cell(row.get(name))))?;
                }
                csv.flush()?;
            }
            Format::Ndjson => {
                for device in devices {
                    serde_json::to_writer(&mut part, &Row(&device.to_row()))?;
                    part.push(b'\n');
                }
            }
            Format::Json => {
                if is_first {
                    part.extend_from_slice(b"{\"devices\":[");
                }
                for (index, device) in devices.iter().enumerate() {
                    if !is_first || index > 0 {
                        part.push(b',');
                    }
                    serde_json::to_writer(&mut part, &Row(&device.to_row()))?;
                }
                if is_last {
                    part.extend_from_slice(b"]}");
                }
            }
        }
        Ok(part)
    }

    /// What it is called in `Accept`, the most specific first.
    fn ranges(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json", "application/*", "*/*"],
            Self::Ndjson => &[
                "application/x-ndjson",
                "application/ndjson",
                "application/*",
                "*/*",
            ],
            Self::Csv => &["text/csv", "text/*", "*/*"],
        }
    }
}

struct Export {
    devices: Arc<dyn DeviceRepository>,
    filter: DeviceFilter,
    format: Format,
    after: Option<DeviceId>,
    is_begun: bool,
    is_done: bool,
    /// Held until the last part was sent, or nobody waits for it.
    _permit: Permit,
}

/// How often a part is asked for again where the store was out of reach, and how long is waited for it.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

impl Export {
    /// The devices of the next part.
    async fn read(&self) -> Result<Vec<StoredDevice>, RepositoryError> {
        let mut tries = 1;
        loop {
            let devices = self
                .devices
                .list_by_id(self.filter.clone(), self.after, AT_ONCE);
            match devices.await {
                // Where nothing was sent yet, the client is told to come again.
                Err(RepositoryError::Unavailable(_)) if self.is_begun && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                read => return read,
            }
        }
    }

    /// The next part.
    async fn next(&mut self) -> Result<Vec<u8>, RepositoryError> {
        let devices = self.read().await?;
        self.after = devices.last().map(|last| last.device.id);
        self.is_done = devices.len() < AT_ONCE as usize;
        let devices: Vec<_> = devices.iter().map(StoredDevice::to_new_device).collect();
        let part = self.format.write(&devices, !self.is_begun, self.is_done);
        self.is_begun = true;
        part.map_err(RepositoryError::Failed)
    }
}

/// Every field but the assignee's number: another workspace knows its users by other numbers, and by
/// the same addresses.
fn columns() -> impl Iterator<Item = &'static str> {
    let names = fields().iter().map(|field| field.name());
    names.filter(|name| *name != "user_id")
}

/// What [`RawRow::set_text`] reads as the same value.
fn cell(value: &RawValue<'_>) -> String {
    match value {
        RawValue::Text(text) => text.to_string(),
        RawValue::Integer(number) => number.to_string(),
        RawValue::Boolean(value) => value.to_string(),
        RawValue::List(items) => items.iter().map(cell).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// A row as a JSON object: the fields that are set.
struct Row<'a>(&'a RawRow<'a>);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, value) in self.0.present_fields() {
            object.serialize_entry(name, &Member(value))?;
        }
        object.end()
    }
}

struct Member<'a>(&'a RawValue<'a>);

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RawValue::Text(text) => serializer.serialize_str(text),
            RawValue::Integer(number) => serializer.serialize_i64(*number),
            RawValue::Boolean(value) => serializer.serialize_bool(*value),
            RawValue::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Member(item))?;
                }
                list.end()
            }
            _ => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use devices_domain::{Batch, BatchRules};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::http::extract::device_batch;
    use crate::http::respond::arbitrary::valid_device;

    fn read_json(body: &[u8]) -> Vec<NewDevice> {
        let batch = device_batch::read(body, BatchRules::default()).unwrap();
        batch.into_devices().unwrap()
    }

    fn read_ndjson(lines: &[u8]) -> Vec<NewDevice> {
        let lines = std::str::from_utf8(lines).unwrap().lines();
        let body = format!(r#"{{"devices":[{}]}}"#, lines.collect::<Vec<_>>().join(","));
        read_json(body.as_bytes())
    }

    fn read_csv(text: &[u8]) -> Vec<NewDevice> {
        let mut csv = csv::Reader::from_reader(text);
        let names = csv.headers().unwrap().clone();
        let mut batch = Batch::new(BatchRules::default());
        for record in csv.records() {
            let record = record.unwrap();
            let mut row = RawRow::for_device();
            for (name, cell) in names.iter().zip(&record) {
                row.set_text(name, cell);
            }
            batch.push(&row);
        }
        batch.into_devices().unwrap()
    }

    /// Devices without serial numbers that two could share, and without numbers of users.
    fn devices(sent: Vec<serde_json::Value>) -> Vec<NewDevice> {
        let mut devices = read_json(json!({ "devices": sent }).to_string().as_bytes());
        devices
            .iter_mut()
            .for_each(|device| device.fields.ownership.user_id = None);
        devices
    }

    proptest! {
        #[test]
        fn what_is_exported_is_read_as_the_same_devices_in_whatever_format_and_parts(
            mut sent in prop::collection::vec(valid_device(), 1..4),
            cut in 0..4_usize,
        ) {
            for (index, device) in sent.iter_mut().enumerate() {
                device["serial_number"] = json!(format!("SN-{index}"));
            }
            let devices = devices(sent);
            let (one, other) = devices.split_at(cut.min(devices.len()));
            for (format, read) in [
                (Format::Json, read_json as fn(&[u8]) -> Vec<NewDevice>),
                (Format::Ndjson, read_ndjson),
                (Format::Csv, read_csv),
            ] {
                // A part after the first is never empty but where it is the last.
                let mut written = format.write(one, true, false).unwrap();
                written.extend(format.write(other, false, true).unwrap());
                if one.is_empty() {
                    written = format.write(other, true, true).unwrap();
                }
                prop_assert_eq!(read(&written), devices.as_slice(), "{:?}", format);
            }
        }
    }

    #[test]
    fn no_devices_are_an_empty_list_or_the_columns_alone() {
        let written = |format: Format| String::from_utf8(format.write(&[], true, true).unwrap());
        assert_eq!(written(Format::Json).unwrap(), r#"{"devices":[]}"#);
        assert_eq!(written(Format::Ndjson).unwrap(), "");
        let header = columns().collect::<Vec<_>>().join(",");
        assert_eq!(written(Format::Csv).unwrap(), header + "\n");
    }
}
