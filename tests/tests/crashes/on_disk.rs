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
    /// It stands there that the provider has refused that one: the session is over.
    pub(crate) over: bool,
    /// The access token that came with it.
    pub(crate) access_token: String,
}

impl OnDisk {
    /// The saved session of a rig's profile.
    ///
    /// # Panics
    /// Where there is none, or it can't be opened: it may be old, but never torn.
    pub(crate) fn of(home: &Home, idp: &TestIdp) -> Self {
        Self::of_profile(Rig::PROFILE, home, idp).expect("what stands on disk can be opened")
    }

    /// The same of any profile; why not, where it can't be opened.
    pub(crate) fn of_profile(profile: &str, home: &Home, idp: &TestIdp) -> Result<Self, String> {
        let loaded = FileStore::new(home.state()).load(&name(profile));
        let saved = loaded.map_err(|error| error.to_string())?.ok_or("no saved session")?;
        let record: Record =
            serde_json::from_slice(saved.expose()).map_err(|error| error.to_string())?;
        let grant = record.grant.expect("a refresh token");
        let index = idp.refresh_index(grant.refresh_token.expose());
        let slot = record.slots.first().expect("an access token");
        Ok(Self {
            session: grant.idp_session,
            index: index.expect("the provider gave it out"),
            over: grant.over.is_some(),
            access_token: slot.token.expose().to_owned(),
        })
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
