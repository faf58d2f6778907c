//! TLS is never relaxed.

use heroku_addon_simulator::Endpoint;
use support::ids::AddOnExt as _;
use tower_heroku_sso::RefreshError;
use tower_heroku_sso::heroku::HerokuError;

use crate::tls::front::{before, gate, heroku};
use crate::tls::where_the_authority_is_trusted;

#[test]
fn u12_only_a_valid_certificate_is_accepted() {
    let test = "tls::trust::u12_only_a_valid_certificate_is_accepted";
    where_the_authority_is_trusted(test, async {
        for (certificate, good) in [
            ("good", true),
            ("expired", false),
            ("early", false),
            ("elsewhere", false),
            ("unknown", false),
        ] {
            let (heroku, clock) = heroku().await;
            let api = format!("https://{}", before(&heroku, certificate).await);
            let (sso, addon) = gate(&heroku, &clock, &api).await;
            let list = sso.lists().refresh(&addon.resource_id()).await;
            assert_eq!(list.is_ok(), good, "{certificate}: {list:?}");
            let Err(error) = list else { continue };
            let transport = RefreshError::Heroku(match error {
                RefreshError::Heroku(error @ HerokuError::Transport(_)) => error,
                other => panic!("{certificate}: {other:?}"),
            });
            assert!(!format!("{transport:?}").contains("HRKU"));
            // No HTTP request was sent, so no token either.
            for endpoint in [Endpoint::AddOn, Endpoint::App, Endpoint::Collaborators] {
                assert_eq!(heroku.calls().count(endpoint), 0, "{certificate}");
            }
        }
    });
}

#[tokio::test]
async fn u12_server_without_tls_gets_no_request() {
    let (heroku, clock) = heroku().await;
    let api = heroku.url().replacen("http", "https", 1);
    let (sso, addon) = gate(&heroku, &clock, &api).await;
    let error = sso.lists().refresh(&addon.resource_id()).await.unwrap_err();
    assert!(matches!(
        error,
        RefreshError::Heroku(HerokuError::Transport(_))
    ));
    assert_eq!(heroku.calls().count(Endpoint::AddOn), 0);
}

/// The system does not trust the tests' authority.
#[tokio::test]
async fn u12_certificate_of_an_unknown_authority_is_rejected() {
    let (heroku, clock) = heroku().await;
    let api = format!("https://{}", before(&heroku, "good").await);
    let (sso, addon) = gate(&heroku, &clock, &api).await;
    assert!(sso.lists().refresh(&addon.resource_id()).await.is_err());
    assert_eq!(heroku.calls().count(Endpoint::AddOn), 0);
}
