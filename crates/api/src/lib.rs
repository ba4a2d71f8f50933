//! The HTTP service and its admin commands. [`cli`] wires them to PostgreSQL; everything else
//! knows the ports of `devices-domain` only.

pub mod cli;
pub mod http;
pub mod secret;
pub mod settings;
