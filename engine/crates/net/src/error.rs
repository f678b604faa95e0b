//! Why an exchange ended without a response.

use std::io;

use crate::http2::Http2Code;
use crate::tls;

/// Why there is no response. Each is a measurement: it comes in an [`Exchange`](crate::Exchange) like any other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The host's name has no address.
    #[error("name not resolved")]
    NameNotResolved,
    /// Nobody listens at the address.
    #[error("connection refused")]
    ConnectionRefused,
    /// The connection was not made within the request's time, or within the time that was set for that.
    #[error("timed out while connecting")]
    ConnectTimedOut,
    /// The response was not complete within the request's time.
    #[error("timed out")]
    TimedOut,
    /// The peer, or something on the way, broke the connection.
    #[error("connection reset")]
    ConnectionReset,
    /// The peer ended the connection before the response was complete.
    #[error("connection closed before the response was complete")]
    ClosedEarly,
    /// What came back is not HTTP.
    #[error("malformed response: {0}")]
    MalformedResponse(String),
    /// The response's body is larger than is kept.
    #[error("response body larger than {0} bytes")]
    BodyTooLarge(usize),
    /// There is no way to the address.
    #[error("host unreachable")]
    Unreachable,
    /// This process may open no more files or sockets.
    #[error("too many open files; raise the limit (`ulimit -n`)")]
    TooManyOpenFiles,
    /// This machine has no free port towards the target.
    #[error(
        "no free local port for one more connection to this address; a wider `net.ipv4.ip_local_port_range` (sysctl) has \
         more, and so has each further address of `--local-ips`"
    )]
    OutOfPorts,
    /// The proxy is not there, or there is no way to it.
    #[error("the proxy cannot be reached: {0}")]
    ProxyUnreachable(String),
    /// The proxy will not or cannot connect to the target; of the two it is the proxy that says so.
    #[error("the proxy refused to connect: {0}")]
    ProxyRefused(String),
    /// The proxy wants to know who is there, and was not told.
    #[error(
        "the proxy wants a user name and a password; write them into its URL: `http://user:password@…`"
    )]
    ProxyWantsCredentials,
    /// The proxy does not accept who is there.
    #[error("the proxy does not accept the user name and the password that its URL has")]
    ProxyRefusedCredentials,
    /// The proxy answers something else than it was asked in.
    #[error("the proxy's answer is malformed: {0}")]
    MalformedProxyAnswer(String),
    /// The server's certificate has expired.
    #[error("the server's certificate has expired")]
    CertificateExpired,
    /// The server's certificate is not valid yet.
    #[error("the server's certificate is not valid yet; is the clock of this machine right?")]
    CertificateNotYetValid,
    /// The server's certificate is another host's.
    #[error("the server's certificate is not for this host: {0}")]
    CertificateForOtherHost(String),
    /// Nobody that is believed has issued the server's certificate.
    #[error(
        "the server's certificate is from an unknown issuer; name the issuer's certificate with `--cacert`"
    )]
    CertificateFromUnknownIssuer,
    /// The server's certificate is no good for another reason.
    #[error("the server's certificate is invalid: {0}")]
    CertificateInvalid(String),
    /// The server does not accept the certificate it was shown, or that it was shown none.
    #[error("the server refused the client's certificate: {0}")]
    ClientCertificateRefused(String),
    /// The server answers something else than TLS.
    #[error("the server does not speak TLS there; is it `http` on this port?")]
    NotTls,
    /// The two sides did not agree, or one of them broke the rules of TLS.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// It is not granted to connect there.
    #[error("{0}")]
    NotAllowed(String),
    /// The server does not speak HTTP/2, which was asked for.
    #[error("the server does not speak HTTP/2 there, which `httpVersion` or the request asks for")]
    NoHttp2,
    /// The server ended the exchange alone, and not its connection (HTTP/2's `RST_STREAM`).
    #[error("the server reset the stream: {0}")]
    StreamReset(Http2Code),
    /// The server ended the whole connection (HTTP/2's `GOAWAY`).
    #[error("the server ended the connection: {0}")]
    GoAway(Http2Code),
    /// The server broke the rules of HTTP/2, and was told so by this code.
    #[error("the server breaks the rules of HTTP/2: {1} ({0})")]
    Http2(Http2Code, &'static str),
    /// As many connections to the host as it may have at most were in use all the time.
    #[error("all {0} connections that one host may have are in use (`--max-connections-per-host`)")]
    TooManyConnections(u32),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// k6's number for it, as its `error_code` tag has it.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::TimedOut => 1050,
            Self::NotAllowed(_) => 1111,
            Self::NameNotResolved => 1101,
            Self::OutOfPorts | Self::TooManyOpenFiles | Self::Unreachable => 1213,
            Self::ProxyUnreachable(_)
            | Self::ProxyRefused(_)
            | Self::ProxyWantsCredentials
            | Self::ProxyRefusedCredentials
            | Self::MalformedProxyAnswer(_) => 1210,
            Self::ConnectTimedOut | Self::TooManyConnections(_) => 1211,
            Self::ConnectionRefused => 1212,
            Self::ConnectionReset => 1220,
            Self::CertificateExpired
            | Self::CertificateNotYetValid
            | Self::CertificateInvalid(_)
            | Self::ClientCertificateRefused(_)
            | Self::Tls(_) => 1300,
            Self::NotTls => 1301,
            Self::CertificateFromUnknownIssuer => 1310,
            Self::CertificateForOtherHost(_) => 1311,
            Self::NoHttp2 => 1600,
            Self::GoAway(code) => code.counted_from(1610),
            Self::StreamReset(code) => code.counted_from(1630),
            Self::Http2(code, _) => code.counted_from(1650),
            Self::ClosedEarly
            | Self::MalformedResponse(_)
            | Self::BodyTooLarge(_)
            | Self::Other(_) => 1000,
        }
    }

    /// A few words for it, the same for all of its kind.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::NameNotResolved => "name not resolved",
            Self::ConnectionRefused => "connection refused",
            Self::ConnectTimedOut => "timed out while connecting",
            Self::TimedOut => "timed out",
            Self::ConnectionReset => "connection reset",
            Self::ClosedEarly => "closed early",
            Self::MalformedResponse(_) => "malformed response",
            Self::BodyTooLarge(_) => "body too large",
            Self::Unreachable => "host unreachable",
            Self::TooManyOpenFiles => "too many open files",
            Self::OutOfPorts => "no free local port",
            Self::ProxyUnreachable(_) => "proxy unreachable",
            Self::ProxyRefused(_) => "proxy refused",
            Self::ProxyWantsCredentials => "proxy wants credentials",
            Self::ProxyRefusedCredentials => "proxy refused credentials",
            Self::MalformedProxyAnswer(_) => "malformed answer of the proxy",
            Self::CertificateExpired => "certificate expired",
            Self::CertificateNotYetValid => "certificate not yet valid",
            Self::CertificateForOtherHost(_) => "certificate for another host",
            Self::CertificateFromUnknownIssuer => "certificate from unknown issuer",
            Self::CertificateInvalid(_) => "certificate invalid",
            Self::ClientCertificateRefused(_) => "client certificate refused",
            Self::NotTls => "not TLS",
            Self::Tls(_) => "TLS failed",
            Self::NotAllowed(_) => "not allowed",
            Self::TooManyConnections(_) => "too many connections",
            Self::NoHttp2 => "not HTTP/2",
            Self::StreamReset(_) => "stream reset",
            Self::GoAway(_) => "sent away",
            Self::Http2(..) => "HTTP/2 failed",
            Self::Other(_) => "other error",
        }
    }

    /// Why a name was not looked up. Beside the machine's own limits, systems tell the reasons apart by text
    /// only.
    pub(crate) fn from_lookup(error: &io::Error) -> Self {
        if too_many_files(error) { Self::TooManyOpenFiles } else { Self::NameNotResolved }
    }

    /// Why a connection was not made.
    pub(crate) fn from_connecting(error: &io::Error) -> Self {
        match error.kind() {
            _ if too_many_files(error) => Self::TooManyOpenFiles,
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
                Self::ConnectionReset
            }
            io::ErrorKind::TimedOut => Self::ConnectTimedOut,
            io::ErrorKind::AddrNotAvailable => Self::OutOfPorts,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown => Self::Unreachable,
            _ => Self::Other(error.to_string()),
        }
    }

    /// Whether TLS says so. What went wrong before it on the same connection is only what followed from it.
    pub(crate) fn is_of_tls(&self) -> bool {
        (1300..1400).contains(&self.code())
    }

    /// Why a connection that was there broke.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return tls::from_tls(error);
        }
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::BrokenPipe => Self::ConnectionReset,
            // By TLS, a peer says that it ends; this one did not.
            io::ErrorKind::UnexpectedEof => Self::ClosedEarly,
            // The system's own patience with a peer that acknowledges nothing.
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::Unreachable,
            _ => Self::Other(error.to_string()),
        }
    }
}

