//! Changes that selected devices can get, by their names in forms.

use devices_domain::{BulkAction, ClientStatus, Lifecycle, Tag, UserId};

use crate::query::Pairs;
use crate::texts::EN;

/// Kind of a change, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActionKind {
    Assign,
    Unassign,
    SetLifecycle,
    ClearLifecycle,
    AddTag,
    RemoveTag,
    Archive,
    Restore,
}

/// A change that a form requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestedAction {
    Complete(BulkAction),
    /// The value is missing or, with an error, invalid.
    Incomplete(Option<String>),
}

impl ActionKind {
    const ALL: [Self; 8] = [
        Self::Assign,
        Self::Unassign,
        Self::SetLifecycle,
        Self::ClearLifecycle,
        Self::AddTag,
        Self::RemoveTag,
        Self::Archive,
        Self::Restore,
    ];

    /// Returns the name in forms and addresses.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Assign => "assign",
            Self::Unassign => "unassign",
            Self::SetLifecycle => "set_lifecycle",
            Self::ClearLifecycle => "clear_lifecycle",
            Self::AddTag => "add_tag",
            Self::RemoveTag => "remove_tag",
            Self::Archive => "archive",
            Self::Restore => "restore",
        }
    }

    /// Returns the name of the parameter with the value of the change, if it has one.
    pub(super) fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Assign => Some("user_id"),
            Self::SetLifecycle => Some("lifecycle"),
            Self::AddTag | Self::RemoveTag => Some("tag"),
            Self::Unassign | Self::ClearLifecycle | Self::Archive | Self::Restore => None,
        }
    }

    /// Returns the text of the button.
    pub(super) fn text(self) -> &'static str {
        let texts = &EN.bulk;
        match self {
            Self::Assign => texts.assign,
            Self::Unassign => texts.unassign,
            Self::SetLifecycle => texts.set_lifecycle,
            Self::ClearLifecycle => texts.clear_lifecycle,
            Self::AddTag => texts.add_tag,
            Self::RemoveTag => texts.remove_tag,
            Self::Archive => texts.archive,
            Self::Restore => texts.restore,
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    pub(super) fn of(action: &BulkAction) -> Self {
        match action {
            BulkAction::Assign(Some(_)) => Self::Assign,
            BulkAction::Assign(None) => Self::Unassign,
            BulkAction::SetLifecycle(Some(_)) => Self::SetLifecycle,
            BulkAction::SetLifecycle(None) => Self::ClearLifecycle,
            BulkAction::AddTag(_) => Self::AddTag,
            BulkAction::RemoveTag(_) => Self::RemoveTag,
            BulkAction::Archive => Self::Archive,
            BulkAction::Restore => Self::Restore,
        }
    }

    /// Reads the value of the change.
    pub(super) fn with_value(self, sent: &Pairs) -> RequestedAction {
        let value = self.parameter().and_then(|name| sent.get(name));
        match self.parse(value) {
            Ok(Some(action)) => RequestedAction::Complete(action),
            Ok(None) => RequestedAction::Incomplete(None),
            Err(error) => RequestedAction::Incomplete(Some(error)),
        }
    }

    fn parse(self, value: Option<&str>) -> Result<Option<BulkAction>, String> {
        let tag = || {
            let tag = value.map(Tag::parse).transpose();
            tag.map_err(|error| error.detail.into_owned())
        };
        Ok(match self {
            Self::Assign => {
                let user = value.and_then(|value| value.parse().ok());
                user.map(|user| BulkAction::Assign(Some(UserId(user))))
            }
            Self::Unassign => Some(BulkAction::Assign(None)),
            Self::SetLifecycle => {
                let lifecycle = value.and_then(Lifecycle::from_name);
                lifecycle.map(|lifecycle| BulkAction::SetLifecycle(Some(lifecycle)))
            }
            Self::ClearLifecycle => Some(BulkAction::SetLifecycle(None)),
            Self::AddTag => tag()?.map(BulkAction::AddTag),
            Self::RemoveTag => tag()?.map(BulkAction::RemoveTag),
            Self::Archive => Some(BulkAction::Archive),
            Self::Restore => Some(BulkAction::Restore),
        })
    }
}

/// Returns the parameters from which [`ActionKind::with_value`] reads the change.
pub(super) fn parameters(action: &BulkAction) -> Vec<(String, String)> {
    let name = ActionKind::of(action);
    let value = match action {
        BulkAction::Assign(user) => user.map(|user| user.to_string()),
        BulkAction::SetLifecycle(lifecycle) => {
            lifecycle.map(|lifecycle| lifecycle.as_str().to_owned())
        }
        BulkAction::AddTag(tag) | BulkAction::RemoveTag(tag) => Some(tag.as_str().to_owned()),
        BulkAction::Archive | BulkAction::Restore => None,
    };
    let mut parameters = vec![("action".to_owned(), name.as_str().to_owned())];
    if let (Some(parameter), Some(value)) = (name.parameter(), value) {
        parameters.push((parameter.to_owned(), value));
    }
    parameters
}

/// Returns the changes that devices in a list with this status can get.
pub(super) fn offered(status: Option<ClientStatus>) -> Vec<ActionKind> {
    let are_archived = status == Some(ClientStatus::Archived);
    let actions = ActionKind::ALL.into_iter();
    actions
        .filter(|action| (*action == ActionKind::Restore) == are_archived)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_survives_its_parameters() {
        let tag = Tag::parse("Room 1").unwrap();
        for action in [
            BulkAction::Assign(Some(UserId(7))),
            BulkAction::Assign(None),
            BulkAction::SetLifecycle(Some(Lifecycle::InMaintenance)),
            BulkAction::SetLifecycle(None),
            BulkAction::AddTag(tag.clone()),
            BulkAction::RemoveTag(tag),
            BulkAction::Archive,
            BulkAction::Restore,
        ] {
            let sent = Pairs(parameters(&action));
            let name = ActionKind::from_name(sent.get("action").unwrap()).unwrap();
            assert_eq!(name.with_value(&sent), RequestedAction::Complete(action));
        }
    }

    #[test]
    fn archived_devices_can_only_be_restored() {
        assert_eq!(offered(Some(ClientStatus::Archived)), [ActionKind::Restore]);
        assert!(!offered(None).contains(&ActionKind::Restore));
    }
}
