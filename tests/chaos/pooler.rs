//! Two servers behind PgBouncer in transaction mode, which shares few PostgreSQL connections among
//! many server connections (ADR 20).

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use devices_tests::{
    Cluster, ServerAddress, ServerProcess, binary, race, run_at, set_up_workspace,
};
use postgres::{NoTls, SimpleQueryMessage};
use serde_json::{Value, json};

use crate::Outcome;
use crate::client::Client;

const SERVERS: usize = 2;
/// Connections of each server to PgBouncer.
const SERVER_POOL_SIZE: &str = "16";
/// Connections of PgBouncer to PostgreSQL.
const POOLER_POOL_SIZE: usize = 3;
const CLIENTS: usize = 16;
/// Numbers of devices per batch, used in turn.
const BATCH_SIZES: [usize; 3] = [1, 5, 40];

/// Expected role and settings of the servers' sessions. The settings are ordered by name:
/// isolation, idle in transaction, jit, lock and statement timeout. The last number counts those
/// that a client has SET, which a pooler would hand to another client.
const SESSION: &str = "fleet_devices_serving_devices read committed 3000 off 1000 3000 0";

/// Reads [`SESSION`]. The sleep holds the connection, so that concurrent queries use different
/// ones.
const SESSION_QUERY: &str = "SELECT concat_ws(' ', current_user, \
         string_agg(setting, ' ' ORDER BY name), count(*) FILTER (WHERE source = 'session')) \
         || pg_sleep(1) \
     FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout', \
         'idle_in_transaction_session_timeout', 'jit', 'default_transaction_isolation')";

/// Responses must be the same as without a pooler, every session must have the stored settings, and
/// PgBouncer must open exactly [`POOLER_POOL_SIZE`] connections. All of it must hold again after
/// PgBouncer has reconnected.
pub(crate) fn run(cluster: &Cluster, rounds: usize) -> Outcome {
    let secret = set_up_workspace(cluster.url());
    let user = ["user", "add", "--workspace", "acme", "ada@example.com"];
    let added = run_at(cluster.url(), &user);
    assert_eq!(added.code, 0, "{added:?}");
    cluster.execute("CREATE ROLE app LOGIN IN ROLE fleet_devices_serving_devices");
    let pooler = PgBouncer::start(cluster)?;
    let outcome = check(cluster, &pooler, &Client::new(&secret), rounds);
    outcome.map_err(|error| format!("{error}\n{}", pooler.log()))
}

fn check(cluster: &Cluster, pooler: &PgBouncer, client: &Client, rounds: usize) -> Outcome {
    cluster.execute(&missing_settings_sql(pooler)?);
    pooler.reconnect();
    let url = pooler.server_url();
    let services = [(); SERVERS].map(|()| ServerProcess::start(&url, &SETTINGS));
    let load = Load {
        client,
        addresses: services.iter().map(ServerProcess::address).collect(),
    };
    for phase in ["before", "after"] {
        for round in 0..rounds {
            load.run_round(
                &format!("{phase}-{round}"),
                BATCH_SIZES[round % BATCH_SIZES.len()],
            )?;
        }
        let sessions = race(POOLER_POOL_SIZE, |_| {
            pooler.query("app", "devices", SESSION_QUERY)
        });
        if let Some(session) = sessions.iter().find(|session| *session != SESSION) {
            return Err(format!(
                "a session has the settings {session}, not {SESSION}"
            ));
        }
        let connections = cluster.count("pg_stat_activity WHERE usename = 'app'");
        if connections as usize != POOLER_POOL_SIZE {
            return Err(format!(
                "PgBouncer holds {connections} connections to PostgreSQL, not {POOLER_POOL_SIZE}"
            ));
        }
        pooler.reconnect();
    }
    Ok(format!(
        "{SERVERS} servers of {SERVER_POOL_SIZE} connections each behind {POOLER_POOL_SIZE} of \
         PgBouncer, before and after it reconnected:\n\
         {} batches by {CLIENTS} clients stored and replayed byte for byte, {} races for a serial \
         number with one winner each, all sessions with their settings",
        2 * rounds * CLIENTS,
        2 * rounds
    ))
}

const SETTINGS: [(&str, &str); 3] = [
    ("DEVICES__DATABASE__POOLER", "transaction"),
    ("DEVICES__DATABASE__MIGRATE_ON_START", "false"),
    ("DEVICES__DATABASE__POOL_SIZE", SERVER_POOL_SIZE),
];