/// `EMFILE` and `ENFILE`, the same on every Unix.
fn too_many_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(24 | 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_has_a_name_and_k6s_number() {
        // Linux' numbers; the names in the comments are POSIX's.
        for (errno, error, code) in [
            (111, Error::ConnectionRefused, 1212), // ECONNREFUSED
            (104, Error::ConnectionReset, 1220),   // ECONNRESET
            (110, Error::ConnectTimedOut, 1211),   // ETIMEDOUT
            (99, Error::OutOfPorts, 1213),         // EADDRNOTAVAIL
            (24, Error::TooManyOpenFiles, 1213),   // EMFILE
            (113, Error::Unreachable, 1213),       // EHOSTUNREACH
            (101, Error::Unreachable, 1213),       // ENETUNREACH
        ] {
            if cfg!(target_os = "linux") {
                let named = Error::from_connecting(&io::Error::from_raw_os_error(errno));
                assert_eq!((named.code(), named), (code, error), "{errno}");
            }
        }
    }

    #[test]
    fn time_that_runs_out_on_a_connection_is_not_time_to_connect() {
        let late = io::Error::from(io::ErrorKind::TimedOut);
        assert_eq!(Error::from_connecting(&late), Error::ConnectTimedOut);
        assert_eq!(Error::from_io(&late), Error::TimedOut);
        assert_eq!((Error::TimedOut.code(), Error::NameNotResolved.code()), (1050, 1101));
    }
}
