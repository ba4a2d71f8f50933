//! Quotas: limits of what each workspace stores beside its devices.

/// Maximum numbers per workspace. Concurrent requests may exceed a quota by what they add, except
/// that of keys.
///
/// The device limit of a workspace is a business rule, and exact. Quotas only keep a workspace from
/// filling the disk that all share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Active users.
    pub users: u64,
    /// Active enrolments.
    pub enrollments: u64,
    /// Active keys, without those that will retire after a rotation.
    pub keys: u32,
    /// Bytes of the responses stored under idempotency keys.
    pub response_bytes: u64,
}
