//! What travels with the command: the project's scenarios, as paths that begin with `@`, which recordings there are, and
//! schemas.
//!
//! `shipped.deflate` is made from `scenarios/` and `traces/recorded/`; a test holds it to them, and writes it anew with
//! `UPDATE_EXPECT=1`. It is a text, compressed to a seventh. Each line `scenario NAME BYTES` is followed by so many bytes, the file as it is; each line
//! `recording PATH SCENARIO` names a recording.

mod wire;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use miniz_oxide::inflate::decompress_to_vec;

#[cfg(test)]
pub(crate) use wire::hold_schema;
pub use wire::schema;

const ARCHIVE: &[u8] = include_bytes!("shipped.deflate");
/// How a path to a scenario of the command begins.
const MARK: char = '@';
const ENDING: &str = ".json";

static SHIPPED: LazyLock<Shipped> = LazyLock::new(|| {
    let text = unpacked(ARCHIVE).expect("a test reads it");
    read(text.leak()).expect("a test reads it")
});

#[derive(Debug, Default)]
struct Shipped {
    /// Names, sorted, and texts.
    scenarios: Vec<(&'static str, &'static str)>,
    /// Paths in the project, and the scenario of each.
    recordings: Vec<(&'static str, &'static str)>,
}

/// The text of the archive.
fn unpacked(archive: &[u8]) -> Option<String> {
    String::from_utf8(decompress_to_vec(archive).ok()?).ok()
}

/// What stands in the text; none if it is no archive.
fn read(mut rest: &'static str) -> Option<Shipped> {
    let mut shipped = Shipped::default();
    while let Some((line, behind)) = rest.split_once('\n') {
        rest = behind;
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["scenario", name, bytes] => {
                let (text, behind) = rest.split_at_checked(bytes.parse().ok()?)?;
                shipped.scenarios.push((name, text));
                rest = behind;
            }
            ["recording", path, scenario] => shipped.recordings.push((path, scenario)),
            _ => return None,
        }
    }
    (rest.is_empty() && shipped.scenarios.is_sorted()).then_some(shipped)
}

/// Whether a path means what travels with the command.
pub fn is_meant(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with(MARK))
}

/// The name below `@`, with slashes between its parts on every system, and without `.json`.
pub fn name_of(path: &Path) -> Option<String> {
    let name = path.to_str()?.strip_prefix(MARK)?.replace('\\', "/");
    let name = name.strip_suffix(ENDING).unwrap_or(&name);
    Some(name.trim_matches('/').to_owned())
}

/// The path that means the scenario of this name.
pub fn path_of(name: &str) -> PathBuf {
    PathBuf::from(format!("{MARK}{name}{ENDING}"))
}

/// The text of the scenario that a path means.
pub fn text(path: &Path) -> Option<&'static str> {
    let name = name_of(path)?;
    let scenarios = &SHIPPED.scenarios;
    let at = scenarios.binary_search_by_key(&name.as_str(), |(name, _)| name);
    Some(scenarios[at.ok()?].1)
}

/// The scenarios at or below a path, in the order of their names.
pub fn below(path: &Path) -> Vec<PathBuf> {
    let Some(name) = name_of(path) else {
        return Vec::new();
    };
    let is_below = |it: &&str| {
        let rest = it.strip_prefix(name.as_str());
        name.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let names = SHIPPED.scenarios.iter().map(|(name, _)| *name);
    names.filter(is_below).map(path_of).collect()
}

/// What may be meant by a name that means nothing: every folder and scenario.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in &SHIPPED.scenarios {
        let parts = name.match_indices('/').map(|(at, _)| &name[..at]);
        names.extend(parts.chain([*name]).map(|name| format!("{MARK}{name}")));
    }
    names.sort();
    names.dedup();
    names
}

