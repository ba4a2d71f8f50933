//! Ids of stored objects.

use serde::Serialize;

macro_rules! ids {
    ($($(#[$attribute:meta])* $Id:ident),+ $(,)?) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $Id(pub i64);

        impl std::fmt::Display for $Id {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// Id of a [`Workspace`](crate::Workspace).
    WorkspaceId,
    /// Id of a [`User`](crate::User), unique across all workspaces.
    UserId,
    /// Id of an [`ApiKey`](crate::ApiKey), unique across all workspaces.
    KeyId,
    /// Id of a [`Device`](crate::Device), unique across all workspaces.
    DeviceId,
    /// Id of an [`Enrollment`](crate::Enrollment), unique across all workspaces.
    EnrollmentId,
    /// Id of an [`Event`](crate::Event).
    EventId,
    /// Id of a batch: the id of its first event, unique across all workspaces.
    BatchId,
}
