//! The heart of bearerd: state × event × now → state, actions. No runtime, no clock, no I/O.

pub mod time;
