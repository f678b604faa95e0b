//! From the files that a plan names to what scripts send of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use data::Datasets;
use host::Files;
use net::FileSource;
use plan::Plan;

use crate::datasets;
use crate::exit::ExitCode;
use crate::fault::Fault;

/// Opens the datasets of a plan, and the files that its script may send.
///
/// Fails with everything that is wrong with any of them.
pub(crate) fn open(plan: &Plan) -> Result<(Datasets, Files), Fault> {
    match (datasets::open(plan), files(plan)) {
        (Ok(datasets), Ok(files)) => Ok((datasets, files)),
        (Err(datasets), Err(files)) => Err(datasets.and(files)),
        (Err(fault), Ok(_)) | (Ok(_), Err(fault)) => Err(fault),
    }
}

fn files(plan: &Plan) -> Result<Files, Fault> {
    let (mut files, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, path) in &plan.files {
        match FileSource::open(path.into()) {
            Ok(file) => {
                files.insert(name.clone(), Arc::new(file));
            }
            Err(error) => problems.push(format!("files.{name}: `{path}`: {error}")),
        }
    }
    if problems.is_empty() {
        return Ok(Arc::new(files));
    }
    let fault = Fault::new(ExitCode::InvalidConfig, "the files to send cannot be opened");
    Err(problems.into_iter().fold(fault, Fault::detail))
}
