//! What the handlers work with.

use std::sync::Arc;

use devices_domain::{DeviceRepositories, KeyRepository, StoreHealth};
use tokio::sync::Semaphore;

use crate::settings::Limits;

/// What the handlers work with.
pub struct State {
    pub(super) devices: Arc<dyn DeviceRepositories>,
    pub(super) keys: Arc<dyn KeyRepository>,
    pub(super) store: Arc<dyn StoreHealth>,
    pub(super) limits: Limits,
    /// As many permits as large bodies may be held at once.
    pub(super) large_bodies: Arc<Semaphore>,
}

impl State {
    /// Where devices are stored, whose keys open what, whether the store can be used, and what a
    /// request may cost.
    pub fn new(
        devices: Arc<dyn DeviceRepositories>,
        keys: Arc<dyn KeyRepository>,
        store: Arc<dyn StoreHealth>,
        limits: Limits,
    ) -> Self {
        Self {
            devices,
            keys,
            store,
            limits,
            large_bodies: Arc::new(Semaphore::new(limits.large_bodies)),
        }
    }
}
