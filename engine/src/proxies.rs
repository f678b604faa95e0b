//! From what a plan and the environment say of proxies to those that connections go through.
//!
//! The environment is read once, before the run, by the rules of curl and of Go, whose users know them:
//!
//! * `http_proxy` is for `http` and `ws` URLs, `https_proxy` for `https` and `wss` ones, `all_proxy` for those for
//!   which there is no other. In small letters or in capitals; where there are both, as for curl, in small ones.
//! * Under CGI, which `REQUEST_METHOD` shows, `HTTP_PROXY` is a header that somebody sent, and of no account.
//! * `no_proxy` lists who is connected to directly, by Go's rules; an entry that cannot be read is passed over. It
//!   counts for a proxy that an option names too, unless an option lists others (curl's rule).
//! * As for Go, this machine (`localhost` and loopback addresses) is connected to directly where only the environment
//!   asks for a proxy.
//! * A variable that is empty is as none.

use std::sync::Arc;

use net::{Credentials, Proxies, Proxy};
use plan::{Direct, NetworkPlan, ProxyChoice, ProxyPlan, ProxyProtocol};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// The proxies to connect through. `variable` is the environment's variable of a name.
///
/// Fails with everything that is wrong with what the environment says.
pub(crate) fn proxies(
    plan: &NetworkPlan,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Proxies, Fault> {
    let given = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        Some((name.to_owned(), value))
    };
    let either = |name: &str| given(name).or_else(|| given(&name.to_ascii_uppercase()));

    let mut direct = match &plan.no_proxy {
        Some(list) => list.clone(),
        None => {
            let (_, list) = either("no_proxy").unwrap_or_default();
            Direct::list(&list).filter_map(Result::ok).collect()
        }
    };
    if direct.contains(&Direct::Everything) {
        return Ok(Proxies::default());
    }
    let of_script = plan.proxy_by_script;
    let [http, https] = match &plan.proxy {
        ProxyChoice::Nobody => return Ok(Proxies::default()),
        ProxyChoice::Proxy(plan) => {
            let proxy = proxy(plan);
            let proxy = if of_script { proxy.by_script() } else { proxy };
            let proxy = Some(Arc::new(proxy));
            [proxy.clone(), proxy]
        }
        ProxyChoice::Environment => {
            direct.extend(Direct::this_machine());
            let is_cgi = given("REQUEST_METHOD").is_some();
            let http = if is_cgi { given("http_proxy") } else { either("http_proxy") };
            of_environment(
                [http, either("https_proxy")].map(|it| it.or_else(|| either("all_proxy"))),
            )?
        }
    };
    Ok(Proxies { http, https, direct: direct.into_iter().filter_map(of_plan).collect() })
}

/// The proxies that two variables name.
fn of_environment(given: [Option<(String, String)>; 2]) -> Result<[Option<Arc<Proxy>>; 2], Fault> {
    let mut problems: Vec<String> = Vec::new();
    let proxies = given.map(|given| {
        let (name, url) = given?;
        let read = ProxyPlan::parse(&url).map_err(|error| {
            let problem = format!("{name}: {error}");
            // `all_proxy` may stand for both.
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        });
        Some(Arc::new(proxy(&read.ok()?)))
    });
    if problems.is_empty() {
        return Ok(proxies);
    }
    let fault = Fault::new(ExitCode::InvalidConfig, "the environment names proxies that are none")
        .hint("`--proxy URL` names another, and `--proxy ''` none");
    Err(problems.into_iter().fold(fault, Fault::detail))
}

fn proxy(plan: &ProxyPlan) -> Proxy {
    let protocol = match plan.protocol {
        ProxyProtocol::Http => net::ProxyProtocol::Http,
        ProxyProtocol::Socks5 => net::ProxyProtocol::Socks5,
        ProxyProtocol::Socks5h => net::ProxyProtocol::Socks5h,
    };
    let credentials = plan.credentials.clone();
    let credentials = credentials.map(|(user, password)| Credentials { user, password });
    Proxy::new(protocol, &plan.host, plan.port, credentials)
}

