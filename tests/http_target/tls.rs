//! Servers that speak TLS. The certificates in `tests/fixtures/tls` are for these tests alone; the key
//! of their authority was thrown away.

use crate::rig::{Rig, request, text};
use crate::server::read;
use mtok::record::{FailureKind, Finish};
use mtok::target::http::{Extras, Http, HttpError, HttpOptions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;

const AUTHORITY: &[u8] = include_bytes!("../fixtures/tls/authority.pem");

/// A server over TLS that answers everything in one event; its address.
fn server() -> String {
    let certificate = include_bytes!("../fixtures/tls/server.pem");
    let key = include_bytes!("../fixtures/tls/server.key");
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            while read(&mut stream).is_some() {
                let end =
                    r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
                let body = format!("data: {end}\n\ndata: [DONE]\n\n");
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        }
    });
    url
}

fn options(certificates: &[&[u8]]) -> HttpOptions {
    HttpOptions {
        model: Some("m".to_owned()),
        extras: Some(Extras::default()),
        workers: NonZeroUsize::new(1),
        certificates: certificates.iter().map(|pem| pem.to_vec()).collect(),
        ..HttpOptions::new(&server())
    }
}

#[test]
fn a_certificate_that_is_given_is_trusted() {
    let rig = Rig::with(&options(&[AUTHORITY]));
    for id in 0..3 {
        let got = rig.ask(request(id, text("hello"), 3));
        assert_eq!((got.chunks.len(), got.finish), (1, Finish::Stop));
    }
}

#[test]
fn a_certificate_of_nobody_is_not_trusted() {
    let got = Rig::with(&options(&[])).ask(request(1, text("hello"), 3));
    assert_eq!(got.failure().kind, FailureKind::Connect);
    assert!(got.failure().reason.contains("certificate"), "{:?}", got.failure());
}

#[test]
fn what_is_no_certificate_is_refused() {
    for pem in [&b"hello"[..], b""] {
        let clock = Arc::new(mtok::clock::FakeClock::default());
        let error = Http::open(&options(&[pem]), clock).err().unwrap();
        assert!(matches!(error, HttpError::Certificate(_)), "{error}");
    }
}
