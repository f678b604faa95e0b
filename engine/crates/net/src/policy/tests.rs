use super::*;

fn grant(hosts: GrantedHosts, port: Option<u16>) -> Grant {
    Grant { hosts, port }
}

fn name(name: &str) -> GrantedHosts {
    GrantedHosts::Name(name.to_owned())
}

fn network(address: &str, bits: u8) -> GrantedHosts {
    GrantedHosts::Network(address.parse().expect("an address"), bits)
}

#[test]
fn a_grant_covers_what_it_names_and_nothing_else() {
    let under = GrantedHosts::Under("example.com".to_owned());
    for (hosts, port, host, asked, address, may) in [
        (name("a.test"), None, "a.test", 80, "10.0.0.1", true),
        (name("a.test"), None, "A.Test.", 443, "10.0.0.1", true),
        (name("a.test"), Some(443), "a.test", 80, "10.0.0.1", false),
        (name("a.test"), None, "b.a.test", 80, "10.0.0.1", false),
        (name("a.test"), None, "xa.test", 80, "10.0.0.1", false),
        (under.clone(), None, "api.example.com", 80, "10.0.0.1", true),
        (under.clone(), None, "a.b.example.com", 80, "10.0.0.1", true),
        (under.clone(), None, "example.com", 80, "10.0.0.1", false),
        (under.clone(), None, "badexample.com", 80, "10.0.0.1", false),
        (under, None, "example.com.evil.test", 80, "10.0.0.1", false),
        (GrantedHosts::All, Some(443), "any.test", 443, "10.0.0.1", true),
        (GrantedHosts::All, Some(443), "any.test", 80, "10.0.0.1", false),
        (network("10.0.0.0", 8), None, "any.test", 80, "10.255.0.1", true),
        (network("10.0.0.0", 8), None, "any.test", 80, "11.0.0.1", false),
        (network("10.0.0.7", 32), None, "10.0.0.7", 80, "10.0.0.7", true),
        (network("10.0.0.7", 32), None, "10.0.0.8", 80, "10.0.0.8", false),
        (network("0.0.0.0", 0), None, "any.test", 80, "8.8.8.8", true),
        (network("2001:db8::", 32), None, "any.test", 80, "2001:db8:1::1", true),
        (network("2001:db8::", 32), None, "any.test", 80, "2001:db9::1", false),
        (network("0.0.0.0", 0), None, "any.test", 80, "2001:db8::1", false),
        (network("::ffff:10.0.0.0", 104), None, "any.test", 80, "10.1.1.1", true),
        (network("::ffff:10.0.0.0", 104), None, "any.test", 80, "11.1.1.1", false),
        (network("2002:a00::", 32), None, "any.test", 80, "11.1.1.1", false),
    ] {
        let policy = Policy::new(vec![grant(hosts.clone(), port)], false);
        let address = SocketAddr::new(address.parse().expect("an address"), asked);
        let found = policy.judge(host, asked, address).is_ok();
        assert_eq!(found, may, "{hosts:?} {port:?}: {host}:{asked} at {address}");
    }
}

#[test]
fn an_address_is_judged_in_whatever_form_it_comes() {
    let grants = vec![grant(name("rebound.test"), None), grant(GrantedHosts::All, Some(1))];
    let policy = Policy::new(grants, false);
    for address in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "169.254.0.1",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
    ] {
        let parsed: IpAddr = address.parse().expect("an address");
        let at = SocketAddr::new(parsed, 1);
        let denied = policy.judge("rebound.test", 1, at).expect_err("nobody means it");
        assert!(matches!(denied.why, DeniedWhy::Unmeant(..)), "{address}");
        let bits = if parsed.is_ipv4() { 32 } else { 128 };
        let named = Policy::new(vec![grant(network(address, bits), None)], false);
        assert!(named.judge("rebound.test", 1, at).is_ok(), "{address} is named");
    }
}

#[test]
fn this_machine_needs_no_grant_unless_it_does() {
    for address in ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"] {
        let address = SocketAddr::new(address.parse().expect("an address"), 80);
        assert!(Policy::new(vec![], true).judge("x.test", 80, address).is_ok(), "{address}");
        assert!(Policy::new(vec![], false).judge("x.test", 80, address).is_err(), "{address}");
    }
    for (host, may) in [
        ("localhost", true),
        ("shop.localhost", true),
        ("127.0.0.1", true),
        ("::1", true),
        ("2130706433", false),
        ("localhost.evil.test", false),
        ("x.test", false),
    ] {
        assert_eq!(Policy::new(vec![], true).may_look_up(host, 80).is_ok(), may, "{host}");
    }
}

