//! Pages: handlers, and the data of their templates.

pub(crate) mod activity;
pub(crate) mod batches;
pub(crate) mod device;
pub(crate) mod devices;
pub(crate) mod enrollments;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod overview;
pub(crate) mod paging;
pub(crate) mod sign_in;
pub(crate) mod users;
