//! Builds scripts in Python, with componentize-py: CPython with the script in it, after all its imports.
//!
//! What the tool says of a script that does not load is told in `python/complaint.rs`. Packages come from the project's
//! `.venv`, or the environment that is active; they can be of pure Python only.

mod complaint;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::kept::{self, Ingredients};
use super::tool::Tool;
use super::{ONE_MODULE, Source, as_one_module, sources, unwritten};
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::sdk;

/// The program that does it.
const COMPONENTIZE: Tool = Tool {
    name: "componentize-py",
    beside: &[".venv/bin", "venv/bin"],
    install: "`python3 -m venv .venv && .venv/bin/pip install componentize-py` installs it beside the script",
};

/// The module that the component is made of. It loads the script.
const ENTRY: &str = "wasmload_script";

/// What a project's folder may have its script called.
const USUAL: [&str; 3] = ["script.py", "main.py", "app.py"];

/// What `pyproject.toml` may say to this program.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The script's file, from the project's folder.
    script: Option<PathBuf>,
    /// The folder of the SDK, from the project's folder.
    sdk: Option<PathBuf>,
}

/// A script, and what it is built with.
struct Script {
    file: PathBuf,
    /// The module's name.
    module: String,
    /// Where it may import from; its own folder is the first.
    folders: Vec<PathBuf>,
    /// Where the SDK is, unless it is the one in this program.
    sdk: Option<PathBuf>,
}

/// Builds the script of this source.
pub(super) fn build(source: &Source) -> Result<PathBuf, Fault> {
    let script = script(source)?;
    let folder = script.folders[0].as_path();
    let tool = COMPONENTIZE.find(folder)?;
    let packages = packages(folder);

    let mut ingredients = Ingredients::new();
    ingredients.add("python");
    ingredients.add(ONE_MODULE);
    ingredients.add_program(&tool);
    ingredients.add(&script.module);
    ingredients.add_files(sdk::PYTHON);
    ingredients.add_files(sdk::WIT);
    for folder in script.folders.iter().chain(&script.sdk) {
        sources::add(&mut ingredients, folder, &["py"]);
    }
    if let Some(packages) = &packages {
        sources::add_names(&mut ingredients, packages);
    }
    kept::or_make(ingredients, |component| {
        make(&script, packages.as_deref(), component)?;
        as_one_module(component)
    })
}

fn make(script: &Script, packages: Option<&Path>, component: &Path) -> Result<(), Fault> {
    let work = tempfile::tempdir().map_err(unwritten)?;
    let at = |name: &str| work.path().join(name);
    fs::create_dir(at("entry")).map_err(unwritten)?;
    let entry = format!(
        "from wasmload.component import exported\nScript = exported({:?})\n",
        script.module
    );
    fs::write(at("entry").join(format!("{ENTRY}.py")), entry).map_err(unwritten)?;
    let (sdk, wit) = match &script.sdk {
        Some(sdk) => (sdk.clone(), sdk.join("wit")),
        None => {
            sdk::write(sdk::PYTHON, &at("sdk")).map_err(unwritten)?;
            (at("sdk"), at("wit"))
        }
    };
    // Where the SDK is as it is in our repository, the contract lies elsewhere.
    let wit = if wit.is_dir() { wit } else { at("wit") };
    if wit == at("wit") {
        sdk::write(sdk::WIT, &wit).map_err(unwritten)?;
    }
    // Without an environment the tool would take whatever packages this machine's own Python has.
    let none = at("none");
    fs::create_dir_all(none.join("lib/python3/site-packages")).map_err(unwritten)?;

    let mut command = COMPONENTIZE.command(&script.folders[0])?;
    command.env("VIRTUAL_ENV", packages.and_then(environment_of).unwrap_or(&none));
    command.args(["-q", "-w", "load-script", "-d"]).arg(&wit).arg("componentize");
    let mounted: Vec<PathBuf> =
        [at("entry"), sdk].into_iter().chain(script.folders.iter().cloned()).collect();
    for folder in &mounted {
        command.arg("-p").arg(folder);
    }
    command.arg(ENTRY).arg("-o").arg(component);
    let output = COMPONENTIZE.output(&mut command)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(complaint::told(&script.file, &mounted, packages, &said))
}

/// The script that is meant.
fn script(source: &Source) -> Result<Script, Fault> {
    let fault = |message: String| Fault::new(ExitCode::BuildFailed, message);
    let project = source.project.as_deref();
    let settings = project.map(settings).transpose()?.unwrap_or_default();
    let project_folder = project.and_then(Path::parent);
    let file = match project_folder {
        Some(folder) if source.path.is_dir() => script_of(folder, &settings)?,
        _ => source.path.clone(),
    };
    let module = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut characters = module.chars();
    let is_name = characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|next| next.is_alphanumeric() || next == '_');
    if !is_name {
        return Err(fault(format!("`{module}.py` is no name for a script in Python"))
            .detail("a module is imported by its name, which has letters, digits and `_` only")
            .hint("rename the file"));
    }
    if ["wasmload", ENTRY].contains(&&*module) {
        return Err(fault(format!("`{module}.py` has the name of the SDK's own module"))
            .hint("rename the file"));
    }
    let mut folders = vec![file.parent().unwrap_or(Path::new("/")).to_owned()];
    folders.extend(project_folder.filter(|&folder| folder != folders[0]).map(Path::to_owned));
    let sdk = match (project_folder, settings.sdk) {
        (Some(folder), Some(sdk)) => {
            let sdk = folder.join(sdk);
            if !sdk.join("wasmload/__init__.py").is_file() {
                return Err(fault(format!("`{}` is not the SDK's folder", sdk.display()))
                    .detail("there is no wasmload/__init__.py in it")
                    .hint("correct `sdk` in [tool.wasmload] of pyproject.toml, or leave it out"));
            }
            Some(sdk)
        }
        _ => None,
    };
    Ok(Script { file, module, folders, sdk })
}

