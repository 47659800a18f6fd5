//! What most tests start from: one identity provider, one profile, one daemon.

use super::{Daemon, Home};
use bearerd_test_idp::{Settings, TestIdp};
use std::sync::Arc;

/// An identity provider that approves every login as `jane`, a home whose profile [`Rig::PROFILE`] logs in there, and
/// its daemon.
#[derive(Debug)]
pub struct Rig {
    /// Dropped first: its end looks for the secrets of all the others.
    pub daemon: Daemon,
    /// The home.
    pub home: Arc<Home>,
    /// The provider.
    pub idp: Arc<TestIdp>,
}

impl Rig {
    /// The name of its profile.
    pub const PROFILE: &'static str = "wallaroo";

    /// With lifetimes that no test outlasts.
    pub fn start() -> Self {
        Self::with(Self::settings(), "")
    }

    /// With access tokens that live so many seconds.
    pub fn short_lived(seconds: u64) -> Self {
        Self::with(Settings { access_token_seconds: seconds, ..Self::settings() }, "")
    }

    /// With these settings, and these lines more in the profile.
    pub fn with(settings: Settings, more: &str) -> Self {
        let home = Arc::new(Home::new());
        let idp = Arc::new(TestIdp::start_blocking(settings));
        home.configure(&format!("{}{more}", home.sso(Self::PROFILE, &idp)));
        let daemon = Daemon::start(&home);
        Self { daemon, home, idp }
    }

    /// The same, logged in.
    #[must_use]
    pub fn logged_in(self) -> Self {
        self.daemon.log_in(Self::PROFILE);
        self
    }

    /// The same home and provider with another daemon, which `end` has ended the one before.
    #[must_use]
    pub fn restarted(self, end: impl FnOnce(Daemon)) -> Self {
        let Self { daemon, home, idp } = self;
        end(daemon);
        let daemon = Daemon::start(&home);
        Self { daemon, home, idp }
    }

    /// What the provider of a rig is like.
    pub fn settings() -> Settings {
        Settings {
            auto_approve: Some("jane".into()),
            device_interval_seconds: Some(1),
            ..Settings::default()
        }
    }
}
