//! A simulated Heroku behind TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use heroku_addon_simulator::{AddOn, Simulator};
use support::ids::AddOnExt as _;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower_heroku_sso::{
    AddonPassword, ClientSecret, HerokuSso, Manifest, ManualClock, OauthGrant, SsoSalt,
};

/// A TLS acceptor with this certificate and these protocols.
pub fn acceptor(certificate: &str, protocols: &[&str]) -> TlsAcceptor {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/tls/certificates");
    let chain = CertificateDer::from_pem_file(format!("{folder}/{certificate}.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/{certificate}.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![chain], key).unwrap();
    let protocols = protocols.iter().map(|name| name.as_bytes().to_vec());
    config.alpn_protocols = protocols.collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Terminates TLS in front of the simulator, with HTTP/1.1.
pub async fn before(heroku: &Simulator, certificate: &str) -> SocketAddr {
    let acceptor = acceptor(certificate, &["http/1.1"]);
    let heroku = heroku.url().replacen("http://", "", 1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, heroku) = (acceptor.clone(), heroku.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut heroku = TcpStream::connect(&*heroku).await?;
                copy_bidirectional(&mut stream, &mut heroku).await
            });
        }
    });
    address
}

/// A gate whose Platform API is at `api`, and a resource with Ann on its list.
pub async fn gate(heroku: &Simulator, clock: &ManualClock, api: &str) -> (HerokuSso, AddOn) {
    let manifest = Manifest::new(
        heroku.slug(),
        AddonPassword::new(heroku.password()).unwrap(),
        SsoSalt::new(heroku.sso_salt()).unwrap(),
        ClientSecret::new(heroku.client_secret()).unwrap(),
    );
    let sso = HerokuSso::builder(manifest)
        .api_url(api.parse().unwrap())
        .id_url(heroku.url().parse().unwrap())
        .clock(clock.clone());
    let sso = sso.build().await.unwrap();
    let addon = heroku.app("shop").collaborator("ann@example.com").addon();
    let grant = OauthGrant::Code(addon.grant_code().into());
    sso.resources()
        .register(&addon.resource_id(), grant)
        .await
        .unwrap();
    (sso, addon)
}

pub async fn heroku() -> (Simulator, ManualClock) {
    let clock = ManualClock::new();
    let heroku = Simulator::builder().clock(clock.reader());
    (heroku.start().await.unwrap(), clock)
}
