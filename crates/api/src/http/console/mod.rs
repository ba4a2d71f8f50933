//! The web console, which this server mounts.

mod errors;
mod host;
mod upload;

use std::sync::Arc;

use actix_web::web;
use devices_web::Console;

use crate::http::state::State;

/// Adds the console to the application, if it is served.
pub(crate) fn routes(state: web::Data<State>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        if state.has_console {
            let host = host::ConsoleHost::new(state);
            app.configure(devices_web::routes(Console::new(Arc::new(host))));
        }
    }
}
