//! Batches whose rows may match stored devices.

mod options;

pub use options::{BatchOptions, Nulls, OnConflict};
