//! Answers host calls from a recording, and notices the first that is not the one that was recorded.

use std::sync::Arc;

use crate::recording::replay::Divergence;
use crate::recording::tape::{Call, Ended, Entry, Functions, kept};
use crate::recording::{Function, Recording};

/// What comes of a host call.
pub(crate) enum Answer {
    Returned(Vec<u8>),
    Broke(::wasmtime::Error),
}

/// A recording that is played.
pub(crate) struct Player {
    /// Those of this engine.
    functions: Arc<Functions>,
    /// Those of the recording, by their numbers there: the numbers here, if they are there, and their names.
    of_recording: Vec<(Option<u16>, String)>,
    entries: Vec<Entry>,
    next: usize,
    /// How many host calls were answered since the last call into the script began.
    answered: usize,
    /// Whether what a script only says may be another thing than it was.
    is_lenient: bool,
    /// Handles that were never recorded.
    fresh: u32,
    stopped: Option<Stopped>,
    /// Who is told of each call and its answer, if anybody is.
    on_call: Option<OnCall>,
}

/// Is told of a call and its answer, in short.
pub(crate) type OnCall = Box<dyn Fn(String, String) + Send>;

/// Why it does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Another call came than the recorded one.
    Diverged(Divergence),
    /// The call that nobody answered then either. The text says which.
    Waits(String),
}

/// Traps the script, so that it does not go on. Nobody reads it: why stands in the player.
#[derive(Debug, thiserror::Error)]
#[error("the recording does not go on here")]
struct NoAnswer;

impl Player {
    /// Plays a recording to a script that is linked to these functions.
    pub(crate) fn new(recording: &Recording, functions: Arc<Functions>, is_lenient: bool) -> Self {
        let number = |name: &String| {
            let place = functions.names().position(|known| known == name)?;
            u16::try_from(place).ok()
        };
        let names = recording.header.functions.iter();
        let of_recording = names.map(|name| (number(name), name.clone())).collect();
        let entries = recording.entries.clone();
        let (next, answered, fresh) = (0, 0, 1 << 31);
        Self {
            functions,
            of_recording,
            entries,
            next,
            answered,
            is_lenient,
            fresh,
            stopped: None,
            on_call: None,
        }
    }

    /// From now on tells of each call and its answer.
    pub(crate) fn tell(&mut self, on_call: OnCall) {
        self.on_call = Some(on_call);
    }

