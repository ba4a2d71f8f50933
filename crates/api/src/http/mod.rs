//! The HTTP side: reads requests, calls a use case, writes answers.

mod access;
mod bind;
mod body;
mod carried_out;
mod description;
mod devices;
mod digest;
mod enrollments;
mod fading;
mod failures;
mod figures;
mod health;
mod json;
mod lists;
mod parameters;
mod places;
mod preference;
mod problem;
mod rate_limit;
mod request_log;
mod routes;
mod server;
mod state;
mod unread_body;
mod users;

pub use bind::BindError;
pub use devices::{read_batch, tell_created};
pub use figures::{Connections, Figures, FiguresServer};
pub use problem::Problem;
pub use routes::app;
pub use server::Server;
pub use state::{Ports, State};
