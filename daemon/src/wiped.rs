//! Buffers for what holds secrets: those of the saved session, under a name that the rest of the daemon knows.

pub(crate) use bearerd_saved::Wiped;
