//! The schema, the role that serves, and checks at startup.

pub(crate) mod migrations;
pub(crate) mod serving_role;
pub(crate) mod startup_checks;
// Written by `make schema-update`; names and columns explain themselves in the migrations.
#[allow(missing_docs, unreachable_pub)]
#[rustfmt::skip]
pub(crate) mod tables;
