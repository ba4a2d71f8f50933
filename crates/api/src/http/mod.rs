//! HTTP: reads requests, calls use cases, and writes responses.

mod authentication;
mod bind;
mod connections;
mod console;
mod event_waits;
mod extract;
mod handlers;
mod limits;
mod metrics;
mod middleware;
mod request_context;
mod request_span;
mod respond;
mod routes;
mod server;
mod state;

pub use bind::BindError;
pub use event_waits::EventWaits;
pub use extract::device_batch::read as read_batch;
pub use metrics::{MetricsRecorder, MetricsServer, UpdateGauges};
pub use respond::api_error::ApiError;
pub use respond::created_devices::render as render_created;
pub use routes::app;
pub use server::Server;
pub use state::{Ports, State};
