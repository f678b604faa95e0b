//! What a script wants, and what it is given of that.
//!
//! Nothing is granted that was not asked for and allowed: this machine may be connected to, so may the host of a
//! `BASE_URL` that whoever runs the script gives to it, and everything else needs a flag, a policy file, or a yes on
//! the terminal. A script that says what it wants gets no more than that, even where more is allowed.
//!
//! * `unmet` is what a script wants and was not given;
//! * `declared` is what a component carries of what it wants, and whether that is true;
//! * `ask` asks for it on the terminal, or says how to give it;
//! * what may be connected to is enforced in `net`, where connections are made.

pub(crate) mod ask;
pub(crate) mod declared;
pub(crate) mod unmet;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use net::{Grant, GrantedHosts, Policy, Target};
use plan::{
    Grants, HostTo, NetGrant, NetHosts, NetworkPlan, Options, Plan, Problems, Wants, WantsOptions,
};

use self::unmet::{Given, Unmet};
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::real_path::in_real_folder;

/// What a script is given.
pub(crate) struct Allowed {
    grants: Grants,
    /// The hosts of the `BASE_URL`s that whoever runs it has given.
    base_urls: Vec<NetGrant>,
    /// Hosts that whoever runs it has put another place in the stead of.
    routed: Vec<NetGrant>,
    /// Where files are that its own options may name.
    read: Vec<PathBuf>,
    /// The folder that it names files from.
    folder: PathBuf,
}

