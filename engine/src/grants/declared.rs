//! What a component declares that it wants, in a section of its own, and what its options say: the section is what
//! people see who do not run it, so options that want more make it a liar.

use std::io;
use std::path::{Path, PathBuf};

use host::{Inspection, WANTS_SECTION, with_wants};
use plan::{NetGrant, Options, Problems, Wants, WantsOptions};

use super::grant;
use crate::exit::ExitCode;
use crate::fault::Fault;

/// The folder beside a built component in which the one stands that carries what it wants.
const FOLDER: &str = "wasmload";

/// What a component says that it wants, if it carries that.
///
/// Fails if what it carries makes no sense.
pub(crate) fn declared(
    inspection: &Inspection,
    name: &Path,
) -> Result<Option<WantsOptions>, Fault> {
    let Some(text) = &inspection.wants else { return Ok(None) };
    let invalid = |problems: &Problems| {
        let what = format!("the section `{WANTS_SECTION}` of `{}` is invalid", name.display());
        Fault::new(ExitCode::LoadFailed, what).detail(problems.to_string())
    };
    let wants = WantsOptions::parse(text).map_err(|problems| invalid(&problems))?;
    let mut problems = Problems::default();
    wants.read("", &mut problems);
    if problems.is_empty() { Ok(Some(wants)) } else { Err(invalid(&problems)) }
}

/// Holds a script's own options against what it declares, which is what it wants if they say nothing of it.
///
/// Fails with what they want beyond that.
pub(crate) fn hold(
    inspection: &Inspection,
    name: &Path,
    mut own: Options,
) -> Result<Options, Fault> {
    let Some(declared) = declared(inspection, name)? else { return Ok(own) };
    let Some(wants) = &own.wants else {
        own.wants = Some(declared);
        return Ok(own);
    };
    // What makes no sense in either is told elsewhere.
    let mut problems = Problems::default();
    let (declared, wants) = (declared.read("", &mut problems), wants.read("wants", &mut problems));
    let beyond = beyond(&declared, &wants);
    if beyond.is_empty() {
        return Ok(own);
    }
    let fault = Fault::new(
        ExitCode::LoadFailed,
        format!("`{}` wants what it does not declare", name.display()),
    )
    .hint(format!(
        "what its section `{WANTS_SECTION}` says is what people see before they run it, and its options want more: \
         do not trust it, or build it anew with `wasmload build`"
    ));
    Err(beyond.into_iter().fold(fault, Fault::detail))
}

/// What a script wants beyond what it declares, each in a sentence.
fn beyond(declared: &Wants, wants: &Wants) -> Vec<String> {
    let mut beyond = Vec::new();
    let covered =
        |place: &NetGrant| declared.net.iter().any(|one| grant(one).covers(&grant(place)));
    for place in wants.net.iter().filter(|place| !covered(place)) {
        beyond.push(format!("wants.net: `{place}` is not declared"));
    }
    match (&declared.methods, &wants.methods) {
        (Some(_), None) => {
            beyond.push("wants.methods: any are wanted, and some are declared".to_owned());
        }
        (Some(declared), Some(wants)) => {
            beyond.extend(not_in("methods", wants, declared));
        }
        (None, _) => {}
    }
    for (key, wants, declared) in [
        ("env", &wants.env, &declared.env),
        ("datasets", &wants.datasets, &declared.datasets),
        ("files", &wants.files, &declared.files),
        ("secrets", &wants.secrets, &declared.secrets),
    ] {
        beyond.extend(not_in(key, wants, declared));
    }
    match (declared.rps, wants.rps) {
        (Some(declared), None) => {
            beyond.push(format!("wants.rps: any rate is wanted, and {declared} is declared"));
        }
        (Some(declared), Some(wants)) if wants > declared => {
            beyond.push(format!("wants.rps: {wants} is wanted, and {declared} is declared"));
        }
        _ => {}
    }
    beyond
}

fn not_in<'a>(
    key: &'a str,
    wants: &'a [String],
    declared: &'a [String],
) -> impl Iterator<Item = String> {
    let others = wants.iter().filter(|name| !declared.contains(name));
    others.map(move |name| format!("wants.{key}: `{name}` is not declared"))
}

