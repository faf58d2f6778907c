//! Kills at random moments of a sign-in. `KILLS` and `SEED` as in [`at_random`](super::at_random).

use std::time::{Duration, Instant};

use heroku_sso_store::Store;
use reqwest::header::SET_COOKIE;
use support::browser::{FORM, client};

use crate::crashes::at_random::from_environment;
use crate::crashes::process::AddonProcess;
use crate::crashes::scene::Scene;

const COOKIE: &str = "__Host-heroku_sso";

/// Status and session of a sign-in with this form; none if the process ends before it answers.
fn submit(
    process: &AddonProcess,
    form: &str,
) -> impl Future<Output = Option<(u16, Option<String>)>> + Send + use<> {
    let url = process.browser().url("/heroku/sso");
    let request = client().post(url).header("content-type", FORM);
    let request = request.body(form.to_owned());
    async move {
        let answer = request.send().await.ok()?;
        let cookies = answer.headers().get_all(SET_COOKIE).iter();
        let session = cookies
            .filter_map(|cookie| cookie.to_str().ok()?.split_once(';')?.0.split_once('='))
            .find_map(|(name, value)| (name == COOKIE).then(|| value.to_owned()));
        Some((answer.status().as_u16(), session))
    }
}

async fn visit(process: &AddonProcess, session: &str) -> u16 {
    let browser = process.browser();
    browser.set_cookie(COOKIE, session);
    browser.fetch("/").await.status
}

async fn stored_sessions(store: &dyn Store, scene: &Scene) -> usize {
    let records = store.sessions().expect("a store that keeps sessions");
    let listed = records.list_sessions(&scene.id(), None, 10_000).await;
    listed.unwrap().len()
}

/// No kill loses a session that a browser has, consumes a form twice, or leaves more than the one session
/// that was about to be given out.
async fn killed_while_signing_in(scene: Scene) {
    let kills = from_environment("KILLS").unwrap_or(20);
    let seed = from_environment("SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut sessions, mut unanswered) = (Vec::new(), 0);
    let mut process = scene.process_with_sync().await;
    // How long a sign-in takes here: kills come before, in and after it.
    let mut takes = Duration::from_millis(25);
    for kill in 0..kills {
        scene.pass(&process, Duration::from_secs(1)).await;
        let form = scene.addon.sign_in_form("ann@example.com").body();
        let signing_in = tokio::spawn(submit(&process, &form));
        tokio::time::sleep(takes.mul_f64(random.f64() * 1.5)).await;
        scene.retire(process);
        let answer = signing_in.await.unwrap();
        scene.database.end_leases().await;
        // Postgres may still execute the last statement.
        scene.database.is_quiet().await;
        process = scene.process_with_sync().await;
        let began = Instant::now();
        let again = submit(&process, &form).await.expect("it runs");
        if again.0 == 303 {
            takes = began.elapsed();
        }
        match answer {
            Some((303, Some(session))) => {
                assert_eq!(again.0, 403, "{kill}: the form is accepted twice");
                sessions.push(session);
            }
            Some(other) => panic!("{kill}: {other:?}"),
            None => {
                unanswered += 1;
                match again {
                    (303, Some(session)) => sessions.push(session),
                    (status, _) => assert_eq!(status, 403, "{kill}"),
                }
            }
        }
        for session in &sessions {
            assert_eq!(visit(&process, session).await, 200, "{kill}");
        }
        let stored = stored_sessions(&*scene.store, &scene).await;
        let expected = sessions.len()..=sessions.len() + unanswered;
        assert!(expected.contains(&stored), "{kill}: {stored}, {expected:?}");
    }
    println!(
        "{} sessions, {unanswered} without an answer",
        sessions.len()
    );
    scene.retire(process);
}

#[tokio::test]
async fn r2_sqlite_keeps_sessions_while_sign_ins_are_killed() {
    killed_while_signing_in(Scene::on_sqlite().await).await;
}

#[tokio::test]
async fn r2_postgres_keeps_sessions_while_sign_ins_are_killed() {
    killed_while_signing_in(Scene::on_postgres().await).await;
}
