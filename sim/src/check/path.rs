//! The steps of a way that is known by the fingerprints of its states.

use portsim_model::kernel::Kernel;
use portsim_model::step::Step;
use portsim_model::system::System;

use super::share::print_of;
use super::visited::SHORT;

/// The steps from the first state through the states with these short fingerprints; none where two states with one
/// fingerprint have led astray.
pub fn steps<K: Kernel>(system: &System<K>, way: &[u64]) -> Option<Vec<Step>> {
    let mut state = system.boot();
    let (mut steps, mut path) = (Vec::new(), Vec::new());
    for &wanted in way {
        steps.clear();
        let _ = system.enabled(&state, |step| steps.push(step));
        let successor = |step: Step| {
            let mut next = state.clone();
            let fault = system.take(&mut next, step, &mut ());
            (fault.is_none() && print_of(&next) & SHORT == wanted).then_some((step, next))
        };
        let (step, next) = steps.iter().copied().find_map(successor)?;
        path.push(step);
        state = next;
    }
    Some(path)
}
