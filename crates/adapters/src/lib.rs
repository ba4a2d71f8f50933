//! The ports of `devices-domain` on PostgreSQL, through Diesel.

// Written by `make schema-update`; names and columns explain themselves in the migrations.
#[allow(missing_docs, unreachable_pub)]
#[rustfmt::skip]
mod schema;

pub mod postgres;
