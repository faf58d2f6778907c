//! The layout of all pages.

use maud::{DOCTYPE, Markup, html};

/// A whole page; `tools` are at the end of the banner.
pub(super) fn page(title: &str, tools: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " - Heroku simulator" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.skip-link href="#main" { "Skip to content" }
                header.banner {
                    div.inner {
                        a.brand href="/" {
                            span.mark aria-hidden="true" { "S" }
                            span { "Heroku simulator" }
                        }
                        (tools)
                    }
                }
                main #main tabindex="-1" { (main) }
                footer {
                    p { "This is not Heroku. It simulates Heroku on this machine, for tests and "
                        "demonstrations, and lets anyone sign in as any user." }
                }
            }
        }
    }
}
