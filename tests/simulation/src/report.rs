//! What a run says: its mixes, how far it is, and the table at its end.

use bearerd_simulation::mix::{MIXES, Mix};
use bearerd_simulation::run::Seen;
use std::time::Duration;

/// The mixes that histories are drawn from.
pub(crate) fn mixes(only: Option<&Mix>) {
    println!("mixes:");
    for mix in &MIXES {
        if only.is_none_or(|only| only.name == mix.name) {
            let share = if only.is_some() { 100 } else { mix.share };
            let life = (mix.token_life.0, mix.token_life.1);
            println!(
                "  {share:>3} %  {:<8}  {} (tokens of {} to {} s, {} to {} h)",
                mix.name, mix.about, life.0, life.1, mix.hours.0, mix.hours.1
            );
        }
    }
}

/// How far it is.
pub(crate) fn progress(seen: &Seen, took: Duration) -> String {
    let tally = &seen.tally;
    format!(
        "{:>6} s  {:>9} histories  {:>13} events  {:>9} a minute  broken: {}",
        took.as_secs(),
        grouped(tally.histories),
        grouped(tally.events),
        grouped(a_minute(tally.events, took)),
        seen.failed.len()
    )
}

/// The table at the end.
pub(crate) fn closing(seen: &Seen, took: Duration) {
    let tally = &seen.tally;
    let days = tally.simulated / 86_400_000;
    println!("\nhistories            {:>14}", grouped(tally.histories));
    println!("events               {:>14}", grouped(tally.events));
    println!("events a minute      {:>14}", grouped(a_minute(tally.events, took)));
    println!("simulated            {:>14}", format!("{} days", grouped(days)));
    println!("took                 {:>14}", format!("{} s", took.as_secs()));
    println!("\nmixes:");
    for (mix, histories) in &seen.mixes {
        println!("  {mix:<48} {:>12}", grouped(*histories));
    }
    println!("\nexercised:");
    for (what, times) in &tally.seen {
        println!("  {what:<56} {:>12}", grouped(*times));
    }
    match seen.failed.len() {
        0 => println!("\ninvariants broken: none"),
        failed => println!("\ninvariants broken: in {failed} histories"),
    }
}

/// `1 d 02:03:04.005`.
pub(crate) fn clock(millis: u64) -> String {
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let (days, seconds) = (seconds / 86_400, seconds % 86_400);
    let days = if days > 0 { format!("{days} d ") } else { String::new() };
    format!("{days}{:02}:{:02}:{:02}.{rest:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn a_minute(events: u64, took: Duration) -> u64 {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    events.saturating_mul(60_000) / millis
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
