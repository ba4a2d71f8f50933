//! What the handlers work with.

use std::sync::Arc;

use devices_domain::{DeviceRepositories, KeyRepository, StoreHealth};

use crate::settings::Limits;

/// What the handlers work with.
pub struct State {
    /// Where devices are stored.
    pub devices: Arc<dyn DeviceRepositories>,
    /// Whose keys open what.
    pub keys: Arc<dyn KeyRepository>,
    /// Whether the store can be used.
    pub store: Arc<dyn StoreHealth>,
    /// What a request may cost.
    pub limits: Limits,
}
