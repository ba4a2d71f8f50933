//! The use cases over the repository ports.

pub(crate) mod create_devices;
pub(crate) mod restore_device;
pub(crate) mod update_device;
pub(crate) mod upsert_devices;
