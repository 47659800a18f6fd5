//! Histories: what may happen, as data, and how a seed becomes one.

mod drawing;
mod script;

pub use script::{
    Condition, DiskWeather, Happening, Person, Policy, Rotation, Scheduled, Script, When, Which,
};
