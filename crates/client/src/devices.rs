//! Devices: lists and single ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::error::ClientError;
use crate::page::{Page, PageRequest};
use crate::transport::{Idempotency, Request, target};

/// A device with all fields of the API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Device {
    /// Fields by name.
    pub fields: Map<String, Value>,
}

impl Device {
    /// Returns the id.
    pub fn id(&self) -> Option<u64> {
        self.fields.get("id")?.as_u64()
    }

    /// Returns the text of a field. `None` if the field has no value, or one that is not a text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }
}

/// Filter of a list or an export. All conditions must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceFilter {
    /// Words that the device or its assignee contains.
    pub search: Option<String>,
    /// Type, ignoring case.
    pub r#type: Option<String>,
    /// Category, ignoring case.
    pub category: Option<String>,
    /// Status, such as `AVAILABLE`. Archived devices are listed only with `ARCHIVED`.
    pub client_status: Option<String>,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Asset tag.
    pub asset_tag: Option<String>,
    /// Tags, which must all match.
    pub tags: Vec<String>,
    /// Attributes by key.
    pub attributes: BTreeMap<String, String>,
    /// Id of the assignee.
    pub user_id: Option<u64>,
    /// Number of the batch that created the device.
    pub batch_id: Option<u64>,
    /// Time of the last change or later, in ISO 8601.
    pub updated_since: Option<String>,
}

impl DeviceFilter {
    /// Returns the query parameters.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let texts = [
            ("search", self.search.clone()),
            ("type", self.r#type.clone()),
            ("category", self.category.clone()),
            ("client_status", self.client_status.clone()),
            ("serial_number", self.serial_number.clone()),
            ("asset_tag", self.asset_tag.clone()),
            ("user_id", self.user_id.map(|id| id.to_string())),
            ("batch_id", self.batch_id.map(|id| id.to_string())),
            ("updated_since", self.updated_since.clone()),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let tags = self.tags.iter().map(|tag| ("tag".to_owned(), tag.clone()));
        let attributes = self.attributes.iter();
        let attributes =
            attributes.map(|(key, value)| (format!("attributes.{key}"), value.clone()));
        texts.chain(tags).chain(attributes).collect()
    }
}

/// Identifier of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKey<'a> {
    /// Id.
    Id(u64),
    /// Serial number. Case and the kind of blanks do not matter.
    SerialNumber(&'a str),
    /// Asset tag. Case and the kind of blanks do not matter.
    AssetTag(&'a str),
}

impl Client {
    /// Returns a page of the devices that match, newest first, or best match first with `search`.
    ///
    /// # Errors
    /// The errors of any request.
    pub fn devices(
        &self,
        filter: &DeviceFilter,
        page: &PageRequest,
    ) -> Result<Page<Device>, ClientError> {
        let mut parameters = filter.parameters();
        parameters.extend(page.parameters());
        self.page(&target("/devices", &parameters))
    }

    /// Returns a device, or `None` if there is none. Finds archived devices only by their id.
    ///
    /// # Errors
    /// The errors of any request.
    pub fn device(&self, key: DeviceKey<'_>) -> Result<Option<Device>, ClientError> {
        let mut filter = DeviceFilter::default();
        match key {
            DeviceKey::Id(id) => return self.device_by_id(id),
            DeviceKey::SerialNumber(serial) => filter.serial_number = Some(serial.to_owned()),
            DeviceKey::AssetTag(tag) => filter.asset_tag = Some(tag.to_owned()),
        }
        let page = self.devices(&filter, &PageRequest::default())?;
        Ok(page.items.into_iter().next())
    }

    fn device_by_id(&self, id: u64) -> Result<Option<Device>, ClientError> {
        let path = format!("/devices/{id}");
        match self.send(Request::get(&path), Idempotency::Idempotent) {
            Ok(response) => response.data().map(Some),
            Err(error) if error.code() == Some("DEVICE_NOT_FOUND") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_becomes_parameters() {
        let filter = DeviceFilter {
            search: Some("dell".to_owned()),
            tags: vec!["a".to_owned(), "b".to_owned()],
            attributes: [("Room".to_owned(), "2".to_owned())].into(),
            batch_id: Some(17),
            ..DeviceFilter::default()
        };
        assert_eq!(
            target("/devices", &filter.parameters()),
            "/devices?search=dell&batch%5Fid=17&tag=a&tag=b&attributes%2ERoom=2"
        );
    }
}
