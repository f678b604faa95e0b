//! `wasmload doctor`: how many VUs of a script this machine holds.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{ArgMatches, Args};
use serde_json::json;

use super::grants::GrantFlags;
use super::options::{LAYERS, OptionFlags};
use super::voice::Voice;
use super::{print, print_json};
use crate::assemble;
use crate::code_cache::CodeCacheFlags;
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::machine::{Machine, PerVu, Wall, bytes};

/// Show how many virtual users of a script this machine holds, and which setting to raise for more
#[derive(Clone, Debug, Args)]
#[command(after_long_help = after_help())]
pub(crate) struct Doctor {
    /// As for `run`; it is asked for its own options, and instances of it are made and thrown away
    pub(crate) script: PathBuf,

    #[command(flatten)]
    pub(crate) options: OptionFlags,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pub(crate) grants: GrantFlags,

    #[command(flatten)]
    pub(crate) code_cache: CodeCacheFlags,

    #[command(flatten)]
    pub(crate) voice: Voice,
}

fn after_help() -> String {
    format!(
        "{LAYERS}\n\nIt ends with 0 if the machine holds what is asked for, and with {} if not.\n\nExamples:\n  \
         wasmload doctor script.wasm --vus 10000 --duration 1m\n",
        ExitCode::InvalidConfig.number()
    )
}

impl Doctor {
    pub(crate) fn execute(self) -> Result<ExitCode, Fault> {
        self.voice.obey();
        let (per_vu, vus) = assemble::examine(&self)?;
        let walls = Machine::this().walls(per_vu, vus);
        if self.json {
            print_json(&value(per_vu, vus, &walls))?;
        } else {
            print(&text(per_vu, vus, &walls))?;
        }
        match walls.iter().all(Wall::holds) {
            true => Ok(ExitCode::Success),
            false => Ok(ExitCode::InvalidConfig),
        }
    }

    /// Notes which values the environment gave.
    pub(super) fn told_apart(&mut self, matches: &ArgMatches) {
        self.options.told_apart(matches);
    }
}

/// How many VUs fit: as many as the first wall lets.
fn fits(walls: &[Wall]) -> u64 {
    walls.iter().map(|wall| wall.fits).min().unwrap_or(u64::MAX)
}

fn value(per_vu: PerVu, vus: u64, walls: &[Wall]) -> serde_json::Value {
    let fits = fits(walls);
    let walls: Vec<_> = walls
        .iter()
        .map(|wall| {
            let remedy = (!wall.holds()).then(|| wall.remedy());
            let Wall { what, needed, there, fits } = wall;
            json!({ "what": what.name(), "needed": needed, "there": there, "fits": fits, "remedy": remedy })
        })
        .collect();
    json!({
        "vus": vus,
        "fits": fits,
        "perVu": { "maps": per_vu.maps, "addresses": per_vu.addresses, "memory": per_vu.memory },
        "walls": walls,
    })
}

fn text(per_vu: PerVu, vus: u64, walls: &[Wall]) -> String {
    let amount = |wall: &Wall, count| match wall.what.is_bytes() {
        true => bytes(count),
        false => count.to_string(),
    };
    let mut rows = vec![["", "needed", "there is", "enough for"].map(str::to_owned)];
    rows.extend(walls.iter().map(|wall| {
        [
            wall.what.name().to_owned(),
            amount(wall, wall.needed),
            amount(wall, wall.there),
            format!("{} VUs", wall.fits),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let mut text = format!("for {vus} VUs\n\n");
    for row in &rows {
        let [what, needed, there, fits] = row;
        let [a, b, c, d] = widths;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{what:<a$}  {needed:>b$}  {there:>c$}  {fits:>d$}");
    }
    if let Some(memory) = per_vu.memory {
        let _ = writeln!(
            text,
            "\nA VU takes {} as it is made; what it works with, and its connections, come on top.",
            bytes(memory)
        );
    }
    match walls.iter().find(|wall| !wall.holds()) {
        None => {
            let _ = writeln!(text, "This machine holds them, and {} at most.", fits(walls));
        }
        Some(first) => {
            let _ = writeln!(
                text,
                "This machine holds {} of them: there are too few {}.",
                first.fits,
                first.what.name()
            );
            for wall in walls.iter().filter(|wall| !wall.holds()) {
                let _ = writeln!(text, "  {}: {}", wall.what.name(), wall.remedy());
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::machine::What;

    use super::*;

    const PER_VU: PerVu = PerVu { maps: 6.5, addresses: 4 << 30, memory: Some(44_544) };

    fn wall(what: What, needed: u64, there: u64, fits: u64) -> Wall {
        Wall { what, needed, there, fits }
    }

    #[test]
    fn a_person_reads_what_runs_out_first_and_what_to_do() {
        let walls = [
            wall(What::Maps, 65_600, 65_530, 9_990),
            wall(What::Files, 10_064, 20_000, 19_936),
            wall(What::Memory, 445_440_000, 22 << 30, 530_000),
        ];
        assert_eq!(
            text(PER_VU, 10_000, &walls),
            "for 10000 VUs\n\n\
             \x20                  needed  there is  enough for\n\
             memory maps         65600     65530    9990 VUs\n\
             file descriptors    10064     20000   19936 VUs\n\
             memory            425 MiB  22.0 GiB  530000 VUs\n\
             \n\
             A VU takes 43.5 KiB as it is made; what it works with, and its connections, come on top.\n\
             This machine holds 9990 of them: there are too few memory maps.\n\
             \x20 memory maps: `sysctl -w vm.max_map_count=65600` (as root) allows it\n"
        );
        let enough = text(PER_VU, 100, &walls[1..]);
        assert!(enough.ends_with("This machine holds them, and 19936 at most.\n"), "{enough}");
    }

    #[test]
    fn a_program_reads_the_same_as_json() {
        let value = value(PER_VU, 10_000, &[wall(What::Maps, 65_600, 65_530, 9_990)]);
        assert_eq!(value["fits"], 9_990);
        assert_eq!(value["perVu"]["memory"], 44_544);
        assert_eq!(value["walls"][0]["what"], "memory maps");
        assert!(value["walls"][0]["remedy"].as_str().is_some_and(|text| text.contains("65600")));
    }
}
