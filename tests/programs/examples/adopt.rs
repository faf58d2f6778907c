//! The steps of `examples/adopt/README.md`: a dashboard with a sign-in of its own is observed, its tokens are
//! imported, the gate is enforced for half, then for all.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use support::browser::Browser;
use support::running::Running;

/// On no list, in every step: the form was made before he was removed.
const REMOVED: (&str, &str) = ("recipe-box", "carlos@example.com");

struct Visit {
    site: Running,
    /// The form of the removed person.
    form: String,
}

impl Visit {
    async fn start(enforcement: &str) -> Self {
        let variables = [
            ("SIMULATOR_PORT", "0".into()),
            ("HEROKU_SSO_ENFORCEMENT", enforcement.into()),
        ];
        let site = Running::start("adopt", "add-on", &variables, true).await;
        let (app, email) = REMOVED;
        let form = site.sso_form(app, email).await;
        let action = site.action(app, "/remove").await;
        let removed = site
            .at_heroku(&action, &[("email", email), ("list", "app")])
            .await;
        assert_eq!(removed.status, 303);
        Self { site, form }
    }

    async fn import(&self, query: &str) -> Value {
        let staff = self.site.browser();
        let path = format!("/staff/import{query}");
        let answer = staff.send(staff.request(Method::POST, &path)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    async fn report(&self) -> Value {
        self.site.browser().get("/staff/readiness").await.json()
    }

    /// Imports, and waits for the lists.
    async fn with_lists(&self) {
        self.import("").await;
        let fetched = async {
            while self.report().await["without_list"] != 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), fetched)
            .await
            .expect("the sync fetches the lists");
    }

    /// The status of the removed person's sign-in, and their browser.
    async fn removed_person(&self) -> (u16, Browser) {
        let browser = self.site.browser();
        let answer = browser.submit_body("/heroku/sso", &self.form).await;
        (answer.status, browser)
    }

    /// Who lets a person in: the gate, or the dashboard's own sign-in.
    async fn admitted_by(&self, app: &str, email: &str) -> String {
        let browser = self.site.signed_in(app, email).await;
        let page = browser.get("/").await;
        assert_eq!(page.status, 200, "{}", page.body);
        page.json()["admitted_by"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn observed_dashboard_works_as_before_and_is_reported() {
    let visit = Visit::start("observe").await;
    let by = visit.admitted_by("recipe-box", "olivia@example.com").await;
    assert_eq!(by, "its own sign-in");
    let report = visit.report().await;
    assert_eq!(report["ready"], false);
    assert_eq!(report["unregistered"].as_array().unwrap().len(), 1);
    // The import.
    let plan = visit.import("?dry_run=true").await;
    assert_eq!(
        (&plan["registered"], &plan["dry_run"]),
        (&3.into(), &true.into())
    );
    assert_eq!(visit.report().await["resources"], 0);
    visit.with_lists().await;
    assert_eq!(visit.import("").await["unchanged"], 3);
    // The dashboard lets the removed person in, the gate would not.
    let (status, browser) = visit.removed_person().await;
    assert_eq!((status, browser.get("/").await.status), (303, 200));
    let by = visit.admitted_by("acme-shop", "mia@example.com").await;
    assert_eq!(by, "its own sign-in");
    let report = visit.report().await;
    let off_list = report["off_list"].as_object().unwrap();
    assert_eq!(off_list.values().collect::<Vec<_>>(), [1]);
    // The removed person, and the owner before the import: an unknown resource has no list.
    assert_eq!(report["days"][0]["sign_ins"]["rejected"]["not-listed"], 2);
    let sentence = report["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("ready"), "{report}");
    assert!(!report.to_string().contains('@'), "{report}");
}

#[tokio::test]
async fn half_enforced_dashboard_rejects_removed_person_in_that_half() {
    let visit = Visit::start("50%").await;
    visit.with_lists().await;
    for (app, email) in [
        ("acme-shop", "mia@example.com"),
        ("acme-billing", "dana@example.com"),
    ] {
        visit.admitted_by(app, email).await;
    }
    // Ids are random: this resource may be in either half.
    let by = visit.admitted_by("recipe-box", "olivia@example.com").await;
    let (status, browser) = visit.removed_person().await;
    let page = browser.get("/").await.status;
    match by == "the gate" {
        true => assert_eq!((status, page), (403, 401)),
        false => assert_eq!((status, page), (303, 200)),
    }
    // Without any session, the resource is not known.
    assert_eq!(visit.site.browser().get("/").await.status, 401);
}

#[tokio::test]
async fn enforced_dashboard_admits_by_the_list_alone() {
    for enforcement in ["100%", "enforce"] {
        let visit = Visit::start(enforcement).await;
        visit.with_lists().await;
        for (app, email) in [
            ("acme-shop", "mia@example.com"),
            ("recipe-box", "olivia@example.com"),
        ] {
            assert_eq!(visit.admitted_by(app, email).await, "the gate");
        }
        let (status, browser) = visit.removed_person().await;
        assert_eq!((status, browser.get("/").await.status), (403, 401));
    }
}
