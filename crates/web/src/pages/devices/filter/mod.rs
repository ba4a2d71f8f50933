//! Filters of the list: what the query selects, and the controls and links that show it.

mod parse;
mod reader;

use std::borrow::Cow;
use std::fmt::Display;

use devices_domain::{BatchId, ClientStatus, DeviceFilter, IdentifierKey, User, UserId};

use self::parse::{parse_folded, parse_id, parse_instant, parse_search};
use self::reader::Reader;
use super::address::with;
use super::serial_numbers::SerialNumbers;
use crate::fields::{label_of_device_field, words};
use crate::pages::users::display_name;
use crate::query::Pairs;
use crate::texts::EN;

/// Filter of a query, with the controls and chips that show it.
pub(super) struct Filters {
    pub(super) filter: DeviceFilter,
    /// Search for the assignee, which is a user's id in the filter.
    pub(super) assignee: Option<String>,
    /// Id and email address of the assignee, which the form sends back with the shown address.
    pub(super) shown_user: Option<(UserId, String)>,
    pub(super) serial_numbers: SerialNumbers,
    /// The serial numbers one per line, or as they were sent if they are too many.
    pub(super) pasted: String,
    /// The valid parameters, for links.
    pub(super) pairs: Pairs,
    pub(super) search: Input,
    pub(super) status: Option<ClientStatus>,
    pub(super) inputs: Vec<Input>,
    /// Tags as they were sent.
    pub(super) tags: Vec<String>,
    /// Keys and values as they were sent.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) has_no_brand: bool,
    pub(super) chips: Vec<Chip>,
    pub(super) errors: Vec<FilterError>,
}

/// Text control of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) label: String,
    /// Type of the control.
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) error: Option<String>,
}

impl Input {
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self.name {
            "assignee" => Some(EN.devices.assignee_hint),
            "updated_since" => Some(EN.devices.updated_since_hint),
            _ => None,
        }
    }

    /// Returns the ids of the elements that describe the control.
    pub(super) fn described_by(&self) -> Option<String> {
        let hint = self.hint().map(|_| format!("hint-{}", self.name));
        let error = self.error.as_ref().map(|_| format!("error-{}", self.name));
        let ids: Vec<_> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// A filter that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chip {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) value: String,
}

/// Error of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilterError {
    /// Id of the control.
    pub(super) control: String,
    pub(super) text: String,
}

/// Returns the parameters with the id of the assignee if the form was sent with the email address
/// that the page showed for it. A search for the address could match several users.
fn with_shown_user(query: &Pairs) -> Cow<'_, Pairs> {
    let shown = query.get("shown_assignee");
    match query.get("shown_user_id") {
        Some(id) if shown.is_some() && query.get("assignee") == shown => {
            let query = query.without("assignee").without("user_id");
            Cow::Owned(with(&query, "user_id", id))
        }
        _ => Cow::Borrowed(query),
    }
}

impl Chip {
    /// Returns the text that identifies the filter in a form.
    pub(super) fn key(&self) -> String {
        if self.name == "tag" {
            format!("tag={}", self.value)
        } else {
            self.name.clone()
        }
    }

    /// Returns the parameters without this filter.
    pub(super) fn without(&self, pairs: &Pairs) -> Pairs {
        let is_other = |(name, value): &&(String, String)| {
            *name != self.name || (name == "tag" && *value != self.value)
        };
        Pairs(pairs.0.iter().filter(is_other).cloned().collect())
    }
}

