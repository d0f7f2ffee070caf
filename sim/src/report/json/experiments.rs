//! What experiments found.

use serde_json::{Value, json};

use super::{but_for, unless_complete};
use crate::cross_check::follow::{Confirmed, Followed, Unplayed};
use crate::distinguish::identify::{Candidate, Out, Reading};
use crate::report::distinguish::{Distinguished, Experiment};
use crate::report::identify::Identity;
use crate::report::pin::{Pinned, Rule, Supplied};
use crate::report::record::Fate;

/// A path that was conducted on a backend.
pub(super) fn followed(judge: &str, followed: Result<&Followed, &Unplayed>) -> Value {
    let parted = followed.ok().and_then(|it| it.parted.as_ref());
    let refusal = followed.ok().and_then(|it| it.judged.as_ref().ok());
    let refusal = refusal.and_then(|judgement| judgement.refused.as_ref());
    let why = match followed {
        Err(Unplayed::Unsupported(why) | Unplayed::Unavailable(why)) => Some(why),
        Ok(followed) => followed.judged.as_ref().err(),
    };
    let object = json!({
        "as": judge,
        "verdict": Fate::of(followed).name(),
        "turn": parted.map(|parted| parted.turn),
        "path": parted.map(|parted| &parted.path),
        "shown": parted.map(|parted| &parted.shown),
        "at": refusal.map(|refusal| refusal.at),
        "saw": refusal.map(|refusal| &refusal.saw),
        "allowed": refusal.map(|refusal| &refusal.allowed),
        "why": why,
    });
    but_for(
        object,
        &["turn", "path", "shown", "at", "saw", "allowed", "why"],
    )
}

/// A conviction that was tried on a backend.
pub(super) fn confirmed(confirmed: &Confirmed) -> Value {
    let mut object = followed(confirmed.personality, confirmed.followed.as_ref());
    object["on"] = confirmed.on.as_str().into();
    object["steps"] = confirmed.path.len().into();
    object["at_rest"] = confirmed.is_at_rest.into();
    object
}

/// Two systems, and what tells them apart.
pub(super) fn distinguished(found: &Distinguished) -> Value {
    let one = |it: &Experiment| {
        let told = &it.told;
        let text = told.draft.text();
        json!({
            "scenario": serde_json::from_str::<Value>(&text).expect("a draft is an object"),
            "operations": it.operations,
            "threads": it.threads(),
            "turns": it.turns(),
            "claims": told.claims,
            "only_a": told.only_a,
            "only_b": told.only_b,
            "both": told.both,
        })
    };
    let (operations, threads) = found.bound;
    let object = json!({
        "a": found.a,
        "b": found.b,
        "found": found.found.iter().map(one).collect::<Vec<_>>(),
        "compared": found.compared,
        "left_out": found.left_out,
        "bound": { "operations": operations, "threads": threads },
        "seconds": found.seconds,
        "complete": unless_complete(found.complete),
    });
    but_for(object, &["complete"])
}

/// Which system is behind a port.
pub(super) fn identity(identity: &Identity) -> Value {
    let identified = &identity.identified;
    let experiments: Vec<_> = identified
        .experiments
        .iter()
        .map(|it| json!({ "scenario": it.scenario, "outcome": it.outcome, "left": it.left }))
        .collect();
    let candidates = identified.candidates.iter();
    let nearest = identified.nearest.as_ref().map(|nearest| {
        let differs = nearest.differs.iter().map(|out| because(Some(out)));
        json!({ "as": nearest.name, "differs": differs.collect::<Vec<_>>() })
    });
    let object = json!({
        "on": identity.on,
        "answers": candidates.map(candidate).collect::<Vec<_>>(),
        "nearest": nearest,
        "experiments": experiments,
        "complete": unless_complete(identified.complete),
    });
    but_for(object, &["nearest", "complete"])
}

fn candidate(candidate: &Candidate) -> Value {
    let mut object = because(candidate.out.as_ref());
    object["as"] = candidate.name.into();
    let reading = |reading: &Reading| {
        let mut object = because(reading.out.as_ref());
        object["claim"] = reading.claim.id.into();
        object["reading"] = reading.reading.as_str().into();
        object["asked"] = reading.was_asked.into();
        object
    };
    let readings = candidate.readings.iter().map(reading);
    object["readings"] = readings.collect();
    but_for(object, &["readings"])
}

fn because(out: Option<&Out>) -> Value {
    let claims = out.map(|out| out.claims.iter().map(|claim| claim.id).collect::<Vec<_>>());
    let object = json!({
        "fits": out.is_none(),
        "experiment": out.map(|out| out.experiment),
        "why": out.map(|out| &out.why),
        "claims": claims,
    });
    but_for(object, &["experiment", "why", "claims"])
}

/// Which rules scenarios pin down.
pub(super) fn pinned(pinned: &Pinned) -> Value {
    let object = json!({
        "claims": pinned.rules.iter().map(rule).collect::<Vec<_>>(),
        "scenarios": pinned.scenarios,
        "complete": unless_complete(pinned.complete),
    });
    but_for(object, &["complete"])
}

fn rule(rule: &Rule) -> Value {
    let (supplied, file, compared, bound) = match &rule.supplied {
        Supplied::NotAsked => (None, None, None, None),
        Supplied::Found { text, file, .. } => {
            let scenario = serde_json::from_str::<Value>(text).expect("a draft is an object");
            (Some(scenario), Some(file.display().to_string()), None, None)
        }
        Supplied::Unobservable { bound, compared } => {
            let (operations, threads) = bound;
            let bound = json!({ "operations": operations, "threads": threads });
            (None, None, Some(compared), Some(bound))
        }
    };
    let object = json!({
        "claim": rule.pin.claim.id,
        "between": rule.pin.between,
        "pinned": rule.pin.by.is_some(),
        "by": rule.pin.by,
        "supplied": supplied,
        "file": file,
        "compared": compared,
        "bound": bound,
    });
    but_for(object, &["by", "supplied", "file", "compared", "bound"])
}
