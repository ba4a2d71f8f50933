//! Exports of devices: the steps that all inbound adapters of the server share, without HTTP.
//!
//! [`attribute_keys`] returns the columns of the attributes, and [`Export`] reads the devices and
//! encodes them as chunks. Permits and the audit record of an export stay with its caller, which
//! records an export before it reads the first device.

mod columns;
mod encoder;
mod export;
mod format;
mod json;
mod sheet;
#[cfg(test)]
mod test_support;

pub use columns::{AttributeKeysError, MAX_ATTRIBUTE_COLUMNS, attribute_keys};
pub use encoder::{EncodeError, Encoder};
pub use export::Export;
pub use format::ExportFormat;
pub use sheet::{MAX_SHEET_DEVICES, SheetTooSmall, check_sheet_size};
