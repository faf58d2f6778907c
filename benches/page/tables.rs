//! The tables of the page.

use std::fmt::Write;

use crate::estimates::Estimates;

/// In display order, the bare router first.
pub const PEERS: &[&str] = &[
    "bare router",
    "layer that only has another body",
    "from_fn that passes",
    "tower-sessions, one value",
    "axum-login",
    "jsonwebtoken HS256 cookie",
    "gate, stored sessions",
    "gate, stateless",
];

const STORED: &str = "gate, stored sessions";

/// The nanoseconds of a peer beyond the bare router.
pub fn over(peer: &str) -> f64 {
    measured::kept("requests over bare")[peer]
}

pub fn requests() -> String {
    let allocations = measured::kept("allocations");
    let times = measured::kept("requests");
    let mut table = "| | time | over the bare router | allocations | over the bare router |\n\
                     | --- | --: | --: | --: | --: |\n"
        .to_owned();
    let bare = allocations[PEERS[0]];
    for peer in PEERS {
        let (count, spent) = (allocations[*peer], times[*peer] / 1000.0);
        let _ = writeln!(
            table,
            "| {peer} | {spent:.2} us | {:+.2} us | {count:.0} | {:+.0} |",
            over(peer) / 1000.0,
            count - bare
        );
    }
    table
}

pub fn goals() -> String {
    let allocations = measured::kept("allocations");
    let socket = measured::kept("socket");
    let compared = measured::kept("requests compared");
    let verify = measured::kept("sso compared")["verify / bare digests"];
    let own = allocations[STORED] - allocations[PEERS[0]];
    let layer = allocations[STORED] - allocations["layer that only has another body"];
    let mut table = "| what | measured | goal | |\n| --- | --: | --: | --- |\n".to_owned();
    for (what, value, goal, most) in [
        (
            "stored sessions / axum-login, both over the bare router",
            compared["gate, stored sessions / axum-login"],
            0.2,
            true,
        ),
        (
            "stateless / jsonwebtoken cookie, both over the bare router",
            compared["gate, stateless / jsonwebtoken HS256 cookie"],
            0.4,
            true,
        ),
        ("allocations over the bare router", own, 5.0, true),
        (
            "allocations over a layer that does nothing",
            layer,
            5.0,
            true,
        ),
        (
            "verifying an SSO form / its bare digests",
            verify,
            2.0,
            true,
        ),
        (
            "requests a second over a socket, gated / ungated",
            socket["gated, requests a second / ungated"],
            0.97,
            false,
        ),
        (
            "p99 over a socket, gated / ungated",
            socket["gated, p99 / ungated"],
            1.1,
            true,
        ),
    ] {
        let (sign, met) = match most {
            true => ("<=", value <= goal),
            false => (">=", value >= goal),
        };
        let met = if met { "met" } else { "**not met**" };
        let digits = if value.fract() == 0.0 { 0 } else { 2 };
        let _ = writeln!(
            table,
            "| {what} | {value:.digits$} | {sign} {goal} | {met} |"
        );
    }
    table += "\n| over a socket | requests a second | / ungated | p99 | / ungated |\n\
              | --- | --: | --: | --: | --: |\n";
    for (route, what) in [
        ("ungated", "bare router"),
        ("from_fn", "from_fn that passes"),
        ("axum-login", "axum-login"),
        ("gated", "gate, stored sessions"),
    ] {
        let value = |of: &str| socket[&format!("{route}, {of}")];
        let _ = writeln!(
            table,
            "| {what} | {:.0} | {:.2} | {:.0} us | {:.2} |",
            value("requests a second"),
            value("requests a second / ungated"),
            value("p99 in microseconds"),
            value("p99 / ungated"),
        );
    }
    table
}

pub fn parts(times: &Estimates) -> String {
    let mut table = "| what | time |\n| --- | --: |\n".to_owned();
    for (what, name) in [
        ("reading an SSO form", "sso/parse"),
        ("verifying it", "sso/verify"),
        (
            "the bare digests of its two tokens",
            "sso/bare SHA-256 and SHA-1",
        ),
        ("the bare digest of the one that counts", "sso/bare SHA-256"),
        ("look-up of a person among 10", "look-up/10"),
        ("among 1,000", "look-up/1000"),
        ("among 100,000", "look-up/100000"),
        ("difference of two lists of 10", "difference/10"),
        ("of 1,000", "difference/1000"),
        ("of 100,000", "difference/100000"),
        (
            "1,000 people from their JSON to a list",
            "json/1000 people to a list",
        ),
        (
            "the same JSON to bare values",
            "json/1000 people, bare values",
        ),
    ] {
        let _ = writeln!(table, "| {what} | {} |", readable(times.of(name)));
    }
    table
}

/// The measured sizes, and the time of a request at each.
pub fn by_resources(times: &Estimates) -> Vec<(f64, f64)> {
    let sizes = [1, 1_000, 100_000, 1_000_000].into_iter();
    let measured = sizes.filter_map(|size| {
        let time = times.known(&format!("resources/{size}"))?;
        Some((f64::from(size), time))
    });
    measured.collect()
}

pub fn growth(times: &Estimates) -> String {
    let mut table = "| resources in memory | time of a request |\n| --: | --: |\n".to_owned();
    for (size, time) in by_resources(times) {
        let _ = writeln!(table, "| {size:.0} | {} |", readable(time));
    }
    table += "\n| threads | bare router | gate, all at one resource | gate, 1,000 resources |\n\
              | --: | --: | --: | --: |\n";
    for threads in [1, 2, 4] {
        let rate = |name| 1e3 / times.of(&format!("threads, {name}/{threads}"));
        let _ = writeln!(
            table,
            "| {threads} | {:.2} | {:.2} | {:.2} |",
            rate("bare router"),
            rate("one resource"),
            rate("1000 resources")
        );
    }
    table += "\nMillions of requests a second, of all threads together.\n";
    let memory = measured::kept("memory");
    let (resources, bytes) = (memory["resources"], memory["bytes"]);
    let _ = writeln!(
        table,
        "\n{resources:.0} resources of ten people each take {:.1} GB with the memory store's copy of them: {:.0} \
         bytes each.",
        bytes / 1e9,
        bytes / resources
    );
    table
}

fn readable(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}
