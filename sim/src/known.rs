//! What is known of some words: the claims, systems and shipped scenarios that speak of them.

use portsim_model::claim::Claim;
use portsim_model::personality::{CLAIMS, NAMES};

use crate::scenario::Scenario;
use crate::shipped;

/// How much of the best answer's worth another needs, to be one.
const WORTH: f64 = 0.6;

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

/// What is known of these words, which may be a whole question: a word counts the more, the fewer speak of it.
pub fn known(question: &str) -> Known {
    let words = words(question);
    let all_claims = CLAIMS.iter().flat_map(|(_, claims)| claims.iter().copied());
    let claims = best(&words, all_claims, |claim| {
        format!("{} {}", claim.id, claim.says)
    });
    let scenarios = best(&words, shipped::scenarios(), |(name, text)| {
        format!("{name} {text}")
    });
    let claims: Vec<_> = claims.into_iter().map(told).collect();
    let named = |name: &str| claims.iter().any(|told| told.scenarios.contains(&name));
    let scenarios = scenarios.into_iter().filter(|(name, _)| !named(name));
    let read = scenarios.filter_map(|(name, text)| {
        let path = shipped::path_of(name);
        Scenario::parse(name, &path, text.as_bytes()).ok()
    });
    let is_called = |name: &&str| {
        words
            .iter()
            .any(|word| name.split('-').any(|part| part == word) || name == word)
    };
    let systems = NAMES.into_iter().filter(is_called).collect();
    Known {
        systems,
        scenarios: read.collect(),
        claims,
    }
}

/// The words of a question, without what they end in: `wakes` finds `wake`.
fn words(question: &str) -> Vec<String> {
    let question = question.to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || "/-_.".contains(c);
    let words = question
        .split(|c| !is_part(c))
        .map(|word| word.trim_matches(['.', '-', '/']));
    let words = words.map(|word| match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with('s') => stem,
        _ => word,
    });
    let mut words: Vec<_> = words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

/// Those of all that speak of the words, what fits best first, else in their order.
fn best<T: Copy>(
    words: &[String],
    all: impl Iterator<Item = T>,
    text: impl Fn(T) -> String,
) -> Vec<T> {
    let all: Vec<(T, String)> = all.map(|it| (it, text(it).to_lowercase())).collect();
    let worth = |word: &String| {
        let speak = all.iter().filter(|(_, text)| text.contains(word)).count();
        (speak > 0).then(|| ((all.len() + 1) as f64 / speak as f64).ln())
    };
    let worth: Vec<_> = words
        .iter()
        .filter_map(|word| Some((word, worth(word)?)))
        .collect();
    let score = |text: &str| -> f64 {
        let spoken = worth.iter().filter(|(word, _)| text.contains(*word));
        spoken.map(|(_, worth)| worth).sum()
    };
    let mut scored: Vec<_> = all.iter().map(|(it, text)| (*it, score(text))).collect();
    scored.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let least = scored.first().map_or(0.0, |(_, score)| score * WORTH);
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
    let recordings = scenarios
        .iter()
        .flat_map(|name| shipped::recordings(name))
        .collect();
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
            ("epoll/lifo", "epoll/lifo"),
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
