//! Failures of commands, and their exit statuses.

use std::io;
use std::path::PathBuf;

use devices_client::ClientError;
use serde_json::{Value, json};

/// Failure of a command. The message states the problem and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error("{0}{hint}", hint = hint(.0))]
    Client(ClientError),
    #[error("{0}")]
    Failed(String),
    /// Rows were rejected. The command has printed which.
    #[error("{0}")]
    RowsRejected(String),
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("cannot print: {0}")]
    Output(io::Error),
}

/// Exit status of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitStatus {
    /// The command failed, or rows were rejected.
    Failed = 1,
    /// An argument is invalid. clap uses the same status.
    Usage = 2,
    /// The server is not reachable or not available.
    Unreachable = 3,
}

impl CliError {
    pub(crate) fn exit_status(&self) -> u8 {
        let status = match self {
            Self::Usage(_)
            | Self::Client(
                ClientError::InvalidUrl(_) | ClientError::InvalidKey | ClientError::InvalidProxy(_),
            ) => ExitStatus::Usage,
            // A proxy responds for a server that it does not reach.
            Self::Client(
                ClientError::Unreachable { .. }
                | ClientError::Status {
                    status: 502..=504, ..
                },
            ) => ExitStatus::Unreachable,
            _ => ExitStatus::Failed,
        };
        status as u8
    }

    /// Returns the error as a JSON object, for programs.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = json!({ "error": self.to_string() });
        if let Self::Client(ClientError::Status {
            status,
            code,
            request_id,
            ..
        }) = self
        {
            object["status"] = json!(status);
            object["code"] = json!(code);
            object["request_id"] = json!(request_id);
        }
        object
    }
}

/// Returns what the user can do about an error of the server.
fn hint(error: &ClientError) -> &'static str {
    if error.status() == Some(401) {
        ". Run `devices login URL`, or correct DEVICES_KEY"
    } else {
        ""
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}
