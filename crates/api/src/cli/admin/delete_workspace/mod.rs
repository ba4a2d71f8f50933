//! Command `workspace delete`.

mod export_directory;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Args;
use devices_adapters::postgres::Exportable;
use devices_domain::{KeyRepository, Workspace};
use serde_json::json;

use super::arguments::parse_label;
use super::{Admin, confirmation};
use crate::cli::CliError;
use crate::cli::output::{Progress, print_error_line, print_line};
use export_directory::ExportDirectory;
pub(in crate::cli) use export_directory::ExportError;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Name of the workspace
    #[arg(value_parser = parse_label)]
    name: String,
    /// New or empty directory for the export; by default, one named after the workspace and the
    /// date
    #[arg(long, value_name = "DIR", conflicts_with = "no_export")]
    export_to: Option<PathBuf>,
    /// Export nothing
    #[arg(long)]
    no_export: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

/// Numbers of rows by the names of their kinds.
type Counts = BTreeMap<&'static str, u64>;

impl Admin {
    /// Revokes the keys, exports, and then deletes: no request changes what was exported.
    pub(super) async fn delete_workspace(&self, arguments: Arguments) -> Result<(), CliError> {
        let workspace = self.find_workspace(&arguments.name).await?;
        self.deletion.check_privileges().await?;
        let continues = self.deletion.has_begun(workspace.id).await?;
        let directory = (!arguments.no_export).then(|| {
            let default = || default_directory(&workspace);
            let directory = arguments.export_to.clone().unwrap_or_else(default);
            if continues {
                directory_of_rest(&directory)
            } else {
                directory
            }
        });
        let counts = self.count_rows(&workspace).await?;
        if !arguments.yes {
            confirm(&workspace, &counts, directory.as_ref())?;
        }
        if continues {
            print_error_line("The deletion has begun before. It continues with what is left.");
        }
        let directory = directory.map(ExportDirectory::create).transpose()?;
        let operator = self.operator.clone();
        self.deletion.revoke_keys(workspace.id, operator).await?;
        if let Some(directory) = &directory {
            self.export_workspace(&workspace, directory).await?;
        }
        let deleted = self.delete_rows(&workspace).await?;
        let exported_to = directory.as_ref().map(ExportDirectory::path);
        if self.json {
            return print_line(json!({
                "workspace": workspace,
                "rows": counts,
                "deleted_rows": deleted,
                "exported_to": exported_to,
            }));
        }
        if let Some(path) = exported_to {
            print_line(format_args!("Exported to {}", path.display()))?;
        }
        print_line(format_args!(
            "Deleted the workspace \"{}\" with {deleted} rows.",
            workspace.name
        ))
    }

    async fn count_rows(&self, workspace: &Workspace) -> Result<Counts, CliError> {
        let mut counts = Counts::new();
        for rows in Exportable::ALL {
            let count = self.deletion.count(workspace.id, rows).await?;
            counts.insert(rows.name(), count);
        }
        let keys = self.keys.list(Some(workspace.id)).await?;
        counts.insert("api_keys", keys.len() as u64);
        Ok(counts)
    }

    /// Exports all rows, and again if a request has changed some meanwhile: its key was checked
    /// before the keys were revoked.
    async fn export_workspace(
        &self,
        workspace: &Workspace,
        directory: &ExportDirectory,
    ) -> Result<(), CliError> {
        const MAX_PASSES: usize = 10;
        let mut events = self.deletion.settled_event_count(workspace.id).await?;
        for _ in 0..MAX_PASSES {
            let mut counts = Counts::new();
            for rows in Exportable::ALL {
                counts.insert(
                    rows.name(),
                    self.export_rows(workspace, directory, rows).await?,
                );
            }
            let later_events = self.deletion.settled_event_count(workspace.id).await?;
            if later_events == events {
                let manifest = json!({
                    "workspace": workspace,
                    "rows": counts,
                    "exported_at": Utc::now(),
                    "operator": self.operator,
                });
                return Ok(directory.finish(&manifest)?);
            }
            events = later_events;
        }
        Err(CliError::Rejected(
            "requests or commands still change the workspace. Nothing was deleted. Run the command \
             again."
                .to_owned(),
        ))
    }

