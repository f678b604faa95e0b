//! Builds scripts in JavaScript and TypeScript: esbuild makes one file of a script and all that it imports, and
//! componentize-qjs a component of that, with the interpreter QuickJS in it.
//!
//! The SDK is bundled with the script. What it does at its top happens now, and is in the snapshot that the component
//! begins from; a script's own module is held back (`guest-sdk/js/runtime/script.js`), since it may read what the run
//! was given. `async` becomes the SDK's promises, since the interpreter's own jobs are run by nobody.
//!
//! A script that imports from `k6` is looked through before (`js/k6.rs`), and gets what k6 would give it.
//!
//! What esbuild says about a script is made into words in `js/said.rs`.

mod imports;
mod k6;
mod libraries;
mod said;
mod source_map;
mod tokens;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use self::k6::OfK6;
use super::kept::{self, Ingredients};
use super::tool::Tool;
use super::{ONE_MODULE, Source, as_one_module, printed, unwritten};
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::sdk;

const BESIDE: &[&str] = &["node_modules/.bin"];
const INSTALL: &str = "`npm install --save-dev esbuild componentize-qjs` installs what scripts in JavaScript and \
                       TypeScript need, in the script's folder; with `--global`, for all";

const BUNDLER: Tool = Tool { name: "esbuild", beside: BESIDE, install: INSTALL };
const COMPONENTIZER: Tool = Tool { name: "componentize-qjs", beside: BESIDE, install: INSTALL };

/// Modules that scripts import by name and that are in the SDK: the name, and the folder or file there.
const MODULES: [(&str, &str); 1] = [("wasmload", "index.js")];

/// Folders of the SDK whose modules are made now, and not at the script's first call, if the script uses them.
const EAGER: [&str; 1] = ["k6"];

/// What a folder's script is where its package.json has no `main`.
const INDEX: [&str; 4] = ["index.ts", "index.js", "index.mts", "index.mjs"];

/// The world of `guest-sdk/js/wit` that components are made for.
const WORLD: &str = "javascript";
/// That for scripts written for k6, which may make the summary themselves.
const K6_WORLD: &str = "k6";

/// Builds the script of this source.
pub(super) fn build(source: &Source) -> Result<PathBuf, Fault> {
    let entry = entry(source)?;
    let folder = entry.parent().unwrap_or(&entry).to_owned();
    // Both are asked for now, so that both are missing at once or neither.
    let bundler = BUNDLER.find(&folder)?;
    let componentizer = COMPONENTIZER.find(&folder)?;

    let work = tempfile::tempdir().map_err(unwritten)?;
    let work = Work { path: work.path().canonicalize().map_err(unwritten)?, _folder: work };
    sdk::write(sdk::JS, &work.sdk()).map_err(unwritten)?;
    sdk::write(sdk::WIT, &work.wit()).map_err(unwritten)?;
    for file in ["javascript.wit", "random.wit"] {
        let of = if file == "random.wit" { "deps/random/random.wit" } else { file };
        let to = work.wit().join(of);
        fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(unwritten)?;
        fs::copy(work.sdk().join("wit").join(file), to).map_err(unwritten)?;
    }

    let k6 = k6::of_k6(&entry)?;
    let bundle = bundle(&entry, &folder, &work, k6.as_ref())?;
    let mut ingredients = Ingredients::new();
    ingredients.add(&bundle);
    ingredients.add_program(&bundler);
    ingredients.add_program(&componentizer);
    ingredients.add_files(sdk::WIT);
    let world = if k6.is_some() { K6_WORLD } else { WORLD };
    ingredients.add(world);
    ingredients.add(ONE_MODULE);
    kept::or_make(ingredients, |component| {
        fs::write(work.script(), &bundle).map_err(unwritten)?;
        componentize(&folder, &work, world, component)?;
        as_one_module(component)
    })
}

/// The folder where a script is built.
struct Work {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Work {
    fn sdk(&self) -> PathBuf {
        self.path.join("sdk")
    }

    fn wit(&self) -> PathBuf {
        self.path.join("wit")
    }

