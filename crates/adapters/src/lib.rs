//! The ports of `devices-domain` on PostgreSQL, through Diesel.

pub mod postgres;
