//! Every page of the console in every state: empty, full, with errors, and with texts that are
//! long, written from right to left, or look like markup.
//!
//! [`Browser::check_views`] checks each page in light and dark colours and at a width of 320
//! pixels, which is also the layout of 1280 pixels at a zoom of 400 %.

mod data;
mod empty;
mod errors;
mod fleet;
mod full;
mod keyboard;