/// The path of the scenario or folder that has this name in verdicts and in the project, if there is one.
pub fn named(path: &Path) -> Option<String> {
    let name = path.to_str()?.replace('\\', "/");
    let name = name.strip_prefix("scenarios/").unwrap_or(&name);
    let name = name.strip_suffix(ENDING).unwrap_or(name);
    let meant = format!("{MARK}{}", name.trim_matches('/'));
    names().contains(&meant).then_some(meant)
}

/// Every scenario: its name and its text.
pub fn scenarios() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHIPPED.scenarios.iter().copied()
}

/// Recordings of the scenario of this name, as paths in the project.
pub fn recordings(name: &str) -> impl Iterator<Item = &'static str> {
    let recordings = SHIPPED.recordings.iter();
    recordings.filter_map(move |(path, scenario)| (*scenario == name).then_some(*path))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::PathBuf;
    use std::{env, fs};

    use miniz_oxide::deflate::compress_to_vec;

    use super::*;

    /// The files below a folder, sorted, as paths with slashes below it.
    fn files(folder: &Path, below: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder.join(below)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}/{}", entry.file_name().to_string_lossy());
            match entry.file_type().unwrap().is_dir() {
                true => files(folder, &name, found),
                false => found.push(name),
            }
        }
        found.sort();
    }

    fn archive(root: &Path) -> String {
        let mut archive = String::new();
        let mut scenarios = Vec::new();
        files(root, "scenarios", &mut scenarios);
        let name = |path: &str| {
            Some(
                path.strip_prefix("scenarios/")?
                    .strip_suffix(ENDING)?
                    .to_owned(),
            )
        };
        let mut scenarios: Vec<_> = scenarios
            .iter()
            .filter_map(|path| Some((name(path)?, path)))
            .collect();
        scenarios.sort();
        for (name, path) in scenarios {
            let text = fs::read_to_string(root.join(path)).unwrap();
            write!(archive, "scenario {name} {}\n{text}", text.len()).unwrap();
        }
        let mut recordings = Vec::new();
        files(root, "traces/recorded", &mut recordings);
        for path in recordings {
            let trace = fs::read_to_string(root.join(&path)).unwrap();
            let named = trace.split_once(r#""scenario":""#).unwrap().1;
            let (scenario, _) = named.split_once('"').unwrap();
            writeln!(archive, "recording {path} {scenario}").unwrap();
        }
        archive
    }

    /// The project's own tree; a package alone has none, and nothing to hold the archive to.
    #[test]
    fn the_archive_is_what_the_project_has() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        if !root.join("scenarios").exists() {
            println!("not held to anything: this package stands outside of its project");
            return;
        }
        let found = archive(&root);
        if env::var_os("UPDATE_EXPECT").is_some_and(|it| it == "1") {
            let packed = compress_to_vec(found.as_bytes(), 9);
            fs::write(root.join("sim/src/shipped/shipped.deflate"), packed).unwrap();
            return;
        }
        assert!(
            unpacked(ARCHIVE).is_some_and(|text| text == found),
            "sim/src/shipped/shipped.deflate is not what scenarios/ and traces/recorded/ hold; \
             UPDATE_EXPECT=1 cargo test -p portsim --lib shipped:: writes it anew"
        );
    }

    #[test]
    fn a_path_means_a_scenario_or_a_folder() {
        let one = below(Path::new("@bugs/buffer-dropped-with-the-future"));
        assert_eq!(
            one,
            [PathBuf::from("@bugs/buffer-dropped-with-the-future.json")]
        );
        assert_eq!(
            text(&one[0]),
            text(Path::new("@bugs/buffer-dropped-with-the-future"))
        );
        assert!(text(&one[0]).is_some_and(|text| text.contains("foyer")));
        assert!(below(Path::new("@bugs")).len() > 100);
        assert_eq!(below(Path::new("@")).len(), scenarios().count());
        assert!(below(Path::new("@bug")).is_empty());
        assert!(text(Path::new("bugs/buffer-dropped-with-the-future")).is_none());
    }

    #[test]
    fn what_is_no_archive_is_none() {
        for text in [
            "scenario a 3\nxy",
            "scenario a x\n",
            "anything\n",
            "recording a",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
