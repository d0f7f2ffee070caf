//! What the nouns of a program are called: a program itself has only numbers.

use std::collections::{BTreeMap, BTreeSet};

use portsim_model::program::{CodeId, LocalId, Program, ThreadId, Variable};
use portsim_model::property::Violation;

/// The names of a program, each list in the order of its numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Threads; those of a group are `worker[0]`, `worker[1]`, ...
    pub threads: Vec<String>,
    /// Groups and their threads.
    pub groups: Vec<(String, Vec<ThreadId>)>,
    /// Completion ports.
    pub ports: Vec<String>,
    /// Files.
    pub files: Vec<String>,
    /// I/O operations.
    pub operations: Vec<String>,
    /// Reserve objects.
    pub reserves: Vec<String>,
    /// Wait completion packets.
    pub wait_packets: Vec<String>,
    /// Jobs.
    pub jobs: Vec<String>,
    /// Processes; the scenario's own, the first, has no name.
    pub processes: Vec<String>,
    /// Events, mutexes and semaphores, and the signals of files.
    pub objects: Vec<String>,
    /// What an epoll descriptor can watch.
    pub sources: Vec<String>,
    /// Shared variables; the elements of an array are `alive[0]`, `alive[1]`, ...
    pub vars: Vec<String>,
    /// Results, by code.
    pub slots: Vec<Vec<String>>,
    /// Variables that each thread has for itself, by code, with elements like those of [`Names::vars`].
    pub locals: Vec<Vec<String>>,
    /// `always` properties.
    pub always: Vec<String>,
    /// `sometimes` properties.
    pub sometimes: Vec<String>,
    /// `eventually` properties.
    pub eventually: Vec<String>,
    /// `at_end` properties.
    pub at_end: Vec<String>,
    /// Texts of the notes.
    pub notes: Vec<String>,
}

impl Names {
    /// The thread of this name.
    pub fn thread(&self, name: &str) -> Option<ThreadId> {
        let place = self.threads.iter().position(|thread| thread == name)?;
        Some(ThreadId(place as u8))
    }

    /// The name of a thread.
    pub fn thread_name(&self, thread: ThreadId) -> &str {
        &self.threads[thread.index()]
    }

    /// The name of the property that a violation breaks.
    pub fn property(&self, violation: Violation) -> &str {
        match violation {
            Violation::Builtin(fault) => fault.name(),
            Violation::Always(n) => &self.always[n],
            Violation::AtEnd(n) => &self.at_end[n],
            Violation::Eventually(n) => &self.eventually[n],
        }
    }

    /// The same with names of no more than so many letters, or some more where two would be one. What is cut ends in `~`; the
    /// number of an element stays.
    pub fn shortened(&self, letters: usize) -> Names {
        let lists = [
            &self.threads,
            &self.ports,
            &self.files,
            &self.operations,
            &self.reserves,
            &self.wait_packets,
            &self.jobs,
            &self.processes,
            &self.objects,
            &self.sources,
            &self.vars,
        ];
        let groups = self.groups.iter().map(|(group, _)| group);
        let all = lists
            .into_iter()
            .flatten()
            .chain(self.slots.iter().flatten())
            .chain(self.locals.iter().flatten());
        let bases = all.chain(groups).map(|name| halves(name).0);
        let short = cut_short(bases.collect(), letters);
        let one = |name: &String| {
            let (base, element) = halves(name);
            short[base].clone() + element
        };
        let list = |names: &Vec<String>| names.iter().map(one).collect();
        Names {
            threads: list(&self.threads),
            groups: self
                .groups
                .iter()
                .map(|(group, threads)| (one(group), threads.clone()))
                .collect(),
            ports: list(&self.ports),
            files: list(&self.files),
            operations: list(&self.operations),
            reserves: list(&self.reserves),
            wait_packets: list(&self.wait_packets),
            jobs: list(&self.jobs),
            processes: list(&self.processes),
            objects: list(&self.objects),
            sources: list(&self.sources),
            vars: list(&self.vars),
            slots: self.slots.iter().map(list).collect(),
            locals: self.locals.iter().map(list).collect(),
            ..self.clone()
        }
    }

    /// The name of a variable that threads of a code have for themselves; of an array, that of its first element.
    pub fn local(&self, code: CodeId, local: LocalId) -> &str {
        &self.locals[code.index()][local.index()]
    }

    /// The name of a variable that a thread can write.
    pub fn variable(&self, program: &Program, me: ThreadId, variable: Variable) -> &str {
        match variable {
            Variable::Shared(var) => &self.vars[var.index()],
            Variable::Own(local) => self.local(program.threads[me.index()].code, local),
        }
    }

    /// The results of a code.
    pub fn slots_of(&self, code: CodeId) -> &[String] {
        &self.slots[code.index()]
    }
}

/// A name, and behind it the number of an element.
fn halves(name: &str) -> (&str, &str) {
    name.split_at(name.find('[').unwrap_or(name.len()))
}

/// Each of these names with its first letters, so many that no two are one.
fn cut_short(names: BTreeSet<&str>, letters: usize) -> BTreeMap<&str, String> {
    let cut = |name: &str, letters: usize| match name.char_indices().nth(letters.saturating_sub(1))
    {
        // A name of exactly so many letters stays.
        Some((end, last)) if end + last.len_utf8() < name.len() => format!("{}~", &name[..end]),
        _ => name.to_owned(),
    };
    let is_alone = |name: &str, short: &str| {
        let mut others = names.iter().filter(|other| **other != name);
        let start = short.trim_end_matches('~');
        short == name || !others.any(|other| other.starts_with(start))
    };
    let shorten = |name: &&str| {
        let mut lengths = letters..=name.chars().count();
        let short = lengths.find_map(|letters| {
            let short = cut(name, letters);
            is_alone(name, &short).then_some(short)
        });
        short.unwrap_or_else(|| (*name).to_owned())
    };
    names.iter().map(|name| (*name, shorten(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn cut_to(names: &[&str], letters: usize, wanted: &[&str]) {
        let threads = names.iter().map(|name| (*name).to_owned()).collect();
        let names = Names {
            threads,
            ..Names::default()
        };
        assert_eq!(names.shortened(letters).threads, wanted);
    }

    #[test]
    fn names_that_are_cut_stay_apart() {
        cut_to(&["submitter", "loop"], 6, &["submi~", "loop"]);
        cut_to(&["worker[0]", "worker[11]"], 4, &["wor~[0]", "wor~[11]"]);
        cut_to(
            &["reader_of_a", "reader_of_b"],
            6,
            &["reader_of_a", "reader_of_b"],
        );
        cut_to(
            &["closer_one", "closed_two", "x"],
            4,
            &["closer~", "closed~", "x"],
        );
        // A name that is no longer than it may be is one that others must not be cut to.
        cut_to(&["sub", "submitter"], 4, &["sub", "subm~"]);
    }
}
