//! One provider, one home, its clocks, and the daemon on them.

use crate::readers::Seen;
use bearerd_client::TokenAnswer;
use bearerd_test_idp::{CallKind, Settings, TestIdp};
use bearerd_tests::clocks::{Clocks, WokenBy, Word};
use bearerd_tests::daemon::{Daemon, Home, Rig, eventually, query, text_of};
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
    /// Seconds that an access token lives, at the beginning.
    life: u64,
}

impl Stage {
    /// With access tokens that live so many seconds.
    pub(crate) fn with_life(seconds: u64) -> Self {
        Self::started(seconds, Word::may_come(), |clocks, home| clocks.command(home))
    }

    /// The same for a daemon that nobody tells of a step: no other scene is played meanwhile.
    pub(crate) fn untold(seconds: u64) -> Self {
        Self::started(seconds, Word::must_not_come(), |clocks, home| clocks.command(home))
    }

    /// With a daemon that another command starts.
    pub(crate) fn started(
        seconds: u64,
        word: Word,
        command: impl FnOnce(&Clocks, &Home) -> Command,
    ) -> Self {
        let home = Arc::new(Home::new());
        let settings = Settings { access_token_seconds: seconds, ..Rig::settings() };
        let idp = Arc::new(TestIdp::start_blocking(settings));
        home.configure(&home.sso(Rig::PROFILE, &idp));
        let clocks = Clocks::of(&home, word);
        let daemon = Daemon::start_as(&home, command(&clocks, &home));
        daemon.log_in(Rig::PROFILE);
        Self { daemon, clocks, home, idp, life: seconds }
    }

    /// The next daemon, which `command` starts after an orderly end of the one before. The provider goes on for so many
    /// seconds meanwhile.
    pub(crate) fn restarted(
        self,
        down: u32,
        command: impl FnOnce(&Clocks, &Home) -> Command,
    ) -> Self {
        let Self { daemon, clocks, home, idp, life } = self;
        daemon.terminate();
        idp.advance(Duration::from_secs(down.into()));
        let daemon = Daemon::start_as(&home, command(&clocks, &home));
        Self { daemon, clocks, home, idp, life }
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

    /// The token that is served next in the place of `held`.
    pub(crate) fn successor_of(&self, held: &TokenAnswer) -> TokenAnswer {
        let is_another = |next: &TokenAnswer| text_of(next) != text_of(held);
        eventually("a renewed token is served", || {
            self.daemon.token(Rig::PROFILE).ok().filter(is_another)
        })
    }

    /// The refreshes that reached the provider, how many of them are renewals by plan (all but those that `woken` names by
    /// their places), and how far apart those came.
    ///
    /// A token is renewed after 45 to 55 % of its life, counted from the moment when the daemon asked for it. The provider
    /// sees a request later than that, so two of them may look somewhat nearer to each other: a twentieth of a life is
    /// allowed for its way.
    pub(crate) fn refreshes_but(&self, woken: &[usize]) -> String {
        let life = Duration::from_secs(self.life);
        let calls = self.idp.calls_of(CallKind::Refresh);
        let gaps = calls.windows(2).enumerate().filter(|(at, _)| !woken.contains(&(at + 1)));
        let gaps = gaps.map(|(_, pair)| pair[1].arrived_at - pair[0].arrived_at);
        let soon: Vec<_> = gaps.filter(|gap| *gap < life.mul_f64(0.4)).collect();
        assert_eq!(soon, Vec::<Duration>::new(), "sooner than the rule has it");
        let renewals = calls.len() - woken.len();
        format!("{renewals} renewals, each 0.4 of a life or more after the one before")
    }

    /// Nobody has logged in but at the start, and the session has not ended.
    pub(crate) fn still_the_first_session(&self) {
        let standing: Vec<_> = self.idp.sessions().iter().map(|session| session.active).collect();
        assert_eq!((standing, self.idp.count(CallKind::DeviceStart)), (vec![true], 1));
    }
}