/// Starts a server whose role lacks the session settings. It must refuse to serve, and its error
/// message must contain the statements that store them.
fn missing_settings_sql(pooler: &PgBouncer) -> Result<String, String> {
    let mut command = binary();
    command
        .env("DEVICES__DATABASE__URL", pooler.server_url())
        .env("DEVICES__SERVER__PORT", "0")
        .envs(SETTINGS)
        .arg("serve")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut server = command.spawn().expect("the binary can be run");
    let deadline = Instant::now() + Duration::from_secs(30);
    while server.try_wait().is_ok_and(|status| status.is_none()) {
        if Instant::now() > deadline {
            server.kill().expect("the server can be killed");
            return Err("a server whose role lacks the session settings serves".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = server.wait_with_output().expect("stderr can be read");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let statements: Vec<&str> = message
        .split("; ")
        .filter_map(|part| {
            part.find("GRANT ")
                .or(part.find("ALTER ROLE "))
                .map(|at| &part[at..])
        })
        .collect();
    if statements.is_empty() {
        return Err(format!("the error contains no statement: {message}"));
    }
    Ok(statements.join("; "))
}

/// Concurrent clients, spread over the servers.
struct Load<'a> {
    client: &'a Client,
    addresses: Vec<&'a str>,
}

impl Load<'_> {
    /// Makes every client post, retry, read and change devices of its own. Then all clients race
    /// for the same serial number.
    fn run_round(&self, name: &str, batch_size: usize) -> Result<(), String> {
        race(CLIENTS, |number| {
            self.use_own_devices(number, name, batch_size)
        })
        .into_iter()
        .collect::<Result<(), String>>()?;
        let contested = devices([format!("race-{name}")]);
        let statuses = race(CLIENTS, |number| {
            let body = Some(&contested);
            self.send(number, "POST", "/devices", body, None)
                .map(|(status, _)| status)
        });
        let statuses: Vec<u16> = statuses.into_iter().collect::<Result<_, _>>()?;
        let winners = statuses.iter().filter(|status| **status == 201).count();
        if winners != 1 || statuses.iter().any(|status| *status >= 500) {
            return Err(format!("a race for a serial number got {statuses:?}"));
        }
        Ok(())
    }

    fn use_own_devices(&self, number: usize, name: &str, batch_size: usize) -> Result<(), String> {
        let key = format!("{name}-{number}");
        let batch = devices((0..batch_size).map(|row| format!("{key}-{row}")));
        let expect = |response: (u16, String), status: u16, request: &str| {
            if response.0 == status {
                Ok(response.1)
            } else {
                Err(format!("{request} got {} {}", response.0, response.1))
            }
        };
        let post = |server| self.send(server, "POST", "/devices", Some(&batch), Some(&key));
        let first = expect(post(number)?, 201, "a batch")?;
        let stored = serde_json::from_str::<Value>(&first).unwrap_or_default();
        let stored = &stored["data"]["devices"];
        if stored.as_array().map(Vec::len) != Some(batch_size) {
            return Err(format!("a batch of {batch_size} got {first}"));
        }
        // Another server replays the response that this one has stored.
        let replayed = expect(post(number + 1)?, 201, "a retry")?;
        if replayed != first {
            return Err(format!("a retry of {first} got {replayed}"));
        }
        let search = format!("/devices?search={name}");
        for path in ["/devices", &search, "/users", "/readyz"] {
            expect(self.send(number, "GET", path, None, None)?, 200, path)?;
        }
        let path = format!("/devices/{}", stored[0]["id"]);
        let change = json!({"comment": "behind a pooler"});
        let response = self.send(number, "PATCH", &path, Some(&change), None)?;
        expect(response, 200, "a change")?;
        Ok(())
    }

    /// Returns the status and the body.
    fn send(
        &self,
        server: usize,
        method: &str,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> Result<(u16, String), String> {
        let address = self.addresses[server % self.addresses.len()];
        let mut request = self.client.request(method, address, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request
            .send()
            .and_then(|response| Ok((response.status().as_u16(), response.text()?)));
        response.map_err(|error| format!("{method} {path}: {error}"))
    }
}

fn devices(serial_numbers: impl IntoIterator<Item = String>) -> Value {
    let devices = serial_numbers.into_iter().map(|serial_number| {
        json!({
            "name": "XPS 13", "type": "laptop", "category": "computers",
            "user_email": "ada@example.com", "serial_number": serial_number,
        })
    });
    json!({ "devices": devices.collect::<Vec<_>>() })
}

/// A PgBouncer in transaction mode in front of the cluster. Killed when dropped.
struct PgBouncer {
    process: Child,
    /// Directory of its configuration, its log and its socket.
    directory: PathBuf,
}

impl PgBouncer {
    /// Starts `pgbouncer` as the user that runs PostgreSQL: it refuses to run as root, and only
    /// that user may enter the directory of PostgreSQL's socket.
    fn start(cluster: &Cluster) -> Result<Self, String> {
        let program = find_program()?;
        let ServerAddress::UnixSocket(socket) = cluster.server_address() else {
            return Err("the cluster has no unix socket".to_owned());
        };
        let sockets = socket.parent().expect("a socket lies in a directory");
        let directory = sockets.join(format!("pooler-{}", std::process::id()));
        let process = Self::spawn(&program, sockets, &directory);
        let process = process.map_err(|error| format!("{}: {error}", program.display()))?;
        let pooler = Self { process, directory };
        let deadline = Instant::now() + Duration::from_secs(5);
        while !pooler.directory.join(".s.PGSQL.6432").exists() {
            if Instant::now() > deadline {
                return Err(format!("PgBouncer does not start:\n{}", pooler.log()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(pooler)
    }

    fn spawn(program: &Path, sockets: &Path, directory: &Path) -> io::Result<Child> {
        fs::DirBuilder::new().mode(0o700).create(directory)?;
        let users = directory.join("users");
        fs::write(&users, "\"app\" \"\"\n\"devices\" \"\"\n")?;
        let configuration = directory.join("pgbouncer.ini");
        let own = directory.display();
        fs::write(
            &configuration,
            format!(
                "[databases]\n\
                 devices = host={} port=5432\n\
                 [pgbouncer]\n\
                 listen_addr =\n\
                 listen_port = 6432\n\
                 unix_socket_dir = {own}\n\
                 auth_type = trust\n\
                 auth_file = {own}/users\n\
                 admin_users = devices\n\
                 logfile = {own}/log\n\
                 pidfile = {own}/pid\n\
                 log_connections = 0\n\
                 log_disconnections = 0\n\
                 pool_mode = transaction\n\
                 default_pool_size = {POOLER_POOL_SIZE}\n",
                sockets.display()
            ),
        )?;
        let mut command = Command::new(program);
        command
            .arg("-q")
            .arg(&configuration)
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let owner = fs::metadata(sockets)?;
        if fs::metadata(directory)?.uid() != owner.uid() {
            for path in [directory, &users, &configuration] {
                chown(path, Some(owner.uid()), Some(owner.gid()))?;
            }
            command.uid(owner.uid()).gid(owner.gid());
        }
        command.spawn()
    }

    /// URL for the servers.
    fn server_url(&self) -> String {
        let host = self.directory.display().to_string().replace('/', "%2F");
        format!("postgres://app@/devices?host={host}&port=6432")
    }

    /// Makes PgBouncer close its connections to PostgreSQL and open new ones, which take the
    /// settings of the role.
    fn reconnect(&self) {
        self.query("devices", "pgbouncer", "RECONNECT");
    }

    /// Runs a statement and returns the first column of the first row. The admin console
    /// supports only the simple query protocol.
    fn query(&self, user: &str, database: &str, sql: &str) -> String {
        let host = self.directory.display();
        let url = format!("host={host} port=6432 user={user} dbname={database}");
        let messages = postgres::Client::connect(&url, NoTls)
            .and_then(|mut client| client.simple_query(sql))
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let value = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        value.unwrap_or_default()
    }

    /// The last lines of the log.
    fn log(&self) -> String {
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // Both fail if it has ended before.
        drop(self.process.kill());
        drop(self.process.wait());
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// Searches `PATH`, and the directory of system programs where Debian installs PgBouncer.
fn find_program() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join("pgbouncer"))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            "PgBouncer is not installed. Install it with: apt-get install pgbouncer (Debian), or \
             brew install pgbouncer (macOS)."
                .to_owned()
        })
}
