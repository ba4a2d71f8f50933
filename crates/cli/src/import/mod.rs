//! Command `import`: from a spreadsheet to the registry, and back with the errors.

mod arguments;
mod columns_table;
mod explain;
mod file_version;
mod fingerprint;
mod mapping_file;
mod options;
mod outcome;
mod parts;
mod plan;
mod rejected_file;
mod rejected_rows;
mod reporter;
mod run;
mod whole;
mod wording;

pub(crate) use arguments::Arguments;

use run::Import;
use whole::WholeImport;

use crate::confirmation;
use crate::context::Context;
use crate::error::CliError;

/// Size up to which a file is sent as it is. The default limit of servers.
const MAX_WHOLE_BYTES: u64 = 16 << 20;

/// Imports a file: as it is within the limits of the server, otherwise in parts.
pub(crate) fn run(arguments: &Arguments, context: Context) -> Result<(), CliError> {
    if !arguments.run.yes && !arguments.run.dry_run {
        confirmation::require_terminal(context)?;
    }
    let import = Import::new(arguments, context)?;
    if import.file_size()? <= MAX_WHOLE_BYTES && whole::import(&import)? == WholeImport::Done {
        return Ok(());
    }
    parts::import(&import)
}
