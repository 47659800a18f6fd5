//! The rules of the session, each played on a stage: named by the rule, one module for each part of its life.

mod histories;
mod play;