#[test]
fn what_no_grant_could_cover_is_not_even_looked_up() {
    let by_name = Policy::new(vec![grant(name("a.test"), Some(80))], true);
    assert!(by_name.may_look_up("a.test", 80).is_ok());
    assert!(by_name.may_look_up("a.test", 81).is_err());
    assert!(by_name.may_look_up("secret.evil.test", 80).is_err());
    let by_address = Policy::new(vec![grant(network("10.0.0.0", 8), None)], true);
    assert!(by_address.may_look_up("any.test", 80).is_ok(), "only its address will tell");
}

#[test]
fn where_nobody_sees_the_address_the_name_must_be_granted() {
    let policy =
        Policy::new(vec![grant(name("a.test"), None), grant(network("10.0.0.0", 8), None)], true);
    for (host, may) in [
        ("a.test", true),
        ("b.test", false),
        ("10.1.2.3", true),
        ("11.1.2.3", false),
        ("167837955", false),
    ] {
        assert_eq!(policy.judge_unseen(host, 80, true).is_ok(), may, "{host}");
    }
    let all = Policy::new(vec![grant(GrantedHosts::All, None)], false);
    for host in ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "0xa9.254.1"] {
        assert!(all.judge_unseen(host, 80, true).is_err(), "{host} may be an address");
    }
    for host in ["a.test", "7.example.com", "face", "1password.com"] {
        assert!(all.judge_unseen(host, 80, true).is_ok(), "{host} is a name");
    }
}

#[test]
fn a_refusal_says_what_is_not_granted() {
    let policy = Policy::new(vec![grant(name("a.test"), None)], true);
    let said = |host: &str, address: &str| {
        let address = SocketAddr::new(address.parse().expect("an address"), 8080);
        policy.judge(host, 8080, address).expect_err("it is not granted").to_string()
    };
    assert_eq!(
        said("b.test", "10.0.0.1"),
        "`b.test:8080` is not granted; `--allow-net b.test:8080` grants it"
    );
    assert_eq!(
        said("a.test", "169.254.169.254"),
        "`a.test:8080` has the address 169.254.169.254, which is where clouds tell their machines secrets and \
         must be granted by itself; `--allow-net 169.254.169.254:8080` grants it"
    );
    assert_eq!(
        said("2001:db8::1", "2001:db8::1"),
        "`[2001:db8::1]:8080` is not granted; `--allow-net '[2001:db8::1]:8080'` grants it"
    );
    assert_eq!(
        said("$(reboot).test", "10.0.0.1"),
        "`$(reboot).test:8080` is not granted",
        "no command to be copied does something else"
    );
    let unwanted = Policy::new(vec![grant(GrantedHosts::All, None)], true).wanted(vec![]);
    let address = "10.0.0.1:80".parse().expect("an address");
    assert_eq!(
        unwanted.judge("b.test", 80, address).expect_err("it is not wanted").to_string(),
        "`b.test:80` is not among what the script says it wants (`wants.net`)"
    );
}

#[test]
fn a_script_gets_no_more_than_it_wants_and_no_more_than_was_granted() {
    let granted = vec![grant(name("a.test"), None), grant(name("b.test"), None)];
    let wants = vec![grant(name("a.test"), Some(80)), grant(name("c.test"), None)];
    let policy = Policy::new(granted, false).wanted(wants);
    for (host, port, address, why) in [
        ("a.test", 80, "10.0.0.1", None),
        ("a.test", 81, "10.0.0.1", Some(DeniedWhy::NotWanted)),
        ("b.test", 80, "10.0.0.1", Some(DeniedWhy::NotWanted)),
        ("c.test", 80, "10.0.0.1", Some(DeniedWhy::NotGranted)),
        ("d.test", 80, "10.0.0.1", Some(DeniedWhy::NotGranted)),
        // This machine is always wanted, and here not granted.
        ("127.0.0.1", 80, "127.0.0.1", Some(DeniedWhy::NotGranted)),
    ] {
        let address = SocketAddr::new(address.parse().expect("an address"), port);
        let judged = policy.judge(host, port, address).err().map(|denied| denied.why);
        assert_eq!(judged, why, "{host}:{port}");
        if host != "127.0.0.1" {
            let unseen = policy.judge_unseen(host, port, true).err().map(|denied| denied.why);
            assert_eq!(unseen, why, "{host}:{port}, unseen");
            let asked = policy.may_look_up(host, port).err().map(|denied| denied.why);
            assert_eq!(asked, why, "{host}:{port}, looked up");
        }
    }
    let here = Policy::new(vec![], true).wanted(vec![]);
    assert!(here.judge("x.test", 80, "127.0.0.1:80".parse().expect("an address")).is_ok());
}

