//! What is known of some words: the claims, systems and shipped scenarios that speak of them.

use portsim_model::claim::Claim;
use portsim_model::personality::{CLAIMS, NAMES, aliases};

use crate::personality::not_for;
use crate::scenario::Scenario;
use crate::shipped;

/// How much of the best answer's worth another claim needs, to be one, and another scenario.
const WORTH: [f64; 2] = [0.4, 0.7];

/// What is known of some words, what fits best first.
#[derive(Debug)]
pub struct Known {
    /// Systems and versions that are called so.
    pub systems: Vec<&'static str>,
    /// Claims that speak of them.
    pub claims: Vec<Told>,
    /// Shipped scenarios that do, without those that a claim names already.
    pub scenarios: Vec<Scenario>,
}

/// A claim, and what shows it.
#[derive(Debug)]
pub struct Told {
    /// The claim.
    pub claim: &'static Claim,
    /// Names of shipped scenarios that name it.
    pub scenarios: Vec<&'static str>,
    /// Recordings of these, as paths in the project.
    pub recordings: Vec<&'static str>,
}

impl Known {
    /// Whether nothing is known.
    pub fn is_nothing(&self) -> bool {
        self.systems.is_empty() && self.claims.is_empty() && self.scenarios.is_empty()
    }
}

/// What is known of these words, which may be a whole question: a word counts the more, the fewer speak of it. Of a question
/// that names systems the answer is theirs.
pub fn known(question: &str) -> Known {
    let question = question.to_lowercase();
    let (names, others): (Vec<&str>, Vec<&str>) =
        words(&question).partition(|word| called(word).next().is_some());
    // `EPOLLEXCLUSIVE` and `epoll/lifo` name epoll too, and are asked for all the same.
    let is_named = |name: &&str| {
        let is_called = |word: &&str| called(word).any(|own| own == *name);
        names.iter().any(is_called) || others.iter().any(|word| word.starts_with(name))
    };
    let systems: Vec<_> = NAMES.into_iter().filter(is_named).collect();
    let mut words: Vec<Vec<String>> = others.into_iter().map(meant).collect();
    // A system alone is what is asked for.
    if words.is_empty() {
        words = names.iter().copied().map(meant).collect();
    }
    words.sort();
    words.dedup();
    let all_claims = CLAIMS.iter().flat_map(|(_, claims)| claims.iter().copied());
    let is_theirs = |claim: &&Claim| {
        let own = |name: &&str| is_of(claim.about(), name);
        systems.is_empty() || systems.iter().any(own)
    };
    let claims = best(WORTH[0], &words, all_claims.filter(is_theirs), |claim| {
        format!("{} {}", claim.id, claim.says)
    });
    let scenarios = best(WORTH[1], &words, shipped::scenarios(), |(name, text)| {
        format!("{name} {text}")
    });
    let claims: Vec<_> = claims.into_iter().map(told).collect();
    let named = |name: &str| claims.iter().any(|told| told.scenarios.contains(&name));
    let scenarios = scenarios.into_iter().filter(|(name, _)| !named(name));
    let read = scenarios.filter_map(|(name, text)| {
        let path = shipped::path_of(name);
        let scenario = Scenario::parse(name, &path, text.as_bytes()).ok()?;
        let plays = |name: &&str| not_for(name, &scenario).is_none();
        (systems.is_empty() || systems.iter().any(plays)).then_some(scenario)
    });
    let scenarios: Vec<_> = read.collect();
    // A name that nobody knows is no question about a system that it begins with.
    let is_answered = !names.is_empty() || !claims.is_empty() || !scenarios.is_empty();
    Known {
        scenarios,
        systems: if is_answered { systems } else { Vec::new() },
        claims,
    }
}

/// The systems and versions that a word names.
fn called(word: &str) -> impl Iterator<Item = &'static str> + use<'_> {
    let is_alias = |name: &&str| aliases(name).is_some_and(|all| all.contains(&word));
    let word = NAMES.into_iter().find(is_alias).unwrap_or(word);
    let is_called = move |name: &&str| {
        let version = name
            .strip_prefix(word)
            .and_then(|rest| rest.strip_prefix('-'));
        let numbered = version.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        *name == word || numbered
    };
    NAMES.into_iter().filter(is_called)
}

