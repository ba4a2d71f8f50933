//! Command `import`.

mod arguments;

pub(crate) use arguments::Arguments;

use crate::context::Context;
use crate::error::CliError;

/// Imports a file.
pub(crate) fn run(_arguments: Arguments, _context: Context) -> Result<(), CliError> {
    Err(CliError::Failed("import is not available yet".to_owned()))
}
