//! Reads filters from a query or a form.

use std::collections::BTreeSet;

use devices_domain::{
    Attributes, ClientStatus, DateRange, FieldValue, RawValue, Text, TextList, UserId,
};

use super::parse::{parse_attribute, parse_date, parse_id};
use super::{Chip, FilterError, Input};
use crate::fields::{label_of_device_field, words};
use crate::pages::devices::serial_numbers::SerialNumbers;
use crate::query::Pairs;
use crate::texts::{self, EN};

/// Prefix of the parameters of attributes: `attributes.Room=12`.
const ATTRIBUTES: &str = "attributes.";

/// Reads filters, and collects their controls, chips and errors.
pub(super) struct Reader<'q> {
    query: &'q Pairs,
    pub(super) pairs: Vec<(String, String)>,
    pub(super) inputs: Vec<Input>,
    pub(super) chips: Vec<Chip>,
    pub(super) errors: Vec<FilterError>,
    pub(super) sent_tags: Vec<String>,
    pub(super) sent_attributes: Vec<(String, String)>,
}

impl<'q> Reader<'q> {
    pub(super) fn new(query: &'q Pairs) -> Self {
        Self {
            query,
            pairs: Vec::new(),
            inputs: Vec::new(),
            chips: Vec::new(),
            errors: Vec::new(),
            sent_tags: Vec::new(),
            sent_attributes: Vec::new(),
        }
    }

    /// Reads the filter `name`, and adds its control.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        label: impl Into<String>,
        kind: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let label = label.into();
        let text = self.query.get(name);
        let parsed = text.map(parse).transpose();
        let error = parsed.as_ref().err().cloned();
        if let (Some(text), Ok(Some(_))) = (text, &parsed) {
            self.set(name, &label, text, text);
        }
        if let Some(error) = &error {
            self.reject(&format!("filter-{name}"), &label, error);
        }
        self.inputs.push(Input {
            name,
            label,
            kind,
            value: text.unwrap_or_default().to_owned(),
            error,
        });
        parsed.ok().flatten()
    }

    /// Adds a valid filter to the links and the chips.
    fn set(&mut self, name: &str, label: &str, value: &str, shown: &str) {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self.chips.push(Chip {
            name: name.to_owned(),
            label: label.to_owned(),
            value: shown.to_owned(),
        });
    }

    fn reject(&mut self, control: &str, label: &str, error: &str) {
        self.errors.push(FilterError {
            control: control.to_owned(),
            text: format!("{label} {error}"),
        });
    }

    pub(super) fn status(&mut self) -> Option<ClientStatus> {
        let name = self.query.get("client_status")?;
        let status = ClientStatus::from_name(name);
        if status.is_some() {
            self.set("client_status", EN.devices.status, name, &words(name));
        } else {
            let error = EN.devices.unknown_status;
            self.reject("filter-client_status", EN.devices.status, error);
        }
        status
    }

    pub(super) fn range(
        &mut self,
        (from, from_label): (&'static str, &'static str),
        (to, to_label): (&'static str, &'static str),
    ) -> Option<DateRange> {
        let first = self.read(from, from_label, "date", parse_date);
        let last = self.read(to, to_label, "date", parse_date);
        (first.is_some() || last.is_some()).then_some(DateRange { first, last })
    }

    /// Reads the id of the assignee, unless a search for it is sent.
    pub(super) fn user(&mut self, is_searched: bool) -> Option<UserId> {
        let text = self.query.get("user_id").filter(|_| !is_searched)?;
        match parse_id(text) {
            Ok(user) => {
                self.set("user_id", EN.devices.assignee, text, text);
                Some(UserId(user))
            }
            Err(error) => {
                self.reject("filter-assignee", EN.devices.assignee, &error);
                None
            }
        }
    }

    pub(super) fn without_brand(&mut self) -> bool {
        let is_set = self.query.get("without_brand") == Some("true");
        if is_set {
            let (label, yes) = (EN.devices.without_brand, EN.common.yes);
            self.set("without_brand", label, "true", yes);
        }
        is_set
    }

    pub(super) fn tags(&mut self) -> Vec<String> {
        let label = label_of_device_field("tags");
        let sent: BTreeSet<&str> = self.query.all("tag").collect();
        if sent.len() > TextList::MAX_ITEMS {
            let max = TextList::MAX_ITEMS;
            let error = texts::fill(EN.devices.too_many_values, &[("max", &max)]);
            self.reject("filter-tag", &label, &error);
            return Vec::new();
        }
        self.sent_tags = sent.iter().map(|text| (*text).to_owned()).collect();
        let mut tags = Vec::new();
        for (text, number) in sent.into_iter().zip(1..) {
            match Text::<{ TextList::MAX_LENGTH }>::parse(&RawValue::text(text)) {
                Ok(_) => {
                    self.set("tag", EN.devices.tag, text, text);
                    tags.push(text.to_owned());
                }
                Err(error) => {
                    let control = format!("filter-tag-{number}");
                    self.reject(&control, EN.devices.tag, &error.detail);
                }
            }
        }
        tags
    }

    /// Reads attributes: `attributes.KEY=VALUE` of links, and the pairs of the form.
    pub(super) fn attributes(&mut self) -> Vec<(String, String)> {
        let linked = self.query.0.iter();
        let linked = linked.filter_map(|(name, value)| {
            let key = name.strip_prefix(ATTRIBUTES)?;
            Some((key.trim().to_owned(), value.trim().to_owned()))
        });
        let named = |name: &'static str| {
            let values = self.query.0.iter().filter(move |(given, _)| given == name);
            values.map(|(_, value)| value.trim().to_owned())
        };
        let typed = named("attribute_key").zip(named("attribute_value"));
        let sent: Vec<_> = linked.chain(typed).collect();
        let sent = sent.into_iter();
        let sent = sent.filter(|(key, value)| !key.is_empty() || !value.is_empty());
        self.sent_attributes = sent.take(Attributes::MAX_KEYS).collect();
        let mut attributes = Vec::new();
        for ((key, value), number) in self.sent_attributes.clone().into_iter().zip(1..) {
            match parse_attribute(&key, &value) {
                Ok((key, value)) => {
                    self.set(&format!("{ATTRIBUTES}{key}"), &key, &value, &value);
                    attributes.push((key, value));
                }
                Err(error) => {
                    let control = format!("filter-attribute-{number}");
                    self.reject(&control, EN.devices.attribute, &error);
                }
            }
        }
        attributes
    }

    pub(super) fn serial_numbers(&mut self) -> SerialNumbers {
        match SerialNumbers::parse(self.query) {
            Ok(numbers) if numbers.is_empty() => numbers,
            Ok(numbers) => {
                let label = EN.devices.serial_numbers;
                let shown = texts::group_digits(numbers.len() as u64);
                self.set("serial_numbers", label, &numbers.join(","), &shown);
                numbers
            }
            Err(error) => {
                self.reject("serial-numbers", EN.devices.serial_numbers, &error);
                SerialNumbers::default()
            }
        }
    }
}