/// Whether claims on this are claims on a system: `wine` is what `wine-8` follows.
fn is_of(about: &str, name: &str) -> bool {
    let version = name.strip_prefix(about);
    version.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Words of a question that say nothing of what is asked.
const EMPTY: [&str; 40] = [
    "a", "an", "and", "any", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from",
    "happen", "happens", "has", "have", "how", "if", "in", "is", "it", "its", "of", "on", "or",
    "that", "the", "there", "to", "under", "what", "when", "where", "which", "who", "why", "will",
    "with",
];

/// The words of a question that say something.
fn words(question: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || "/-_.".contains(c);
    let words = question.split(move |c| !is_part(c));
    let words = words.map(|word| word.trim_matches(['.', '-', '/']));
    words.filter(|word| !word.is_empty() && !EMPTY.contains(word))
}

/// Words of which one is said for the other.
const ALIKE: [[&str; 2]; 6] = [
    ["wake", "releas"],
    ["woken", "releas"],
    ["newest", "last"],
    ["oldest", "first"],
    ["lifo", "last"],
    ["fifo", "first"],
];

/// How a word may begin in what answers, without what it ends in: `wakes` finds `wake` and `release`, `closed` finds `closing`.
fn meant(word: &str) -> Vec<String> {
    let mut ends = ["ing", "ed", "es", "s", "e"].into_iter();
    let stem = ends.find_map(|end| word.strip_suffix(end).filter(|stem| stem.len() >= 4));
    let stem = stem.unwrap_or(word);
    let others = ALIKE.iter().filter_map(|[a, b]| match stem {
        _ if stem == *a => Some(*b),
        _ if stem == *b => Some(*a),
        _ => None,
    });
    std::iter::once(stem)
        .chain(others)
        .map(str::to_owned)
        .collect()
}

/// Whether a text has a word that begins so.
fn speaks(text: &str, meant: &[String]) -> bool {
    let begins = |at: usize| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric())
    };
    let has = |word: &String| text.match_indices(word.as_str()).any(|(at, _)| begins(at));
    meant.iter().any(has)
}

/// Those of all that speak of the words, what fits best first, else in their order.
fn best<T: Copy>(
    least: f64,
    words: &[Vec<String>],
    all: impl Iterator<Item = T>,
    text: impl Fn(T) -> String,
) -> Vec<T> {
    let all: Vec<(T, String)> = all.map(|it| (it, text(it).to_lowercase())).collect();
    let worth = |word: &[String]| {
        let speak = all.iter().filter(|(_, text)| speaks(text, word)).count();
        (speak > 0).then(|| ((all.len() + 1) as f64 / speak as f64).ln())
    };
    let worth: Vec<_> = words
        .iter()
        .filter_map(|word| Some((word, worth(word)?)))
        .collect();
    let score = |text: &str| -> f64 {
        let spoken = worth.iter().filter(|(word, _)| speaks(text, word));
        spoken.map(|(_, worth)| worth).sum()
    };
    let mut scored: Vec<_> = all.iter().map(|(it, text)| (*it, score(text))).collect();
    scored.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let least = scored.first().map_or(0.0, |(_, score)| score * least);
    let fits = |(_, score): &(T, f64)| *score > 0.0 && *score >= least;
    scored
        .into_iter()
        .take_while(fits)
        .map(|(it, _)| it)
        .collect()
}

/// A claim with what shows it.
fn told(claim: &'static Claim) -> Told {
    let quoted = format!("\"{}\"", claim.id);
    let scenarios = shipped::scenarios().filter(|(_, text)| text.contains(&quoted));
    let mut scenarios: Vec<_> = scenarios.map(|(name, _)| name).collect();
    // What was recorded, and is about this system alone, shows it best.
    scenarios.sort_by_key(|name| {
        let is_recorded = shipped::recordings(name).next().is_some();
        (!is_recorded, !name.starts_with(claim.about()))
    });
    // What another system did shows nothing of this one.
    let is_own = |recording: &&str| {
        let mut parts = recording.rsplit('/').skip(1);
        parts
            .next()
            .is_some_and(|backend| is_of(backend, claim.about()))
    };
    let recordings = scenarios.iter().flat_map(|name| shipped::recordings(name));
    let recordings = recordings.filter(is_own).collect();
    Told {
        claim,
        scenarios,
        recordings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_finds_the_claim_that_answers_it() {
        for (question, claim) in [
            ("does epoll wake the newest?", "epoll/lifo"),
            ("EPOLLEXCLUSIVE", "epoll/exclusive"),
            (
                "does epoll with EPOLLEXCLUSIVE wake the newest waiter?",
                "epoll/exclusive",
            ),
            ("does EPOLLEXCLUSIVE wake the newest waiter?", "epoll/lifo"),
            ("epoll/lifo", "epoll/lifo"),
            ("does windows wake the newest waiter?", "windows/lifo"),
            ("does iocp wake the newest?", "windows/lifo"),
            ("does io_uring wake all waiters?", "io-uring/all-met"),
            (
                "what happens to waiters when a port is closed on windows",
                "windows/close-abandons",
            ),
        ] {
            let known = known(question);
            let found: Vec<_> = known.claims.iter().map(|told| told.claim.id).collect();
            assert!(
                found.iter().take(5).any(|id| *id == claim),
                "{question}: {found:?}"
            );
        }
    }

    #[test]
    fn of_what_nobody_speaks_nothing_is_known() {
        assert!(known("qwertyuiop").is_nothing());
        assert!(known("").is_nothing());
        assert!(known("?!").is_nothing());
    }

    #[test]
    fn a_claim_has_what_shows_it() {
        let lifo = known("epoll/lifo");
        let told = &lifo.claims[0];
        assert_eq!(told.claim.id, "epoll/lifo");
        assert!(!told.scenarios.is_empty() && !told.recordings.is_empty());
    }
}
