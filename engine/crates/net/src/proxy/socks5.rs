//! What is said to a proxy of SOCKS 5 (RFC 1928), and who is there (RFC 1929).

use std::net::IpAddr;

use super::Credentials;
use super::asking::Next;
use crate::error::Error;
use crate::place::Place;

const VERSION: u8 = 5;
/// The version of the sub-negotiation of user name and password.
const AUTHENTICATION: u8 = 1;
const CONNECT: u8 = 1;
/// Ways to say who is there.
const NOBODY: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_OF_THESE: u8 = 0xFF;
/// Kinds of addresses.
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The talk with a proxy about one connection.
pub(super) struct Socks5 {
    awaits: Awaits,
    /// What has come of the answer that is awaited.
    answer: Vec<u8>,
    /// How it is said who is there, if it can be.
    authentication: Option<Vec<u8>>,
    request: Vec<u8>,
}

/// Which answer comes next.
#[derive(Clone, Copy, Debug)]
enum Awaits {
    /// In which way it is to be said who is there.
    Method,
    /// Whether that is enough.
    Acceptance,
    /// Whether there is a connection.
    Connection,
}

impl Socks5 {
    /// The talk, and what is said first.
    ///
    /// Fails with [`Error::NameNotResolved`] for a name with more than the 255 bytes that names have.
    pub(super) fn new(
        destination: &Place,
        credentials: Option<&Credentials>,
    ) -> Result<(Self, Vec<u8>), Error> {
        let mut request = vec![VERSION, CONNECT, 0];
        let port = match destination {
            Place::Address(address) => {
                match address.ip() {
                    IpAddr::V4(ip) => {
                        request.push(IPV4);
                        request.extend_from_slice(&ip.octets());
                    }
                    IpAddr::V6(ip) => {
                        request.push(IPV6);
                        request.extend_from_slice(&ip.octets());
                    }
                }
                address.port()
            }
            Place::Name(name, port) => {
                let length = u8::try_from(name.len()).map_err(|_| Error::NameNotResolved)?;
                request.extend_from_slice(&[NAME, length]);
                request.extend_from_slice(name.as_bytes());
                *port
            }
        };
        request.extend_from_slice(&port.to_be_bytes());
        let authentication = credentials.map(authentication).transpose()?;
        let greeting = match authentication {
            None => vec![VERSION, 1, NOBODY],
            Some(_) => vec![VERSION, 2, NOBODY, PASSWORD],
        };
        let (awaits, answer) = (Awaits::Method, Vec::new());
        Ok((Self { awaits, answer, authentication, request }, greeting))
    }

