//! Jobs: a process of a job is a child of ours that never runs, because it begins suspended.
//!
//! What a scenario calls a process is a number of its own; messages carry that of the system, and are told with the
//! scenario's. A job that is nested in another one becomes so by a process that is in both, before the run.
//!
//! - The end of a process is known by its handle and by its jobs' accounts, which are looked at without waiting.
//! - Jobs end what is in them with their last handle, so nothing is left when this program is ended from outside.

use std::io;
use std::os::windows::io::AsRawHandle;
use std::os::windows::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::op::Noun;
use portsim_model::program::{JobId, Op, PortId, Program};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT, JOBOBJECT_BASIC_ACCOUNTING_INFORMATION,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JOBOBJECTINFOCLASS,
    JobObjectAssociateCompletionPortInformation, JobObjectBasicAccountingInformation,
    JobObjectExtendedLimitInformation, QueryInformationJobObject, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::CREATE_SUSPENDED;

use super::handles::{NAME, Owned, checked, done_or_error, failed, last_error, lock, untaken};
use crate::native::backend::Failure;
use crate::trace::Answer;

/// JOB_OBJECT_MSG_NEW_PROCESS and JOB_OBJECT_MSG_EXIT_PROCESS: the messages that name a process.
const NAMES_A_PROCESS: [i64; 2] = [6, 7];
/// After how long the end of a process that was ended is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(5);

/// A process that does not run, and ends with this.
struct Suspended(Child);

impl Drop for Suspended {
    fn drop(&mut self) {
        // One that is over cannot be ended, and that is all right.
        let _ = self.0.kill();
    }
}

/// A process of a job.
struct Process {
    child: Suspended,
    /// Which of `Program::pids`.
    pid: u8,
    lives: bool,
}

/// The jobs of a run.
pub struct Jobs {
    jobs: Vec<Owned>,
    parents: Vec<Option<JobId>>,
    pids: Vec<i64>,
    /// By association: port and key.
    bindings: Vec<(PortId, i64)>,
    /// Numbers that processes do not get, because packets carry them.
    taken: Vec<i64>,
    /// All that ever began: their numbers stay theirs.
    processes: Mutex<Vec<Process>>,
}

/// Why a process cannot begin or end in a job of this program, if it cannot.
pub fn refused(program: &Program, job: JobId, pid: u8) -> Option<&'static str> {
    let is_this = |noun: Noun<'_>| matches!(noun, Noun::Pid(named) if named == pid);
    let is_other = |noun: Noun<'_>| matches!(noun, Noun::Job(named, _) if named != job);
    let moves =
        |mut op: Op| op.describe().nouns().any(is_this) && op.describe().nouns().any(is_other);
    let elsewhere = program.ops().any(moves);
    elsewhere.then_some("a process here begins and ends in one job")
}

impl Jobs {
    /// The jobs of a program, with nobody in them.
    pub fn new(program: &Program) -> Result<Jobs, Failure> {
        let job = |_| {
            // SAFETY: a job may have neither attributes nor a name.
            let job = unsafe { CreateJobObjectW(null(), null()) };
            // SAFETY: if it was made it is new.
            let job = unsafe { checked("CreateJobObjectW", job) }?;
            let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
            limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
            // SAFETY: this class has this type.
            let limited = unsafe { inform(&job, JobObjectExtendedLimitInformation, &limits) };
            match limited {
                Answer::Done => Ok(job),
                _ => Err(broken("SetInformationJobObject")),
            }
        };
        let jobs = Jobs {
            jobs: program.jobs.iter().map(job).collect::<Result<_, _>>()?,
            parents: program.jobs.iter().map(|job| job.parent).collect(),
            pids: program.pids.clone(),
            bindings: program
                .job_bindings
                .iter()
                .map(|it| (it.port, it.key))
                .collect(),
            taken: program.packets.iter().map(|it| it.overlapped).collect(),
            processes: Mutex::default(),
        };
        jobs.nest()?;
        Ok(jobs)
    }

    /// The job, and those that it is nested in.
    fn chain(&self, job: JobId) -> impl Iterator<Item = JobId> {
        std::iter::successors(Some(job), |job| self.parents[job.index()])
    }

    /// Puts one process into each nested job and what it is nested in, outermost first, and ends it.
    fn nest(&self) -> Result<(), Failure> {
        for job in (0..self.jobs.len() as u8).map(JobId) {
            if self.parents[job.index()].is_none() {
                continue;
            }
            let mut child = self.child()?;
            let mut chain: Vec<_> = self.chain(job).collect();
            chain.reverse();
            for job in chain {
                if self.assign(job, &child) != Answer::Done {
                    return Err(broken("AssignProcessToJobObject"));
                }
            }
            self.ends(job, &mut child)?;
        }
        Ok(())
    }

