//! Which tags the samples have that a script begins now: those of its VU, of the call that runs, of the spans that are
//! open, and those that it gave itself.
//!
//! Sets of tags are told apart by where they stand, not by what they say: whoever opens the same span again finds the
//! same set, and with it everything that was found out under it.

use metrics::Tags;
use tokio::time::Instant;

use crate::catalogue::Recent;
use crate::limits::{Limits, Reached};

/// How many spans may be open at once.
pub(crate) const DEEPEST: usize = 32;
/// What stands before each name in the tag `group`.
const SEPARATOR: &str = "::";
/// Tags that are the engine's to set.
const ENGINES_OWN: [&str; 2] = ["group", "scenario"];

/// Which calls into a script belong together in what they measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Iterations, and what is called once a run by who has tags of their own.
    Iterations,
    /// The start of a VU: `group` is `::start`.
    Start,
    /// Its end: `group` is `::stop`.
    Stop,
}

/// The tags of what begins now.
pub(crate) struct Scope {
    /// Those of the VU.
    vu: Tags,
    group: Group,
    /// What the script has set.
    own: Vec<(String, String)>,
    /// Those of the call that runs, the script's own among them.
    call: Tags,
    /// The innermost last.
    open: Vec<Open>,
    opened: u32,
    /// Spans that were open before, by what they stand in and their names.
    recent: Recent<(Tags, String), Tags>,
}

/// A span that is open.
struct Open {
    number: u32,
    name: String,
    tags: Tags,
    since: Instant,
}

/// A span that was open.
pub(crate) struct Closed {
    /// With its group among them.
    pub(crate) tags: Tags,
    pub(crate) since: Instant,
}

impl Scope {
    pub(crate) fn new(vu: Tags) -> Self {
        Self {
            call: vu.clone(),
            vu,
            group: Group::Iterations,
            own: Vec::new(),
            open: Vec::new(),
            opened: 0,
            recent: Recent::default(),
        }
    }

    /// The tags of what begins now.
    pub(crate) fn tags(&self) -> &Tags {
        self.open.last().map_or(&self.call, |open| &open.tags)
    }

    /// A call begins.
    pub(crate) fn begin(&mut self, group: Group) {
        self.open.clear();
        if self.group != group {
            self.group = group;
            self.put_together();
        }
    }

    /// Opens a span now, and gives its number.
    ///
    /// Fails with a sentence if its name is none or too many are open, and with [`Reached`] in it if it is too long.
    pub(crate) fn open(
        &mut self,
        name: String,
        limits: &Limits,
    ) -> Result<Result<u32, String>, Reached> {
        if name.contains(SEPARATOR) {
            return Ok(Err(format!(
                "the name of a group may not have `{SEPARATOR}` in it, which stands between groups: `{}`",
                limits.tag_of(&name).escape_default()
            )));
        }
        if self.open.len() >= DEEPEST {
            return Ok(Err(format!("more than {DEEPEST} groups inside each other")));
        }
        let parent = self.tags();
        let known = self.recent.find(|(of, known)| of.is_same(parent) && *known == name);
        let tags = match known {
            Some(tags) => tags,
            None => {
                let group = parent.get("group").unwrap_or_default();
                let group = [group, SEPARATOR, &name].concat();
                limits
                    .check_text("the names of groups inside each other are, together:", &group)?;
                let tags = parent.with("group", group);
                self.recent.keep((parent.clone(), name.clone()), tags.clone());
                tags
            }
        };
        self.opened = self.opened.wrapping_add(1);
        self.open.push(Open { number: self.opened, name, tags, since: Instant::now() });
        Ok(Ok(self.opened))
    }

    /// Closes a span, unless that was done. Those that were opened inside and are open still keep their group.
    pub(crate) fn close(&mut self, number: u32) -> Option<Closed> {
        let place = self.open.iter().rposition(|open| open.number == number)?;
        let Open { tags, since, .. } = self.open.remove(place);
        Some(Closed { tags, since })
    }

    /// Closes those that are open, the innermost first.
    pub(crate) fn close_all(&mut self) -> impl Iterator<Item = Closed> {
        let open = self.open.drain(..).rev();
        open.map(|Open { tags, since, .. }| Closed { tags, since })
    }

    /// Gives samples a tag from now on, unless it is the engine's to set.
    ///
    /// Fails with [`Reached`] if they are too many then, or it is too long.
    pub(crate) fn set_tag(
        &mut self,
        name: String,
        value: String,
        limits: &Limits,
    ) -> Result<(), Reached> {
        let is_set = self.own.iter().any(|(known, as_it_is)| *known == name && *as_it_is == value);
        if !is_set && !ENGINES_OWN.contains(&name.as_str()) {
            limits.set_tag(&mut self.own, name, value)?;
            self.put_together();
        }
        Ok(())
    }

