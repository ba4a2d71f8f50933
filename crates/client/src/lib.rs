//! Blocking HTTP client of the device registry.
//!
//! ```no_run
//! use devices_client::{Client, ImportRequest};
//!
//! let client = Client::new("http://devices.example:8080", "fdk_...")?;
//! let request = ImportRequest {
//!     file_name: "laptops.csv".to_owned(),
//!     file: std::fs::read("laptops.csv")?,
//!     options: serde_json::json!({ "on_conflict": "update" }),
//!     idempotency_key: Some("laptops-2026-11-26".to_owned()),
//! };
//! let plan = client.validate_import(&request)?;
//! println!("{} devices would be created", plan.plan.create);
//! let response = client.import(&request)?;
//! println!("stored as batch {:?}", response.result.batch.id);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **Retries.** Requests that change nothing, and imports with an idempotency key, are retried:
//!   see [`RetryPolicy`].
//! - **Certificates.** The client trusts the certificates that the operating system trusts.
//! - **Proxies.** `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured.
//! - **Redirects** are errors: a redirected request would lose its key or its body.
//! - A response may have members that this version does not know. They are ignored.

mod batches;
mod client;
mod counts;
mod devices;
mod early_response;
mod error;
mod export;
mod import;
mod multipart;
mod page;
mod proxy;
mod retry;
mod transport;

pub use batches::{Batch, BatchKey, KeptDevice, NotUndone, Undo};
pub use client::{Client, Scope};
pub use counts::{PlanCounts, RowCounts};
pub use devices::{Device, DeviceFilter, DeviceKey};
pub use error::{ClientError, ErrorReport, RowError};
pub use export::{Export, ExportFormat};
pub use import::{
    ImportBatch, ImportColumn, ImportPlan, ImportRequest, ImportResponse, ImportResult,
    ImportWarning, ImportedFile, RejectedFormat, RejectedRow,
};
pub use page::{Page, PageRequest};
pub use retry::{Retry, RetryPolicy};
