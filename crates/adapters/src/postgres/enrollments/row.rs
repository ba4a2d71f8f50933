//! The columns and the row of an enrolment.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use devices_domain::{Enrollment, EnrollmentFields, EnrollmentId};
use diesel::prelude::*;

use crate::postgres::query::columns::{Column, columns};
use crate::postgres::schema::tables::devices_mdm;

columns! {
    devices_mdm: EnrollmentColumns of EnrollmentFields {
        status: Cow<'a, str>,
        local_name: Option<Cow<'a, str>>,
        is_locked: Option<bool>,
        lock_date: Option<DateTime<Utc>>,
        firewall_enabled: Option<bool>,
        os_updates_enabled: Option<bool>,
        is_encrypted: Option<bool>,
        screenlock_enabled: Option<bool>,
        is_compromised: Option<bool>,
        os_updates_available: Option<bool>,
        disk_encryption_profile_installed: Option<bool>,
        enrollment_date: Option<DateTime<Utc>>,
        unenrollment_date: Option<DateTime<Utc>>,
        download_date: Option<DateTime<Utc>>,
        last_seen_date: Option<DateTime<Utc>>,
        last_sync_date: Option<DateTime<Utc>>,
    }
}

/// A row of `devices_mdm`.
#[derive(Clone, QueryableByName, Queryable, Selectable)]
#[diesel(table_name = devices_mdm)]
pub(crate) struct EnrollmentRow {
    pub(crate) id: i64,
    pub(crate) serial_number: String,
    pub(crate) serial_number_folded: String,
    pub(crate) created_at: DateTime<Utc>,
    #[diesel(embed)]
    columns: EnrollmentColumns<'static>,
}

impl EnrollmentRow {
    pub(crate) fn into_enrollment(self) -> QueryResult<Enrollment> {
        Ok(Enrollment {
            id: EnrollmentId(self.id),
            fields: self.columns.into_fields()?,
        })
    }
}
