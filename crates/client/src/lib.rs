//! HTTP client of the device registry.
