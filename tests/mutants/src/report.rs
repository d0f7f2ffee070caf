//! What is said of a run: a table by file, and lists of the mutants by what became of them.

use std::fs;
use std::path::Path;

use crate::compile::{Source, of};
use crate::schemata::Id;
use crate::tree;
use crate::trial::Fate;

/// Prints the table, and writes `survived.txt`, `caught.txt` and `not-compiled.txt` to a folder.
pub fn write(sources: &[Source], ids: &[Id], fates: &[Fate], dropped: &[Id], folder: &Path) {
    println!("\n| part of the model | mutants that build | caught | |\n|---|---|---|---|");
    for source in sources {
        let name = format!("`{}`", source.path);
        row(
            &name,
            ids.iter()
                .zip(fates)
                .filter(|(id, _)| of(sources, **id).path == source.path),
        );
    }
    row("all", ids.iter().zip(fates));
    let (mut survived, mut caught) = (Vec::new(), Vec::new());
    for (id, fate) in ids.iter().zip(fates) {
        let line = line(sources, *id);
        match fate {
            Fate::Caught(by) => caught.push(format!("{line}: {by}\n")),
            Fate::Survived => survived.push(format!("{line}\n")),
            Fate::Unreached => survived.push(format!("{line}: never reached\n")),
        }
    }
    let dropped: Vec<_> = dropped.iter().map(|id| line(sources, *id) + "\n").collect();
    for (name, lines) in [
        ("survived", survived),
        ("caught", caught),
        ("not-compiled", dropped),
    ] {
        let file = folder.join(format!("{name}.txt"));
        tree::write(&file, lines.concat().as_bytes());
        println!("{}", file.display());
    }
}

/// What the last run in this folder came to. A mutant that it does not list survives.
pub fn read(sources: &[Source], ids: &[Id], folder: &Path) -> Vec<Fate> {
    let file = folder.join("caught.txt");
    let said = fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}: nothing was run before", file.display()));
    let fate = |id: &Id| {
        let line = line(sources, *id) + ": ";
        let by = said.lines().find_map(|it| it.strip_prefix(&line));
        by.map_or(Fate::Survived, |by| Fate::Caught(by.to_owned()))
    };
    ids.iter().map(fate).collect()
}

fn row<'a>(name: &str, its: impl Iterator<Item = (&'a Id, &'a Fate)>) {
    let (mut all, mut caught) = (0, 0);
    for (_, fate) in its {
        all += 1;
        caught += usize::from(fate.is_caught());
    }
    if all > 0 {
        println!("| {name} | {all} | {caught} | {} % |", 100 * caught / all);
    }
}

fn line(sources: &[Source], id: Id) -> String {
    let source = of(sources, id);
    let what = &source.change(id).what;
    format!(
        "{}:{}: {what} (MUTANT={})",
        source.path,
        source.line(id.point),
        id.number()
    )
}
