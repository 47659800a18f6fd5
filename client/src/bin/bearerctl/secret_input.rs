//! How a secret comes in: from stdin, or typed at a terminal that does not show it. Never from the command line.

use crate::exit::CommandError;
use crate::output;
use bearerd_client::Secret;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;

/// What is wanted, for messages: its name, and what a script says instead of typing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) name: &'static str,
    pub(crate) flag: &'static str,
}

/// Bytes of a secret: what the daemon takes in a body, with room for the rest of it.
pub(crate) const LONGEST: usize = 32 * 1024;

/// All of stdin but the end of its line; typed where stdin is a terminal.
pub(crate) fn from_stdin(wanted: Wanted) -> Result<Secret, CommandError> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return typed_at_terminal(wanted);
    }
    let read = |source| CommandError::Input(wanted.name, source);
    // A copy of the descriptor without a buffer of its own, which nobody would wipe.
    from_reader(File::from(stdin.as_fd().try_clone_to_owned().map_err(read)?), wanted)
}

/// Typed, and nothing else: stdin belongs to somebody else where it is no terminal.
pub(crate) fn from_terminal(wanted: Wanted) -> Result<Secret, CommandError> {
    if io::stdin().is_terminal() {
        typed_at_terminal(wanted)
    } else {
        Err(CommandError::NoTerminal(wanted.name, wanted.flag))
    }
}

fn from_reader(mut reader: impl Read, wanted: Wanted) -> Result<Secret, CommandError> {
    let mut bytes = vec![0; LONGEST + 1];
    let mut filled = 0;
    loop {
        match reader.read(bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CommandError::Input(wanted.name, error)),
        }
    }
    bytes.truncate(filled);
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        bytes.pop_if(|last| *last == b'\r');
    }
    secret(bytes, wanted)
}

fn secret(bytes: Vec<u8>, wanted: Wanted) -> Result<Secret, CommandError> {
    if bytes.is_empty() {
        return Err(CommandError::Empty(wanted.name, wanted.flag));
    }
    let fits = bytes.len() <= LONGEST;
    let text = String::from_utf8(bytes).map(Secret::new);
    text.ok().filter(|_| fits).ok_or(CommandError::NoText(wanted.name))
}

fn typed_at_terminal(wanted: Wanted) -> Result<Secret, CommandError> {
    let read = |source| CommandError::Input(wanted.name, source);
    let stdin = io::stdin();
    let quiet = Quiet::begin(&stdin).map_err(|errno| read(errno.into()))?;
    output::words_without_end(&format!("Type {}: ", wanted.name));
    let mut byte = [0];
    let typed = line(|| match rustix::io::retry_on_intr(|| rustix::io::read(&stdin, &mut byte)) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(byte.first().copied()),
        Err(errno) => Err(errno.into()),
    });
    drop(quiet);
    output::words("");
    secret(typed.map_err(read)?.ok_or(CommandError::Unanswered)?, wanted)
}

/// A terminal that shows nothing of what is typed, and leaves every key to us, until this is dropped.
struct Quiet<'stdin> {
    stdin: &'stdin io::Stdin,
    before: Termios,
}

impl<'stdin> Quiet<'stdin> {
    fn begin(stdin: &'stdin io::Stdin) -> rustix::io::Result<Self> {
        let before = tcgetattr(stdin)?;
        let mut quiet = before.clone();
        // Without signals from the keyboard, so that Ctrl-C does not end us with the terminal in this state.
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(stdin, OptionalActions::Flush, &quiet)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Where the terminal has gone there is nothing to put back.
        let _ = tcsetattr(self.stdin, OptionalActions::Drain, &self.before);
    }
}

/// The line that these keys make; `None` where the person gives up.
fn line(mut next: impl FnMut() -> io::Result<Option<u8>>) -> io::Result<Option<Vec<u8>>> {
    // With the whole room from the start no copy is left behind by growing.
    let mut line = Vec::with_capacity(LONGEST + 1);
    loop {
        match next()? {
            None | Some(CTRL_C) => return Ok(None),
            Some(CTRL_D) if line.is_empty() => return Ok(None),
            Some(b'\n' | b'\r' | CTRL_D) => return Ok(Some(line)),
            Some(BACKSPACE | DELETE) => {
                // A character of UTF-8 goes as a whole.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            Some(CTRL_U) => line.clear(),
            Some(byte) if line.len() <= LONGEST => line.push(byte),
            Some(_) => {}
        }
    }
}

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted { name: "the password", flag: "say it elsewhere" };

    #[test]
    fn keys_make_a_line() {
        let cases: [(&[u8], Option<&str>); 8] = [
            (b"hunter2\n", Some("hunter2")),
            (b"hunter3\x7f2\r", Some("hunter2")),
            ("hé\x7f\x7f\x7f\x7fa\n".as_bytes(), Some("a")),
            (b"wrong\x15right\n", Some("right")),
            (b"ab\x04", Some("ab")),
            (b"\x04", None),
            (b"ab\x03", None),
            (b"ab", None),
        ];
        for (keys, expected) in cases {
            let mut keys = keys.iter().copied();
            let line = line(|| Ok(keys.next())).unwrap();
            assert_eq!(line.as_deref(), expected.map(str::as_bytes));
        }
    }

    #[test]
    fn of_stdin_the_end_of_its_line_is_left_out() {
        let read = |text: &[u8]| from_reader(text, WANTED).map(|text| text.expose().to_owned());
        for text in ["a b ", "a b \n", "a b \r\n"] {
            assert_eq!(read(text.as_bytes()).unwrap(), "a b ");
        }
        assert!(matches!(read(b"\n"), Err(CommandError::Empty(..))));
        assert!(matches!(read(b"\xff"), Err(CommandError::NoText(_))));
        assert_eq!(read(&[b'x'; LONGEST]).unwrap().len(), LONGEST);
        assert!(matches!(read(&[b'x'; LONGEST + 1]), Err(CommandError::NoText(_))));
        assert!(matches!(read(&[b'x'; 2 * LONGEST]), Err(CommandError::NoText(_))));
    }
}
