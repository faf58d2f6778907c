//! How soon the end of a session is known to three processes on one Postgres. For a hundred ends and more:
//!
//! ```text
//! ENDS=400 scripts/with-servers cargo test -p databases-tests replicas::ends -- --nocapture
//! ```

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use support::browser::Browser;

use crate::crashes::at_random::from_environment;
use crate::crashes::process::AddonProcess;
use crate::crashes::scene::Scene;

const EMAIL: &str = "ann@example.com";
/// Shorter than the polling, which is every 15 seconds. A busy machine may stop for some seconds.
const BY_EVENT: Duration = Duration::from_secs(12);

/// How the first process ends the session.
#[derive(Clone, Copy, Debug)]
enum Ended {
    SignOut,
    One,
    All,
    Erased,
}

/// Ends the session of this browser, which is the only session.
async fn end(how: Ended, scene: &Scene, process: &AddonProcess, browser: &Browser) {
    let id = scene.id();
    let answer = match how {
        Ended::SignOut => {
            let answer = browser.send(browser.request(Method::POST, "/logout")).await;
            assert_eq!(answer.status, 204);
            return;
        }
        Ended::One => {
            let records = scene.store.sessions().expect("a store that keeps sessions");
            let listed = records.list_sessions(&id, None, 9).await.unwrap();
            assert_eq!(listed.len(), 1);
            let path = format!("sessions/end/{}", listed[0].key.as_str());
            process.ask(&path, "").await
        }
        Ended::All => process.ask(&format!("sessions/end_all/{id}"), "").await,
        Ended::Erased => process.ask("erase", EMAIL).await,
    };
    assert!(answer.starts_with("Ok("), "{how:?}: {answer}");
}

async fn opened(browser: &Browser) -> Response {
    let request = browser.request(Method::GET, "/stream");
    let mut stream = request.send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    stream
}

/// When the stream ended; none if it stays open.
async fn ended(mut stream: Response) -> Option<Instant> {
    let ending = async { while let Ok(Some(_)) = stream.chunk().await {} };
    let ended = tokio::time::timeout(BY_EVENT, ending).await;
    ended.is_ok().then(Instant::now)
}

#[tokio::test]
async fn r3_ended_session_and_its_streams_end_in_three_processes() {
    let ends = from_environment("ENDS").unwrap_or(40);
    let scene = Scene::on_postgres().await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(scene.process_with_sync().await);
    }
    let mut took = Vec::new();
    for number in 0..ends {
        let how = [Ended::SignOut, Ended::One, Ended::All, Ended::Erased][number % 4];
        // A new second makes a new form.
        let second = Duration::from_secs(1);
        scene.clock.advance(second);
        for process in &processes {
            process.ask("pass", "1").await;
        }
        let browser = processes[0].browser();
        let form = scene.addon.sign_in_form(EMAIL);
        assert_eq!(browser.submit(&form).await.status, 303);
        let (mut copies, mut streams) = (Vec::new(), Vec::new());
        for process in &processes {
            let copy = browser.at(process.address);
            streams.push(tokio::spawn(ended(opened(&copy).await)));
            copies.push(copy);
        }
        let began = Instant::now();
        end(how, &scene, &processes[0], &browser).await;
        let mut last = began;
        for (index, stream) in streams.into_iter().enumerate() {
            let ended = stream.await.unwrap();
            let ended =
                ended.unwrap_or_else(|| panic!("{number} {how:?}: a stream of {index} stays open"));
            last = last.max(ended);
        }
        took.push(last - began);
        for copy in copies {
            assert_eq!(copy.fetch("/").await.status, 401, "{how:?}");
        }
    }
    took.sort_unstable();
    let percentile = |percent: usize| took[(took.len() * percent).div_ceil(100) - 1];
    println!(
        "{ends} ends, known to three processes: p50 {:?}, p99 {:?}, the slowest {:?}",
        percentile(50),
        percentile(99),
        percentile(100)
    );
    for process in processes {
        scene.retire(process);
    }
}
