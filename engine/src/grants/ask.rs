//! Asks whoever runs a script whether it may have what it wants, on a terminal; says how to give it elsewhere.

use std::io::{self, BufRead, IsTerminal as _, Write};

use super::unmet::Unmet;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::printable;

/// Asks on the terminal, if standard input and standard error are one, and if a yes is enough.
///
/// Fails with what is not allowed, and with the flags that allow it, unless the answer is yes.
pub(crate) fn ask(script: &str, unmet: &[Unmet]) -> Result<(), Fault> {
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    match is_terminal && unmet.iter().all(Unmet::can_be_allowed) {
        true => ask_by(script, unmet, &mut io::stdin().lock(), &mut io::stderr().lock()),
        false => Err(refusal(script, unmet)),
    }
}

fn ask_by(
    script: &str,
    unmet: &[Unmet],
    answers: &mut dyn BufRead,
    screen: &mut dyn Write,
) -> Result<(), Fault> {
    let mut text = format!("`{}` wants\n", printable::line(script));
    for one in unmet {
        text.push_str(&format!("  {}\n", printable::line(&one.to_string())));
    }
    text.push_str("Allow? [y/N] ");
    let mut answer = String::new();
    let asked = screen.write_all(text.as_bytes()).and_then(|()| screen.flush());
    // An end of the input is no yes, and neither is a line that nobody would type.
    let answered = asked.and_then(|()| io::Read::take(answers, 100).read_line(&mut answer));
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if answered.is_ok() && is_yes { Ok(()) } else { Err(refusal(script, unmet)) }
}

/// What is not allowed, and how to allow it.
pub(crate) fn refusal(script: &str, unmet: &[Unmet]) -> Fault {
    let fault = Fault::new(ExitCode::NotAllowed, format!("`{script}` wants what it was not given"));
    let told = |one: &Unmet| match one.flag() {
        Some(flag) => format!("{one}: {flag}"),
        None => one.to_string(),
    };
    let fault = unmet.iter().map(told).fold(fault, Fault::detail);
    let flags: Vec<String> = unmet.iter().filter_map(Unmet::flag).collect();
    match flags.is_empty() {
        true => fault,
        false => fault.hint(format!(
            "these give it: {}; `wasmload inspect` shows all that it wants",
            flags.join(" ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use plan::NetGrant;

    use super::*;

    fn unmet() -> Vec<Unmet> {
        let place = NetGrant::parse("api.example.com:443").expect("a place");
        vec![Unmet::Net(place), Unmet::Env("TOKEN".to_owned())]
    }

    #[test]
    fn only_a_yes_is_one() {
        for (answer, allowed) in [
            ("y\n", true),
            ("YES\n", true),
            (" y \n", true),
            ("\n", false),
            ("n\n", false),
            ("", false),
            ("yep\n", false),
            (&*"y".repeat(10_000), false),
        ] {
            let mut screen = Vec::new();
            let asked = ask_by("a\u{1b}.wasm", &unmet(), &mut answer.as_bytes(), &mut screen);
            assert_eq!(asked.is_ok(), allowed, "{answer:?}");
            assert_eq!(
                String::from_utf8(screen).expect("text"),
                "`a\\u{1b}.wasm` wants\n  to connect to `api.example.com:443`\n  to read the variable `TOKEN`\n\
                 Allow? [y/N] "
            );
        }
    }

    #[test]
    fn a_refusal_lists_each_want_and_the_flags_that_meet_them() {
        let text = refusal("a.wasm", &unmet()).text();
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(
            text,
            "error: `a.wasm` wants what it was not given\n  \
             to connect to `api.example.com:443`: --allow-net api.example.com:443\n  \
             to read the variable `TOKEN`: --allow-env TOKEN\n\n\
             hint: these give it: --allow-net api.example.com:443 --allow-env TOKEN; `wasmload inspect` shows all \
             that it wants\n"
        );
    }
}
