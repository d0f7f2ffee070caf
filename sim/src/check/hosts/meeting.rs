//! How the processes of a search find each other, among strangers.
//!
//! Every process listens at its address, and calls those before it in the list. Each greeting has a thread and a
//! deadline, and only so many who call are greeted at once: for one more, the oldest greeting is given up. Who has
//! everybody says so to all, and begins when all have said so: then every connection has carried a word both ways
//! after the last process had come.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::greeting::{self, Hello, READY, SURE, TAKEN, WELCOME};
use crate::check::Hosts;
use crate::check::told::Lost;

/// How long it is until a process looks again what has come.
const GLANCE: Duration = Duration::from_millis(10);

/// How long it is until a process calls another one again.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(2);

/// How long a greeting may take.
const GREETING: Duration = Duration::from_secs(5);

/// The most of those who call that are greeted at once.
const CALLERS_MAX: usize = 64;

/// The most threads for those who call: of greetings that were given up some may still have to end.
const ANSWERING_MAX: usize = 2 * CALLERS_MAX;

/// Bytes of stack for a greeting.
const STACK: usize = 256 << 10;

/// Waits until everybody has come. A channel to each process, but for this one.
///
/// # Errors
///
/// If this process cannot listen, another one searches something else, is lost or does not come in time, or somebody
/// stops it.
pub fn meet(
    hosts: &Hosts,
    own: Hello,
    lost: &Lost,
    stop: &AtomicBool,
) -> Result<Vec<Option<Channel>>, String> {
    let here = &hosts.addresses[hosts.process];
    let said = |error: io::Error| format!("{here}: {error}");
    let listener = TcpListener::bind(here).map_err(said)?;
    listener.set_nonblocking(true).map_err(said)?;
    let places = hosts.addresses.iter().map(|_| Place::default()).collect();
    let meeting = Arc::new(Meeting {
        hosts: hosts.clone(),
        own,
        lost: Arc::clone(lost),
        table: Mutex::new(Table {
            places,
            ..Table::default()
        }),
    });
    for process in 0..hosts.process {
        let meeting = Arc::clone(&meeting);
        spawn(move || meeting.call(process)).map_err(said)?;
    }
    let met = meeting.wait(&listener, stop);
    meeting.table().end(met.is_err());
    met
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = thread::Builder::new().name("greeting".to_owned());
    builder.stack_size(STACK).spawn(work).map(drop)
}

/// What the threads of a process share while it waits for the others.
struct Meeting {
    hosts: Hosts,
    own: Hello,
    lost: Lost,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// The processes, in their order.
    places: Vec<Place>,
    /// Greetings under way, the oldest first.
    greetings: Vec<Greeting>,
    /// How many greetings there were.
    number: u64,
    /// How many threads greet those who have called.
    answering: usize,
    /// How many of those who called did not come through the greeting.
    strangers: u64,
    /// Why there will be no search.
    failure: Option<String>,
    /// Nobody waits any more.
    over: bool,
}

/// A process that has come, or not.
#[derive(Default)]
struct Place {
    channel: Option<Channel>,
    /// Whether it has said that everybody has come to it.
    ready: bool,
    /// Why it could not be greeted.
    trouble: Option<String>,
}

struct Greeting {
    number: u64,
    socket: TcpStream,
    since: Instant,
    /// Whether it is with one who has called.
    called: bool,
}