/// None for everything, which has been seen to.
fn of_plan(direct: Direct) -> Option<net::Direct> {
    match direct {
        Direct::Everything => None,
        Direct::Addresses(range, port) => Some(net::Direct::Addresses(range, port)),
        Direct::Domain { name, itself, port } => Some(net::Direct::Domain { name, itself, port }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(options: &str) -> NetworkPlan {
        plan::parse_json(options).expect("options").plan().expect("a plan").network
    }

    fn found(options: &str, environment: &[(&str, &str)]) -> Result<Proxies, Fault> {
        let variable = |name: &str| {
            let found = environment.iter().find(|(its, _)| *its == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        proxies(&network(options), &variable)
    }

    /// The proxy that is found by this name, for comparison.
    fn called(name: &str) -> Option<Arc<Proxy>> {
        let proxy = |name| Proxy::new(net::ProxyProtocol::Http, name, 80, None);
        (!name.is_empty()).then(|| Arc::new(proxy(name)))
    }

    #[test]
    fn the_environment_says_who_is_a_proxy_for_what() {
        for (environment, http, https, why) in [
            (&[][..], "", "", "nothing is said"),
            (&[("http_proxy", "a")], "a", "", "for `http` only"),
            (&[("HTTPS_PROXY", "a")], "", "a", "for `https` only, in capitals"),
            (&[("http_proxy", "a"), ("HTTP_PROXY", "b")], "a", "", "small letters first"),
            (&[("http_proxy", ""), ("HTTP_PROXY", "b")], "b", "", "empty is as none"),
            (&[("all_proxy", "a")], "a", "a", "for both"),
            (&[("ALL_PROXY", "a"), ("https_proxy", "b")], "a", "b", "for what has no other"),
            (&[("HTTP_PROXY", "a"), ("REQUEST_METHOD", "GET")], "", "", "a header, by CGI"),
            (&[("http_proxy", "a"), ("REQUEST_METHOD", "GET")], "a", "", "no header"),
            (&[("HTTPS_PROXY", "a"), ("REQUEST_METHOD", "GET")], "", "a", "no header either"),
            (&[("all_proxy", "a"), ("no_proxy", "*")], "", "", "nobody goes through one"),
            (&[("all_proxy", "nonsense://"), ("NO_PROXY", "b,*")], "", "", "nor is it looked at"),
            (&[("all_proxy", "a"), ("no_proxy", "<local>,b")], "a", "a", "what is unreadable"),
        ] {
            let found = found("{}", environment).expect("it is valid");
            assert_eq!((found.http, found.https), (called(http), called(https)), "{why}");
        }
    }

    #[test]
    fn options_win_over_the_environment() {
        let environment =
            [("http_proxy", "a"), ("https_proxy", "b"), ("no_proxy", "c.test,d.test")];
        let this_machine = Direct::this_machine().len();
        for (options, http, https, direct, why) in [
            ("{}", "a", "b", 2 + this_machine, "this machine is not asked for by a proxy"),
            (r#"{"noProxy":""}"#, "a", "b", this_machine, "another list"),
            (r#"{"noProxy":"*"}"#, "", "", 0, "all are direct"),
            (r#"{"proxy":""}"#, "", "", 0, "no proxy at all"),
            (r#"{"proxy":"e"}"#, "e", "e", 2, "for everything but those of the environment's list"),
            (r#"{"proxy":"e","noProxy":"f.test"}"#, "e", "e", 1, "or of another"),
        ] {
            let found = found(options, &environment).expect("it is valid");
            assert_eq!((found.http, found.https), (called(http), called(https)), "{why}");
            assert_eq!(found.direct.len(), direct, "{why}");
        }
    }

    #[test]
    fn every_variable_that_names_no_proxy_is_told_once() {
        for (environment, told) in [
            (
                &[("HTTP_PROXY", "ftp://ada:secret@a"), ("https_proxy", "https://b")][..],
                &["HTTP_PROXY: must ", "https_proxy: must "][..],
            ),
            (&[("all_proxy", "a b")], &["all_proxy: must have a host"]),
        ] {
            let fault = found("{}", environment).expect_err("they are no proxies").text();
            for told in told {
                assert_eq!(fault.matches(told).count(), 1, "{fault}");
            }
            assert!(fault.contains("--proxy ''") && !fault.contains("secret"), "{fault}");
            // Who is not asked need not make sense.
            assert!(found(r#"{"proxy":"c"}"#, environment).is_ok());
        }
    }
}
