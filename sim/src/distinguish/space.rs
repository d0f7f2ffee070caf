//! All small scenarios, in the order of their size, none twice: what differs only in names is the same.

use crate::draft::{Call, Draft, Part};
use crate::fuzz::{Variant, every, parts_of, with_keys};

/// The most threads of a scenario.
pub const THREADS_MAX: usize = 4;

/// Nouns that may trade names: they are declared alike.
const TWINS: [(&str, &str); 4] = [("p", "q"), ("s1", "s2"), ("r", "v"), ("as_p", "as_q")];

/// The scenarios of one shape: so many operations for each thread.
pub struct Space {
    /// How many operations each thread has, the longest first.
    shape: Vec<usize>,
    words: Words,
    /// The families of which a scenario has each, and no other.
    families: u64,
    /// Renamings: who becomes whom, and what each operation becomes, where it stays one.
    renamings: Vec<(Vec<usize>, Vec<Option<u16>>)>,
}

/// The operations that scenarios are made of.
#[derive(Clone)]
pub struct Words {
    names: Vec<String>,
    /// On one port only, or on two of which each scenario uses the second.
    ports: usize,
    calls: Vec<Word>,
}

/// An operation.
#[derive(Clone)]
struct Word {
    call: Call,
    /// What it speaks of, and what that speaks of: a bit for each thing that can be declared.
    nouns: u64,
    /// Its families: a bit for each. What only takes, polls and posts has none.
    families: u64,
    /// Whether only the first call of a thread can be it.
    is_first: bool,
}

impl Words {
    /// Those that so many threads can use on so many ports, if they are wanted.
    pub fn new(threads: usize, ports: usize, wanted: impl Fn(&Call) -> bool) -> Words {
        let names = names(threads);
        let parts = parts_of(PLAIN);
        let looks = names.iter().map(|name| looks_for(name));
        let all = every(&names, ports);
        let alertable: Vec<_> = all.iter().filter_map(alertable).collect();
        let calls = all.into_iter().chain(alertable);
        let calls = calls.chain(looks.filter(|_| threads > 1)).filter(wanted);
        let word = |call: Call| {
            let nouns = nouns_of(&call, &parts);
            Word {
                families: families_of(&call, nouns, &parts),
                is_first: asks_whether_parked(&call),
                nouns,
                call,
            }
        };
        Words {
            calls: calls.map(word).collect(),
            names,
            ports,
        }
    }

    /// The sets of families that scenarios can have: those of at most so many operations, and at most so many.
    pub fn families(&self, operations: usize, most: u32) -> Vec<u64> {
        let mut own: Vec<u64> = self.calls.iter().map(|word| word.families).collect();
        own.sort_unstable();
        own.dedup();
        let mut all = vec![0];
        for _ in 0..operations {
            let more = all
                .iter()
                .flat_map(|so_far| own.iter().map(move |own| so_far | own));
            all = all.iter().copied().chain(more).collect();
            all.sort_unstable_by_key(|families: &u64| (families.count_ones(), *families));
            all.dedup();
        }
        all.retain(|families| families.count_ones() <= most);
        all
    }

    fn of(&self, families: u64) -> Words {
        let mut words = self.clone();
        words.calls.retain(|word| word.families & !families == 0);
        words
    }
}

/// The ways to share so many operations among threads, fewest threads first.
pub fn shapes(operations: usize, threads: usize) -> Vec<Vec<usize>> {
    fn split(
        left: usize,
        most: usize,
        threads: usize,
        so_far: &mut Vec<usize>,
        all: &mut Vec<Vec<usize>>,
    ) {
        if left == 0 {
            all.push(so_far.clone());
        } else if threads > 0 {
            for first in (1..=left.min(most)).rev() {
                so_far.push(first);
                split(left - first, first, threads - 1, so_far, all);
                so_far.pop();
            }
        }
    }
    let mut all = Vec::new();
    split(operations, operations, threads, &mut Vec::new(), &mut all);
    all.sort_by_key(Vec::len);
    all
}

/// The names of so many threads.
pub fn names(threads: usize) -> Vec<String> {
    let letters = (b'a'..).map(|letter| char::from(letter).to_string());
    letters.take(threads).collect()
}

/// The call that is made once a thread waits on a port. Without it nothing holds a thread back until another one waits, unless
/// whoever is woken comes back first. It says nothing behind other calls: whether who was woken is on its way can nobody see.
fn looks_for(name: &str) -> Call {
    Call::on("await", format!("{name}.parked").as_str())
}

/// A wait for an object that an APC can end.
fn alertable(call: &Call) -> Option<Call> {
    let waits = call.verb == "block";
    waits.then(|| call.clone().with("alertable", crate::draft::Word::Yes))
}

/// How things are declared first.
pub const PLAIN: Variant = Variant {
    concurrency: 1,
    readable: false,
};

