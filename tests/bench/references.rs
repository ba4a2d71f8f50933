//! PostgreSQL without the service: the same devices in the same table, as the owner of the table,
//! from rows that are encoded beforehand.

use std::error::Error;
use std::io::{Read, Write};

use postgres::types::{Format, IsNull, ToSql, Type, private::BytesMut};
use postgres::{Client, NoTls, Statement};

use devices_tests::payload::{DEVICES, RequestTemplate, SERIAL_WIDTH, serial};

/// Row in the format of binary COPY: the bytes of each column, `None` for NULL.
type Row = Vec<Option<Vec<u8>>>;

/// The payload's devices as they are stored.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// Header of binary COPY (<https://www.postgresql.org/docs/15/sql-copy.html>): signature, flags, no
/// extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

const TRAILER: &[u8] = &[0xff, 0xff];

pub(crate) fn connect(url: &str) -> Client {
    Client::connect(url, NoTls).expect("the database accepts connections")
}

/// Returns the columns of `devices` except the timestamps, which the server sets.
pub(crate) fn columns(client: &mut Client) -> Vec<String> {
    let rows = client.query(
        "SELECT column_name::text FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name = 'devices' \
           AND column_name NOT IN ('created_at', 'updated_at', 'deleted_at') \
         ORDER BY ordinal_position",
        &[],
    );
    let rows = rows.expect("the catalog can be read");
    rows.iter().map(|row| row.get(0)).collect()
}

impl Rows {
    /// Reads devices that a server has stored, by binary COPY.
    pub(crate) fn read(client: &mut Client) -> Self {
        let columns = columns(client);
        let copy = format!(
            "COPY (SELECT {} FROM devices ORDER BY id LIMIT {DEVICES}) TO STDOUT (FORMAT binary)",
            columns.join(", ")
        );
        let mut bytes = Vec::new();
        let mut reader = client.copy_out(&copy).expect("the devices can be read");
        reader
            .read_to_end(&mut bytes)
            .expect("the devices can be read");
        drop(reader);
        let mut rest = &bytes[HEADER.len()..];
        let mut take = |count: usize| {
            let (bytes, remainder) = rest.split_at(count);
            rest = remainder;
            bytes
        };
        let mut rows = Vec::new();
        while let Ok(fields) = u16::try_from(read_i16(take(2))) {
            let field = |_| {
                let length = usize::try_from(read_i32(take(4))).ok()?;
                Some(take(length).to_vec())
            };
            rows.push((0..fields).map(field).collect());
        }
        assert_eq!(rows.len(), DEVICES, "the server has stored the payload");
        Self { columns, rows }
    }

    fn column(&self, name: &str) -> usize {
        let index = self.columns.iter().position(|column| column == name);
        index.expect("devices have this column")
    }

    /// Returns the devices as rows of a workspace.
    fn in_workspace(&self, workspace_id: i64) -> Vec<Row> {
        let column = self.column("workspace_id");
        let mut rows = self.rows.clone();
        for row in &mut rows {
            row[column] = Some(workspace_id.to_be_bytes().to_vec());
        }
        rows
    }

    /// Encodes the first `count` devices for COPY. Returns them with the offsets of their ids.
    fn encode(&self, count: usize, workspace_id: i64) -> (RequestTemplate, Vec<usize>) {
        let id = self.column("id");
        let serials = ["serial_number", "serial_number_folded"].map(|name| self.column(name));
        let mut numbered = RequestTemplate {
            bytes: HEADER.to_vec(),
            serial_offsets: Vec::new(),
        };
        let mut ids = Vec::new();
        for row in &self.in_workspace(workspace_id)[..count] {
            let bytes = &mut numbered.bytes;
            bytes.extend((row.len() as i16).to_be_bytes());
            let mut offsets = Vec::new();
            for (column, value) in row.iter().enumerate() {
                let length = value.as_ref().map_or(-1, |value| value.len() as i32);
                bytes.extend(length.to_be_bytes());
                if column == id {
                    ids.push(bytes.len());
                } else if serials.contains(&column) {
                    assert_eq!(length as usize, SERIAL_WIDTH);
                    offsets.push(bytes.len());
                }
                bytes.extend(value.iter().flatten());
            }
            numbered.serial_offsets.push(offsets);
        }
        numbered.bytes.extend(TRAILER);
        (numbered, ids)
    }

    /// Returns a worker with a connection of its own that reserves ids and copies `count` devices
    /// per call.
    pub(crate) fn copier(
        &self,
        url: &str,
        workspace_id: i64,
        count: usize,
    ) -> impl FnMut() -> bool + Send + use<> {
        let mut client = connect(url);
        let (mut rows, id_offsets) = self.encode(count, workspace_id);
        let reserve =
            client.prepare("SELECT nextval('devices_id_seq') FROM generate_series(1, $1::int)");
        let reserve = reserve.expect("the statement is valid");
        let copy = format!(
            "COPY devices ({}) FROM STDIN (FORMAT binary)",
            self.columns.join(", ")
        );
        let copy = client.prepare(&copy).expect("the statement is valid");
        move || {
            rows.assign_new_serials();
            let copied = copy_rows(&mut client, &reserve, &copy, &mut rows.bytes, &id_offsets);
            copied.is_ok_and(|copied| copied == count as u64)
        }
    }

