//! Command `reindex`.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use devices_domain::{RebuildScope, SearchIndex, Workspace, WorkspaceRepository};

use super::{Admin, CliError, output};

/// Interval between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Only this workspace [default: all workspaces]
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
    /// Build the search documents of all devices again, also of those that are indexed
    #[arg(long)]
    all: bool,
}

/// Numbers of devices.
#[derive(Debug, Default)]
struct Counts {
    checked: usize,
    indexed: usize,
}

impl Admin {
    /// Indexes stored devices. Prints the progress to standard error.
    pub(super) async fn reindex(&self, arguments: Arguments) -> Result<(), CliError> {
        let workspaces = match self.find_optional_workspace(arguments.workspace).await? {
            Some(workspace) => vec![workspace],
            None => self.workspaces.list().await?,
        };
        let scope = if arguments.all {
            RebuildScope::All
        } else {
            RebuildScope::Missing
        };
        let mut counts = Counts::default();
        for workspace in workspaces {
            self.reindex_workspace(&workspace, scope, &mut counts)
                .await?;
        }
        let Counts { checked, indexed } = counts;
        if self.json {
            return output::print_line(serde_json::json!({"checked": checked, "indexed": indexed}));
        }
        output::print_line(format_args!("indexed {indexed} of {checked} devices"))
    }

    async fn reindex_workspace(
        &self,
        workspace: &Workspace,
        scope: RebuildScope,
        counts: &mut Counts,
    ) -> Result<(), CliError> {
        let mut after = None;
        let mut printed_at = Instant::now();
        while let Some(rebuilt) = self.index.rebuild(workspace.id, after, scope).await? {
            after = Some(rebuilt.last);
            counts.checked += rebuilt.checked;
            counts.indexed += rebuilt.built;
            if printed_at.elapsed() >= PROGRESS_INTERVAL {
                printed_at = Instant::now();
                let Counts { checked, indexed } = counts;
                let name = &workspace.name;
                // Progress that cannot be printed is no reason to stop.
                drop(writeln!(
                    std::io::stderr(),
                    "{name}: checked {checked} devices, indexed {indexed}"
                ));
            }
        }
        Ok(())
    }
}