    /// The module that the component is made of.
    fn script(&self) -> PathBuf {
        self.path.join("script.js")
    }
}

/// The file that is the script.
fn entry(source: &Source) -> Result<PathBuf, Fault> {
    if source.path.is_file() {
        return Ok(source.path.clone());
    }
    let fault = |message: String| Fault::new(ExitCode::BuildFailed, message);
    let manifest = source.path.join("package.json");
    let text = fs::read_to_string(&manifest).map_err(|error| {
        fault(format!("failed to read `{}`", manifest.display())).detail(error.to_string())
    })?;
    #[derive(Deserialize)]
    struct Package {
        main: Option<String>,
    }
    let package: Package = serde_json::from_str(&text).map_err(|error| {
        fault(format!("`{}` is not the file of a package", manifest.display()))
            .detail(error.to_string())
    })?;
    let candidates = match &package.main {
        Some(main) => vec![main.as_str()],
        None => INDEX.to_vec(),
    };
    let found = candidates.iter().map(|name| source.path.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let fault = fault(format!("`{}` has no script", source.path.display()));
        match package.main {
            Some(main) => fault.detail(format!(
                "its package.json says \"main\": \"{main}\", and there is no such file"
            )),
            None => fault.detail(format!(
                "its package.json has no \"main\", and there is no {}",
                INDEX.join(", no ")
            )),
        }
        .hint("name the script in \"main\" of package.json, or name its file")
    })
}

/// What esbuild says about what it made: the files that it read, from the folder it ran in, and what they import.
#[derive(Debug, Deserialize)]
struct Metafile {
    inputs: BTreeMap<String, Input>,
}

#[derive(Debug, Deserialize)]
struct Input {
    imports: Vec<Import>,
}

#[derive(Debug, Deserialize)]
struct Import {
    path: String,
    #[serde(default)]
    external: bool,
}

#[derive(Debug, Deserialize)]
struct SourceMap {
    sources: Vec<String>,
    mappings: String,
}

/// The script and all that it imports as one module, with where each part of it comes from.
fn bundle(entry: &Path, folder: &Path, work: &Work, k6: Option<&OfK6>) -> Result<String, Fault> {
    let (read, mut warnings) = bundle_once(entry, folder, work, k6, &[])?;
    let is_here = |address: &str| k6.is_some_and(|k6| k6.has(address));
    said::refuse_what_is_elsewhere(entry, folder, &read, &is_here)?;
    let used = read.inputs.keys().map(|path| plain(&folder.join(path)));
    let eager: Vec<PathBuf> = used
        .filter(|path| EAGER.iter().any(|folder| path.starts_with(work.sdk().join(folder))))
        .collect();
    if !eager.is_empty() {
        warnings = bundle_once(entry, folder, work, k6, &eager)?.1;
    }
    printed(&warnings);

    let unread = |error: &dyn std::error::Error| {
        Fault::new(ExitCode::BuildFailed, "failed to read what esbuild made")
            .detail(error.to_string())
    };
    let bundled = fs::read_to_string(work.script()).map_err(|error| unread(&error))?;
    let bundled = k6.map_or(bundled.clone(), |k6| k6.with_libraries(&bundled));
    let map = work.script().with_extension("js.map");
    let map: SourceMap = serde_json::from_slice(&fs::read(map).map_err(|error| unread(&error))?)
        .map_err(|error| unread(&error))?;
    let sources: Vec<String> = map
        .sources
        .iter()
        .map(|source| match plain(&work.path.join(source)) {
            source if source.starts_with(&work.path) => String::new(),
            source => relative(&source, folder),
        })
        .collect();
    // esbuild names modules by their paths. That of the folder we work in is another each time, and would have the same
    // script be built again.
    let whole = bundled.replace(&relative(&work.path, folder), "wasmload:");
    let mut whole = with_plain_exports(whole);
    // After all else, so that no line moves.
    let lines = source_map::by_line(&map.mappings, &sources)
        .ok_or_else(|| Fault::new(ExitCode::BuildFailed, "esbuild's source map is not one"))?;
    let map = json!({ "sources": sources, "lines": lines });
    // A string of JSON is one of JavaScript, too.
    let _ = writeln!(whole, "globalThis[Symbol.for(\"wasmload.map\")] = {map};");
    Ok(whole)
}

/// The module, with the script's exports as they are: esbuild copies them for `require`, in each virtual user, which takes
/// 50 KiB of each.
fn with_plain_exports(bundle: String) -> String {
    const COPIED: &str = "__toCommonJS(";
    let ours = bundle.rfind("// wasmload:/main.js").unwrap_or(bundle.len());
    let found = bundle[ours..].split_once(COPIED).and_then(|(before, after)| {
        let (exports, rest) = after.split_once(')')?;
        Some(format!("{}{before}{exports}{rest}", &bundle[..ours]))
    });
    found.unwrap_or(bundle)
}

