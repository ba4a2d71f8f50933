//! The frame of a page: its title, the navigation, and the session.

use devices_domain::Scope;

use crate::PATH;
use crate::session::SignedIn;
use crate::texts::{EN, Texts};

/// The frame of a page. Every template that extends `base.html` has one in its field `frame`.
pub(crate) struct Frame {
    pub(crate) title: String,
    /// Part of the console to which the page belongs, for the navigation.
    section: Option<Section>,
    pub(crate) session: Option<FrameSession>,
    /// Result of the last action: shown once, and announced by screen readers.
    pub(crate) notice: Option<String>,
    pub(crate) t: &'static Texts,
}

/// Session that a frame shows.
pub(crate) struct FrameSession {
    pub(crate) workspace: String,
    pub(crate) key: String,
    pub(crate) scope: Scope,
}

/// Part of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Devices,
    Import,
    Batches,
    Users,
    Enrollments,
    Activity,
    Keys,
}

/// Link of the navigation.
pub(crate) struct NavigationLink {
    pub(crate) path: String,
    pub(crate) text: &'static str,
    pub(crate) is_current: bool,
}

impl Section {
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::Devices,
        Self::Import,
        Self::Batches,
        Self::Users,
        Self::Enrollments,
        Self::Activity,
        Self::Keys,
    ];

    /// Returns the path of the part, relative to that of the console.
    fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Devices => "/devices",
            Self::Import => "/import",
            Self::Batches => "/batches",
            Self::Users => "/users",
            Self::Enrollments => "/enrollments",
            Self::Activity => "/activity",
            Self::Keys => "/keys",
        }
    }

    fn text(self) -> &'static str {
        let texts = &EN.navigation;
        match self {
            Self::Overview => texts.overview,
            Self::Devices => texts.devices,
            Self::Import => texts.import,
            Self::Batches => texts.batches,
            Self::Users => texts.users,
            Self::Enrollments => texts.enrollments,
            Self::Activity => texts.activity,
            Self::Keys => texts.keys,
        }
    }

    /// Scope of the keys that may open the part.
    fn required_scope(self) -> Scope {
        match self {
            Self::Import => Scope::Write,
            Self::Keys => Scope::Admin,
            _ => Scope::Read,
        }
    }
}

impl Frame {
    /// Creates the frame of a page in a part of the console.
    pub(crate) fn new(signed_in: &SignedIn, section: Section, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            section: Some(section),
            session: Some(FrameSession {
                workspace: signed_in.workspace_name.clone(),
                key: signed_in.key_name.clone(),
                scope: signed_in.actor().scope,
            }),
            notice: None,
            t: &EN,
        }
    }

    /// Creates the frame of a page that belongs to no part, such as an error.
    pub(crate) fn without_section(signed_in: &SignedIn, title: impl Into<String>) -> Self {
        Self {
            section: None,
            ..Self::new(signed_in, Section::Overview, title)
        }
    }

    /// Creates the frame of a page that needs no session.
    pub(crate) fn signed_out(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            section: None,
            session: None,
            notice: None,
            t: &EN,
        }
    }

    /// Shows the result of the last action.
    #[must_use]
    pub(crate) fn with_notice(mut self, notice: Option<String>) -> Self {
        self.notice = notice;
        self
    }

    /// Returns whether the key allows writing. Pages offer no changes otherwise.
    pub(crate) fn can_write(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.scope.allows(Scope::Write))
    }

    /// Returns the links of the parts that the key may open.
    pub(crate) fn navigation(&self) -> Vec<NavigationLink> {
        let Some(session) = &self.session else {
            return Vec::new();
        };
        let sections = Section::ALL.into_iter();
        let allowed = sections.filter(|section| session.scope.allows(section.required_scope()));
        let links = allowed.map(|section| NavigationLink {
            path: format!("{PATH}{}", section.path()),
            text: section.text(),
            is_current: self.section == Some(section),
        });
        links.collect()
    }
}
