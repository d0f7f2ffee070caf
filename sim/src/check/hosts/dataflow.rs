//! The rounds of several processes, as a dataflow: each process is one worker to timely, and a round is over when timely's
//! frontier has passed it.

use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::{ConnectLoop, Feedback};
use timely::worker::Worker;

use crate::check::rounds::{Next, Search};
use crate::check::wire::Message;

/// Builds one process's part of the search.
pub fn build(worker: &mut Worker, mut search: Search) {
    worker.dataflow::<u32, _, _>(|scope| {
        let (handle, stream) = scope.feedback::<Vec<Message>>(1);
        let route = Exchange::new(|message: &Message| u64::from(message.to));
        let found = stream.unary_frontier(route, "search", |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut round = Some(capability);
            move |(input, frontier), output| {
                input.for_each(|stamp, messages| {
                    let at = round.as_ref().map(|capability| *capability.time());
                    // While a depth is expanded, what arrives is of the next.
                    let due = at.map(|at| at + u32::from(search.expands()));
                    let early = stamp.least().copied() > due;
                    for message in messages.drain(..) {
                        search.receive(message.what, early);
                    }
                });
                while let Some(capability) = &mut round {
                    let at = *capability.time();
                    if !search.expands() && frontier.frontier().less_equal(&at) {
                        return;
                    }
                    let mut out = output.session(&*capability);
                    let step = search.go_on(|message| out.give(message));
                    drop(out);
                    match step {
                        Next::Busy => {
                            activator.activate();
                            return;
                        }
                        Next::Round => capability.downgrade(&(at + 1)),
                        Next::Same => {}
                        Next::Done => round = None,
                    }
                }
            }
        });
        found.connect_loop(handle);
    });
}
