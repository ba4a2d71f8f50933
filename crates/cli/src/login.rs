//! Commands `login` and `logout`.

use std::io::{IsTerminal, Read};

use clap::Args;
use devices_client::{Client, ClientError, RetryPolicy, Scope};
use serde_json::json;

use crate::context::Context;
use crate::credentials::{self, Credentials};
use crate::error::CliError;
use crate::output::print_error_line;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// URL of the server
    #[arg(
        value_name = "URL",
        help = "URL of the server, such as https://devices.example"
    )]
    url: String,
}

/// Checks and stores a URL and a key.
pub(crate) fn run(arguments: Arguments, context: Context) -> Result<(), CliError> {
    // Checks the URL before asking for the key.
    let url = Client::new(&arguments.url, "key")?.url().to_owned();
    let key = read_key()?;
    let client = Client::new(&url, &key)?.with_retries(RetryPolicy {
        max_attempts: 1,
        ..RetryPolicy::default()
    });
    let scope = client.scope().map_err(|error| explain(error, &url))?;
    let credentials = Credentials { url, key };
    let path = credentials::store(&credentials)?;
    let scope_name = match scope {
        Scope::Read => "READ",
        Scope::Write => "WRITE",
    };
    let file = path.to_string_lossy();
    let object = json!({ "url": credentials.url, "scope": scope_name, "file": file });
    context.print(&object, || {
        let mut text = format!("Logged in to {}.", credentials.url);
        if scope == Scope::Read {
            text += " The key may only read: `import` and `undo` need a key with the scope WRITE.";
        }
        text
    })?;
    let overriding = [credentials::URL_VARIABLE, credentials::KEY_VARIABLE];
    for name in overriding {
        if std::env::var_os(name).is_some() {
            print_error_line(format_args!(
                "devices: {name} is set, and overrides the login."
            ));
        }
    }
    Ok(())
}

/// Removes the stored URL and key.
pub(crate) fn forget(context: Context) -> Result<(), CliError> {
    let removed = credentials::remove()?;
    context.print(&json!({ "removed": removed }), || {
        let text = if removed {
            "Removed the stored URL and key."
        } else {
            "Nothing is stored."
        };
        text.to_owned()
    })
}

/// Reads the key from a prompt without echo, or from standard input if that is not a terminal.
fn read_key() -> Result<String, CliError> {
    let unreadable = |error| CliError::Failed(format!("cannot read the key: {error}."));
    let key = if std::io::stdin().is_terminal() {
        rpassword::prompt_password("API key: ").map_err(unreadable)?
    } else {
        let mut text = String::new();
        // A key is short. Anything longer is another file.
        let mut input = std::io::stdin().lock().take(4_096);
        input.read_to_string(&mut text).map_err(unreadable)?;
        text
    };
    let key = key.trim();
    if key.is_empty() {
        return Err(CliError::Usage(
            "the key is empty. Paste it at the prompt, or send it to standard input.".to_owned(),
        ));
    }
    Ok(key.to_owned())
}

/// Names the server in the error of a wrong key.
fn explain(error: ClientError, url: &str) -> CliError {
    if error.status() == Some(401) {
        CliError::Failed(format!(
            "{url} does not accept the key: it is wrong, expired or revoked. Nothing was stored."
        ))
    } else {
        error.into()
    }
}
