//! Comparison of two changes of a device: of the form that was sent, and of somebody else.

use askama::Template;
use chrono::{DateTime, Utc};
use devices_domain::{Field, RawRow, StoredDevice};

use super::DeviceHead;
use super::edit::Change;
use super::form::editable_fields;
use crate::fields::{Merge, Value, base, base_name, form_text, is_same_value, label, read_row};
use crate::frame::Frame;
use crate::query::Pairs;

/// A device that somebody else changed while a form was open.
#[derive(Template)]
#[template(path = "device/compare.html")]
pub(super) struct ComparePage {
    pub(super) frame: Frame,
    head: DeviceHead,
    updated_at: DateTime<Utc>,
    /// Author of the last change. Empty if it is not known.
    author: String,
    /// Fields that both changed.
    conflicts: Vec<Conflict>,
    /// Fields that only the form changed.
    only_mine: Vec<Difference>,
    /// Fields that only somebody else changed.
    only_theirs: Vec<Difference>,
    hidden: Vec<(String, String)>,
    /// `true` if the form was sent without all choices.
    is_undecided: bool,
}

struct Conflict {
    name: &'static str,
    label: String,
    mine: Value,
    theirs: Value,
    /// `None` if it is not known.
    start: Option<Value>,
    is_undecided: bool,
}

struct Difference {
    label: String,
    before: Value,
    after: Value,
}

/// Changes of a form, compared with the device that is stored now.
pub(super) struct Comparison<'c> {
    changes: &'c [Change],
    stored: &'c StoredDevice,
    row: RawRow<'c>,
}

impl<'c> Comparison<'c> {
    /// Compares the changes with the stored device.
    pub(super) fn new(changes: &'c [Change], stored: &'c StoredDevice) -> Self {
        Self {
            changes,
            stored,
            row: stored.device.fields.to_row(),
        }
    }

    /// Returns whether somebody else gave a field another value than the form does.
    pub(super) fn has_conflicts(&self) -> bool {
        self.changes.iter().any(|change| self.is_conflict(change))
    }

    /// Returns the changes that are not stored already.
    pub(super) fn remaining(&self) -> Vec<Change> {
        let changes = self.changes.iter();
        let remaining = changes.filter(|change| self.merge(change) != Merge::Stored);
        remaining.cloned().collect()
    }

    fn is_conflict(&self, change: &Change) -> bool {
        match self.merge(change) {
            Merge::Conflict => true,
            Merge::Mine => change.is_undecided,
            _ => false,
        }
    }

    fn merge(&self, change: &Change) -> Merge {
        let stored = self.stored_text(change.field);
        Merge::new(change.field, &change.base, &change.after, &stored)
    }

    fn stored_text(&self, field: &Field) -> String {
        form_text(self.row.get(field.name()))
    }

    /// Returns the page on which the user chooses values. `sent` is the form.
    pub(super) fn into_page(self, frame: Frame, author: String, sent: &Pairs) -> ComparePage {
        let remaining = self.remaining();
        let (conflicts, mine): (Vec<_>, Vec<_>) = remaining
            .into_iter()
            .partition(|change| self.is_conflict(change));
        let only_mine = mine.iter();
        let only_mine = only_mine.map(|change| difference(change, &change.base, &change.after));
        ComparePage {
            frame,
            head: DeviceHead::new(self.stored),
            updated_at: self.stored.updated_at,
            author,
            is_undecided: conflicts.iter().any(|change| change.is_undecided),
            only_mine: only_mine.collect(),
            only_theirs: self.only_theirs(sent),
            hidden: self.hidden(&conflicts, &mine),
            conflicts: conflicts
                .iter()
                .map(|change| self.conflict(change))
                .collect(),
        }
    }

    fn conflict(&self, change: &Change) -> Conflict {
        let stored = self.stored_text(change.field);
        let is_known = !is_same_value(change.field, &change.start, &stored);
        Conflict {
            name: change.field.name(),
            label: label(change.field),
            mine: value(change.field, &change.after),
            theirs: value(change.field, &stored),
            start: is_known.then(|| value(change.field, &change.start)),
            is_undecided: change.is_undecided,
        }
    }

    /// Returns the fields that differ from those with which the form was shown, and that the form
    /// did not change.
    fn only_theirs(&self, sent: &Pairs) -> Vec<Difference> {
        let is_shown = |field: &&'static Field| sent.raw(field.name()).is_some();
        let is_changed = |field: &&Field| self.changes.iter().any(|c| c.field == *field);
        let others = editable_fields().filter(is_shown);
        let others = others
            .filter(|field| !is_changed(field))
            .filter_map(|field| {
                let (before, after) = (base(sent, field), self.stored_text(field));
                let is_same = is_same_value(field, before, &after);
                (!is_same).then(|| Difference {
                    label: label(field),
                    before: value(field, before),
                    after: value(field, &after),
                })
            });
        others.collect()
    }

    /// Returns the hidden values of the next form: it starts from the stored device.
    fn hidden(&self, conflicts: &[Change], mine: &[Change]) -> Vec<(String, String)> {
        let mut hidden = vec![("revision".to_owned(), self.stored.revision().0.to_string())];
        for change in conflicts.iter().chain(mine) {
            let name = change.field.name();
            hidden.push((name.to_owned(), change.after.clone()));
            hidden.push((base_name(name), self.stored_text(change.field)));
        }
        for change in conflicts {
            hidden.push(("ask".to_owned(), change.field.name().to_owned()));
            let start = format!("start.{}", change.field.name());
            hidden.push((start, change.start.clone()));
        }
        hidden
    }
}

fn difference(change: &Change, before: &str, after: &str) -> Difference {
    Difference {
        label: label(change.field),
        before: value(change.field, before),
        after: value(change.field, after),
    }
}

/// Returns the value of a text of a form.
fn value(field: &'static Field, text: &str) -> Value {
    let sent = Pairs(vec![(field.name().to_owned(), text.to_owned())]);
    let mut row = RawRow::for_device();
    read_row(&mut row, &[field], &sent);
    Value::new(field, row.get(field.name()))
}
