//! What a session is told about its profile, out of the configuration.

use crate::config::{Auth, Profile, TokenOrigin};
use bearerd_proto::Secret;
use bearerd_session::{Constant, Kind, Pauses, Settings};

pub(super) fn settings_of(profile: &Profile, pauses: Pauses) -> Settings {
    let kind = match profile.auth() {
        Auth::None => Kind::Constant(no_auth()),
        Auth::TestAuth => Kind::Constant(test_auth()),
        _ => Kind::Device,
    };
    Settings {
        profile: profile.name().clone(),
        binding: profile.binding(),
        kind,
        reuse_window: profile.reuse_window(),
        pauses,
    }
}

/// Whether there is nothing to fetch for the profile, and nothing to read.
pub(super) fn is_constant(profile: &Profile) -> bool {
    profile.session_kind() == TokenOrigin::Constant
}

/// As `wallaroo.auth`'s `NoAuth`.
fn no_auth() -> Constant {
    Constant { token: None, user_id: None, user_email: Some("default@ex.co".to_owned()) }
}

/// As `wallaroo.auth`'s `test_auth`.
fn test_auth() -> Constant {
    Constant {
        token: Some(Secret::new("definitely_a_bearer_token_str")),
        user_id: Some("99cace15-e0d4-4bb6-bf14-35efee181b90".to_owned()),
        user_email: Some("jane@ex.co".to_owned()),
    }
}
