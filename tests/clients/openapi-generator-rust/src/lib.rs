//! Documentation tests of the generated types: right values compile, and wrong values do not.
//!
//! ```
//! use fleet_devices::models::{KeyboardLayout, NewDevice};
//! let mut device = NewDevice::new("LT-0412".into(), "laptop".into(), "computers".into());
//! device.user_id = Some(Some(7));
//! device.keyboard_layout = Some(Some(KeyboardLayout::FrenchAzerty));
//! ```
//!
//! ```compile_fail,E0308
//! use fleet_devices::models::NewDevice;
//! let mut device = NewDevice::new("LT-0412".into(), "laptop".into(), "computers".into());
//! device.user_id = Some(Some("seven"));
//! ```
//!
//! ```compile_fail,E0308
//! use fleet_devices::models::NewDevice;
//! let mut device = NewDevice::new("LT-0412".into(), "laptop".into(), "computers".into());
//! device.keyboard_layout = Some(Some("QWERTY"));
//! ```
