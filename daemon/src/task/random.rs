//! What is drawn by chance: ids of logins, and the jitter that spreads attempts.

use bearerd_proto::ProfileName;
use bearerd_session::Jitter;
use std::fmt::Write as _;

/// `RANDOM-PROFILE`: unguessable, and it says whose login it is.
pub(super) fn login_id(profile: &ProfileName) -> String {
    let mut id = String::with_capacity(33 + profile.as_str().len());
    for byte in random::<16>() {
        let _never_fails = write!(id, "{byte:02x}");
    }
    let _never_fails = write!(id, "-{profile}");
    id
}

/// The profile that a login's id names.
pub fn profile_of_login(login_id: &str) -> Option<ProfileName> {
    login_id.split_once('-')?.1.parse().ok()
}

pub(super) fn jitter() -> Jitter {
    Jitter(u16::from_le_bytes(random::<2>()))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    // The kernel's source cannot fail once the machine has booted; a constant jitter would do no harm, and a login's
    // id protects nothing that the socket does not.
    let _never_fails = getrandom::fill(&mut bytes);
    bytes
}