    /// Takes in what has come: how much of it was the proxy's, and what follows.
    ///
    /// Fails with the answer if that is not that it may go on.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Result<(usize, Next), Error> {
        let mut heard = 0;
        loop {
            let length = self.length()?;
            if self.answer.len() == length {
                break;
            }
            let more = (length - self.answer.len()).min(bytes.len() - heard);
            if more == 0 {
                return Ok((heard, Next::Hear));
            }
            self.answer.extend_from_slice(&bytes[heard..heard + more]);
            heard += more;
        }
        let what = self.answer[1];
        self.answer.clear();
        let next = match self.awaits {
            Awaits::Method => self.greeted(what)?,
            Awaits::Acceptance => {
                self.awaits = Awaits::Connection;
                Next::Say(self.request.clone())
            }
            Awaits::Connection => Next::Connected,
        };
        Ok((heard, next))
    }

    /// How long the answer is, as far as that can be told from what has come.
    ///
    /// Fails where that shows what the answer is, or that it is none.
    fn length(&self) -> Result<usize, Error> {
        let version = match self.awaits {
            Awaits::Method | Awaits::Connection => VERSION,
            Awaits::Acceptance => AUTHENTICATION,
        };
        match (self.awaits, &*self.answer) {
            (_, []) => Ok(1),
            (_, [first, ..]) if *first != version => {
                let http = if *first == b'H' { "; is it one of HTTP, `http://`?" } else { "" };
                let what = format!("it is not of SOCKS 5{http}");
                Err(Error::MalformedProxyAnswer(what))
            }
            (_, [_]) => Ok(2),
            (Awaits::Method, _) => Ok(2),
            (Awaits::Acceptance, [_, status, ..]) => match status {
                0 => Ok(2),
                _ => Err(Error::ProxyRefusedCredentials),
            },
            // Who fails need not say where.
            (Awaits::Connection, [_, code, ..]) if *code != 0 => Err(failed(*code)),
            (Awaits::Connection, [_, _, _, IPV4, ..]) => Ok(4 + 4 + 2),
            (Awaits::Connection, [_, _, _, IPV6, ..]) => Ok(4 + 16 + 2),
            (Awaits::Connection, [_, _, _, NAME, length, ..]) => Ok(5 + usize::from(*length) + 2),
            (Awaits::Connection, [_, _, _, NAME]) => Ok(5),
            (Awaits::Connection, [_, _, _, kind, ..]) => {
                let what = format!("it has an address of an unknown kind, {kind}");
                Err(Error::MalformedProxyAnswer(what))
            }
            (Awaits::Connection, _) => Ok(4),
        }
    }

    fn greeted(&mut self, method: u8) -> Result<Next, Error> {
        match (method, &self.authentication) {
            (NOBODY, _) => {
                self.awaits = Awaits::Connection;
                Ok(Next::Say(self.request.clone()))
            }
            (PASSWORD, Some(authentication)) => {
                self.awaits = Awaits::Acceptance;
                Ok(Next::Say(authentication.clone()))
            }
            (NONE_OF_THESE, None) => Err(Error::ProxyWantsCredentials),
            (NONE_OF_THESE, Some(_)) => {
                let what = "it does not take a user name and a password";
                Err(Error::ProxyRefused(what.to_owned()))
            }
            (other, _) => {
                let what = format!("it asks who is there in a way that was not offered, {other}");
                Err(Error::MalformedProxyAnswer(what))
            }
        }
    }
}

/// Says who is there.
fn authentication(Credentials { user, password }: &Credentials) -> Result<Vec<u8>, Error> {
    let mut said = vec![AUTHENTICATION];
    for text in [user, password] {
        let length = u8::try_from(text.len()).map_err(|_| Error::ProxyRefusedCredentials)?;
        said.push(length);
        said.extend_from_slice(text.as_bytes());
    }
    Ok(said)
}

