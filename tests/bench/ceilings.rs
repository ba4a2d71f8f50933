//! What PostgreSQL does without a service before it: the same devices into the same table, as the
//! table's owner, from rows that were encoded beforehand.

use std::error::Error;
use std::io::{Read, Write};

use postgres::types::{Format, IsNull, ToSql, Type, private::BytesMut};
use postgres::{Client, NoTls, Statement};

use devices_tests::payload::{DEVICES, Numbered, SERIAL_WIDTH, serial};

/// A row in the format of binary COPY: of each column its bytes, or none.
type Row = Vec<Option<Vec<u8>>>;

/// The stored form of the devices that are sent, by the columns' names.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// The header of binary COPY (<https://www.postgresql.org/docs/15/sql-copy.html>): signature, flags, and
/// no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

const TRAILER: &[u8] = &[0xff, 0xff];

pub(crate) fn connect(url: &str) -> Client {
    Client::connect(url, NoTls).expect("the database can be reached")
}

/// The names of a device's columns, but those that a server fills in itself.
pub(crate) fn columns(client: &mut Client) -> Vec<String> {
    let listed = client.query(
        "SELECT column_name::text FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name = 'devices' \
           AND column_name NOT IN ('created_at', 'updated_at', 'deleted_at') \
         ORDER BY ordinal_position",
        &[],
    );
    let listed = listed.expect("the catalog can be read");
    listed.iter().map(|row| row.get(0)).collect()
}

impl Rows {
    /// As PostgreSQL itself writes them, of devices that a server has stored.
    pub(crate) fn read(client: &mut Client) -> Self {
        let columns = columns(client);
        let copy = format!(
            "COPY (SELECT {} FROM devices ORDER BY id LIMIT {DEVICES}) TO STDOUT (FORMAT binary)",
            columns.join(", ")
        );
        let mut bytes = Vec::new();
        let mut reader = client.copy_out(&copy).expect("devices can be copied");
        reader.read_to_end(&mut bytes).expect("all of them come");
        drop(reader);
        let mut rest = &bytes[HEADER.len()..];
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at(count);
            rest = left;
            taken
        };
        let mut rows = Vec::new();
        while let Ok(fields) = u16::try_from(read_i16(take(2))) {
            let field = |_| {
                let length = usize::try_from(read_i32(take(4))).ok()?;
                Some(take(length).to_vec())
            };
            rows.push((0..fields).map(field).collect());
        }
        assert_eq!(rows.len(), DEVICES, "a server stored them all");
        Self { columns, rows }
    }

    fn column(&self, name: &str) -> usize {
        let found = self.columns.iter().position(|column| column == name);
        found.expect("devices have this column")
    }

    /// The first `count` devices, as COPY takes them; the places of their ids.
    fn encode(&self, count: usize) -> (Numbered, Vec<usize>) {
        let id = self.column("id");
        let serials = ["serial_number", "serial_number_folded"].map(|name| self.column(name));
        let mut numbered = Numbered {
            bytes: HEADER.to_vec(),
            places: Vec::new(),
        };
        let mut ids = Vec::new();
        for row in &self.rows[..count] {
            let bytes = &mut numbered.bytes;
            bytes.extend((row.len() as i16).to_be_bytes());
            let mut places = Vec::new();
            for (place, value) in row.iter().enumerate() {
                let length = value.as_ref().map_or(-1, |value| value.len() as i32);
                bytes.extend(length.to_be_bytes());
                if place == id {
                    ids.push(bytes.len());
                } else if serials.contains(&place) {
                    assert_eq!(length as usize, SERIAL_WIDTH);
                    places.push(bytes.len());
                }
                bytes.extend(value.iter().flatten());
            }
            numbered.places.push(places);
        }
        numbered.bytes.extend(TRAILER);
        (numbered, ids)
    }

    /// One connection that reserves ids and copies `count` devices, again and again.
    pub(crate) fn copier(&self, url: &str, count: usize) -> impl FnMut() -> bool + Send + use<> {
        let mut client = connect(url);
        let (mut rows, places) = self.encode(count);
        let prepare = |client: &mut Client, sql: &str| client.prepare(sql);
        let reserve = prepare(
            &mut client,
            "SELECT nextval('devices_id_seq') FROM generate_series(1, $1::int)",
        );
        let reserve = reserve.expect("it is SQL");
        let copy = format!(
            "COPY devices ({}) FROM STDIN (FORMAT binary)",
            self.columns.join(", ")
        );
        let copy = prepare(&mut client, &copy).expect("it is SQL");
        move || {
            rows.renumber();
            let copied = copy_rows(&mut client, &reserve, &copy, &mut rows.bytes, &places);
            copied.is_ok_and(|copied| copied == count as u64)
        }
    }

    /// One connection that inserts a device at a time by a prepared statement.
    pub(crate) fn inserter(&self, url: &str) -> impl FnMut() -> bool + Send + use<> {
        let mut client = connect(url);
        let id = self.column("id");
        let columns = self.columns.iter().enumerate();
        let columns: Vec<&str> = columns
            .filter(|(place, _)| *place != id)
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
        let insert = insert.expect("it is SQL");
        let serials = ["serial_number", "serial_number_folded"]
            .map(|name| columns.iter().position(|column| *column == name));
        let mut rows: Vec<Vec<Encoded>> = Vec::new();
        for row in &self.rows {
            let values = row.iter().enumerate().filter(|(place, _)| *place != id);
            rows.push(values.map(|(_, value)| Encoded(value.clone())).collect());
        }
        let mut next = 0;
        let mut number = Numbered {
            bytes: serial(0).into_bytes(),
            places: vec![vec![0]],
        };
        move || {
            number.renumber();
            let row = &mut rows[next % DEVICES];
            next += 1;
            for place in serials.into_iter().flatten() {
                row[place] = Encoded(Some(number.bytes.clone()));
            }
            let values: Vec<&(dyn ToSql + Sync)> = row
                .iter()
                .map(|value| value as &(dyn ToSql + Sync))
                .collect();
            client.execute(&insert, &values).is_ok()
        }
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
    places: &[usize],
) -> Result<u64, postgres::Error> {
    let ids = client.query(reserve, &[&(places.len() as i32)])?;
    for (row, place) in ids.iter().zip(places) {
        let id: i64 = row.get(0);
        bytes[*place..place + 8].copy_from_slice(&id.to_be_bytes());
    }
    let mut writer = client.copy_in(copy)?;
    writer.write_all(bytes).expect("a copy takes all bytes");
    writer.finish()
}

/// A value as it was read, whatever its type is.
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