/// Runs esbuild, with these modules of the SDK made at once. Gives what it read, and its warnings.
fn bundle_once(
    entry: &Path,
    folder: &Path,
    work: &Work,
    k6: Option<&OfK6>,
    eager: &[PathBuf],
) -> Result<(Metafile, Vec<String>), Fault> {
    let quoted = |path: &Path| serde_json::Value::from(path.to_string_lossy()).to_string();
    let mut whole = format!(
        "import {{ script as of }} from {};\nimport {};\n",
        quoted(&work.sdk().join("runtime/script.js")),
        quoted(&work.sdk().join("index.js"))
    );
    for module in eager {
        let _ = writeln!(whole, "import {};", quoted(module));
    }
    let load = format!("() => require({})", quoted(entry));
    match k6 {
        None => {
            let _ = writeln!(whole, "export const script = of({load});");
        }
        Some(of_k6) => whole.push_str(&of_k6.main(&work.sdk(), &load)),
    }
    let main = work.path.join("main.js");
    fs::write(&main, whole).map_err(|error| {
        Fault::new(ExitCode::BuildFailed, "failed to write what a script is built from")
            .detail(error.to_string())
    })?;

    let metafile = work.path.join("meta.json");
    let mut command = BUNDLER.command(folder)?;
    command
        .arg(&main)
        .args(["--bundle", "--format=esm", "--platform=neutral", "--charset=utf8"])
        .args(["--main-fields=module,main", "--conditions=module", "--target=es2022"])
        .args(
            ["async-await", "async-generator", "for-await"]
                .map(|of| format!("--supported:{of}=false")),
        )
        .args(["--external:wasmload:*", "--external:wasi:*"])
        .args(
            MODULES
                .iter()
                .chain(&k6::MODULES)
                .map(|(name, file)| format!("--alias:{name}={}", work.sdk().join(file).display())),
        )
        .args(["--sourcemap=external", "--sources-content=false", "--legal-comments=none"])
        .args(["--log-level=warning", "--log-limit=20", "--color=false"])
        .arg(format!("--metafile={}", metafile.display()))
        .arg(format!("--outfile={}", work.script().display()));
    let output = BUNDLER.output(&mut command)?;
    // The SDK's modules have names of their own to whoever imports them.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = MODULES.iter().fold(said, |said, (name, file)| {
        said.replace(&relative(&work.sdk().join(file), folder), name)
    });
    if !output.status.success() {
        return Err(said::fault(entry, &said));
    }
    let read = fs::read(metafile).ok().and_then(|text| serde_json::from_slice(&text).ok());
    read.map(|read| (read, said::warnings(&said)))
        .ok_or_else(|| Fault::new(ExitCode::BuildFailed, "esbuild did not say what it read"))
}

/// Makes a component of the module.
fn componentize(folder: &Path, work: &Work, world: &str, component: &Path) -> Result<(), Fault> {
    let mut command = COMPONENTIZER.command(folder)?;
    command
        .current_dir(&work.path)
        .args(["--sync", "--world", world, "--wit"])
        .arg(work.wit())
        .arg("--js")
        .arg(work.script())
        .arg("--output")
        .arg(component);
    let output = COMPONENTIZER.output(&mut command)?;
    if output.status.success() && component.is_file() {
        return Ok(());
    }
    // What stands before is about folders of ours.
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let why = said.find("Error: ").map_or(&*said, |at| &said[at..]);
    Err(Fault::new(
        ExitCode::BuildFailed,
        "componentize-qjs could not make a component of the script",
    )
    .detail(why.trim())
    .hint("scripts are built with version 0.4.5 of it"))
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

/// How a path is called from a folder, as esbuild calls it. Both are whole.
fn relative(path: &Path, folder: &Path) -> String {
    let shared =
        path.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(shared).map(|_| "..".into());
    let down = path.components().skip(shared).map(|part| part.as_os_str().to_string_lossy());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_called_from_the_scripts_folder() {
        for (path, folder, expected) in [
            ("/a/b/script.js", "/a/b", "script.js"),
            ("/a/b/lib/auth.js", "/a/b", "lib/auth.js"),
            ("/a/shared.js", "/a/b/c", "../../shared.js"),
            ("/tmp/x", "/a/b", "../../tmp/x"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(folder)), expected);
            assert_eq!(plain(&Path::new(folder).join(expected)), Path::new(path));
        }
    }

    #[test]
    fn the_script_of_a_folder_is_its_main_or_its_index() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let source = Source { path: path.clone(), project: Some(path.join("package.json")) };
        let of = |manifest: &str| {
            fs::write(path.join("package.json"), manifest).unwrap();
            entry(&source).map_err(|fault| fault.text())
        };
        assert!(of("{}").unwrap_err().contains("no index.ts, no index.js"));
        assert!(of(r#"{"main":"shop.ts"}"#).unwrap_err().contains("says \"main\": \"shop.ts\""));
        assert!(of("{").unwrap_err().contains("is not the file of a package"));
        fs::write(path.join("index.js"), "").unwrap();
        assert_eq!(of("{}").unwrap(), path.join("index.js"));
        fs::write(path.join("shop.ts"), "").unwrap();
        assert_eq!(of(r#"{"main":"shop.ts"}"#).unwrap(), path.join("shop.ts"));
    }
}