/// Why there is no connection (RFC 1928 §6). What the proxy says of the target has the name it has without one.
fn failed(code: u8) -> Error {
    let what = match code {
        3 | 4 | 6 => return Error::Unreachable,
        5 => return Error::ConnectionRefused,
        1 => "general failure",
        2 => "its rules do not allow it",
        7 => "it does not know the command",
        8 => "it does not know addresses of this kind",
        other => return Error::ProxyRefused(format!("unknown reason, {other}")),
    };
    Error::ProxyRefused(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials { user: user.to_owned(), password: password.to_owned() }
    }

    fn talk(credentials: Option<&Credentials>) -> Socks5 {
        Socks5::new(&Place::new("10.0.0.1", 80), credentials).expect("it fits").0
    }

    #[test]
    fn a_talk_goes_as_the_rfcs_have_it() {
        for (host, port, address) in [
            ("10.0.0.1", 80, &b"\x01\x0a\0\0\x01\0\x50"[..]),
            ("::1", 443, b"\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb"),
            ("a.test", 8080, b"\x03\x06a.test\x1f\x90"),
        ] {
            let place = Place::new(host, port);
            let (mut talk, greeting) = Socks5::new(&place, None).expect("it fits");
            assert_eq!(greeting, b"\x05\x01\0");
            let request = [b"\x05\x01\0", address].concat();
            assert_eq!(talk.hear(b"\x05\0"), Ok((2, Next::Say(request))));
            // What it is connected as does not matter.
            let answer = [b"\x05\0\0", address, b"rest"].concat();
            assert_eq!(talk.hear(&answer), Ok((3 + address.len(), Next::Connected)), "{host}");

            let ada = credentials("ada", "");
            let (mut talk, greeting) = Socks5::new(&place, Some(&ada)).expect("it fits");
            assert_eq!(greeting, b"\x05\x02\0\x02");
            let said = Next::Say(b"\x01\x03ada\0".to_vec());
            assert_eq!(talk.hear(b"\x05\x02"), Ok((2, said)));
            assert!(matches!(talk.hear(b"\x01\0"), Ok((2, Next::Say(_)))));
        }
    }

    #[test]
    fn an_answer_is_one_however_it_is_cut() {
        let ada = credentials("ada", "secret");
        for answer in [&b"\x05\0\0\x01\x0a\0\0\x01\0\x50"[..], b"\x05\0\0\x03\x04name\0\x50"] {
            let mut talk = talk(Some(&ada));
            let all = [b"\x05\x02", &b"\x01\0"[..], answer].concat();
            let mut said = 0;
            for (place, byte) in all.iter().enumerate() {
                let (heard, next) = talk.hear(&[*byte]).expect("it is an answer");
                assert_eq!(heard, 1);
                said += usize::from(matches!(next, Next::Say(_)));
                assert_eq!(next == Next::Connected, place + 1 == all.len());
            }
            assert_eq!(said, 2);
        }
    }

    #[test]
    fn what_is_not_a_connection_says_why() {
        let ada = credentials("ada", "secret");
        let refused = |what: &str| Error::ProxyRefused(what.to_owned());
        let malformed = |what: &str| Error::MalformedProxyAnswer(what.to_owned());
        for (credentials, answers, expected) in [
            (None, &[&b"\x05\xff"[..]][..], Error::ProxyWantsCredentials),
            (Some(&ada), &[b"\x05\xff"], refused("it does not take a user name and a password")),
            (Some(&ada), &[b"\x05\x02", b"\x01\x01"], Error::ProxyRefusedCredentials),
            (
                None,
                &[b"\x05\x02"],
                malformed("it asks who is there in a way that was not offered, 2"),
            ),
            (None, &[b"\x04\x5a"], malformed("it is not of SOCKS 5")),
            (
                None,
                &[b"HTTP/1.1 400 Bad Request\r\n\r\n"],
                malformed("it is not of SOCKS 5; is it one of HTTP, `http://`?"),
            ),
            (Some(&ada), &[b"\x05\x02", b"\x05\0"], malformed("it is not of SOCKS 5")),
            (None, &[b"\x05\0", b"\x05\x01"], refused("general failure")),
            (None, &[b"\x05\0", b"\x05\x02\0"], refused("its rules do not allow it")),
            (None, &[b"\x05\0", b"\x05\x03"], Error::Unreachable),
            (None, &[b"\x05\0", b"\x05\x04"], Error::Unreachable),
            (None, &[b"\x05\0", b"\x05\x05\0\x01\0\0\0\0\0\0"], Error::ConnectionRefused),
            (None, &[b"\x05\0", b"\x05\x06"], Error::Unreachable),
            (None, &[b"\x05\0", b"\x05\x07"], refused("it does not know the command")),
            (None, &[b"\x05\0", b"\x05\x08"], refused("it does not know addresses of this kind")),
            (None, &[b"\x05\0", b"\x05\x09"], refused("unknown reason, 9")),
            (
                None,
                &[b"\x05\0", b"\x05\0\0\x02"],
                malformed("it has an address of an unknown kind, 2"),
            ),
        ] {
            let mut talk = talk(credentials);
            let mut last = Ok((0, Next::Hear));
            for answer in answers {
                assert!(last.is_ok(), "{answers:?}");
                last = talk.hear(answer);
            }
            assert_eq!(last, Err(expected), "{answers:?}");
        }
    }

    #[test]
    fn what_has_no_room_in_a_message_is_refused() {
        let long = "a".repeat(256);
        let named = Socks5::new(&Place::new(&long, 80), None);
        assert_eq!(named.err(), Some(Error::NameNotResolved));
        let told = Socks5::new(&Place::new("a", 80), Some(&credentials("ada", &long)));
        assert_eq!(told.err(), Some(Error::ProxyRefusedCredentials));
    }
}
