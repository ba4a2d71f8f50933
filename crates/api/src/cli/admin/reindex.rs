//! Command `reindex`.

use clap::Args;
use devices_domain::{RebuildScope, SearchIndex, Workspace};

use super::Admin;
use super::arguments::parse_label;
use crate::cli::CliError;
use crate::cli::output::{Progress, print_line};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Index only the devices of this workspace
    #[arg(long, value_name = "NAME", value_parser = parse_label)]
    workspace: Option<String>,
    /// Build the search documents of all devices again, also of those that are indexed
    #[arg(long)]
    all: bool,
}

/// Numbers of checked and of indexed devices, over all workspaces.
#[derive(Debug, Default)]
struct Counts {
    checked: usize,
    indexed: usize,
}

impl Admin {
    /// Indexes stored devices. Prints the progress to standard error.
    pub(super) async fn reindex(&self, arguments: Arguments) -> Result<(), CliError> {
        let workspaces = self.find_workspaces(arguments.workspace.as_deref()).await?;
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
            return print_line(serde_json::json!({ "checked": checked, "indexed": indexed }));
        }
        print_line(format_args!("indexed {indexed} of {checked} devices"))
    }

    async fn reindex_workspace(
        &self,
        workspace: &Workspace,
        scope: RebuildScope,
        counts: &mut Counts,
    ) -> Result<(), CliError> {
        let mut after = None;
        let mut progress = Progress::start();
        while let Some(rebuilt) = self.index.rebuild(workspace.id, after, scope).await? {
            after = Some(rebuilt.last);
            counts.checked += rebuilt.checked;
            counts.indexed += rebuilt.built;
            let Counts { checked, indexed } = &*counts;
            progress.report(format_args!(
                "{}: checked {checked} devices, indexed {indexed}",
                workspace.name
            ));
        }
        Ok(())
    }
}
