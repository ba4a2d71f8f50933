//! Attributes as `jsonb`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use devices_domain::Attributes;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;

/// Version of the binary format of `jsonb` (`jsonb_recv` in PostgreSQL's `jsonb.c`). The text of the
/// JSON follows.
pub(crate) const JSONB_VERSION: u8 = 1;

/// An object of strings. Written and read without a tree of JSON values.
#[derive(Debug, Clone, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
pub(crate) struct JsonObject<'a>(pub(crate) Cow<'a, Attributes>);

impl ToSql<Jsonb, Pg> for JsonObject<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[JSONB_VERSION])?;
        serde_json::to_writer(out, self.0.as_ref())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Jsonb, Pg> for JsonObject<'_> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let Some((&JSONB_VERSION, json)) = value.as_bytes().split_first() else {
            return Err("unknown version of jsonb".into());
        };
        let pairs: BTreeMap<String, String> = serde_json::from_slice(json)?;
        Ok(Self(Cow::Owned(Attributes::from_trusted(pairs))))
    }
}
