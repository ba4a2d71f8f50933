//! API keys that are managed with a key of their workspace.

mod fields;
mod rotation;
mod rules;
mod state;

pub use fields::NewKeyFields;
pub use rotation::RotationFields;
pub use rules::KeyRestriction;
pub use state::KeyState;
