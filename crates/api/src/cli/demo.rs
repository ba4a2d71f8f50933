//! A workspace to try the service with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use devices_adapters::postgres::{Database, PostgresKeys, PostgresStore, PostgresWorkspaces};
use devices_domain::{
    ChangeUserError, Email, KeyRepository, NewApiKey, NewWorkspace, RepositoryError, Scope,
    ShortText, Store, UserFields, Workspace, WorkspaceRepository,
};

use super::{CliError, output};
use crate::secret::KeySecret;

const WORKSPACE: &str = "demo";
const USERS: [(&str, &str, &str); 3] = [
    ("ada@example.com", "Ada", "Lovelace"),
    ("grace@example.com", "Grace", "Hopper"),
    ("alan@example.com", "Alan", "Turing"),
];

/// The keys of the workspace `demo`.
pub(super) struct DemoKeys {
    write: KeySecret,
    read: KeySecret,
}

/// Makes the workspace, its users and its keys, unless they are there. The keys in `file` are kept
/// as long as they work.
pub(super) async fn prepare(
    database: &Database,
    file: &Path,
    most_keys: u32,
) -> Result<DemoKeys, CliError> {
    let workspace = prepare_workspace(database).await?;
    let keys = PostgresKeys::new(database.clone());
    let kept = read(file)?;
    let write = working_key(&keys, &workspace, &kept, Scope::Write, most_keys).await?;
    let read = working_key(&keys, &workspace, &kept, Scope::Read, most_keys).await?;
    let demo_keys = DemoKeys { write, read };
    let text = format!(
        "{}={}\n{}={}\n",
        variable(Scope::Write),
        demo_keys.write.expose(),
        variable(Scope::Read),
        demo_keys.read.expose()
    );
    // Also where nothing changed: whoever loosened the file's mode finds it tight again.
    store(file, &text)?;
    Ok(demo_keys)
}

async fn prepare_workspace(database: &Database) -> Result<Workspace, CliError> {
    let workspaces = PostgresWorkspaces::new(database.clone());
    let store = PostgresStore::new(database.clone());
    let workspace = match workspaces.find(WORKSPACE.to_owned()).await? {
        Some(workspace) => workspace,
        None => create_workspace(&workspaces).await?,
    };
    let known = store.list_users(Some(workspace.id)).await?;
    for (email, first_name, last_name) in USERS {
        if known.iter().any(|user| user.fields.email.as_str() == email) {
            continue;
        }
        let user = UserFields {
            first_name: Some(ShortText::from_trusted(first_name)),
            last_name: Some(ShortText::from_trusted(last_name)),
            ..UserFields::new(Email::from_trusted(email.to_owned()))
        };
        match store
            .for_workspace(workspace.id)
            .users
            .create(user, None)
            .await
        {
            // A process that starts beside this one may have added the user meanwhile.
            Ok(_) | Err(ChangeUserError::EmailTaken(_)) => {}
            Err(ChangeUserError::Repository(error)) => return Err(error.into()),
            Err(error) => return Err(CliError::Refused(error.to_string())),
        }
    }
    Ok(workspace)
}

async fn create_workspace(workspaces: &PostgresWorkspaces) -> Result<Workspace, RepositoryError> {
    let new = NewWorkspace {
        name: WORKSPACE.to_owned(),
        device_limit: None,
    };
    match workspaces.create(new).await? {
        Some(created) => Ok(created),
        // A process that starts beside this one has made it meanwhile.
        None => workspaces
            .find(WORKSPACE.to_owned())
            .await?
            .ok_or_else(|| RepositoryError::Failed("the workspace demo came and went".into())),
    }
}

fn variable(scope: Scope) -> String {
    format!("DEMO_{}_KEY", scope.as_str())
}

/// The key of this scope that is kept, if it still works; else a new one.
async fn working_key(
    keys: &PostgresKeys,
    workspace: &Workspace,
    kept: &str,
    scope: Scope,
    most_keys: u32,
) -> Result<KeySecret, CliError> {
    let kept = kept
        .lines()
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| *name == variable(scope))
        .and_then(|(_, secret)| KeySecret::parse(secret));
    if let Some(secret) = kept.filter(|secret| secret.workspace() == workspace.id) {
        let actor = keys.find_actor(workspace.id, secret.sha256()).await?;
        if actor.is_some_and(|actor| actor.scope == scope) {
            return Ok(secret);
        }
    }
    let secret = KeySecret::generate(workspace.id);
    let key = NewApiKey {
        workspace: workspace.id,
        name: format!("demo {}", scope.as_str().to_lowercase()),
        scope,
        secret: secret.to_stored(),
        expires_at: None,
    };
    keys.create(key, most_keys).await?;
    Ok(secret)
}

fn read(file: &Path) -> Result<String, CliError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(cause) => Err(unusable(file, cause)),
    }
}

/// Readable by its owner alone, and never half-written: it takes the old file's place when it is
/// complete.
fn store(file: &Path, text: &str) -> Result<(), CliError> {
    let unfinished = file.with_extension(format!("{}.tmp", std::process::id()));
    let write = || {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?
            .write_all(text.as_bytes())?;
        std::fs::rename(&unfinished, file)
    };
    write().map_err(|cause| unusable(file, cause))
}

fn unusable(file: &Path, cause: std::io::Error) -> CliError {
    CliError::File {
        path: file.display().to_string(),
        cause,
    }
}

/// Prints a request to paste.
pub(super) fn print(address: &str, file: &Path, keys: &DemoKeys) -> Result<(), CliError> {
    output::line(format_args!(
        "Keys of workspace demo:  {file}\n\n\
         Post twenty devices:\n\n  \
           curl -sS {address}/devices \\\n    \
             -H 'Authorization: Bearer {key}' \\\n    \
             -H 'Content-Type: application/json' \\\n    \
             --data @{example}\n",
        file = file.display(),
        key = keys.write.expose(),
        example = shell_word(&example()),
    ))
}

/// Where the sample batch lies: in full, so that the request can be pasted anywhere.
fn example() -> String {
    let example = Path::new("examples/agent-inventory.json");
    let path = example
        .canonicalize()
        .unwrap_or_else(|_| example.to_owned());
    path.display().to_string()
}

/// The text as a shell reads it back, quoted where it must be.
fn shell_word(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+".contains(&b);
    match text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