    /// The calls into the script that were recorded, and how each ended.
    pub(crate) fn calls(&self) -> Vec<(Call, Ended)> {
        let mut calls = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Begun(call) => calls.push((call.clone(), Ended::Completed)),
                Entry::Ended(how) => {
                    if let Some((_, ended)) = calls.last_mut() {
                        *ended = how.clone();
                    }
                }
                _ => {}
            }
        }
        calls
    }

    /// A call into the script begins.
    pub(crate) fn begins(&mut self) {
        self.answered = 0;
        match self.entries.get(self.next) {
            Some(Entry::Begun(_)) => self.next += 1,
            // Its instance asked for less when it was made.
            _ => self.diverged("nothing more while its instance was made".into()),
        }
    }

    /// A call into the script has ended by itself. What was to be asked before is asked no more.
    pub(crate) fn ends(&mut self) {
        if self.is_lenient {
            self.pass_by_what_is_said();
        }
        match self.entries.get(self.next) {
            Some(Entry::Ended(_)) => self.next += 1,
            _ => self.diverged("the end of the call".into()),
        }
    }

    /// Whether nothing more was asked before the call into the script ended.
    pub(crate) fn is_at_end(&self) -> bool {
        matches!(self.entries.get(self.next), Some(Entry::Ended(_)))
    }

    pub(crate) fn answered(&self) -> usize {
        self.answered
    }

    pub(crate) fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// What was answered to this call, if it is the one that was recorded.
    ///
    /// Fails if it is not, or was never answered; the script traps then.
    pub(crate) fn ask(&mut self, number: u16, asked: &[u8]) -> ::wasmtime::Result<Answer> {
        if self.stopped.is_some() {
            return Err(NoAnswer.into());
        }
        let kept = kept(asked);
        if !self.is_next(number, &kept) && self.is_lenient {
            if let Some(said) = self.said(number, asked) {
                return Ok(Answer::Returned(said));
            }
            self.pass_by_what_is_said();
        }
        if !self.is_next(number, &kept) {
            let came = self.functions.get(number).map(|function| function.asked(&kept));
            self.diverged(came.unwrap_or_default());
            return Err(NoAnswer.into());
        }
        let answer = match self.entries.get(self.next + 1) {
            Some(Entry::Answered(bytes)) => Ok(Answer::Returned(bytes.clone())),
            Some(Entry::Broke(breaking)) => Ok(Answer::Broke(breaking.clone().error())),
            _ => Err(NoAnswer),
        };
        match answer {
            Ok(answer) => {
                if let Some(on_call) = &self.on_call {
                    on_call(self.expected(), self.shown(number, &answer));
                }
                self.next += 2;
                self.answered += 1;
                Ok(answer)
            }
            Err(no_answer) => {
                self.stopped = Some(Stopped::Waits(self.expected()));
                Err(no_answer.into())
            }
        }
    }

    /// The answer that was recorded is none that the function gives: it is of another engine.
    pub(crate) fn has_no_answer(&mut self) -> ::wasmtime::Error {
        self.diverged("the same call, and its recorded answer does not fit".into());
        NoAnswer.into()
    }

    fn is_next(&self, number: u16, kept: &[u8]) -> bool {
        match self.entries.get(self.next) {
            Some(Entry::Asked { number: recorded, kept: known }) => {
                self.number(*recorded) == Some(number) && known == kept
            }
            _ => false,
        }
    }

    /// The number here of a function of the recording.
    fn number(&self, recorded: u16) -> Option<u16> {
        self.of_recording.get(usize::from(recorded))?.0
    }

    fn diverged(&mut self, came: String) {
        if self.stopped.is_none() {
            let divergence = Divergence { after: self.answered, expected: self.expected(), came };
            self.stopped = Some(Stopped::Diverged(divergence));
        }
    }

    /// What was recorded here, in words.
    fn expected(&self) -> String {
        match self.entries.get(self.next) {
            Some(Entry::Asked { number, kept }) => match self.function(*number) {
                Some(function) => function.asked(kept),
                // This engine does not have it.
                None => self
                    .of_recording
                    .get(usize::from(*number))
                    .map_or_else(String::new, |(_, name)| name.clone()),
            },
            Some(Entry::Begun(_)) => "a call into the script".into(),
            _ => "the end of the call".into(),
        }
    }

    /// An answer, in words.
    fn shown(&self, number: u16, answer: &Answer) -> String {
        match answer {
            Answer::Returned(bytes) => {
                let function = self.functions.get(number);
                function.and_then(|function| (function.show_answered)(bytes)).unwrap_or_default()
            }
            Answer::Broke(error) => format!("trap: {error}"),
        }
    }

    fn function(&self, recorded: u16) -> Option<&Function> {
        self.functions.get(self.number(recorded)?)
    }

    /// Leaves out calls by which the script only said something.
    fn pass_by_what_is_said(&mut self) {
        while let Some(Entry::Asked { number, .. }) = self.entries.get(self.next)
            && let Some((_, name)) = self.of_recording.get(usize::from(*number))
            && only_says(name)
            && let Some(Entry::Answered(_)) = self.entries.get(self.next + 1)
        {
            self.next += 2;
        }
    }

    /// The answer to a call by which a script only says something: it does not take a recording to give it.
    fn said(&mut self, number: u16, asked: &[u8]) -> Option<Vec<u8>> {
        let name = &self.functions.get(number)?.name;
        if !only_says(name) {
            return None;
        }
        Some(if name.contains("/checks@") {
            // Whether it holds, which the call came with last.
            asked.last().map(|passed| vec![*passed]).unwrap_or_default()
        } else if name.contains("[constructor]") {
            self.fresh_handle().to_le_bytes().to_vec()
        } else if name.ends_with("span.open") {
            let mut answer = vec![u8::from(true)];
            answer.extend_from_slice(&self.fresh_handle().to_le_bytes());
            answer
        } else {
            Vec::new()
        })
    }

    /// The number of a handle that was not given out then.
    fn fresh_handle(&mut self) -> u32 {
        let handle = self.fresh;
        self.fresh = self.fresh.wrapping_add(1);
        handle
    }
}

/// Whether a function tells the script nothing that it did not know.
fn only_says(name: &str) -> bool {
    let interfaces = [
        "wasmload:script/log@",
        "wasmload:script/checks@",
        "wasmload:script/metrics@",
        "wasmload:script/spans@",
    ];
    interfaces.iter().any(|interface| name.starts_with(interface))
        || (name.starts_with("wasmload:script/context@") && name.ends_with("-tag"))
}
