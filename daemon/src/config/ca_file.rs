//! A file of certificates: it must be there and hold one when the configuration is read.

use super::document::Text;
use super::error::Fault;
use super::open_regular;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Resolves the path against the configuration's `folder` and checks that the file is of use, so that a slip shows now
/// and not at the next refresh. Its content is read anew whenever it is needed.
pub(super) fn read(text: Text<'_>, folder: &Path) -> Result<PathBuf, Fault> {
    if text.value.is_empty() || text.value.starts_with('~') {
        return Err(text.fault(
            format!("`{}` is empty or starts with `~`, which only a shell expands", text.key),
            "write an absolute path, or one relative to this file's folder",
        ));
    }
    let path = folder.join(text.value);
    // Escaped, so that the message stays one line.
    let shown = path.to_string_lossy().escape_debug().to_string();
    match holds_certificate(&path) {
        Ok(true) => Ok(path),
        Ok(false) => Err(text.fault(
            format!("`{}` names `{shown}`, which holds no PEM certificate", text.key),
            "name a file with `-----BEGIN CERTIFICATE-----` in it",
        )),
        Err(error) => Err(text.fault(
            format!("`{}` names `{shown}`, which can't be read: {error}", text.key),
            "name a file that this user may read; a relative path starts at this file's folder",
        )),
    }
}

fn holds_certificate(path: &Path) -> io::Result<bool> {
    let mut content = Vec::new();
    open_regular(path)?.take(CA_FILE_MAX).read_to_end(&mut content)?;
    Ok(content.windows(PEM_CERTIFICATE.len()).any(|window| window == PEM_CERTIFICATE))
}

/// RFC 7468 §5.1.
const PEM_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Bytes looked at; Debian's whole bundle has under 300 KB.
const CA_FILE_MAX: u64 = 4 * 1024 * 1024;
