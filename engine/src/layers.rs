//! The layers of options, laid over each other: flags, the environment, `--config`, what a script says itself.
//!
//! What a script says counts as far as it is allowed: see `grants`.

use std::path::Path;

use demo::RunningDemo;
use plan::{Options, Plan};

use crate::cli::grants::GrantFlags;
use crate::cli::options::{OptionFlags, invalid};
use crate::fault::Fault;
use crate::files;
use crate::grants::Allowed;

/// What was typed of a script.
pub(crate) struct Said<'a> {
    pub(crate) options: &'a OptionFlags,
    pub(crate) grants: &'a GrantFlags,
    pub(crate) script: &'a Path,
}

/// What whoever runs a script says in options and allows it, and the plan that comes of that. Its seed is `drawn` if
/// none says it.
pub(crate) fn granted(
    said: &Said<'_>,
    own: &Options,
    demo: Option<&RunningDemo>,
    drawn: Option<u64>,
) -> Result<(Options, Allowed, Plan), Fault> {
    let Said { options: asked, grants, script: name } = *said;
    let mut flags = asked.options()?;
    if let Some(demo) = demo {
        let env = flags.env.get_or_insert_default();
        // An address that somebody typed stands.
        env.entry("BASE_URL".into()).or_insert_with(|| demo.url());
    }
    let persons = flags.over(asked.config()?);
    let mut allowed = Allowed::new(grants.read()?, name)?;
    let plan = planned(asked, &persons, own, &mut allowed, drawn)?;
    Ok((persons, allowed, plan))
}

/// Lays the layers of options over each other and makes the plan of them.
pub(crate) fn planned(
    asked: &OptionFlags,
    persons: &Options,
    script: &Options,
    allowed: &mut Allowed,
    drawn: Option<u64>,
) -> Result<Plan, Fault> {
    let mut persons = persons.clone();
    let variable = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    for (name, value) in allowed.env(script.wants.as_ref(), &variable) {
        persons.env.get_or_insert_default().entry(name).or_insert(value);
    }
    allowed.hear(&persons);
    let mut script = script.clone().without_files_but(&|text| allowed.file(text));
    if persons.proxy.is_some() {
        script.no_proxy = None;
    }
    let mut options = persons.over(script);
    if asked.no_thresholds {
        options.thresholds = None;
    }
    options.seed = options.seed.or(drawn);
    options.read_traces(|file| std::fs::read_to_string(file).map_err(|error| error.to_string()));
    let files = Options {
        datasets: options.datasets.clone(),
        files: options.files.clone(),
        ..Options::default()
    };
    let plan = options.plan().map_err(|problems| {
        let fault = invalid("the options", &problems);
        // What is wrong inside the files is told with it.
        match files.plan().map(|plan| files::open(&plan)) {
            Ok(Err(of_files)) => fault.and(of_files),
            Ok(Ok(_)) | Err(_) => fault,
        }
    })?;
    allowed.route(&plan.network);
    Ok(plan)
}
