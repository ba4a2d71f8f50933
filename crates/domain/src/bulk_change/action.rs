//! The changes that many devices can get at once.

use crate::audit::Action;
use crate::device::Lifecycle;
use crate::field::{RawValue, TextListItem, read_text_list_item};
use crate::ids::UserId;
use crate::validation::error::FieldError;

/// Change that each of many devices gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkAction {
    /// Assigns the device to this user, or clears its assignee.
    Assign(Option<UserId>),
    /// Sets or clears the lifecycle.
    SetLifecycle(Option<Lifecycle>),
    /// Adds the tag at the end, unless the device has it.
    AddTag(Tag),
    /// Removes the tag.
    RemoveTag(Tag),
    /// Archives the device, and frees its values of unique fields.
    Archive,
    /// Restores the device, without its assignee if that user has been deleted.
    Restore,
}

impl BulkAction {
    /// Returns the action that undoes this one for the devices that it changed. A removed tag
    /// returns to the end of the list.
    ///
    /// Returns `None` if the former values are not known: the audit trail does not contain them.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        match self {
            Self::Assign(_) | Self::SetLifecycle(_) => None,
            Self::AddTag(tag) => Some(Self::RemoveTag(tag.clone())),
            Self::RemoveTag(tag) => Some(Self::AddTag(tag.clone())),
            Self::Archive => Some(Self::Restore),
            Self::Restore => Some(Self::Archive),
        }
    }

    /// Returns the kind of the audit events.
    #[must_use]
    pub fn event_action(&self) -> Action {
        match self {
            Self::Assign(_) | Self::SetLifecycle(_) | Self::AddTag(_) | Self::RemoveTag(_) => {
                Action::Updated
            }
            Self::Archive => Action::Deleted,
            Self::Restore => Action::Restored,
        }
    }
}

/// One of the tags of a device: 1 to 100 characters, trimmed. Tags differ if any character does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(TextListItem);

impl Tag {
    /// Parses a tag.
    ///
    /// # Errors
    /// Returns the first rule that the text breaks, as an error of the field `tags`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let read = read_text_list_item(&RawValue::text(text));
        read.map(Self).map_err(|invalid| invalid.at("tags", None))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn item(&self) -> &TextListItem {
        &self.0
    }
}