    /// Returns a worker with a connection of its own that inserts one device per call, by a
    /// prepared statement.
    pub(crate) fn inserter(
        &self,
        url: &str,
        workspace_id: i64,
    ) -> impl FnMut() -> bool + Send + use<> {
        let mut client = connect(url);
        let id = self.column("id");
        let columns = self.columns.iter().enumerate();
        let columns: Vec<&str> = columns
            .filter(|(column, _)| *column != id)
            .map(|(_, name)| name.as_str())
            .collect();
        let values: Vec<_> = (1..=columns.len())
            .map(|number| format!("${number}"))
            .collect();
        let insert = client.prepare(&format!(
            "INSERT INTO devices ({}) VALUES ({})",
            columns.join(", "),
            values.join(", ")
        ));
        let insert = insert.expect("the statement is valid");
        let serials = ["serial_number", "serial_number_folded"]
            .map(|name| columns.iter().position(|column| *column == name));
        let mut rows: Vec<Vec<Encoded>> = Vec::new();
        for row in &self.in_workspace(workspace_id) {
            let values = row.iter().enumerate().filter(|(column, _)| *column != id);
            rows.push(values.map(|(_, value)| Encoded(value.clone())).collect());
        }
        let mut next = 0;
        let mut serial_number = RequestTemplate {
            bytes: serial(0).into_bytes(),
            serial_offsets: vec![vec![0]],
        };
        move || {
            serial_number.assign_new_serials();
            let row = &mut rows[next % DEVICES];
            next += 1;
            for column in serials.into_iter().flatten() {
                row[column] = Encoded(Some(serial_number.bytes.clone()));
            }
            let values: Vec<&(dyn ToSql + Sync)> = row
                .iter()
                .map(|value| value as &(dyn ToSql + Sync))
                .collect();
            client.execute(&insert, &values).is_ok()
        }
    }
}

/// Returns a worker with a connection of its own that reads one device after the other, by a
/// prepared statement.
pub(crate) fn selector(
    url: &str,
    workspace_id: i64,
    ids: Vec<i64>,
) -> impl FnMut() -> bool + Send + use<> {
    let mut client = connect(url);
    let select = client.prepare("SELECT * FROM devices WHERE workspace_id = $1 AND id = $2");
    let select = select.expect("the statement is valid");
    let mut ids = ids.into_iter().cycle();
    move || {
        let id = ids.next().unwrap_or_default();
        let row = client.query_opt(&select, &[&workspace_id, &id]);
        row.is_ok_and(|row| row.is_some())
    }
}

/// Returns a worker with a connection of its own that changes one field of one device after the
/// other, and its time of change, by a prepared statement.
pub(crate) fn updater(
    url: &str,
    workspace_id: i64,
    ids: Vec<i64>,
) -> impl FnMut() -> bool + Send + use<> {
    let mut client = connect(url);
    let update = client.prepare(
        "UPDATE devices SET color = $3, updated_at = now() WHERE workspace_id = $1 AND id = $2",
    );
    let update = update.expect("the statement is valid");
    let mut changes = (1_u64..).zip(ids.into_iter().cycle());
    move || {
        let (number, id) = changes.next().unwrap_or_default();
        let color = format!("color {number}");
        let updated = client.execute(&update, &[&workspace_id, &id, &color]);
        updated.is_ok_and(|updated| updated == 1)
    }
}

fn read_i16(bytes: &[u8]) -> i16 {
    i16::from_be_bytes([bytes[0], bytes[1]])
}

fn read_i32(bytes: &[u8]) -> i32 {
    i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn copy_rows(
    client: &mut Client,
    reserve: &Statement,
    copy: &Statement,
    bytes: &mut [u8],
    id_offsets: &[usize],
) -> Result<u64, postgres::Error> {
    let ids = client.query(reserve, &[&(id_offsets.len() as i32)])?;
    for (row, offset) in ids.iter().zip(id_offsets) {
        let id: i64 = row.get(0);
        bytes[*offset..offset + 8].copy_from_slice(&id.to_be_bytes());
    }
    let mut writer = client.copy_in(copy)?;
    writer.write_all(bytes).expect("COPY accepts the rows");
    writer.finish()
}

/// Value in PostgreSQL's binary format, of any type.
#[derive(Debug)]
struct Encoded(Option<Vec<u8>>);

impl ToSql for Encoded {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(ty, out)
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }
}