/// What a project says in `[tool.wasmload]`.
fn settings(project: &Path) -> Result<Settings, Fault> {
    #[derive(Deserialize)]
    struct Project {
        #[serde(default)]
        tool: Tools,
    }
    #[derive(Default, Deserialize)]
    struct Tools {
        wasmload: Option<Settings>,
    }
    let unread = |why: String| {
        Fault::new(ExitCode::BuildFailed, format!("failed to read `{}`", project.display()))
            .detail(why)
    };
    let text = fs::read_to_string(project).map_err(|error| unread(error.to_string()))?;
    let read: Project = toml::from_str(&text).map_err(|error| unread(error.to_string()))?;
    Ok(read.tool.wasmload.unwrap_or_default())
}

/// The script of a project's folder: the one that it names, one of a usual name, or the only one there is.
fn script_of(folder: &Path, settings: &Settings) -> Result<PathBuf, Fault> {
    if let Some(named) = &settings.script {
        let file = folder.join(named);
        return match file.is_file() {
            true => Ok(file),
            false => Err(Fault::new(
                ExitCode::BuildFailed,
                format!("`{}`, the script of the project, is not there", file.display()),
            )
            .hint("correct `script` in [tool.wasmload] of pyproject.toml")),
        };
    }
    if let Some(usual) = USUAL.iter().map(|name| folder.join(name)).find(|file| file.is_file()) {
        return Ok(usual);
    }
    let mut scripts: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| sources::is_source(path, &["py"]))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            !name.starts_with("test_") && !["conftest.py", "setup.py"].contains(&&*name)
        })
        .collect();
    scripts.sort();
    let message = |count: &str| format!("`{}` has {count}", folder.display());
    let fault = |message: String| Fault::new(ExitCode::BuildFailed, message);
    match scripts.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(fault(message("no script"))
            .hint("write script.py, or name one in [tool.wasmload] of pyproject.toml")),
        several => {
            let paths = several.iter().map(|path| path.display().to_string());
            let count = message(&format!("{} scripts", several.len()));
            Err(paths.fold(fault(count), Fault::detail).hint(
                "name the file of one of them, or say `script = \"…\"` in [tool.wasmload] of pyproject.toml",
            ))
        }
    }
}

/// Where the packages are that a script in this folder may import: those of its own environment, or of the active one.
fn packages(folder: &Path) -> Option<PathBuf> {
    let own = folder.ancestors().flat_map(|folder| [folder.join(".venv"), folder.join("venv")]);
    let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    own.filter(|environment| environment.join("pyvenv.cfg").is_file()).chain(active).find_map(
        |environment| {
            let libraries = fs::read_dir(environment.join("lib")).ok()?;
            libraries
                .filter_map(|entry| Some(entry.ok()?.path().join("site-packages")))
                .find(|packages| packages.is_dir())
        },
    )
}

/// The environment whose packages these are.
fn environment_of(packages: &Path) -> Option<&Path> {
    packages.ancestors().nth(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, file: &str, content: &str) -> PathBuf {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn found(folder: &Path) -> Result<Script, String> {
        let project = Some(folder.join("pyproject.toml"));
        script(&Source { path: folder.to_owned(), project })
            .map_err(|fault| anstream::adapter::strip_str(&fault.text()).to_string())
    }

    #[test]
    fn the_script_of_a_project_is_named_or_usual_or_the_only_one() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path();
        put(folder, "pyproject.toml", "");
        assert!(found(folder).err().unwrap().contains("has no script"));
        put(folder, "test_shop.py", "");
        let shop = put(folder, "shop.py", "");
        assert_eq!(found(folder).ok().unwrap().file, shop);
        put(folder, "chat.py", "");
        let said = found(folder).err().unwrap();
        assert!(said.contains("has 2 scripts") && said.contains("chat.py"), "{said}");
        let usual = put(folder, "main.py", "");
        assert_eq!(found(folder).ok().unwrap().file, usual);

        put(folder, "pyproject.toml", "[tool.wasmload]\nscript = \"src/load.py\"");
        assert!(found(folder).err().unwrap().contains("is not there"));
        let named = put(folder, "src/load.py", "");
        let script = found(folder).ok().unwrap();
        assert_eq!(script.file, named);
        assert_eq!(script.folders, [folder.join("src"), folder.to_owned()]);
    }

    #[test]
    fn what_cannot_be_a_project_is_told() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path();
        for (project, file, says) in [
            ("[tool.wasmload", "shop.py", "failed to read"),
            ("[tool.wasmload]\nscripts = \"a.py\"", "shop.py", "unknown field `scripts`"),
            ("[tool.wasmload]\nsdk = \"elsewhere\"", "shop.py", "is not the SDK's folder"),
            (
                "[tool.wasmload]\nscript = \"load-test.py\"",
                "load-test.py",
                "is no name for a script",
            ),
            ("[tool.wasmload]\nscript = \"wasmload.py\"", "wasmload.py", "the SDK's own module"),
        ] {
            put(folder, "pyproject.toml", project);
            put(folder, file, "");
            let said = found(folder).err().unwrap();
            assert!(said.contains(says), "{said}");
        }
    }
}