impl Allowed {
    /// What these grants allow a script at this path.
    ///
    /// Fails if a file or a folder that may be read is not there.
    pub(crate) fn new(grants: Grants, script: &Path) -> Result<Self, Fault> {
        let paths: &[String] = if grants.all { &["/".to_owned()] } else { &grants.read };
        let mut read = Vec::new();
        let mut fault = None;
        for path in paths {
            match Path::new(path).canonicalize() {
                Ok(path) => read.push(path),
                Err(error) => {
                    let so_far = fault.take().unwrap_or_else(|| {
                        Fault::new(ExitCode::InvalidConfig, "what may be read is not there")
                    });
                    fault = Some(so_far.detail(format!("--allow-read: `{path}`: {error}")));
                }
            }
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        let folder =
            if script.is_dir() { script } else { script.parent().unwrap_or(Path::new("")) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Ok(Self {
            base_urls: Vec::new(),
            routed: Vec::new(),
            grants,
            read,
            folder: folder.to_owned(),
        })
    }

    /// The file that a script's own options name by this text, if they may.
    pub(crate) fn file(&self, text: &str) -> Option<String> {
        let path = self.folder.join(text);
        // Where it is not there, that is said of it; where it would be must be known all the same. A link that leads
        // nowhere may lead anywhere yet.
        let real = path.canonicalize().or_else(|error| match path.symlink_metadata() {
            Err(_) => in_real_folder(&path),
            Ok(_) => Err(error),
        });
        let real = real.ok()?;
        let is_in = self.read.iter().any(|allowed| real.starts_with(allowed));
        is_in.then(|| real.to_str().map(ToOwned::to_owned)).flatten()
    }

    /// The variables of the engine's own environment that the script gets. `variable` is that of a name.
    pub(crate) fn env(
        &self,
        wants: Option<&WantsOptions>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> BTreeMap<String, String> {
        let is_allowed = |name: &&String| self.grants.all || self.grants.env.contains(*name);
        let names: Vec<&String> = match wants {
            Some(wants) => wants.env.iter().flatten().filter(is_allowed).collect(),
            None => self.grants.env.iter().collect(),
        };
        names.into_iter().filter_map(|name| Some((name.clone(), variable(name)?))).collect()
    }

    /// Takes note of what whoever runs the script has said, variables that it is given among them.
    pub(crate) fn hear(&mut self, persons: &Options) {
        self.base_urls = base_urls(persons);
    }

    /// What the script wants of all this and will not get.
    pub(crate) fn unmet(
        &self,
        plan: &Plan,
        is_set: &dyn Fn(&str) -> bool,
        is_secret: &dyn Fn(&str) -> bool,
    ) -> Vec<Unmet> {
        let in_env = |name: &str| plan.scenarios.iter().all(|it| it.env.contains_key(name));
        let given = Given {
            env: &in_env,
            is_set,
            datasets: &|name| plan.datasets.contains_key(name),
            files: &|name| plan.files.contains_key(name),
            secrets: is_secret,
        };
        let wants = plan.wants.iter().flat_map(|wants| unmet::unmet(wants, self, &given));
        wants.chain(unmet::unmet_places(plan, self)).collect()
    }

    /// What a script with these options of its own would be refused, in words, with how to allow it; as far as only
    /// grants decide.
    pub(crate) fn refused(&self, wants: Option<WantsOptions>, own: Option<Options>) -> Vec<String> {
        let mut problems = Problems::default();
        let wants = wants.map(|wants| wants.read("wants", &mut problems)).unwrap_or_default();
        let given = Given {
            env: &|name| self.grants.all || self.grants.env.contains(name),
            is_set: &|_| true,
            datasets: &|_| true,
            files: &|_| true,
            secrets: &|_| true,
        };
        let mut unmet = unmet::unmet(&wants, self, &given);
        if let Some(own) = own {
            let mut own = own.without_files_but(&|text| self.file(text));
            own.read_traces(|file| {
                std::fs::read_to_string(file).map_err(|error| error.to_string())
            });
            match own.plan() {
                Ok(plan) => unmet.extend(unmet::unmet_places(&plan, self)),
                Err(all) => problems = all,
            }
        }
        let told = |one: &Unmet| match one.flag() {
            Some(flag) => format!("{one}: {flag}"),
            None => one.to_string(),
        };
        unmet.iter().map(told).chain(problems.iter().map(ToString::to_string)).collect()
    }

    /// Takes note of the places that whoever runs the script has put in hosts' stead, with which they have said that
    /// connections to those hosts go there.
    pub(crate) fn route(&mut self, plan: &NetworkPlan) {
        let hosts =
            plan.hosts.iter().filter(|it| !it.by_script && matches!(it.to, HostTo::Host { .. }));
        let hosts = hosts.filter_map(|it| host(&it.host, it.port));
        let others = plan.connect_to.iter().filter(|it| !it.by_script);
        let others = others.filter_map(|it| host(it.host.as_deref()?, it.port));
        self.routed = hosts.chain(others).collect();
    }

    /// Allows this, too: somebody was asked.
    pub(crate) fn allow(&mut self, unmet: &[Unmet]) {
        for unmet in unmet {
            match unmet {
                Unmet::Net(place) | Unmet::Place { place, .. } => {
                    self.grants.net.push(place.clone());
                }
                Unmet::Method(name) => {
                    self.grants.methods.get_or_insert_default().push(name.clone());
                }
                Unmet::Env(name) => {
                    self.grants.env.insert(name.clone());
                }
                Unmet::Dataset(_) | Unmet::File(_) | Unmet::Secret(_) | Unmet::Unwanted { .. } => {}
            }
        }
    }

    /// Where a script that wants this may connect to, and with which methods.
    pub(crate) fn policy(&self, wants: Option<&Wants>) -> Policy {
        let mut grants: Vec<Grant> = self.grants.net.iter().map(grant).collect();
        if self.grants.all {
            grants.push(Grant { hosts: GrantedHosts::All, port: None });
        }
        grants.extend(self.base_urls.iter().chain(&self.routed).map(grant));
        let policy = Policy::new(grants, self.grants.loopback);
        let policy = match wants {
            Some(wants) => {
                policy.wanted(wants.net.iter().chain(&self.base_urls).map(grant).collect())
            }
            None => policy,
        };
        let methods = match (&self.grants.methods, wants.and_then(|wants| wants.methods.as_ref())) {
            (Some(granted), Some(wanted)) => {
                Some(granted.iter().filter(|name| wanted.contains(name)).cloned().collect())
            }
            (granted, wanted) => granted.as_ref().or(wanted).cloned(),
        };
        match methods {
            Some(methods) => policy.with_methods(methods),
            None => policy,
        }
    }

    /// What is granted.
    pub(crate) fn grants(&self) -> &Grants {
        &self.grants
    }
}

/// The hosts of the `BASE_URL`s in these options.
fn base_urls(options: &Options) -> Vec<NetGrant> {
    let of_all = options.env.iter();
    let scenarios = options.scenarios.iter().flat_map(BTreeMap::values).map(|it| &it.env);
    let urls = of_all.chain(scenarios).filter_map(|env| env.get("BASE_URL"));
    urls.filter_map(|url| {
        let target = Target::parse(url).ok().or_else(|| net::websocket::parse_url(url).ok())?;
        let hosts = match target.address() {
            Some(address) => NetHosts::Network(address, if address.is_ipv4() { 32 } else { 128 }),
            None => NetHosts::Name(target.host().to_owned()),
        };
        Some(NetGrant { hosts, port: Some(target.port()) })
    })
    .collect()
}

/// A host as options name it, which may be all below a name.
fn host(text: &str, port: Option<u16>) -> Option<NetGrant> {
    let hosts = match text.parse() {
        Ok(address) => single(address),
        Err(_) => NetGrant::parse(text).ok()?.hosts,
    };
    Some(NetGrant { hosts, port })
}

fn single(address: std::net::IpAddr) -> NetHosts {
    NetHosts::Network(address, if address.is_ipv4() { 32 } else { 128 })
}

/// A place as `net` has it.
pub(crate) fn grant(grant: &NetGrant) -> Grant {
    let hosts = match &grant.hosts {
        NetHosts::All => GrantedHosts::All,
        NetHosts::Name(name) => GrantedHosts::Name(name.clone()),
        NetHosts::Under(name) => GrantedHosts::Under(name.clone()),
        NetHosts::Network(address, bits) => GrantedHosts::Network(*address, *bits),
    };
    Grant { hosts, port: grant.port }
}
