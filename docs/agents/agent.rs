//! A port in Rust for portsim to judge: one file, the standard library. rustc -O -o agent docs/agents/agent.rs
//! A packet goes to the waiter that came last; with the argument `oldest`, wrongly, to the one that came first. With
//! `lost` a thread lets go of the lock between its look at the queue and its place in the line: only full speed shows
//! that. docs/AGENTS.md says what the lines mean, and how a queue of your own is put in.
use std::collections::{BTreeMap, VecDeque};
use std::sync::{mpsc, Arc, Condvar, Mutex};
use std::{io, mem, thread, time::{Duration, Instant}};

// ---- Your port here: get, post, close, and `waits` of a thread. A packet is a text that it does not look into. ----
const OK: &str = r#""ok":true"#;
const CLOSED: &str = r#""ok":false,"error":"ERROR_INVALID_HANDLE""#;
const ABANDONED: &str = r#""ok":false,"error":"ERROR_ABANDONED_WAIT_0""#;
const LATE: &str = r#""ok":false,"error":"WAIT_TIMEOUT""#;

#[derive(Default)] struct Port(Mutex<Queue>, Condvar);
#[derive(Default)] struct Queue {
    closed: bool,
    packets: VecDeque<String>,
    line: Vec<usize>,                // who waits, the one that came last at the end
    called: BTreeMap<usize, String>, // who was called out of the line, and with what
}
impl Port {
    /// Whether a thread stands in the line. Whoever calls it out takes it away at once, and does not leave that to it.
    fn waits(&self, me: usize) -> bool { self.0.lock().unwrap().line.contains(&me) }
    fn get(&self, me: usize, patience: Duration) -> String {
        let mut queue = self.0.lock().unwrap();
        let first = queue.packets.pop_front();
        if first.is_some() || queue.closed || patience.is_zero() {
            return first.unwrap_or(if queue.closed { CLOSED } else { LATE }.into());
        }
        if fault("lost") { queue = self.1.wait_timeout(queue, Duration::from_micros(100)).unwrap().0; }
        queue.line.push(me);
        let waits = |queue: &mut Queue| queue.line.contains(&me) && !queue.closed;
        let mut queue = self.1.wait_timeout_while(queue, patience, waits).unwrap().0;
        queue.line.retain(|&it| it != me);
        queue.called.remove(&me).unwrap_or(if queue.closed { ABANDONED } else { LATE }.into())
    }
    fn post(&self, packet: String) -> &str {
        let mut queue = self.0.lock().unwrap();
        let oldest = fault("oldest") && !queue.line.is_empty();
        match if oldest { Some(queue.line.remove(0)) } else { queue.line.pop() } {
            _ if queue.closed => return CLOSED,
            None => queue.packets.push_back(packet),
            Some(who) => drop(queue.called.insert(who, packet)),
        }
        self.1.notify_all();
        OK
    }
    fn close(&self) -> &str {
        let mut queue = self.0.lock().unwrap();
        (queue.line, queue.packets) = Default::default();
        self.1.notify_all();
        if mem::replace(&mut queue.closed, true) { CLOSED } else { OK }
    }
}

