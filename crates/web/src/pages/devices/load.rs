//! Reads a list of devices from the store.

use devices_domain::{
    DeviceFilter, IdentifierKey, Page, PageRequest, PageStart, Search, StoredDevice, User,
    UserFilter, UserRepository, WorkspaceStore, fold_case,
};

use super::filter::Filters;
use crate::error::ConsoleError;
use crate::texts::{self, EN};

/// Maximum number of users that an error lists.
const MAX_CANDIDATES: usize = 5;

/// Maximum number of users among which the one with an email address is searched.
const MAX_FOUND: u32 = 100;

/// A page of the list.
pub(super) struct Results {
    pub(super) page: Page<StoredDevice>,
    /// Serial numbers of the filter that active devices have.
    pub(super) known: Vec<IdentifierKey>,
}

/// Reads a page. `None` if a filter is invalid: other devices than the intended ones must not be
/// listed.
pub(super) async fn load_page(
    workspace: WorkspaceStore,
    filters: &mut Filters,
    request: PageRequest,
) -> Result<Option<Results>, ConsoleError> {
    resolve_user(workspace.users.as_ref(), filters).await?;
    if !filters.errors.is_empty() {
        return Ok(None);
    }
    let devices = workspace.devices;
    let filter: DeviceFilter = filters.filter.clone();
    let known = if filter.serial_numbers.is_empty() {
        Vec::new()
    } else {
        let serial_numbers = filter.serial_numbers.clone();
        devices.known_serial_numbers(serial_numbers).await?
    };
    let page = devices.list(filter, request).await?;
    Ok(Some(Results { page, known }))
}

/// Finds the user whose devices the filters select.
pub(super) async fn resolve_user(
    users: &dyn UserRepository,
    filters: &mut Filters,
) -> Result<(), ConsoleError> {
    if let Some(id) = filters.filter.user {
        if let Some(user) = users.find(id).await? {
            filters.set_user(&user);
        }
        return Ok(());
    }
    let Some(text) = filters.assignee.clone() else {
        return Ok(());
    };
    match find_user(users, &text).await? {
        Ok(user) => filters.set_user(&user),
        Err(error) => filters.reject_assignee(error),
    }
    Ok(())
}

/// Finds the only user that matches a search, or the one with this email address.
async fn find_user(
    users: &dyn UserRepository,
    text: &str,
) -> Result<Result<User, String>, ConsoleError> {
    let mut found = search_users(users, text, MAX_FOUND).await?;
    let email = fold_case(text).into_owned();
    let exact = found
        .iter()
        .position(|user| user.fields.email.folded() == email);
    Ok(match (exact, found.len()) {
        (Some(index), _) => Ok(found.swap_remove(index)),
        (None, 1) => Ok(found.remove(0)),
        (None, 0) => Err(EN.devices.no_assignee.to_owned()),
        (None, _) => {
            let emails: Vec<_> = found
                .iter()
                .take(MAX_CANDIDATES)
                .map(|user| user.fields.email.as_str())
                .collect();
            let emails = emails.join(", ");
            Err(texts::fill(
                EN.devices.several_assignees,
                &[("emails", &emails)],
            ))
        }
    })
}

/// Returns the first users that match a search. None if the search is invalid.
pub(super) async fn search_users(
    users: &dyn UserRepository,
    text: &str,
    max: u32,
) -> Result<Vec<User>, ConsoleError> {
    let Ok(Some(search)) = Search::parse(text) else {
        return Ok(Vec::new());
    };
    let filter = UserFilter {
        search: Some(search),
        ..UserFilter::default()
    };
    let request = PageRequest {
        limit: max,
        start: PageStart::Offset(0),
    };
    Ok(users.list(filter, request).await?.items)
}
