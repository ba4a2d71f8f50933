//! `/devices`.

mod change;
mod create;
mod export;
mod filter;
mod import;
mod read;
mod upsert;
mod validate;

pub(crate) use change::{delete, restore, update};
pub(crate) use create::create;
pub(crate) use export::export;
pub(crate) use import::{run as import, validate as validate_import};
pub(crate) use read::{get, list};
pub(crate) use validate::validate;
