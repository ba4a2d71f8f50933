//! Changes of many selected devices: selection, confirmation and result.
//!
//! The addresses of the confirmation and of the result contain the devices, so that reload and back
//! are harmless. Only [`run`](run::run) changes devices.

mod confirm;
mod result;
mod run;
mod select;

pub(super) use confirm::confirm;
pub(super) use result::result;
pub(super) use run::run;
pub(super) use select::select;

use super::action::ActionKind;
use super::address::{DEVICES, address, relative};
use super::selection::Selection;
use crate::error::ConsoleError;
use crate::query::Pairs;

/// Path of the confirmation, relative to that of the console.
const BULK: &str = "/devices/bulk";

/// Parameter with the time of the last change of the confirmed devices, in microseconds since 1970.
const SEEN: &str = "seen";

/// A change of selected devices, without its value.
struct BulkRequest {
    action: ActionKind,
    selection: Selection,
    /// Query of the list from which the devices were selected.
    back: String,
}

impl BulkRequest {
    fn read(sent: &Pairs) -> Result<Self, ConsoleError> {
        let action = sent.get("action").and_then(ActionKind::from_name);
        let selection = sent.get("devices").and_then(Selection::decode);
        match (action, selection) {
            (Some(action), Some(selection)) => Ok(Self {
                action,
                selection,
                back: sent.get("back").unwrap_or_default().to_owned(),
            }),
            _ => Err(ConsoleError::MalformedForm("no action or no devices")),
        }
    }

    /// Returns the address of the list from which the devices were selected.
    fn back_address(&self) -> String {
        let back = Pairs::parse(self.back.as_bytes()).unwrap_or_default();
        address(DEVICES, &back).unwrap_or_else(|| format!("{}{DEVICES}", crate::PATH))
    }
}

/// Returns the parameters of a change, for an address or a form.
fn parameters(action: Vec<(String, String)>, selection: &Selection, back: &str) -> Pairs {
    let mut pairs = action;
    pairs.push(("devices".to_owned(), selection.encode()));
    if !back.is_empty() {
        pairs.push(("back".to_owned(), back.to_owned()));
    }
    Pairs(pairs)
}

/// Returns the address of a page about a change, relative to the console. Without the list to go
/// back to, if it were too long.
fn bulk_address(
    path: &str,
    action: Vec<(String, String)>,
    selection: &Selection,
    back: &str,
) -> String {
    let with_back = parameters(action.clone(), selection, back);
    relative(path, &with_back).unwrap_or_else(|| {
        let query = parameters(action, selection, "").encode();
        format!("{path}?{query}")
    })
}
