//! Results of changes, shown on the page of the device.

use actix_web::HttpResponse;
use devices_domain::DeviceId;

use crate::pages::paging::NOTICE;
use crate::query::Pairs;
use crate::respond::see_other;
use crate::texts::EN;

/// Result of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    Created,
    Saved,
    Merged,
    Unchanged,
    Assigned,
    Unassigned,
    Archived,
    Restored,
}

impl Notice {
    const ALL: [Self; 8] = [
        Self::Created,
        Self::Saved,
        Self::Merged,
        Self::Unchanged,
        Self::Assigned,
        Self::Unassigned,
        Self::Archived,
        Self::Restored,
    ];

    /// Returns the text of the notice in the query.
    pub(super) fn text(query: &Pairs) -> Option<String> {
        let name = query.get(NOTICE)?;
        let notice = Self::ALL.into_iter().find(|notice| notice.name() == name);
        notice.map(|notice| notice.name_and_text().1.to_owned())
    }

    /// Leads to the page of the device, which shows the notice.
    pub(super) fn respond(self, device: DeviceId) -> HttpResponse {
        see_other(&format!("/devices/{device}?notice={}", self.name()))
    }

    fn name(self) -> &'static str {
        self.name_and_text().0
    }

    fn name_and_text(self) -> (&'static str, &'static str) {
        let texts = &EN.device_notices;
        match self {
            Self::Created => ("created", texts.created),
            Self::Saved => ("saved", texts.saved),
            Self::Merged => ("merged", texts.merged),
            Self::Unchanged => ("unchanged", texts.unchanged),
            Self::Assigned => ("assigned", texts.assigned),
            Self::Unassigned => ("unassigned", texts.unassigned),
            Self::Archived => ("archived", texts.archived),
            Self::Restored => ("restored", texts.restored),
        }
    }
}
