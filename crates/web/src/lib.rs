//! The web console: an inbound adapter that renders pages for people on the server.
//!
//! The pages call the ports and use cases of `devices_domain` directly. The server that mounts the
//! console provides the rest through [`Host`]: authentication, rate limits, and limits of bodies
//! and of concurrent work.

mod assets;
mod error;
mod fields;
mod form;
mod frame;
mod host;
mod pages;
mod query;
mod respond;
mod response_headers;
mod routes;
mod run_to_completion;
mod same_origin;
mod session;
mod texts;

pub use error::ConsoleError;
pub use host::{Console, Host, NewKeySecret, NewSession, Permit, Upload};
pub use routes::routes;
pub use session::SignedIn;

/// Path under which the console is served.
pub const PATH: &str = "/ui";
