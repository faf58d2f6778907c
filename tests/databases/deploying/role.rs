//! The database role of DEPLOYING.md, which may neither make nor change a table.

use heroku_sso_store::conformance;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tower_heroku_sso::store::PostgresStore;

use crate::place::{Place, Postgres, keys};

/// The statements of the page, for another name of the role.
fn grants(role: &str) -> String {
    let page = std::fs::read_to_string(support::root().join("DEPLOYING.md")).unwrap();
    let (_, block) = page.split_once("```sql\n").expect("the grants");
    let (block, _) = block.split_once("```").unwrap();
    assert!(block.contains(" TO sso;"), "{block}");
    block.replace(" TO sso;", &format!(" TO {role};"))
}

#[tokio::test]
async fn role_with_the_grants_of_the_page_runs_on_existing_tables() {
    let place = Postgres::new().await;
    drop(place.open().await);
    let (server, name) = place.url.rsplit_once('/').unwrap();
    let role = format!("role_of_{name}");
    let mut owner = PgConnection::connect(&place.url).await.unwrap();
    let create = format!("CREATE ROLE {role} LOGIN; {}", grants(&role));
    owner.execute(create.as_str()).await.unwrap();

    let (_, address) = server.split_once('@').unwrap();
    let url = format!("postgres://{role}@{address}/{name}");
    let mut itself = PgConnection::connect(&url).await.unwrap();
    let denied = itself
        .execute("CREATE TABLE tower_heroku_sso.more (id int)")
        .await;
    assert!(denied.is_err());
    let open = async || PostgresStore::connect(&url, keys()).await.unwrap();
    conformance::restart_loses_no_state(open).await;
    let empty = "TRUNCATE tower_heroku_sso.resource, tower_heroku_sso.team CASCADE";
    owner.execute(empty).await.unwrap();
    conformance::erased_person_is_in_no_record(open().await).await;
    owner.execute(empty).await.unwrap();
    conformance::erased_person_has_no_session(open().await).await;
    owner.execute(empty).await.unwrap();
    conformance::expired_sessions_are_deleted_an_hour_later(open().await).await;
}