#[test]
fn what_one_grant_covers_of_another_is_known_beforehand() {
    let under = |suffix: &str| GrantedHosts::Under(suffix.to_owned());
    for (one, port, other, of_port, covers) in [
        (name("a.test"), None, name("A.test."), Some(80), true),
        (name("a.test"), Some(80), name("a.test"), Some(80), true),
        (name("a.test"), Some(80), name("a.test"), None, false),
        (name("a.test"), Some(80), name("a.test"), Some(81), false),
        (name("a.test"), None, under("a.test"), None, false),
        (under("test"), None, name("a.test"), None, true),
        (under("test"), None, name("test"), None, false),
        (under("test"), None, under("a.test"), None, true),
        (under("a.test"), None, under("a.test"), None, true),
        (under("a.test"), None, under("test"), None, false),
        (under("test"), None, GrantedHosts::All, None, false),
        (GrantedHosts::All, None, under("test"), None, true),
        (GrantedHosts::All, None, GrantedHosts::All, None, true),
        (GrantedHosts::All, None, network("10.0.0.0", 8), None, true),
        (GrantedHosts::All, None, network("169.254.169.254", 32), None, false),
        (GrantedHosts::All, None, network("fe80::", 10), None, false),
        (network("10.0.0.0", 8), None, network("10.1.0.0", 16), None, true),
        (network("10.0.0.0", 8), None, network("::ffff:10.1.0.0", 112), None, true),
        (network("10.0.0.0", 8), None, network("::ffff:10.0.0.0", 97), None, false),
        (network("10.1.0.0", 16), None, network("10.0.0.0", 8), None, false),
        (network("0.0.0.0", 0), None, network("2001:db8::", 32), None, false),
        (network("::", 0), None, network("2001:db8::", 32), None, true),
        (network("10.0.0.0", 8), None, name("a.test"), None, false),
    ] {
        let (one, other) = (grant(one, port), grant(other, of_port));
        assert_eq!(one.covers(&other), covers, "{one:?} {other:?}");
    }
}

#[test]
fn what_will_be_granted_is_promised_beforehand() {
    let policy = Policy::new(vec![grant(network("10.0.0.0", 8), Some(80))], true)
        .wanted(vec![grant(name("a.test"), None)]);
    for (place, port, promised) in [
        (name("localhost"), None, true),
        (name("shop.localhost"), Some(80), true),
        (network("127.0.0.1", 32), Some(8080), true),
        (network("::1", 128), None, true),
        (network("127.0.0.0", 7), None, false),
        // Whether it is one of these addresses, only looking it up will tell.
        (name("a.test"), Some(80), true),
        (name("a.test"), Some(81), false),
        (GrantedHosts::All, Some(80), false),
    ] {
        let place = grant(place, port);
        assert_eq!(policy.promises(&place), promised, "{place:?}");
    }
    assert!(policy.is_wanted(&grant(name("a.test"), Some(1))));
    assert!(!policy.is_wanted(&grant(name("b.test"), Some(1))));
    assert!(!Policy::new(vec![], false).promises(&grant(name("localhost"), None)));
}

#[test]
fn what_somebody_else_takes_for_itself_is_not_this_machine() {
    let policy = Policy::new(vec![], true);
    for host in ["127.0.0.1", "localhost", "::1"] {
        assert!(policy.judge_unseen(host, 80, true).is_ok(), "{host}");
        assert!(policy.judge_unseen(host, 80, false).is_err(), "{host}");
    }
}

#[test]
fn methods_are_those_that_are_allowed() {
    let policy = Policy::default().with_methods(vec!["GET".to_owned()]);
    assert!(policy.judge_method(&Method::GET).is_ok());
    let refused = policy.judge_method(&Method::POST).expect_err("it is not allowed");
    assert!(refused.starts_with("the method `POST` is not"), "{refused}");
}

#[test]
fn without_a_policy_everything_goes() {
    let policy = Policy::default();
    let metadata = "169.254.169.254:80".parse().expect("an address");
    assert!(policy.may_look_up("x.test", 80).is_ok());
    assert!(policy.judge("x.test", 80, metadata).is_ok());
    assert!(policy.judge_unseen("x.test", 80, false).is_ok());
    assert!(policy.judge_method(&Method::DELETE).is_ok());
}
