//! Proxies on the loopback, and clients that use them.

use std::sync::Arc;

use net::{Config, Credentials, Proxies, Proxy, ProxyProtocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::peer::{head, peer};

/// What a proxy was told, message by message.
pub(crate) type Told = mpsc::UnboundedReceiver<String>;

pub(crate) fn ada() -> Credentials {
    Credentials { user: "ada".to_owned(), password: "secret".to_owned() }
}

/// A configuration whose connections all go through the proxy at this URL of a peer.
pub(crate) fn through(protocol: ProxyProtocol, url: &str, as_ada: bool) -> Config {
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    let (host, port) = authority.split_once(':').expect("a port");
    let port = port.parse().expect("a number");
    let proxy = Some(Arc::new(Proxy::new(protocol, host, port, as_ada.then(ada))));
    let proxies = Proxies { http: proxy.clone(), https: proxy, direct: Vec::new() };
    Config { proxies: Arc::new(proxies), ..Config::default() }
}

/// A proxy of HTTP's kind that connects to this peer, whatever it is asked for, and tells the heads it read.
pub(crate) async fn connecting(target: &str) -> (String, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let target = authority_of(target);
    let url = peer(move |_, mut stream| {
        let (tell, target) = (tell.clone(), target.clone());
        async move {
            let head = head(&mut stream).await.expect("a request");
            tell.send(head).expect("the test listens");
            let answer = b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n";
            stream.write_all(answer).await.expect("the client listens");
            pass_on(stream, &target).await;
        }
    })
    .await;
    (url, told)
}

/// A proxy of SOCKS 5 that connects to this peer, whatever it is asked for, and tells what it was. It lets
/// nobody in but Ada, or else everybody.
pub(crate) async fn socks(target: &str, asks: bool) -> (String, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let target = authority_of(target);
    let url = peer(move |_, mut stream| {
        let (tell, target) = (tell.clone(), target.clone());
        async move {
            let destination = socks_handshake(&mut stream, asks).await.expect("as the RFCs say");
            tell.send(destination).expect("the test listens");
            // What it is connected as is a name, for once.
            let answer = b"\x05\0\0\x03\x04self\x12\x34";
            stream.write_all(answer).await.expect("the client listens");
            pass_on(stream, &target).await;
        }
    })
    .await;
    (url, told)
}

fn authority_of(url: &str) -> String {
    let (_, rest) = url.split_once("://").expect("a URL");
    rest.trim_end_matches('/').to_owned()
}

async fn pass_on(mut near: TcpStream, target: &str) {
    let mut far = TcpStream::connect(target).await.expect("the target listens");
    let _ = copy_bidirectional(&mut near, &mut far).await;
}

/// Reads what a client says, up to the destination that it wants (RFC 1928, RFC 1929).
async fn socks_handshake(stream: &mut TcpStream, asks: bool) -> std::io::Result<String> {
    let methods = read_string(stream, 5).await?;
    let offered = methods.contains('\x02');
    stream.write_all(if asks && offered { b"\x05\x02" } else { b"\x05\0" }).await?;
    if asks {
        let user = read_string(stream, 1).await?;
        let length = stream.read_u8().await?;
        let mut password = vec![0; usize::from(length)];
        stream.read_exact(&mut password).await?;
        let is_ada = user == ada().user && password == ada().password.as_bytes();
        stream.write_all(&[1, u8::from(!is_ada)]).await?;
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    assert_eq!(request[..3], [5, 1, 0], "to connect");
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(stream.read_u32().await?).to_string(),
        4 => format!("[{}]", std::net::Ipv6Addr::from(stream.read_u128().await?)),
        3 => {
            let length = stream.read_u8().await?;
            let mut name = vec![0; usize::from(length)];
            stream.read_exact(&mut name).await?;
            String::from_utf8(name).expect("a name")
        }
        kind => panic!("an address of the kind {kind}"),
    };
    Ok(format!("{host}:{}", stream.read_u16().await?))
}

/// Reads a version, which must be this one, and a text behind its length.
async fn read_string(stream: &mut TcpStream, version: u8) -> std::io::Result<String> {
    assert_eq!(stream.read_u8().await?, version);
    let length = stream.read_u8().await?;
    let mut text = vec![0; usize::from(length)];
    stream.read_exact(&mut text).await?;
    Ok(String::from_utf8(text).expect("ASCII"))
}
