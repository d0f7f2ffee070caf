//! Processes that search together: how they find each other, and how one learns that another was lost.
//!
//! Every process listens at its address; each calls those before it in the list. Both sides of a connection say who
//! they are and what they search before timely takes it over.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use timely::communication::Hooks;
use timely::communication::allocator::AllocatorBuilder;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;

use super::{Hosts, Workers};

/// How long a process waits before it looks again whether another has come.
const PATIENCE: Duration = Duration::from_millis(50);

/// What a process that says nothing is given until it is taken for something else.
const ANSWER: Duration = Duration::from_secs(10);

/// The first bytes of a hello.
const MAGIC: [u8; 8] = *b"portsim1";

/// What a process says of itself: the magic, its number, what it searches, its workers.
const HELLO_LEN: usize = 8 + 3 * size_of::<u64>();

/// Connects to all others; gives timely's workers of this process.
///
/// # Errors
///
/// If this process cannot listen, another one searches something else, or somebody stops it.
pub fn connect(
    workers_of: &Workers,
    hosts: &Hosts,
    stop: &AtomicBool,
) -> Result<(Vec<AllocatorBuilder>, Box<dyn std::any::Any + Send>), String> {
    let here = &hosts.addresses[hosts.process];
    let said = |error: io::Error| format!("{here}: {error}");
    let listener = TcpListener::bind(here).map_err(said)?;
    listener.set_nonblocking(true).map_err(said)?;
    let mut sockets: Vec<Option<TcpStream>> = hosts.addresses.iter().map(|_| None).collect();
    let missing = |sockets: &[Option<TcpStream>]| {
        let there = sockets.iter().filter(|socket| socket.is_some()).count();
        hosts.addresses.len() - 1 - there
    };
    while missing(&sockets) > 0 {
        if stop.load(Ordering::Relaxed) {
            return Err("it was stopped before all processes had come".to_owned());
        }
        let mut came = false;
        let before = hosts.addresses.iter().take(hosts.process);
        for (process, (place, address)) in sockets.iter_mut().zip(before).enumerate() {
            if place.is_none()
                && let Ok(socket) = TcpStream::connect(address)
            {
                *place = greet(workers_of, hosts, socket, Some(process))?.map(|(_, it)| it);
                came |= place.is_some();
            }
        }
        if let Ok((socket, _)) = listener.accept()
            && let Some((process, socket)) = greet(workers_of, hosts, socket, None)?
        {
            sockets[process] = Some(socket);
            came = true;
        }
        if !came {
            sleep(PATIENCE);
        }
    }
    let workers = workers_of.workers.max(1);
    let hooks = Hooks::default();
    let local =
        ProcessBuilder::new_typed_vector(workers, hooks.refill.clone(), hooks.spill.clone());
    let (builders, guard) =
        initialize_networking_from_sockets(local, sockets, hosts.process, workers, hooks)
            .map_err(said)?;
    let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
    Ok((builders, Box::new(guard)))
}

/// Says who this is and hears who that is; none for one that is no process of this search, or hung up.
fn greet(
    workers_of: &Workers,
    hosts: &Hosts,
    mut socket: TcpStream,
    expected: Option<usize>,
) -> Result<Option<(usize, TcpStream)>, String> {
    let mut hello = [0; HELLO_LEN];
    hello[..8].copy_from_slice(&MAGIC);
    let numbers = [
        hosts.process as u64,
        workers_of.search,
        workers_of.workers as u64,
    ];
    for (place, number) in hello[8..].chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let mut answer = [0; HELLO_LEN];
    let heard = socket
        .set_nonblocking(false)
        .and_then(|()| socket.set_nodelay(true))
        .and_then(|()| socket.set_read_timeout(Some(ANSWER)))
        .and_then(|()| socket.write_all(&hello))
        .and_then(|()| socket.read_exact(&mut answer))
        .and_then(|()| socket.set_read_timeout(None));
    if heard.is_err() || answer[..8] != MAGIC {
        return Ok(None);
    }
    let number = |n: usize| {
        let bytes = &answer[8 + 8 * n..][..8];
        u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
    };
    let process = number(0) as usize;
    if (number(1), number(2)) != (workers_of.search, workers_of.workers as u64) {
        return Err("the processes do not search the same scenario in the same way".to_owned());
    }
    let fits = match expected {
        Some(expected) => process == expected,
        None => process > hosts.process && process < hosts.addresses.len(),
    };
    if fits {
        Ok(Some((process, socket)))
    } else {
        Err(format!(
            "two processes have the same number: {process} was not expected to call"
        ))
    }
}

/// How the panics begin that a broken connection causes.
const BROKEN: &str = "timely communication error:";

static LOST: AtomicBool = AtomicBool::new(false);

/// From now on this tells when a connection to another process breaks: timely's threads panic then, and what they say
/// is not shown.
pub fn watch() -> &'static AtomicBool {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let broken = panic
                .payload_as_str()
                .is_some_and(|text| text.starts_with(BROKEN));
            if broken {
                LOST.store(true, Ordering::Relaxed);
            } else if !LOST.load(Ordering::Relaxed) {
                before(panic);
            }
        }));
    });
    &LOST
}
