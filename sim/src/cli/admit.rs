//! `portsim admit`: could the model have shown this?

use std::fmt::Write as _;

use super::args::{Admit, personality};
use super::say::{Say, shell};
use super::{Exit, Stop, bad_argument, files};
use crate::admit::Refusal;
use crate::cross_check::{judge, judge_free};
use crate::native::backend;
use crate::personality::not_for;
use crate::report::json;
use crate::scenario::Scenario;
use crate::trace::{Event, Header, Mode, Origin, Span, lanes};

/// Judges traces.
pub fn admit(args: &Admit, say: &Say) -> Result<Exit, Stop> {
    let (mut traces, mut worst, mut cut) = (Vec::new(), Exit::AsExpected, None);
    for file in &args.part.of(args.traces.clone()) {
        let (recorded, scenario, trace) = files::trace(file, &args.look_in)?;
        let name = match &args.personality {
            Some(name) => personality(name)?,
            None => own_personality(&trace.header)?,
        };
        let mut window = String::new();
        let mut report = json::Admission {
            file: file.display().to_string(),
            personality: name.to_owned(),
            verdict: "unsupported",
            at: None,
            saw: None,
            allowed: Vec::new(),
            window: Vec::new(),
            after: Vec::new(),
            states_max: 0,
            why: not_for(name, &scenario),
            cut_after: recorded.cut_after,
        };
        if report.why.is_none() {
            let at_rest =
                trace.header.from == Origin::Backend && trace.header.mode == Mode::Lockstep;
            let processors = trace.header.processors.unwrap_or(args.machine.processors);
            let is_free = trace.header.mode == Mode::Free;
            let judgement = match is_free {
                true => judge_free(
                    &scenario.program,
                    &scenario.names,
                    name,
                    processors,
                    (&trace.events, &trace.spans),
                    trace.end.as_ref(),
                ),
                false => judge(
                    &scenario.program,
                    &scenario.names,
                    name,
                    processors,
                    &trace.events,
                    trace.end.as_ref(),
                    at_rest,
                ),
            };
            let judgement = judgement.expect("it was asked before");
            report.states_max = judgement.states_max;
            report.why = judgement.words();
            report.verdict = match &judgement.refused {
                Some(_) => "refused",
                None if judgement.gave_up => "partial",
                None => "admitted",
            };
            if judgement.gave_up {
                worst = worst.max(Exit::Partial);
            }
            if let Some(refusal) = judgement.refused {
                // Of calls at full speed the end can stand far below the beginning: lanes would show neither.
                if !is_free {
                    let upto = (refusal.at as usize).min(trace.events.len());
                    say.text(&lanes::lanes(
                        &scenario.names,
                        &scenario.program,
                        &trace.events[..upto],
                    ))?;
                }
                window = said(&scenario, &trace.events, &trace.spans, &refusal);
                (report.at, report.saw, report.allowed) =
                    (Some(refusal.at), Some(refusal.saw), refusal.allowed);
                (report.window, report.after) = (refusal.window, refusal.after);
                worst = Exit::Verdict;
            }
        }
        say.text(&words(&report, &window))?;
        if report.verdict == "refused" {
            let machine = trace.header.processors.unwrap_or(args.machine.processors);
            let folder = shell(&args.look_in.scenarios);
            say.aside(&format!(
                "repeat: portsim admit {} --as {name} --scenarios {folder} --processors {machine}",
                shell(file)
            ));
        }
        cut = cut.or(files::cut(&recorded));
        traces.push(report);
    }
    say.object(&json::Admissions { traces })?;
    match cut {
        Some(cut) => Err(cut.into()),
        None => Ok(worst),
    }
}

/// A trace is judged by the system that it says it is of, or whose rules its backend keeps.
fn own_personality(header: &Header) -> Result<&'static str, Stop> {
    let on = header.on.as_deref().map(|on| match backend(on) {
        Some(backend) => backend.system(),
        None => on,
    });
    match header.personality.as_deref().or(on) {
        Some(name) => Ok(personality(name)?),
        None => Err(bad_argument(
            "--as",
            "the trace does not say which system it is of; name one",
        )
        .into()),
    }
}

fn words(report: &json::Admission, window: &str) -> String {
    let mut words = format!(
        "{}  {} as {}",
        report.verdict, report.file, report.personality
    );
    if let Some(why) = &report.why {
        words += &format!(": {why}");
    }
    if let (Some(at), Some(saw)) = (report.at, &report.saw) {
        words += &format!(" at event {at}\n  saw      {saw}{window}");
        for (n, allowed) in report.allowed.iter().enumerate() {
            words += &format!(
                "\n  {}  {allowed}",
                if n == 0 { "allowed" } else { "       " }
            );
        }
        if report.allowed.is_empty() {
            words += "\n  allowed  nothing";
        }
    }
    words
}

/// The events that a refusal names, each with its times; nothing where there are none.
pub(super) fn said(
    scenario: &Scenario,
    events: &[Event],
    spans: &[Span],
    refusal: &Refusal,
) -> String {
    let mut said = String::new();
    for (head, numbers) in [("window ", &refusal.window), ("after  ", &refusal.after)] {
        for (place, &n) in numbers.iter().enumerate() {
            let (shown, span) = (&events[n as usize - 1].shown, spans[n as usize - 1]);
            let thread = &scenario.names.threads[shown.thread().index()];
            let cell = lanes::cell(&scenario.names, &scenario.program, shown);
            let until = span.t1.map_or("the end".to_owned(), |t1| t1.to_string());
            let head = if place == 0 { head } else { "       " };
            let _ = write!(
                said,
                "\n  {head}  event {n}, {} to {until}: {thread}: {cell}",
                span.t0
            );
        }
    }
    said
}
