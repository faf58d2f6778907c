//! The form that the browser posts. The input is the body; see [`tower_heroku_sso_fuzz::form`].
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_heroku_sso::sso::SsoRequest;
use tower_heroku_sso_fuzz::form;

fuzz_target!(|body: &[u8]| {
    if let Ok(request) = SsoRequest::parse(body) {
        form::check(&request);
    }
});
