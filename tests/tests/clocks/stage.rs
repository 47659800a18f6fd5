//! One provider, one home, its clocks, and the daemon on them.

use crate::readers::Seen;
use bearerd_client::TokenAnswer;
use bearerd_test_idp::{CallKind, Settings, TestIdp};
use bearerd_tests::clocks::{Clocks, WokenBy};
use bearerd_tests::daemon::{Daemon, Home, Rig, query};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// What all scenes start from: Jane is logged in.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Dropped first: its end looks for the secrets of all the others.
    pub(crate) daemon: Daemon,
    pub(crate) clocks: Clocks,
    pub(crate) home: Arc<Home>,
    pub(crate) idp: Arc<TestIdp>,
}

impl Stage {
    /// With access tokens that live so many seconds.
    pub(crate) fn with_life(seconds: u64) -> Self {
        Self::started(seconds, |clocks, home| clocks.command(home))
    }

    /// The same with a daemon that another command starts.
    pub(crate) fn started(seconds: u64, command: impl FnOnce(&Clocks, &Home) -> Command) -> Self {
        let home = Arc::new(Home::new());
        let settings = Settings { access_token_seconds: seconds, ..Rig::settings() };
        let idp = Arc::new(TestIdp::start_blocking(settings));
        home.configure(&home.sso(Rig::PROFILE, &idp));
        let clocks = Clocks::of(&home);
        let daemon = Daemon::start_as(&home, command(&clocks, &home));
        daemon.log_in(Rig::PROFILE);
        Self { daemon, clocks, home, idp }
    }

    /// The next daemon, which `command` starts after an orderly end of the one before. The provider goes on for so many
    /// seconds meanwhile.
    pub(crate) fn restarted(
        self,
        down: u32,
        command: impl FnOnce(&Clocks, &Home) -> Command,
    ) -> Self {
        let Self { daemon, clocks, home, idp } = self;
        daemon.terminate();
        idp.advance(Duration::from_secs(down.into()));
        let daemon = Daemon::start_as(&home, command(&clocks, &home));
        Self { daemon, clocks, home, idp }
    }

    /// The machine sleeps. The provider does not, so its time goes on first: a refresh that comes in between counts its
    /// token from the earlier moment of the two.
    pub(crate) fn suspend(&self, seconds: u32, woken_by: WokenBy) {
        self.idp.advance(Duration::from_secs(seconds.into()));
        self.clocks.suspend(&self.daemon, seconds, woken_by);
    }

    /// A read that has to give a token, held against the provider's record.
    pub(crate) fn read(&self, seen: &mut Seen) -> TokenAnswer {
        let sent = self.idp.now();
        let answer = self.daemon.client().token(&query(Rig::PROFILE));
        seen.note(&self.idp, sent, &answer);
        answer.unwrap()
    }

    /// Nobody has logged in but at the start, and the session has not ended.
    pub(crate) fn still_the_first_session(&self) {
        let standing: Vec<_> = self.idp.sessions().iter().map(|session| session.active).collect();
        assert_eq!((standing, self.idp.count(CallKind::DeviceStart)), (vec![true], 1));
    }
}
