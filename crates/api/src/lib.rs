//! HTTP service and admin commands. [`cli`] wires them to PostgreSQL. All other modules use only
//! the ports of `devices-domain`.

pub mod build;
pub mod cli;
mod created_key;
pub mod http;
pub mod jobs;
pub mod secret;
pub mod settings;