// ---- The agent. Here nothing has to change but `name` in `main`, by whose rules it is judged. ----
#[derive(Default)] struct Run {
    setup: String,
    ports: Vec<Port>,            // in the last one nobody posts: there threads sleep
    threads: Mutex<Vec<Thread>>, // none when the run is over
}
#[derive(Default)] struct Thread { line: String, given: u64, done: u64, told: bool } // `told`: that it waits
fn fault(name: &str) -> bool { std::env::args().nth(1).as_deref() == Some(name) }
/// What stands behind the name of a member. portsim writes no blanks, and no text has such quotes in it.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> { Some(line.split_once(&format!("\"{name}\":"))?.1) }
fn number(line: &str, name: &str) -> Option<u64> { // of "p3" it is 3
    field(line, name)?.trim_start_matches(['"', 'p', 't']).split([',', '}', '"']).next()?.parse().ok()
}
fn ticks(line: &str) -> Option<u64> { number(line, "timeout").or(number(line, "ticks")) }
impl Run {
    fn is_free(&self) -> bool { self.setup.contains(r#""mode":"free""#) }
    fn port(&self, line: &str) -> &Port { &self.ports[number(line, "port").unwrap_or(255) as usize] }
    fn make(&self, me: usize, line: &str) -> String {
        let tick = |it| Duration::from_micros(it * number(&self.setup, "tick_us").unwrap_or(0));
        let patience = ticks(line).map_or(Duration::from_secs(1 << 30), tick);
        let value = |name: &str| Some(format!(",\"{name}\":{}", field(line, name)?.split([',', '}']).next()?));
        let packet = ["key", "bytes", "overlapped", "status"].map(|name| value(name).unwrap_or_default()).concat();
        match field(line, "call").and_then(|call| call.split('"').nth(1)) {
            Some("get") => self.port(line).get(me, patience),
            Some("post") => self.port(line).post(OK.to_owned() + &packet).into(),
            Some("close") => self.port(line).close().into(),
            Some("sleep") => (self.port(line).get(me, patience), OK.into()).1,
            _ => OK.into(), // it has no calls left
        }
    }
    /// Makes the calls that a thread is given, one after the other.
    fn lives(&self, me: usize, calls: mpsc::Receiver<String>, since: Instant) -> Option<()> {
        loop {
            let line = calls.recv().ok()?;
            self.threads.lock().unwrap().get_mut(me)?.line.clone_from(&line);
            let now = || since.elapsed().as_nanos();
            let (t0, answer, t1) = (now(), self.make(me, &line), now());
            let mut threads = self.threads.lock().unwrap();
            threads.get_mut(me)?.done += 1;
            let Some(id) = number(&line, "id") else { continue };
            println!(r#"{{"id":{id},"returned":{{{answer}}},"t0":{t0},"t1":{t1}}}"#);
        }
    }
    /// The call of a thread that is not over, and does not wait, or waits and is due.
    fn moving(&self, until: &str) -> Option<u64> {
        let due = |line: &str| until.split(',').any(|due| due.parse().ok() == number(line, "id"));
        let is_due = |line: &str| if self.is_free() { ticks(line).is_some() } else { due(line) };
        let threads = self.threads.lock().unwrap();
        let mut open = threads.iter().enumerate().filter(|(_, it)| it.done < it.given);
        let moves = open.find(|(me, it)| is_due(&it.line) || !self.port(&it.line).waits(*me));
        moves.map(|(_, it)| number(&it.line, "id").unwrap_or(0))
    }
    fn quiesce(&self, line: &str) {
        let end = Instant::now() + Duration::from_millis(number(line, "limit_ms").unwrap_or(0));
        let until = field(line, "until").and_then(|until| until[1..].split(']').next()).unwrap_or("-");
        while let Some(overdue) = self.moving(until) {
            if Instant::now() >= end { return println!(r#"{{"overdue":{overdue}}}"#) }
            thread::sleep(Duration::from_micros(50));
        }
        for it in self.threads.lock().unwrap().iter_mut().filter(|it| it.done < it.given && !self.is_free()) {
            let Some(id) = number(&it.line, "id").filter(|_| !mem::replace(&mut it.told, true)) else { continue };
            println!(r#"{{"id":{id},"parked":true}}"#);
        }
        println!(r#"{{"quiet":true}}"#);
    }
}
fn main() {
    let (since, mut run, mut calls) = (Instant::now(), Arc::new(Run::default()), Vec::new());
    for line in io::stdin().lines().map_while(Result::ok) {
        let has = |name| field(&line, name).is_some();
        if has("hello") {
            let ops = r#""ops":["get","post","close","sleep"],"modes":["lockstep","free"]"#;
            println!(r#"{{"hello":1,"name":"wine-10","os":"any",{ops}}}"#);
        } else if has("setup") || has("reset") { // whoever waits comes home, and says nothing any more
            run.threads.lock().unwrap().clear();
            run.ports.iter().for_each(|port| _ = port.close());
            calls.clear();
            let ready = if has("max") { r#"{"unsupported":"batches"}"# } else { r#"{"ready":true}"# };
            println!("{}", if has("reset") { r#"{"quiet":true}"# } else { ready });
            run = Arc::new(Run { setup: line, ports: (0..256).map(|_| Port::default()).collect(), ..Run::default() });
        } else if has("quiesce") { run.quiesce(&line) } else if !has("bye") {
            let me = number(&line, "leave").or(number(&line, "thread")).unwrap_or(0) as usize;
            let mut threads = run.threads.lock().unwrap();
            while threads.len() <= me {
                let (run, me, (give, given)) = (run.clone(), threads.len(), mpsc::channel());
                calls.push((give, thread::spawn(move || run.lives(me, given, since))));
                threads.push(Thread::default());
            }
            (threads[me].given, threads[me].told) = (threads[me].given + 1, false);
            let _ = calls[me].0.send(line);
        }
    }
}
