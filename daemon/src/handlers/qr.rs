//! The link of a login as a QR code, for clients that can't make one.

use bearerd_proto::{LoginAnswer, PendingLogin};
use qrcode::{Color, EcLevel, QrCode};

/// The same answer, with a code where there is a link that another device can follow.
///
/// A page that leads back to this machine is of no use on a telephone: only the device flow's links are drawn.
pub(super) fn with_code(answer: LoginAnswer) -> LoginAnswer {
    match answer {
        LoginAnswer::Pending(login) => {
            let link = login.verification_uri_complete.as_ref().or(login.verification_uri.as_ref());
            let qr_code = link.and_then(|link| rows(link));
            LoginAnswer::Pending(PendingLogin { qr_code, ..login })
        }
        LoginAnswer::Done(_) => answer,
    }
}

/// From top to bottom; `None` where the link is too long for any code.
fn rows(link: &str) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L).ok()?;
    let modules = code.to_colors();
    let row = |row: &[Color]| row.iter().map(|module| module.select('1', '0')).collect();
    Some(modules.chunks(code.width()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_code_is_that_of_its_link() {
        let golden = include_str!("../../../proto/golden/login-answer.pending-qr-code.json");
        let golden: LoginAnswer = serde_json::from_str(golden).unwrap();
        let LoginAnswer::Pending(login) = &golden else { panic!("it is pending") };
        let bare = PendingLogin { qr_code: None, ..login.clone() };
        assert_eq!(with_code(LoginAnswer::Pending(bare)), golden);
    }

    #[test]
    fn a_page_of_this_machine_and_an_endless_link_have_no_code() {
        let golden = include_str!("../../../proto/golden/login-answer.pending-code.json");
        let golden: LoginAnswer = serde_json::from_str(golden).unwrap();
        assert_eq!(with_code(golden.clone()), golden);
        assert_eq!(rows(&"x".repeat(9_000)), None);
    }
}
