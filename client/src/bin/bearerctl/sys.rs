//! What has no safe wrapper.
#![allow(
    unsafe_code,
    reason = "a descriptor that was inherited is known by its number alone, and borrowing one by number is unsafe"
)]

use rustix::io::{FdFlags, fcntl_setfd};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Lets no program that is started from now on have a descriptor of our starter's, but for the standard three.
///
/// A daemon stays for a day: a lock would be held, and the end of a pipe be waited for, as long as that.
pub(crate) fn hand_on_no_descriptors() {
    // Without `/proc` there is nothing to go by, and a daemon that holds too much is better than none.
    let Ok(open) = fs::read_dir("/proc/self/fd") else { return };
    let numbers = open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for number in numbers.filter(|number: &RawFd| *number > io::stderr().as_raw_fd()) {
        // SAFETY: it is borrowed for one call, which finds a number that was closed meanwhile to be none.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let _closed_meanwhile = fcntl_setfd(descriptor, FdFlags::CLOEXEC);
    }
}
