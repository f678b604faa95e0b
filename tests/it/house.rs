//! The picture of the house, held against what cargo says.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Crate, the crates of ours that it may depend on, and those that it must never reach.
const HOUSE: &[(&str, &[&str], &[&str])] = &[
    ("wasmload-metrics", &[], &["tokio", "wasmtime"]),
    ("wasmload-plan", &["wasmload-metrics"], &["tokio", "wasmtime"]),
    ("wasmload-net", &[], &["wasmtime"]),
    ("wasmload-vu", &[], &["tokio", "wasmtime"]),
    ("wasmload-data", &[], &["tokio", "wasmtime"]),
    ("wasmload-host", &["wasmload-vu", "wasmload-net", "wasmload-data", "wasmload-metrics"], &[]),
    ("wasmload-run", &["wasmload-vu", "wasmload-plan", "wasmload-metrics"], &["wasmtime", "hyper"]),
    (
        "wasmload-output",
        &["wasmload-run", "wasmload-plan", "wasmload-metrics"],
        &["wasmtime", "hyper"],
    ),
    ("wasmload-demo", &[], &["wasmtime"]),
    ("wasmload-sdk", &[], &["tokio", "wasmtime"]),
];

/// What cargo says of the workspace, asked with what is added to the question.
fn workspace(ask: fn(&mut MetadataCommand) -> &mut MetadataCommand) -> Metadata {
    let mut command = MetadataCommand::new();
    command
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .other_options(["--locked".into()]);
    ask(&mut command).exec().expect("cargo describes the workspace")
}

#[test]
fn each_crate_knows_only_whom_the_house_lets_it_know() {
    let metadata = workspace(|command| command);
    let resolve = metadata.resolve.as_ref().expect("dependencies are resolved");
    // What each package needs outside its tests.
    let needs: BTreeMap<_, Vec<_>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let normal = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
            });
            (&node.id, normal.map(|dependency| &dependency.pkg).collect())
        })
        .collect();
    let name = |id| metadata[id].name.as_str();
    let ours: BTreeSet<&str> = HOUSE.iter().map(|(name, ..)| *name).collect();

    for (who, may, never) in HOUSE {
        let package = metadata
            .workspace_packages()
            .into_iter()
            .find(|package| package.name == *who)
            .unwrap_or_else(|| panic!("`{who}` is not in the workspace"));
        let direct = needs[&package.id].iter().map(|id| name(*id));
        for needed in direct.filter(|needed| ours.contains(needed)) {
            assert!(
                may.contains(&needed),
                "`{who}` depends on `{needed}`, which the house forbids"
            );
        }

        let mut reached = BTreeSet::from([&package.id]);
        let mut next = vec![&package.id];
        while let Some(id) = next.pop() {
            for needed in &needs[id] {
                if reached.insert(needed) {
                    next.push(needed);
                }
            }
        }
        for id in reached {
            assert!(
                !never.contains(&name(id)),
                "`{who}` reaches `{}`, which it must not",
                name(id)
            );
        }
    }
}

#[test]
fn cargo_run_has_one_program_to_run() {
    let metadata = workspace(MetadataCommand::no_deps);
    let packages = metadata.workspace_default_packages();
    let targets = packages.iter().flat_map(|package| &package.targets);
    let programs: Vec<_> = targets.filter(|it| it.is_bin()).map(|it| it.name.as_str()).collect();
    assert_eq!(programs, ["wasmload"], "README's first command names none");
}