impl Filters {
    /// Reads the filters of a query or a form. Invalid filters are left out and reported.
    pub(super) fn read(query: &Pairs) -> Self {
        let query = with_shown_user(query);
        let mut reader = Reader::new(&query);
        let search = reader.read("search", EN.devices.search, "search", parse_search);
        let search_input = reader.inputs.remove(0);
        let status = reader.status();
        let texts = &EN.devices;
        let mut filter = DeviceFilter {
            search: search.flatten(),
            client_status: status,
            ..DeviceFilter::default()
        };
        let type_label = label_of_device_field("type");
        filter.type_ = reader.read("type", type_label, "text", parse_folded);
        let category_label = label_of_device_field("category");
        filter.category = reader.read("category", category_label, "text", parse_folded);
        let brand_label = label_of_device_field("brand");
        filter.brand = reader.read("brand", brand_label, "text", parse_folded);
        let assignee = reader.read("assignee", texts.assignee, "text", |text| {
            Ok(text.to_owned())
        });
        let serial_label = label_of_device_field("serial_number");
        filter.serial_number = reader.read("serial_number", serial_label, "text", |text| {
            Ok(IdentifierKey::new(text))
        });
        let tag_label = label_of_device_field("asset_tag");
        filter.asset_tag = reader.read("asset_tag", tag_label, "text", |text| {
            Ok(IdentifierKey::new(text))
        });
        filter.updated_since =
            reader.read("updated_since", texts.updated_since, "text", parse_instant);
        filter.warranty_ends = reader.range(
            ("warranty_from", texts.warranty_from),
            ("warranty_to", texts.warranty_to),
        );
        filter.rental_ends = reader.range(
            ("rental_from", texts.rental_from),
            ("rental_to", texts.rental_to),
        );
        let batch = reader.read("batch_id", texts.batch, "text", parse_id);
        filter.batch = batch.map(BatchId);
        filter.user = reader.user(assignee.is_some());
        filter.without_brand = reader.without_brand();
        filter.tags = reader.tags();
        filter.attributes = reader.attributes();
        let serial_numbers = reader.serial_numbers();
        filter.serial_numbers = serial_numbers.keys().collect();
        let pasted = if serial_numbers.is_empty() {
            query.all("serial_numbers").collect::<Vec<_>>().join("\n")
        } else {
            serial_numbers.join("\n")
        };
        Self {
            search: search_input,
            status,
            tags: reader.sent_tags,
            attributes: reader.sent_attributes,
            has_no_brand: filter.without_brand,
            filter,
            assignee,
            shown_user: None,
            serial_numbers,
            pasted,
            pairs: Pairs(reader.pairs),
            inputs: reader.inputs,
            chips: reader.chips,
            errors: reader.errors,
        }
    }

    /// Returns the error of the control with this id.
    pub(super) fn error_of(&self, control: impl Display) -> Option<&FilterError> {
        let control = control.to_string();
        self.errors.iter().find(|error| error.control == control)
    }

    /// Returns whether any filter is set.
    pub(super) fn is_set(&self) -> bool {
        !self.chips.is_empty() || !self.errors.is_empty()
    }

    /// Returns all statuses, with that of the filter marked.
    pub(super) fn statuses(&self) -> Vec<(&'static str, String, bool)> {
        let statuses = ClientStatus::ALL.iter();
        let statuses = statuses.map(|status| {
            let name = status.as_str();
            (name, words(name), self.status == Some(*status))
        });
        statuses.collect()
    }

    /// Replaces the search for the assignee by the user that it found.
    pub(super) fn set_user(&mut self, user: &User) {
        let id = user.id;
        self.filter.user = Some(id);
        let is_other =
            |(name, _): &(String, String)| !matches!(name.as_str(), "assignee" | "user_id");
        self.pairs.0.retain(is_other);
        self.pairs.0.push(("user_id".to_owned(), id.to_string()));
        let is_other = |chip: &Chip| !matches!(chip.name.as_str(), "assignee" | "user_id");
        self.chips.retain(is_other);
        self.chips.push(Chip {
            name: "user_id".to_owned(),
            label: EN.devices.assignee.to_owned(),
            value: display_name(user),
        });
        let email = user.fields.email.as_str();
        if let Some(input) = self.input("assignee") {
            email.clone_into(&mut input.value);
        }
        self.shown_user = Some((id, email.to_owned()));
    }

    /// Reports that the search for the assignee found no single user.
    pub(super) fn reject_assignee(&mut self, error: String) {
        self.pairs.0.retain(|(name, _)| name != "assignee");
        self.chips.retain(|chip| chip.name != "assignee");
        self.errors.push(FilterError {
            control: "filter-assignee".to_owned(),
            text: format!("{} {error}", EN.devices.assignee),
        });
        if let Some(input) = self.input("assignee") {
            input.error = Some(error);
        }
    }

    fn input(&mut self, name: &str) -> Option<&mut Input> {
        self.inputs.iter_mut().find(|input| input.name == name)
    }
}
