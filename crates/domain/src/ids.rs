//! The numbers that things are known by.

use serde::Serialize;

macro_rules! ids {
    ($($(#[$doc:meta])* $Id:ident),+ $(,)?) => {$(
        $(#[$doc])*
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
    /// The number of a [`Workspace`](crate::Workspace).
    WorkspaceId,
    /// The number of a [`User`](crate::User), unique over all workspaces.
    UserId,
    /// The number of an [`ApiKey`](crate::ApiKey), unique over all workspaces.
    KeyId,
    /// The number of a [`Device`](crate::Device), unique over all workspaces.
    DeviceId,
    /// The number of an [`Enrollment`](crate::Enrollment), unique over all workspaces.
    EnrollmentId,
    /// The number of an [`Event`](crate::Event).
    EventId,
}
