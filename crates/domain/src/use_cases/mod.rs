//! The use cases over the repository ports.

pub(crate) mod create_devices;
pub(crate) mod update_device;
