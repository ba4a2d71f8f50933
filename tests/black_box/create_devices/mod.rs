//! `POST /devices`.

mod accepted;
mod conflicts;
mod idempotency;
mod invalid_body;
