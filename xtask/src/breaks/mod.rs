//! `cargo xtask breaks`: a promise whose test stays green when it is broken is not tested.

mod copy;
mod patch;
mod trial;

pub(crate) use patch::{NamedTest, Patch, headers};
pub(crate) use trial::{Trial, Verdict};

#[cfg(test)]
pub(crate) use patch::all;

use crate::failure::Failure;
use crate::terminal::{Shade, counted, span, table};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

/// What `cargo xtask breaks` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Breaks to try, by the names of their patches [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Sees each named test pass once on an unbroken copy, then fail on each break of it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let patches = chosen(patch::all()?, &arguments.names)?;
    let trial = Trial::prepare()?;
    let mut unbroken = BTreeMap::new();
    for patch in &patches {
        if !unbroken.contains_key(&patch.test) {
            println!("{} {}", Shade::Bold.paint("==> unbroken:"), patch.test);
            let verdict = trial.unbroken(&patch.test)?;
            println!("    {}", verdict.words());
            unbroken.insert(patch.test.clone(), verdict);
        }
    }
    let mut rows = Vec::new();
    let mut all_red = true;
    for patch in &patches {
        println!("{} {}", Shade::Bold.paint(&format!("==> {}:", patch.name)), patch.promise);
        let began = Instant::now();
        let sound = unbroken.get(&patch.test) == Some(&Verdict::Green);
        let verdict = if sound {
            trial.patched(&patch.path, &patch.test, &patch.name)?
        } else {
            Verdict::RedUnbroken
        };
        let red = verdict == Verdict::Red;
        all_red &= red;
        let mark = if red { Shade::Green.paint("✓") } else { Shade::Red.paint("✗") };
        println!("    {}", verdict.words());
        rows.push(vec![mark, patch.name.clone(), span(began.elapsed()), verdict.words()]);
    }
    println!("\n{}", Shade::Bold.paint("The breaks"));
    for line in table(&rows) {
        println!("{line}");
    }
    let breaks = counted(patches.len(), "break", "breaks");
    if all_red {
        println!("\n{breaks}, each of them noticed.");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "\n{breaks}, not all of them noticed; cargo's words are in {}",
        trial.logs().display()
    );
    Ok(ExitCode::FAILURE)
}

fn chosen(patches: Vec<Patch>, names: &[String]) -> Result<Vec<Patch>, Failure> {
    if let Some(unknown) = names.iter().find(|name| !patches.iter().any(|it| it.name == **name)) {
        let known: Vec<&str> = patches.iter().map(|patch| patch.name.as_str()).collect();
        return Err(Failure::new(format!("there is no break `{unknown}`: {}", known.join(", "))));
    }
    let wanted = |patch: &Patch| names.is_empty() || names.contains(&patch.name);
    Ok(patches.into_iter().filter(wanted).collect())
}