    /// A process that does not run.
    fn child(&self) -> Result<Suspended, Failure> {
        let make = || {
            let child = std::env::current_exe().and_then(|this| {
                Command::new(this)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .creation_flags(CREATE_SUSPENDED)
                    .spawn()
            });
            let child = child.map_err(|error| Failure::new(NAME, "CreateProcessW", error))?;
            Ok(Suspended(child))
        };
        // Packets carry numbers, of which none may be taken for that of a process.
        untaken(make, |Suspended(child)| {
            self.taken.contains(&i64::from(child.id()))
        })
    }

    fn assign(&self, job: JobId, Suspended(child): &Suspended) -> Answer {
        let job = self.jobs[job.index()].raw();
        // SAFETY: the call takes no pointer; job and child are borrowed, and so their handles are open.
        done_or_error(unsafe { AssignProcessToJobObject(job, child.as_raw_handle()) })
    }

    /// SetInformationJobObject with JobObjectAssociateCompletionPortInformation.
    pub fn associate(
        &self,
        job: JobId,
        binding: Option<u8>,
        port: impl Fn(PortId) -> HANDLE,
    ) -> Answer {
        let binding = binding.map(|binding| self.bindings[usize::from(binding)]);
        let (port, key) = binding.map_or((null_mut(), 0), |(id, key)| (port(id), key));
        let association = JOBOBJECT_ASSOCIATE_COMPLETION_PORT {
            CompletionKey: key as usize as *mut _,
            CompletionPort: port,
        };
        let (job, class) = (
            &self.jobs[job.index()],
            JobObjectAssociateCompletionPortInformation,
        );
        // SAFETY: this class has this type. The key is carried as a number, and a port that is closed is refused.
        unsafe { inform(job, class, &association) }
    }

    /// A process begins in a job. What has begun already cannot begin: no call is made then.
    pub fn start(&self, job: JobId, pid: u8) -> Result<Answer, Failure> {
        let mut processes = lock(&self.processes);
        if processes.iter().any(|it| it.pid == pid && it.lives) {
            return Ok(failed(Error::Exists));
        }
        let child = self.child()?;
        // It is known before its message can be taken.
        let answer = self.assign(job, &child);
        let lives = answer == Answer::Done;
        processes.push(Process { child, pid, lives });
        Ok(answer)
    }

    /// A process of a job ends; nobody who is not there does.
    pub fn exit(&self, job: JobId, pid: u8) -> Result<Answer, Failure> {
        let mut processes = lock(&self.processes);
        let Some(process) = processes.iter_mut().find(|it| it.pid == pid && it.lives) else {
            return Ok(failed(Error::NotFound));
        };
        process.lives = false;
        self.ends(job, &mut process.child)?;
        Ok(Answer::Done)
    }

    /// Ends a process, and comes back when it is counted nowhere, without waiting in the kernel.
    fn ends(&self, job: JobId, Suspended(child): &mut Suspended) -> Result<(), Failure> {
        let before = self.active(job)?;
        let failure = |error| Failure::new(NAME, "TerminateProcess", error);
        child.kill().map_err(failure)?;
        let begin = Instant::now();
        while child.try_wait().map_err(failure)?.is_none() || self.active(job)? >= before {
            if begin.elapsed() > PATIENCE {
                return Err(failure(io::Error::other("the process did not end")));
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// How many processes of a job live.
    fn active(&self, job: JobId) -> Result<u32, Failure> {
        let mut account = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
        // SAFETY: this class has this type, whose place here is as long as is said and written before the call is over;
        // the length need not be told. The job is open.
        let done = unsafe {
            QueryInformationJobObject(
                self.jobs[job.index()].raw(),
                JobObjectBasicAccountingInformation,
                (&raw mut account).cast(),
                size_of_val(&account) as u32,
                null_mut(),
            )
        };
        match done {
            0 => Err(broken("QueryInformationJobObject")),
            _ => Ok(account.ActiveProcesses),
        }
    }

    /// The scenario's number of the process that a message names.
    pub fn pid(&self, key: i64, bytes: i64, overlapped: i64) -> Option<i64> {
        let is_message = self.bindings.iter().any(|&(_, of_job)| of_job == key);
        if !is_message || !NAMES_A_PROCESS.contains(&bytes) {
            return None;
        }
        let processes = lock(&self.processes);
        let named = processes
            .iter()
            .find(|it| i64::from(it.child.0.id()) == overlapped)?;
        Some(self.pids[usize::from(named.pid)])
    }
}

/// SetInformationJobObject.
///
/// # Safety
///
/// `T` is the type that the system's documentation has for this class, and what it points to may be read.
unsafe fn inform<T>(job: &Owned, class: JOBOBJECTINFOCLASS, information: &T) -> Answer {
    // SAFETY: the information is as long as is said, and is read before the call is over; the job is open. The rest
    // is as the caller says.
    let done = unsafe {
        SetInformationJobObject(
            job.raw(),
            class,
            (&raw const *information).cast(),
            size_of::<T>() as u32,
        )
    };
    match done {
        0 => last_error(),
        _ => Answer::Done,
    }
}

fn broken(call: &str) -> Failure {
    Failure::new(NAME, call, io::Error::last_os_error())
}
