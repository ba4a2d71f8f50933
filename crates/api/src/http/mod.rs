//! The HTTP side: reads requests, calls a use case, writes answers.

mod access;
mod body;
mod description;
mod devices;
mod health;
mod problem;
mod request_log;
mod routes;
mod server;
mod state;
mod unread_body;

pub use problem::Problem;
pub use routes::app;
pub use server::{BindError, Server};
pub use state::State;
