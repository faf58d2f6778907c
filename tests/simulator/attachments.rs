//! Add-ons that are attached to several apps.

use crate::client::*;
use heroku_addon_simulator::{App, Endpoint, Fault, Simulator};

#[tokio::test]
async fn attachments_list_own_and_attached_apps() {
    let heroku = Simulator::start().await.unwrap();
    let (shop, bank, park) = (heroku.app("shop"), heroku.app("bank"), heroku.app("park"));
    let addon = shop.addon();
    let token = access_token(&heroku, &addon).await;
    let path = format!("/addons/{}/addon-attachments", addon.id());
    let apps = async || {
        let list = body(&heroku, &path, &token).await;
        let entries = list.as_array().unwrap().iter();
        let mut names: Vec<_> = entries
            .map(|it| {
                assert_eq!(it["addon"]["id"], addon.id().to_string());
                assert_eq!(it["addon"]["app"]["name"], addon.app().name());
                it["app"]["name"].as_str().unwrap().to_owned()
            })
            .collect();
        names.sort();
        names
    };
    assert_eq!(apps().await, ["shop"]);
    bank.attach(&addon).attach(&addon);
    shop.attach(&addon);
    assert_eq!(apps().await, ["bank", "shop"]);
    addon.move_to(&park);
    assert_eq!(apps().await, ["bank", "park"]);
    bank.detach(&addon);
    park.detach(&addon);
    assert_eq!(apps().await, ["park"]);
    assert_eq!(heroku.calls().count(Endpoint::Attachments), 4);
    let other = access_token(&heroku, &heroku.app("other").addon()).await;
    assert_eq!(status(&heroku, &path, &other).await, 403);
}

#[tokio::test]
async fn attached_app_collaborators_have_their_own_endpoint() {
    let heroku = Simulator::start().await.unwrap();
    let (shop, bank) = (heroku.app("shop"), heroku.app("bank"));
    let addon = shop.addon();
    let token = access_token(&heroku, &addon).await;
    let path = |app: &App| format!("/apps/{}/collaborators", app.id());
    assert_eq!(status(&heroku, &path(&bank), &token).await, 403);
    bank.owner("ben@example.com").attach(&addon);
    heroku
        .faults()
        .set(Endpoint::Collaborators, Fault::Status(500));
    assert_eq!(status(&heroku, &path(&shop), &token).await, 500);
    let people = body(&heroku, &path(&bank), &token).await;
    assert_eq!(people[0]["user"]["email"], "ben@example.com");
    heroku
        .faults()
        .set(Endpoint::AttachedCollaborators, Fault::Status(404));
    assert_eq!(status(&heroku, &path(&bank), &token).await, 404);
    assert_eq!(heroku.calls().count(Endpoint::Collaborators), 2);
    assert_eq!(heroku.calls().count(Endpoint::AttachedCollaborators), 2);
}

#[tokio::test]
async fn form_through_an_attached_app_names_both_apps() {
    let heroku = Simulator::start().await.unwrap();
    let (shop, bank) = (heroku.app("shop"), heroku.app("bank"));
    let addon = shop.addon();
    bank.attach(&addon);
    let form = addon.sign_in("ann@example.com").through(&bank).form();
    assert_eq!(form.get("app"), Some("shop"));
    assert_eq!(form.get("context_app"), Some("bank"));
    let plain = addon.sign_in_form("ann@example.com");
    assert_eq!(plain.get("context_app"), Some("shop"));
}

#[tokio::test]
async fn web_url_of_an_attachment_signs_in_through_its_app() {
    let heroku = Simulator::start().await.unwrap();
    let bank = heroku.app("bank").owner("ben@example.com");
    let addon = heroku.app("shop").addon();
    let token = access_token(&heroku, &addon).await;
    bank.attach(&addon);
    let path = format!("/addons/{}/addon-attachments", addon.id());
    let list = body(&heroku, &path, &token).await;
    let mut entries = list.as_array().unwrap().iter();
    let entry = entries.find(|it| it["app"]["name"] == "bank").unwrap();
    let url = entry["web_url"].as_str().unwrap();
    let asked = http().get(url).send().await.unwrap();
    assert!(asked.text().await.unwrap().contains("ben@example.com"));
    let open = http().post(format!("{url}/open"));
    let page = open.form(&[("email", "ben@example.com")]).send();
    let page = page.await.unwrap().text().await.unwrap();
    assert!(page.contains(r#"name="context_app" value="bank""#));
    assert!(page.contains(r#"name="app" value="shop""#));

    bank.detach(&addon);
    assert_eq!(http().get(url).send().await.unwrap().status(), 404);
}