impl Space {
    /// The scenarios of a shape with operations of just these families.
    pub fn new(shape: Vec<usize>, words: &Words, families: u64) -> Space {
        let mut space = Space {
            shape,
            words: words.of(families),
            families,
            renamings: Vec::new(),
        };
        space.renamings = space.all_renamings();
        space
    }

    /// How many there are, those that are the same as others counted too.
    pub fn len(&self) -> u64 {
        let operations = self.shape.iter().sum::<usize>() as u32;
        (self.words.calls.len() as u64).saturating_pow(operations)
    }

    /// The operations of the scenario of this number; none if it is the same as an earlier one, or falls apart.
    pub fn get(&self, number: u64) -> Option<Vec<u16>> {
        let (mut left, of) = (number, self.words.calls.len() as u64);
        let digits = self.shape.iter().sum::<usize>();
        let mut calls = vec![0; digits];
        for call in calls.iter_mut().rev() {
            *call = (left % of) as u16;
            left /= of;
        }
        let families = calls
            .iter()
            .fold(0, |all, &call| all | self.word(call).families);
        let uses_all =
            || self.words.ports == 1 || calls.iter().any(|&call| self.word(call).call.names("q"));
        let is_new = families == self.families
            && uses_all()
            && self.starts_well(&calls)
            && self.holds_together(&calls);
        (is_new && self.is_first(&calls)).then_some(calls)
    }

    /// A scenario as a draft.
    pub fn draft(&self, calls: &[u16], variant: Variant, meant_for: &str) -> Draft {
        let (mut at, mut key) = (0, 0);
        let mut threads = Vec::new();
        for (name, &len) in self.words.names.iter().zip(&self.shape) {
            let own = &calls[at..at + len];
            let own = own
                .iter()
                .map(|&call| with_keys(self.word(call).call.clone(), &mut key));
            threads.push((name.clone(), own.collect()));
            at += len;
        }
        let mut draft = Draft {
            why: "Which of two systems is it?".to_owned(),
            meant_for: meant_for.to_owned(),
            parts: parts_of(variant),
            threads,
            ..Draft::default()
        };
        draft.forget_unused();
        draft
    }

    /// The ways to declare what a scenario speaks of that may make a difference.
    pub fn variants(&self, calls: &[u16]) -> Vec<Variant> {
        let speaks = |names: &[&str]| {
            calls
                .iter()
                .any(|&call| names.iter().any(|name| self.word(call).call.names(name)))
        };
        let gets = calls
            .iter()
            .filter(|&&call| self.word(call).call.verb == "get")
            .count();
        let mut variants = vec![PLAIN];
        if gets > 1 && speaks(&["p", "q"]) {
            variants.push(Variant {
                concurrency: 2,
                ..PLAIN
            });
        }
        if speaks(&["s1", "s2"]) {
            variants.push(Variant {
                readable: true,
                ..PLAIN
            });
        }
        variants
    }

    fn word(&self, call: u16) -> &Word {
        &self.words.calls[usize::from(call)]
    }

    /// Whether no renaming makes it an earlier one.
    fn is_first(&self, calls: &[u16]) -> bool {
        let mut starts = Vec::with_capacity(self.shape.len());
        let mut end = 0;
        for len in &self.shape {
            starts.push(end);
            end += len;
        }
        self.renamings.iter().all(|(becomes, images)| {
            let mut image = vec![0; calls.len()];
            for (thread, &len) in self.shape.iter().enumerate() {
                let to = starts[becomes[thread]];
                for n in 0..len {
                    match images[usize::from(calls[starts[thread] + n])] {
                        Some(call) => image[to + n] = call,
                        None => return true,
                    }
                }
            }
            calls <= image.as_slice()
        })
    }

    /// Whether what only the first call of a thread can be is the first.
    fn starts_well(&self, calls: &[u16]) -> bool {
        let mut left = calls;
        self.shape.iter().all(|&len| {
            let (own, others) = left.split_at(len);
            left = others;
            own[1..].iter().all(|&call| !self.word(call).is_first)
        })
    }

    /// Whether its threads have to do with each other, if only through others: parts that have not come out as each does
    /// alone.
    fn holds_together(&self, calls: &[u16]) -> bool {
        let mut groups: Vec<u64> = Vec::new();
        let mut at = 0;
        for (thread, &len) in self.shape.iter().enumerate() {
            let own = &calls[at..at + len];
            let mut nouns = own
                .iter()
                .fold(1 << thread, |nouns, &call| nouns | self.word(call).nouns);
            at += len;
            groups.retain(|&group| {
                let meet = group & nouns != 0;
                nouns |= if meet { group } else { 0 };
                !meet
            });
            groups.push(nouns);
        }
        groups.len() == 1
    }