    async fn export_rows(
        &self,
        workspace: &Workspace,
        directory: &ExportDirectory,
        rows: Exportable,
    ) -> Result<u64, CliError> {
        let mut file = directory.open(rows)?;
        let mut progress = Progress::start();
        let mut exported = 0;
        let mut next = Some(0);
        while let Some(after) = next {
            let page = self.deletion.export_page(workspace.id, rows, after);
            let page = page.await?;
            for line in &page.lines {
                file.write_line(line)?;
            }
            exported += page.lines.len() as u64;
            next = page.next;
            progress.report(format_args!("exported {exported} {}", rows.name()));
        }
        file.finish()?;
        Ok(exported)
    }

    async fn delete_rows(&self, workspace: &Workspace) -> Result<u64, CliError> {
        let mut progress = Progress::start();
        let operator = self.operator.clone();
        let deleted = self
            .deletion
            .delete(workspace.id, operator, |deleted| {
                progress.report(format_args!("deleted {deleted} rows"));
            })
            .await;
        deleted.map_err(|error| {
            print_error_line("warning: the deletion has begun. Run the command again to continue.");
            error.into()
        })
    }
}

/// Returns a name such as `acme-2026-01-31`. Characters that a file name cannot contain on every
/// system become `_`.
fn default_directory(workspace: &Workspace) -> PathBuf {
    let to_safe = |c: char| {
        if c.is_alphanumeric() || "-_".contains(c) {
            c
        } else {
            '_'
        }
    };
    // A file name has at most 255 bytes, and a character up to four.
    let name: String = workspace.name.chars().take(50).map(to_safe).collect();
    format!("{name}-{}", Utc::now().format("%F")).into()
}

/// Returns a new directory beside that of the export: an interrupted deletion has exported what it
/// deleted, and more may have been stored since.
fn directory_of_rest(directory: &Path) -> PathBuf {
    let mut numbered = (1..).map(|number| {
        let mut path = directory.as_os_str().to_owned();
        path.push(format!("-rest-{number}"));
        PathBuf::from(path)
    });
    numbered.find(|path| !path.exists()).unwrap_or_default()
}

/// Shows what will be deleted, and asks on the terminal.
///
/// # Errors
/// `Rejected` if the answer is not the name, or if there is no terminal.
fn confirm(
    workspace: &Workspace,
    counts: &Counts,
    directory: Option<&PathBuf>,
) -> Result<(), CliError> {
    let name = &workspace.name;
    print_error_line(format_args!("The workspace \"{name}\" has:"));
    for (rows, count) in counts {
        print_error_line(format_args!("  {count} {}", rows.replace('_', " ")));
    }
    print_error_line(match directory {
        Some(directory) => format!("It is exported to {} first.", directory.display()),
        None => "It is not exported.".to_owned(),
    });
    let question = "Type the name of the workspace to delete it for good: ";
    if confirmation::ask("a deletion", question, name)? {
        Ok(())
    } else {
        Err(CliError::Rejected("nothing was deleted.".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use devices_domain::WorkspaceId;

    use super::*;

    #[test]
    fn default_directory_is_a_plain_file_name() {
        let name = format!("../Acme & Söhne {}", "x".repeat(300));
        let workspace = Workspace {
            id: WorkspaceId(1),
            name,
            device_limit: None,
            created_at: DateTime::UNIX_EPOCH,
        };
        let directory = default_directory(&workspace);
        let text = directory.to_str().unwrap();
        assert!(text.starts_with("___Acme___Söhne_x"), "{text}");
        assert!(
            text.len() < 100 && !text.contains(['/', '.', ' ']),
            "{text}"
        );
    }
}