/// A built component with what its own options say it wants in it: another file beside it, since the tool that built
/// it would take one that has changed for its own.
///
/// Fails if that cannot be written.
pub(crate) fn declaring(built: &Path, wants: &WantsOptions) -> Result<PathBuf, Fault> {
    let write = || -> io::Result<PathBuf> {
        let name = built.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = built.parent().unwrap_or(Path::new("")).join(FOLDER);
        let path = folder.join(name);
        let component = with_wants(std::fs::read(built)?, &wants.to_json());
        if std::fs::read(&path).is_ok_and(|there| there == component) {
            return Ok(path);
        }
        std::fs::create_dir_all(&folder)?;
        // Whoever reads it meanwhile has the old one or the new one.
        let temporary = folder.join(format!(".{}.{}", name.display(), std::process::id()));
        std::fs::write(&temporary, component)?;
        std::fs::rename(&temporary, &path)?;
        Ok(path)
    };
    write().map_err(|error| {
        let what = format!("failed to write what `{}` wants beside it", built.display());
        Fault::new(ExitCode::BuildFailed, what).detail(error.to_string())
    })
}

/// Whether a component may have a word about what it wants in its options: what it takes to find out is not for those
/// that have none.
pub(crate) fn may_want(built: &Path) -> bool {
    let word = b"wants";
    std::fs::read(built).is_ok_and(|bytes| bytes.windows(word.len()).any(|part| part == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(json: &str) -> Wants {
        let mut problems = Problems::default();
        WantsOptions::parse(json).expect("wants").read("", &mut problems)
    }

    #[test]
    fn what_is_wanted_beyond_what_is_declared_is_told() {
        for (declared, asked, told) in [
            ("{}", "{}", &[][..]),
            (r#"{"net":["*.a.test"],"rps":9}"#, r#"{"net":["b.a.test:443"],"rps":8}"#, &[]),
            (r#"{"methods":["GET","POST"]}"#, r#"{"methods":["GET"]}"#, &[]),
            ("{}", r#"{"rps":8,"methods":["GET"]}"#, &[]),
            (
                r#"{"net":["10.0.0.0/8"]}"#,
                r#"{"net":["10.0.0.0/7","evil.test"]}"#,
                &[
                    "wants.net: `10.0.0.0/7` is not declared",
                    "wants.net: `evil.test` is not declared",
                ],
            ),
            (
                r#"{"methods":["GET"],"rps":5}"#,
                "{}",
                &[
                    "wants.methods: any are wanted, and some are declared",
                    "wants.rps: any rate is wanted, and 5 is declared",
                ],
            ),
            (
                r#"{"env":["A"],"methods":["GET"],"rps":5}"#,
                r#"{"env":["A","B"],"secrets":["K"],"methods":["PUT"],"rps":6}"#,
                &[
                    "wants.methods: `PUT` is not declared",
                    "wants.env: `B` is not declared",
                    "wants.secrets: `K` is not declared",
                    "wants.rps: 6 is wanted, and 5 is declared",
                ],
            ),
        ] {
            assert_eq!(beyond(&wants(declared), &wants(asked)), told, "{declared} {asked}");
        }
    }

    #[test]
    fn a_built_component_stays_as_it_is_and_the_one_beside_it_says_what_it_wants() {
        let folder = tempfile::tempdir().unwrap();
        let built = folder.path().join("a.wasm");
        std::fs::write(&built, b"\0asm\x0d\0\x01\0").unwrap();
        let wants = WantsOptions::parse(r#"{"rps":5}"#).expect("wants");
        let path = declaring(&built, &wants).expect("it can be written");
        let first = std::fs::read(&path).unwrap();
        assert!(first.ends_with(br#"wasmload:wants{"rps":5}"#));
        assert_eq!(declaring(&built, &wants).expect("again"), path);
        assert_eq!(std::fs::read(&path).unwrap(), first, "one of the same digest");
        assert_eq!(std::fs::read(&built).unwrap().len(), 8);
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "nothing is left behind");
    }
}