    fn all_renamings(&self) -> Vec<(Vec<usize>, Vec<Option<u16>>)> {
        let mut all = Vec::new();
        for becomes in orders(self.shape.len()) {
            let fits = |(from, &to): (usize, &usize)| self.shape[from] == self.shape[to];
            if !becomes.iter().enumerate().all(fits) {
                continue;
            }
            for twins in 0..1_usize << TWINS.len() {
                let renamed = |word: &String| self.renamed(word, &becomes, twins);
                let image = |word: &Word| {
                    let mut call = word.call.clone();
                    call.rename(&renamed);
                    let place = self.words.calls.iter().position(|other| other.call == call);
                    place.map(|place| place as u16)
                };
                let images: Vec<_> = self.words.calls.iter().map(image).collect();
                let is_new = all
                    .iter()
                    .all(|known| *known != (becomes.clone(), images.clone()));
                if is_new {
                    all.push((becomes.clone(), images));
                }
            }
        }
        all
    }

    /// What a word becomes; what it asks of a thread, behind a dot, stays.
    fn renamed(&self, word: &str, becomes: &[usize], twins: usize) -> String {
        let (who, asked) = word.split_at(word.find('.').unwrap_or(word.len()));
        if let Some(thread) = self.words.names.iter().position(|name| name == who) {
            return format!("{}{asked}", self.words.names[becomes[thread]]);
        }
        for (n, (one, other)) in TWINS.into_iter().enumerate() {
            if twins >> n & 1 != 0 {
                if who == one {
                    return format!("{other}{asked}");
                } else if who == other {
                    return format!("{one}{asked}");
                }
            }
        }
        word.to_owned()
    }
}

/// What a call speaks of, and what that speaks of: the threads first, then everything that can be declared.
fn nouns_of(call: &Call, parts: &[Part]) -> u64 {
    let mut nouns = 0;
    for (n, name) in names(THREADS_MAX).iter().enumerate() {
        nouns |= u64::from(call.names(name)) << n;
    }
    let bit = |n: usize| 1_u64 << (THREADS_MAX + n);
    for (n, part) in parts.iter().enumerate() {
        if call.names(part.name) {
            nouns |= bit(n);
        }
    }
    // What was declared earlier is spoken of by what comes later.
    for (n, part) in parts.iter().enumerate().rev() {
        if nouns & bit(n) != 0 {
            for (m, other) in parts.iter().enumerate() {
                if part.names(other.name) {
                    nouns |= bit(m);
                }
            }
        }
    }
    nouns
}

/// The families of a call: which sections it speaks of besides ports, and what else sets it apart from a plain `get` and
/// `post`.
fn families_of(call: &Call, nouns: u64, parts: &[Part]) -> u64 {
    const OTHERS: [&str; 10] = [
        "handles", "batches", "time", "apcs", "contents", "pauses", "stops", "ends", "rings",
        "looks",
    ];
    // Each port besides the common ones is a family of its own.
    let family = |part: &Part| {
        if part.section == "ports" {
            part.name
        } else {
            part.section
        }
    };
    let mut sections: Vec<_> = parts.iter().map(family).collect();
    sections.sort_unstable();
    sections.dedup();
    let mut families = 0;
    for (n, part) in parts.iter().enumerate() {
        if nouns >> (THREADS_MAX + n) & 1 != 0 && !["p", "q"].contains(&part.name) {
            let place = sections.iter().position(|section| *section == family(part));
            families |= place.map_or(0, |place| 1 << place);
        }
    }
    let has = |field: &str| call.fields.iter().any(|(name, _)| *name == field);
    let mut add = |name: &str| {
        let place = OTHERS.iter().position(|other| *other == name);
        families |= place.map_or(0, |place| 1 << (sections.len() + place));
    };
    match call.verb {
        "close" | "create" | "duplicate" | "query" | "wait_handle" => add("handles"),
        "stall" | "sleep" | "yield" | "exit" => add("pauses"),
        "suspend" | "resume" | "terminate" => add("stops"),
        "await" if asks_whether_parked(call) => add("looks"),
        "join" | "await" | "spawn" => add("ends"),
        "apc" | "kernel_apc" => add("apcs"),
        "msg_ring" | "submit" | "submit_chain" | "ring_event" => add("rings"),
        _ => {}
    }
    let times = ["timeout", "sleep"];
    let waits =
        |(name, word): &(&str, crate::draft::Word)| times.contains(name) && *word != 0.into();
    if call.fields.iter().any(waits) || call.verb == "sleep" {
        add("time");
    }
    for (field, family) in [
        ("max", "batches"),
        ("alertable", "apcs"),
        ("bytes", "contents"),
        ("status", "contents"),
    ] {
        if has(field) {
            add(family);
        }
    }
    families
}

fn asks_whether_parked(call: &Call) -> bool {
    let mut threads = names(THREADS_MAX).into_iter();
    threads.any(|name| *call == looks_for(&name))
}

/// All orders of so many.
fn orders(len: usize) -> Vec<Vec<usize>> {
    if len == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(len - 1) {
        for place in 0..len {
            let mut order = shorter.clone();
            order.insert(place, len - 1);
            all.push(order);
        }
    }
    all
}
