//! A link as a QR code on the terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Whether a code is drawn, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Canvas {
    /// A terminal of so many columns: drawn where it fits, white on black whatever the terminal's own colours are.
    Terminal(u16),
    /// Drawn in any case and without colours: for a dark background.
    Plain,
}

/// The code of `link` as lines; `None` where it doesn't fit or the link is too long for any code.
pub(crate) fn drawn(link: &str, canvas: Canvas) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L).ok()?;
    // Light modules are the characters that are drawn, dark ones the background: scanners want dark on light.
    let picture =
        code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    let lines = picture.lines().map(str::to_owned);
    match canvas {
        Canvas::Plain => Some(lines.collect()),
        Canvas::Terminal(columns) if code.width() + 2 * QUIET_MODULES <= columns.into() => {
            Some(lines.map(|line| format!("\x1b[40;97m{line}\x1b[0m")).collect())
        }
        Canvas::Terminal(_) => None,
    }
}

/// Light modules around a code, on each side (ISO/IEC 18004).
const QUIET_MODULES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://keycloak.example.com/auth/realms/master/device?user_code=WDJB-MJHT";

    #[test]
    fn a_code_has_its_corners_and_its_quiet_zone() {
        let lines = drawn(LINK, Canvas::Plain).unwrap();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        // Two modules in a character, from top to bottom.
        assert_eq!(lines.len(), width.div_ceil(2));
        assert_eq!(lines[0], "█".repeat(width));
        assert!(lines[2].starts_with("████ ▄▄▄▄▄ █"), "{}", lines[2]);
    }

    #[test]
    fn a_code_that_does_not_fit_is_not_drawn() {
        let width = u16::try_from(drawn(LINK, Canvas::Plain).unwrap()[0].chars().count()).unwrap();
        assert!(drawn(LINK, Canvas::Terminal(width)).unwrap()[0].starts_with("\x1b[40;97m█"));
        assert_eq!(drawn(LINK, Canvas::Terminal(width - 1)), None);
        assert_eq!(drawn(&"x".repeat(9_000), Canvas::Plain), None);
    }
}
