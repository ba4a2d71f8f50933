//! Attributes in the binary format of `jsonb` (`jsonb_recv` in PostgreSQL's `jsonb.c`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use devices_domain::Attributes;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;

/// Version of the format. The text of the JSON follows.
const VERSION: u8 = 1;

/// Attributes as a `jsonb`. Written and read without a tree of JSON values.
#[derive(Debug, Clone, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
pub(crate) struct JsonbAttributes<'a>(pub(crate) Cow<'a, Attributes>);

impl JsonbAttributes<'_> {
    /// Writes the binary format.
    ///
    /// # Errors
    /// If `out` fails.
    pub(crate) fn write(&self, out: &mut impl Write) -> serde_json::Result<()> {
        out.write_all(&[VERSION]).map_err(serde_json::Error::io)?;
        serde_json::to_writer(out, self.0.as_ref())
    }
}

impl ToSql<Jsonb, Pg> for JsonbAttributes<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        self.write(out)?;
        Ok(IsNull::No)
    }
}

impl FromSql<Jsonb, Pg> for JsonbAttributes<'_> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let Some((&VERSION, json)) = value.as_bytes().split_first() else {
            return Err("unknown version of jsonb".into());
        };
        let pairs: BTreeMap<String, String> = serde_json::from_slice(json)?;
        Ok(Self(Cow::Owned(Attributes::from_trusted(pairs))))
    }
}
