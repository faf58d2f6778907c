//! The cookies of a request, at a gate with one session per browser (`one`) or per resource (`each`). The
//! first line selects the gate, the second the page. The others are `Cookie` headers: `{session}` and
//! `{hint}` are those of a browser with Ann signed in, `{back}` is the return cookie for the page on a
//! final line of its own.
#![no_main]

use std::cell::OnceCell;

use http::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use libfuzzer_sys::fuzz_target;
use tower_heroku_sso::fuzzing::{GateCookies, sent_back};
use tower_heroku_sso_fuzz::site::{Reached, Site};
use tower_heroku_sso_fuzz::{ann, client_secret, lines, resource};

struct Gate {
    site: Site,
    cookies: GateCookies,
    session: String,
    hint: String,
}

thread_local! {
    static ONE: OnceCell<Gate> = const { OnceCell::new() };
    static EACH: OnceCell<Gate> = const { OnceCell::new() };
}

fuzz_target!(|input: &[u8]| {
    let (kind, rest) = lines::first(input);
    match kind {
        b"one" => ONE.with(|gate| visit(gate.get_or_init(|| gate_of(false)), rest)),
        b"each" => EACH.with(|gate| visit(gate.get_or_init(|| gate_of(true)), rest)),
        _ => {}
    }
});

fn gate_of(one_each: bool) -> Gate {
    let site = Site::with(|builder| match one_each {
        true => builder.resource_in_path("/addons/{resource}"),
        false => builder,
    });
    let cookies = GateCookies::new(&client_secret(), one_each);
    let signed_in = site.ann_signs_in();
    let text = |cookie: &HeaderValue| cookie.to_str().unwrap().to_owned();
    let hint = match signed_in.get(1) {
        Some(hint) => text(hint),
        None => text(&sent_back(&cookies.hint(&[], &resource()).unwrap()).unwrap()),
    };
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, signed_in[0].clone());
    let page = format!("/addons/{}/", resource()).parse().unwrap();
    // Without an admitted user, rejections would prove nothing.
    assert_eq!(site.get(page, headers).status(), StatusCode::OK);
    Gate {
        session: text(&signed_in[0]),
        hint,
        cookies,
        site,
    }
}

fn visit(gate: &Gate, input: &[u8]) {
    let (page, rest) = lines::first(input);
    let Ok(page) = Uri::try_from(page) else {
        return;
    };
    let mut lines: Vec<_> = lines::all(rest).map(String::from_utf8_lossy).collect();
    let wanted = lines.pop().unwrap_or_default();
    let back = gate.cookies.return_to(&resource(), &wanted);
    let back = sent_back(&back).unwrap();
    let mut headers = HeaderMap::new();
    let mut is_ann = false;
    for line in lines {
        let line = line
            .replace("{back}", back.to_str().unwrap())
            .replace("{hint}", &gate.hint)
            .replace("{session}", &gate.session);
        is_ann |= line.contains(gate.session.split_once('=').unwrap().1);
        if let Ok(value) = HeaderValue::try_from(line) {
            headers.append(COOKIE, value);
        }
    }

    let read = gate.cookies.wanted(&headers, &resource());
    // Only signed targets, and none on another site.
    if let Some(read) = &read {
        assert_eq!(*read, wanted);
        assert!(is_own_page(read));
    }
    let hints = gate.cookies.hints(&headers);
    assert!(hints.is_empty() || hints == [resource()]);
    if let Some(cookie) = gate.cookies.nav_data(&wanted) {
        assert!(!cookie.as_bytes().contains(&b'\n'));
    }

    headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
    let is_signed_out = page.path().ends_with("/logout");
    let answer = gate.site.get(page, headers);
    match answer.extensions().get::<Reached>() {
        Some(reached) => {
            assert!(is_ann, "only ann has signed in");
            assert_eq!(reached.email, ann().as_str());
            assert_eq!(reached.resource, resource());
        }
        // The page that confirms a sign-out.
        None => assert!(is_signed_out || answer.status() != StatusCode::OK),
    }
    if let Some(location) = answer.headers().get(LOCATION) {
        let location = location.to_str().unwrap();
        let to_heroku = location == "https://addons-sso.heroku.com/apps/1/addons/1";
        assert!(to_heroku || is_own_page(location));
        assert!(to_heroku || Some(location) == read.as_deref());
    }
    for cookie in answer.headers().get_all(SET_COOKIE) {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-heroku_sso"));
        for wanted in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
            assert!(cookie.contains(wanted), "{cookie}");
        }
        assert!(!cookie.contains("Domain"));
    }
}

fn is_own_page(page: &str) -> bool {
    page.starts_with('/')
        && !page.starts_with("//")
        && page.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}
