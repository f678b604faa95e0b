//! `wasmload new`: a script that builds and runs as it is.

use std::io;
use std::path::PathBuf;

use clap::Args;

use super::print;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::scaffold::{self, Lang, Sdk};

/// Start a script from a scaffold
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The folder to make; its name is the script's
    name: PathBuf,

    /// The language to write it in
    #[arg(long, value_enum, default_value_t = Lang::Rust)]
    lang: Lang,

    /// Use the SDK in this folder; a copy of this version's goes into the scaffold unless given
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
}

impl New {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        let Self { name: folder, lang, sdk } = self;
        let fault = |message: String| Fault::new(ExitCode::InvalidConfig, message);
        let name = scaffold::package_name(&folder).map_err(|error| fault(error.to_string()))?;
        let sdk = match sdk {
            None => Sdk::Copy,
            Some(sdk) => Sdk::at(&sdk, lang).map_err(|error| fault(error.to_string()))?,
        };
        let shown = folder.display();
        let scaffold = lang.scaffold(&name, &sdk);
        scaffold.write(&folder).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                fault(format!("`{shown}` is there already")).hint("choose another name")
            }
            _ => Fault::new(ExitCode::Unexpected, format!("failed to make `{shown}`"))
                .detail(error.to_string()),
        })?;
        print(&format!(
            "Made {shown}. Its script is {shown}/{}.\n\n\
             Run it against the demo target:  wasmload run {shown} --demo\n\
             Run it against yours:            wasmload run {shown} -e BASE_URL=http://127.0.0.1:8080\n",
            scaffold.script
        ))
    }
}
