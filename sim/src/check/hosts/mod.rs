//! Processes that search together: how they find each other (`meeting`), how each knows that the other is one of them
//! (`greeting`), how they go through the rounds together (`dataflow`), and how timely's messages go between them
//! (`channel`).

mod channel;
mod dataflow;
mod greeting;
mod meeting;

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, Once};
use std::time::Duration;

use timely::communication::Hooks;
use timely::communication::allocator::AllocatorBuilder;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::{
    CommsGuard, initialize_networking_from_sockets,
};

use super::rounds::{Ends, Search};
use super::told::Lost;
use super::{Hosts, Workers};
use greeting::Hello;

/// Goes through the rounds together with all others. From then on `lost` tells when a process is lost.
///
/// # Errors
///
/// If this process cannot listen, another one searches something else, is lost or does not come in time, or somebody
/// stops it.
pub fn together(
    workers_of: &Workers,
    hosts: &Hosts,
    search: Search,
    lost: &Lost,
    stop: &AtomicBool,
) -> Result<Ends, String> {
    let (builders, guard) = connect(workers_of, hosts, lost, stop)?;
    // It waits for the slowest of all processes: to look out for messages meanwhile takes time from that one.
    let timely = timely::WorkerConfig::default().idle_spin(Duration::ZERO);
    let search = Mutex::new(Some(search));
    let started = timely::execute::execute_from(builders, guard, timely, move |worker| {
        let search = search.lock().expect("nobody panics with it in hand").take();
        dataflow::build(worker, search.expect("a process has one worker"));
    });
    let guards = started.map_err(|why| format!("the workers cannot be started: {why}"))?;
    Ok(Box::new(move || guards.join().into_iter().collect()))
}

/// Connects to all others; gives timely's worker of this process.
fn connect(
    workers_of: &Workers,
    hosts: &Hosts,
    lost: &Lost,
    stop: &AtomicBool,
) -> Result<(Vec<AllocatorBuilder>, Box<dyn Any + Send>), String> {
    let own = Hello {
        process: hosts.process as u64,
        processes: hosts.addresses.len() as u64,
        search: workers_of.search,
    };
    let channels = meeting::meet(hosts, own, lost, stop)?;
    hush();
    let hooks = Hooks::default();
    let local = ProcessBuilder::new_typed_vector(1, hooks.refill.clone(), hooks.spill.clone());
    let (builders, guard) =
        initialize_networking_from_sockets(local, channels, hosts.process, 1, hooks)
            .map_err(|error| error.to_string())?;
    let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
    Ok((builders, Box::new(Parting(Some(guard)))))
}

/// Waits in the end for timely's threads that send and receive. By then all is known: it is of no matter if a process
/// is lost while it takes its leave.
struct Parting(Option<CommsGuard>);

impl Drop for Parting {
    fn drop(&mut self) {
        let guard = self.0.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(guard)));
    }
}

/// Timely's part that talks to other processes panics where one is lost. That is told otherwise: what it says is not
/// shown.
fn hush() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let talks = |at: &Location| at.file().contains("timely_communication");
            if !panic.location().is_some_and(talks) {
                before(panic);
            }
        }));
    });
}
