//! The rules of the session, each played on a stage: named by the rule, one module for each part of its life.

#![allow(clippy::panic, clippy::expect_used, reason = "a test says by a panic what went wrong")]

mod beside;
mod colliding;
mod crossing;
mod failing;
mod files;
mod granting;
mod histories;
mod idling;
mod importing;
mod known;
mod lifetime;
mod logging_in;
mod logging_out;
mod losing;
mod making_room;
mod moving;
mod obtaining;
mod parking;
mod play;
mod reading;
mod refusing;
mod rejecting;
mod renewing;
mod replacing;
mod reporting;
mod restarting;
mod saving;
mod slots;
mod stopping;
mod trying;
mod trying_again;
mod within_the_window;