impl Greeting {
    fn give_up(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Table {
    /// Notes a greeting, so that it can be given up. Its number.
    fn enter(&mut self, socket: &TcpStream, called: bool) -> io::Result<u64> {
        let called_before = self.greetings.iter().filter(|it| it.called).count();
        if called && called_before >= CALLERS_MAX {
            let oldest = self.greetings.iter().position(|it| it.called);
            self.greetings
                .remove(oldest.expect("there are some"))
                .give_up();
        }
        self.number += 1;
        self.greetings.push(Greeting {
            number: self.number,
            socket: socket.try_clone()?,
            since: Instant::now(),
            called,
        });
        Ok(self.number)
    }

    fn leave(&mut self, number: u64) {
        self.greetings.retain(|it| it.number != number);
    }

    /// Gives up the greetings that take too long.
    fn hurry(&mut self) {
        let late = |it: &mut Greeting| it.since.elapsed() > GREETING;
        self.greetings
            .extract_if(.., late)
            .for_each(|it| it.give_up());
    }

    /// Whether all but `here` are ready.
    fn is_ready(&self, here: usize) -> bool {
        let mut places = self.places.iter().enumerate();
        places.all(|(process, place)| process == here || place.ready)
    }

    fn fail(&mut self, why: String) {
        if !self.over {
            self.failure.get_or_insert(why);
        }
    }

    /// Ends all greetings, and where the meeting has failed all connections.
    fn end(&mut self, failed: bool) {
        self.over = true;
        self.greetings.drain(..).for_each(|it| it.give_up());
        for channel in self.places.iter().filter_map(|it| it.channel.as_ref()) {
            if failed {
                channel.cut();
            }
        }
    }
}

impl Meeting {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("nobody panics with it in hand")
    }

    /// Greets whoever calls, until all have come and are ready.
    fn wait(
        self: &Arc<Meeting>,
        listener: &TcpListener,
        stop: &AtomicBool,
    ) -> Result<Vec<Option<Channel>>, String> {
        let since = Instant::now();
        let mut announced = false;
        loop {
            self.accept(listener);
            let mut table = self.table();
            table.hurry();
            if let Some(failure) = table.failure.take() {
                return Err(failure);
            }
            let channels = table.places.iter().map(|it| it.channel.clone());
            let channels: Vec<_> = channels.collect();
            if announced && table.is_ready(self.hosts.process) {
                return Ok(channels);
            }
            if stop.load(Ordering::Relaxed) {
                let why = "it was stopped before all processes had come";
                return Err(self.missing(&table, why));
            }
            if since.elapsed() > self.hosts.wait {
                let seconds = self.hosts.wait.as_secs_f64();
                let why = format!("within {seconds} seconds not all processes came");
                return Err(self.missing(&table, &why));
            }
            drop(table);
            let there: Vec<_> = channels.into_iter().flatten().collect();
            if !announced && there.len() + 1 == self.hosts.addresses.len() {
                announced = true;
                for channel in there {
                    // Its own thread notices if it is broken.
                    let _ = channel.tell(READY);
                }
            }
            sleep(GLANCE);
        }
    }

    /// Who is missing, and what is known of it.
    fn missing(&self, table: &Table, why: &str) -> String {
        let mut said = why.to_owned();
        let places = table.places.iter().zip(&self.hosts.addresses).enumerate();
        for (process, (place, address)) in places {
            if process == self.hosts.process || place.ready {
                continue;
            }
            let state = match (&place.channel, &place.trouble) {
                (Some(_), _) => "has come, and waits for others",
                (None, Some(trouble)) => trouble,
                (None, None) => "has not called",
            };
            said += &format!("; process {process} ({address}) {state}");
        }
        if table.strangers > 0 {
            let strangers = table.strangers;
            said += &format!("; {strangers} that called had another secret, or were no portsim");
        }
        said
    }

    /// Greets those who call.
    fn accept(self: &Arc<Meeting>, listener: &TcpListener) {
        while self.table().answering < ANSWERING_MAX {
            let Ok((socket, _)) = listener.accept() else {
                return;
            };
            self.table().answering += 1;
            let meeting = Arc::clone(self);
            if spawn(move || meeting.answer(socket)).is_err() {
                // There is no thread for it: the connection is closed.
                self.table().answering -= 1;
            }
        }
    }

    /// Greets one who has called.
    fn answer(&self, socket: TcpStream) {
        let greeted = self.greet(socket, None);
        let mut table = self.table();
        table.answering -= 1;
        table.strangers += u64::from(greeted.is_err());
        drop(table);
        if let Ok(Some((process, channel))) = greeted {
            self.await_ready(process, &channel);
        }
    }

    /// Calls a process until it has come, or nobody waits any more.
    fn call(&self, process: usize) {
        loop {
            let trouble = match connect(&self.hosts.addresses[process]) {
                Err(error) => format!("cannot be reached: {error}"),
                Ok(socket) => match self.greet(socket, Some(process)) {
                    Ok(Some((process, channel))) => return self.await_ready(process, &channel),
                    Ok(None) => return,
                    Err(_) => "has another secret, or is no portsim".to_owned(),
                },
            };
            let mut table = self.table();
            if table.over {
                return;
            }
            table.places[process].trouble = Some(trouble);
            drop(table);
            sleep(PATIENCE);
        }
    }

    /// Greets the process at the other end; none if there will be no search with it. An error is a greeting that did
    /// not come to its end; what goes wrong with a process that has the secret is noted instead.
    fn greet(
        &self,
        socket: TcpStream,
        expected: Option<usize>,
    ) -> io::Result<Option<(usize, Channel)>> {
        let number = self.table().enter(&socket, expected.is_none())?;
        let greeted = self.introduce(socket, expected);
        self.table().leave(number);
        greeted
    }

    /// The process at the other end, if it is one that was missing.
    fn introduce(
        &self,
        socket: TcpStream,
        expected: Option<usize>,
    ) -> io::Result<Option<(usize, Channel)>> {
        socket.set_nonblocking(false)?;
        socket.set_nodelay(true)?;
        let greet = match expected {
            Some(_) => greeting::call,
            None => greeting::answer,
        };
        let (hello, keys) = greet(&socket, &self.hosts.secret, self.own)?;
        let channel = Channel::new(socket, keys, Arc::clone(&self.lost))?;
        match expected {
            Some(_) => channel.tell(SURE)?,
            None => hear(&channel, &[SURE]).map(drop)?,
        }
        let process = match self.place_of(&hello, expected) {
            Ok(process) => process,
            Err(why) => {
                self.table().fail(why);
                return Ok(None);
            }
        };
        let welcome = match expected {
            Some(_) => hear(&channel, &[WELCOME, TAKEN])? == WELCOME,
            None => self.welcome(process, &channel)?,
        };
        if welcome && expected.is_some() {
            self.table().places[process].channel = Some(channel.clone());
        } else if expected.is_some() {
            let own = self.hosts.process;
            self.table().fail(format!(
                "two processes have the same number: there is a process {own} already"
            ));
        }
        Ok(welcome.then_some((process, channel)))
    }

    /// Tells one who has called whether it is welcome.
    fn welcome(&self, process: usize, channel: &Channel) -> io::Result<bool> {
        // Nobody may tell it anything before.
        let mut table = self.table();
        let place = &mut table.places[process];
        if place.channel.is_some() {
            channel.tell(TAKEN)?;
            return Ok(false);
        }
        channel.tell(WELCOME)?;
        place.channel = Some(channel.clone());
        Ok(true)
    }

    /// Which place is that of the process that says this.
    fn place_of(&self, hello: &Hello, expected: Option<usize>) -> Result<usize, String> {
        self.own.agrees_with(hello)?;
        let process = hello.process as usize;
        let fits = match expected {
            Some(expected) => process == expected,
            None => process > self.hosts.process && process < self.hosts.addresses.len(),
        };
        if fits {
            Ok(process)
        } else {
            Err(format!(
                "two processes have the same number: {process} was not expected to call"
            ))
        }
    }

    fn await_ready(&self, process: usize, channel: &Channel) {
        let ready = hear(channel, &[READY]).is_ok();
        let mut table = self.table();
        table.places[process].ready = ready;
        if !ready {
            let address = &self.hosts.addresses[process];
            table.fail(format!(
                "process {process} ({address}) was lost before the search began"
            ));
        }
    }
}

/// Hears one of these words.
fn hear(channel: &Channel, words: &[u8]) -> io::Result<u8> {
    let word = channel.hear()?;
    if words.contains(&word) {
        Ok(word)
    } else {
        Err(ErrorKind::InvalidData.into())
    }
}

/// Connects to one of the addresses that a name has.
fn connect(address: &str) -> io::Result<TcpStream> {
    let mut trouble = ErrorKind::NotFound.into();
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECTING) {
            Ok(socket) => return Ok(socket),
            Err(error) => trouble = error,
        }
    }
    Err(trouble)
}