    /// Takes it away.
    pub(crate) fn remove_tag(&mut self, name: &str) {
        let before = self.own.len();
        self.own.retain(|(known, _)| known != name);
        if self.own.len() < before {
            self.put_together();
        }
    }

    /// Finds out anew which tags there are.
    fn put_together(&mut self) {
        let tags = match self.group {
            Group::Iterations => self.vu.clone(),
            Group::Start => self.vu.with("group", "::start"),
            Group::Stop => self.vu.with("group", "::stop"),
        };
        let own = self.own.iter();
        self.call = own.fold(tags, |tags, (name, value)| tags.with(name.as_str(), value.as_str()));
        let mut parent = self.call.clone();
        for open in &mut self.open {
            let group = [parent.get("group").unwrap_or_default(), SEPARATOR, &open.name].concat();
            open.tags = parent.with("group", group);
            parent = open.tags.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(scope: &Scope) -> Option<&str> {
        scope.tags().get("group")
    }

    fn open(scope: &mut Scope, name: &str) -> u32 {
        scope.open(name.into(), &Limits::default()).ok().unwrap().unwrap()
    }

    #[test]
    fn spans_stand_inside_each_other_and_the_same_ones_have_the_same_tags() {
        let mut scope = Scope::new(Tags::new());
        assert_eq!(group(&scope), None);
        let outer = open(&mut scope, "outer");
        let inner = open(&mut scope, "inner");
        assert_eq!(group(&scope), Some("::outer::inner"));
        let met = scope.tags().clone();
        assert_eq!(scope.close(inner).unwrap().tags.get("group"), Some("::outer::inner"));
        assert_eq!(group(&scope), Some("::outer"));
        let again = open(&mut scope, "inner");
        assert!(scope.tags().is_same(&met));
        assert!(scope.close(outer).is_some() && scope.close(outer).is_none());
        assert_eq!(group(&scope), Some("::outer::inner"), "its parent went first");
        scope.close(again);
        assert_eq!(group(&scope), None);
    }

    #[test]
    fn a_call_begins_without_spans_and_those_of_a_start_stand_behind_it() {
        let mut scope = Scope::new(Tags::new().with("scenario", "a"));
        scope.begin(Group::Start);
        open(&mut scope, "login");
        assert_eq!(group(&scope), Some("::start::login"));
        scope.begin(Group::Iterations);
        assert_eq!(group(&scope), None);
        assert_eq!(scope.close_all().count(), 0);
    }

    #[test]
    fn names_that_would_be_two_and_spans_without_end_are_refused() {
        let limits = Limits::default();
        let mut scope = Scope::new(Tags::new());
        let refused = scope.open("a::b".into(), &limits).ok().unwrap().unwrap_err();
        assert_eq!(
            refused,
            "the name of a group may not have `::` in it, which stands between groups: `a::b`"
        );
        for _ in 0..DEEPEST {
            open(&mut scope, "g");
        }
        let refused = scope.open("g".into(), &limits).ok().unwrap().unwrap_err();
        assert_eq!(refused, "more than 32 groups inside each other");
        let mut scope = Scope::new(Tags::new());
        assert!(scope.open("x".repeat(2_000), &limits).is_err());
    }

    #[test]
    fn tags_of_the_script_hold_until_they_are_taken_away_inside_of_spans_too() {
        let limits = Limits::default();
        let mut scope = Scope::new(Tags::new().with("scenario", "a").with("team", "run's"));
        open(&mut scope, "g");
        for (name, value) in [("team", "script's"), ("scenario", "b"), ("group", "c")] {
            assert!(scope.set_tag(name.into(), value.into(), &limits).is_ok());
        }
        let tags = |scope: &Scope| -> Vec<_> {
            scope.tags().iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        assert_eq!(tags(&scope), ["group=::g", "scenario=a", "team=script's"]);
        let before = scope.tags().clone();
        assert!(scope.set_tag("team".into(), "script's".into(), &limits).is_ok());
        assert!(scope.tags().is_same(&before), "nothing has changed");
        scope.remove_tag("team");
        assert_eq!(tags(&scope), ["group=::g", "scenario=a", "team=run's"]);
        let too_many =
            (0..10_000).find_map(|n| scope.set_tag(format!("t{n}"), String::new(), &limits).err());
        assert!(too_many.is_some());
    }
}
