//! Checks that the database can be written.

use async_trait::async_trait;
use devices_domain::{RepositoryError, StoreHealth};
use diesel::RunQueryDsl;
use diesel::dsl::sql;
use diesel::sql_types::Bool;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;

#[async_trait]
impl StoreHealth for Database {
    async fn ping(&self) -> Result<(), RepositoryError> {
        let is_writable = sql::<Bool>("NOT current_setting('transaction_read_only')::boolean");
        let is_writable: bool = self
            .run(move |connection| {
                let query = diesel::select(is_writable);
                query.get_result(connection).map_err(classify)
            })
            .await?;
        if is_writable {
            Ok(())
        } else {
            Err(RepositoryError::Unavailable(
                "the database is read-only".into(),
            ))
        }
    }
}
