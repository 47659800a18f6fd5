//! What stands on disk, read by the daemon's own store while no daemon runs.

use bearerd::store::{FileStore, Store};
use bearerd_session::Record;
use bearerd_test_idp::TestIdp;
use bearerd_tests::daemon::{Home, Rig, name};
use std::path::Path;

/// A whole session.
#[derive(Debug, Clone)]
pub(crate) struct OnDisk {
    /// The provider's session.
    pub(crate) session: Option<String>,
    /// Which refresh token of its session: 0 is that of the login, 1 its successor, and so on.
    pub(crate) index: usize,
    /// The access token that came with it.
    pub(crate) access_token: String,
}

impl OnDisk {
    /// The saved session of a rig's profile.
    ///
    /// # Panics
    /// Where there is none, or it can't be opened: it may be old, but never torn.
    pub(crate) fn of(home: &Home, idp: &TestIdp) -> Self {
        Self::of_profile(Rig::PROFILE, home, idp)
    }

    /// The same of any profile.
    ///
    /// # Panics
    /// As there.
    pub(crate) fn of_profile(profile: &str, home: &Home, idp: &TestIdp) -> Self {
        let loaded = FileStore::new(home.state()).load(&name(profile));
        let saved = loaded.expect("what stands on disk can be opened").expect("a saved session");
        let record: Record = serde_json::from_slice(saved.expose()).expect("a session inside");
        let grant = record.grant.expect("a refresh token");
        let index = idp.refresh_index(grant.refresh_token.expose());
        let slot = record.slots.first().expect("an access token");
        Self {
            session: grant.idp_session,
            index: index.expect("the provider gave it out"),
            access_token: slot.token.expose().to_owned(),
        }
    }
}

/// Files that a save has begun in this folder and not brought to their place.
pub(crate) fn temporaries(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".tmp-")).count()
}

/// The newest refresh token that the provider has given out in the last session, and whether that session is alive.
pub(crate) fn newest(idp: &TestIdp) -> (usize, bool) {
    let sessions = idp.sessions();
    let last = sessions.last().expect("a session");
    (last.refresh_index, last.active)
}
