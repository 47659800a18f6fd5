//! What a session is told about its profile, out of the configuration.

use crate::config::Profile;
use bearerd_session::{Kind, Pauses, Settings};

pub(super) fn settings_of(profile: &Profile, pauses: Pauses) -> Settings {
    Settings {
        profile: profile.name().clone(),
        binding: profile.binding(),
        kind: profile.session_kind(),
        reuse_window: profile.reuse_window(),
        pauses,
        lifetime: profile.lifetime(),
        exchanges: profile.audience_exchanges(),
    }
}

/// Whether there is nothing to fetch for the profile, and nothing to read.
pub(super) fn is_constant(profile: &Profile) -> bool {
    matches!(profile.session_kind(), Kind::Constant(_))
}
