//! What is drawn by chance: names of assertions, and verifiers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearerd_proto::Secret;
use bearerd_session::{Cause, Failure};
use zeroize::Zeroizing;

/// So many random bytes, as text that any address and any form can carry.
pub(crate) fn text<const BYTES: usize>() -> Result<Secret, Failure> {
    let mut bytes = Zeroizing::new([0_u8; BYTES]);
    match getrandom::fill(&mut *bytes) {
        Ok(()) => Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes))),
        Err(error) => {
            let message = format!("nothing was sent: the kernel gives no random numbers: {error}");
            Err(Failure { cause: Cause::NotSent, message, retry_after: None })
        }
    }
}
