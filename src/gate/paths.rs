//! Which paths the gate answers itself, and which resource a path belongs to.

use heroku_sso_store::ResourceId;

use crate::config::{Config, PLACEHOLDER};

/// The paths of one gate, as it sees them: without the prefix that an outer router removed.
#[derive(Debug)]
pub(crate) struct Paths {
    /// The prefix that a reverse proxy has stripped.
    public_prefix: String,
    sso: String,
    sign_out: String,
    landing: String,
    /// Where programs sign in, if that is enabled.
    cli_sign_in: Option<String>,
    /// The part of a path before the resource, if each resource has its own pages and its own session.
    resources: Option<String>,
    /// The gate only observes some resources, so the app answers at these paths as well.
    #[cfg(feature = "axum")]
    app_answers_too: bool,
}

/// Where the gate sends a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum GateRoute {
    /// To the wrapped service.
    Pass,
    #[cfg(feature = "jwt")]
    ProgramSignIn,
    SignIn,
    SignOut,
}

/// Which session applies to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SessionScope {
    /// The browser's only session.
    Any,
    /// The session of this resource.
    Resource(ResourceId),
    /// None: the path belongs to no resource.
    None,
}

impl Paths {
    pub(super) fn new(config: &Config) -> Self {
        let pattern = config.resource_in_path.as_deref();
        let resources = pattern.and_then(|pattern| pattern.strip_suffix(PLACEHOLDER));
        Self {
            #[cfg(feature = "axum")]
            app_answers_too: !config.enforcement.is_total(),
            public_prefix: config.public_prefix().to_owned(),
            sso: config.sso_path.clone(),
            sign_out: config.sign_out_path.clone(),
            landing: config.landing_path.clone(),
            cli_sign_in: config.cli_sign_in_path().map(str::to_owned),
            resources: resources.map(str::to_owned),
        }
    }

    /// The paths to route to the gate where the router inside it has no fallback, each with its setting.
    /// Empty while the gate observes any resource: the app has routes of its own there.
    #[cfg(feature = "axum")]
    pub(crate) fn routes(&self) -> Vec<(&'static str, String)> {
        if self.app_answers_too {
            return Vec::new();
        }
        let mut routes = vec![
            ("sso_path", self.sso.clone()),
            ("sign_out_path", self.sign_out.clone()),
        ];
        let cli_sign_in = self.cli_sign_in.clone();
        routes.extend(cli_sign_in.map(|path| ("cli_sign_in_path", path)));
        if let Some(before) = &self.resources {
            let sign_out = format!("{before}{PLACEHOLDER}{}", self.sign_out);
            routes.push(("sign_out_path", sign_out));
        }
        routes
    }

    /// Where a form posts to sign out of `resource`, as the browser must request it. `mount` is the prefix
    /// that an outer router removed.
    pub(super) fn sign_out(&self, mount: &str, resource: &ResourceId) -> String {
        let (front, sign_out) = (&self.public_prefix, &self.sign_out);
        match &self.resources {
            None => format!("{front}{mount}{sign_out}"),
            Some(before) => format!("{front}{mount}{before}{resource}{sign_out}"),
        }
    }

    /// A path or address of this process, as the browser must request it.
    pub(super) fn public(&self, path: &str) -> String {
        format!("{}{path}", self.public_prefix)
    }

    /// Where Heroku's forms are posted.
    pub(super) fn sso(&self) -> &str {
        &self.sso
    }

    /// Where a path leads, and which session applies there. Exact paths only: any other spelling is an
    /// ordinary page, and gated.
    pub(super) fn route(&self, path: &str) -> (GateRoute, SessionScope) {
        let (scope, rest) = self.read(path);
        if path == self.sso {
            return (GateRoute::SignIn, scope);
        }
        #[cfg(feature = "jwt")]
        if self.cli_sign_in.as_deref() == Some(path) {
            return (GateRoute::ProgramSignIn, scope);
        }
        let is_sign_out = path == self.sign_out || rest == Some(&self.sign_out);
        match is_sign_out {
            true => (GateRoute::SignOut, scope),
            false => (GateRoute::Pass, scope),
        }
    }

    pub(super) fn scope(&self, path: &str) -> SessionScope {
        self.read(path).0
    }

    /// The scope of a path, and what follows the resource in it.
    fn read<'p>(&self, path: &'p str) -> (SessionScope, Option<&'p str>) {
        match &self.resources {
            None => (SessionScope::Any, None),
            Some(before) => match split(path, before) {
                Some((resource, rest)) => (SessionScope::Resource(resource), Some(rest)),
                None => (SessionScope::None, None),
            },
        }
    }

    /// The landing page as the browser must request it, where an outer router removed `mount`.
    pub(super) fn landing_below(&self, mount: &str, resource: &ResourceId) -> String {
        self.below(mount, &self.own_landing(resource))
    }

    /// The landing page of the session that applies at a path; none if the path belongs to no resource.
    pub(super) fn landing_in(&self, mount: &str, scope: SessionScope) -> Option<String> {
        match scope {
            SessionScope::Any => Some(self.below(mount, &self.landing)),
            SessionScope::Resource(resource) => Some(self.landing_below(mount, &resource)),
            SessionScope::None => None,
        }
    }

    /// A page below `mount`. A nested router's own root is its prefix, without a trailing slash.
    fn below(&self, mount: &str, page: &str) -> String {
        match page {
            "/" if !mount.is_empty() => self.public(mount),
            page => self.public(&format!("{mount}{page}")),
        }
    }

    /// The landing page of a browser that has signed in to `resource`, as it must request it.
    pub(super) fn landing(&self, resource: &ResourceId) -> String {
        self.landing_below("", resource)
    }

    fn own_landing(&self, resource: &ResourceId) -> String {
        match &self.resources {
            None => self.landing.clone(),
            Some(before) if self.landing == "/" => format!("{before}{resource}"),
            Some(before) => format!("{before}{resource}{}", self.landing),
        }
    }

    /// True for the landing page as this process sees it.
    pub(super) fn is_landing(&self, path: &str, resource: &ResourceId) -> bool {
        let below = match self.landing.as_str() {
            "/" => "",
            landing => landing,
        };
        match &self.resources {
            None => path == self.landing,
            Some(before) => split(path, before) == Some((*resource, below)),
        }
    }
}

/// The resource that follows `before` in a path, and what follows the resource. None for a path that a server
/// behind the gate could read as another path.
fn split<'p>(path: &'p str, before: &str) -> Option<(ResourceId, &'p str)> {
    let rest = path.strip_prefix(before)?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (id, rest) = rest.split_at(end);
    if is_ambiguous(path) {
        return None;
    }
    Some((id.parse().ok()?, rest))
}

/// True if the path contains dot segments (plain or escaped), other or escaped slashes, or escaped escapes.
/// Some servers resolve these, and arrive at another path.
fn is_ambiguous(path: &str) -> bool {
    // Nearly all paths return here.
    if !path.contains(['%', ';', '\\']) && !path.contains("/.") {
        return false;
    }
    let lower = path.to_ascii_lowercase();
    let plain = lower.replace("%2e", ".");
    // Some servers remove parameters from a segment before they read it, and some decode escapes twice.
    let names = plain.split('/').map(|segment| segment.split(';').next());
    let has_dots = names.flatten().any(|name| matches!(name, "." | ".."));
    has_dots
        || ["\\", "%2f", "%5c", "%3b", "%25"]
            .iter()
            .any(|escape| lower.contains(escape))
}

impl SessionScope {
    /// The resource whose session applies; none for the browser's only session.
    pub(super) fn resource(&self) -> Option<&ResourceId> {
        match self {
            Self::Resource(resource) => Some(resource),
            Self::Any | Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn at(landing: &str, pattern: Option<&str>) -> Paths {
        Paths::new(&Config {
            landing_path: landing.to_owned(),
            resource_in_path: pattern.map(str::to_owned),
            ..Config::default()
        })
    }

    fn paths() -> Paths {
        at("/", Some("/addons/{resource}"))
    }

    fn scope(path: &str) -> SessionScope {
        paths().scope(path)
    }

    #[test]
    fn a_resource_is_read_from_its_own_segment_only() {
        let id: ResourceId = ID.parse().unwrap();
        for path in [
            "/addons/ID",
            "/addons/ID/",
            "/addons/ID/a/b",
            "/addons/ID/a%20b",
            "/addons/ID/a;b=c",
            "/addons/ID/.well-known/x",
        ] {
            assert_eq!(
                scope(&path.replace("ID", ID)),
                SessionScope::Resource(id),
                "{path}"
            );
        }
        for path in [
            "/",
            "/addons",
            "/addons/",
            "/addons/x",
            "/addons//ID",
            "/addons/./ID",
            "/Addons/ID",
            "/addons/ID;a=b",
            "/addons/ID%2F..%2Fother",
            "/x/addons/ID",
            "/addons/ID/../other",
            "/addons/ID/./x",
            "/addons/ID/%2e%2E/other",
            "/addons/ID/.%2e/other",
            "/addons/ID/x/..",
            "/addons/ID/..;/other",
            "/addons/ID/..;a=b/other",
            "/addons/ID/%2e%2e;x/other",
            "/addons/ID/..%3b/other",
            "/addons/ID/%252e%252e/other",
            "/addons/ID/..%252fother",
            "/addons/ID/..\\other",
            "/addons/ID/a%2Fb",
            "/addons/ID/a%5cb",
        ] {
            assert_eq!(scope(&path.replace("ID", ID)), SessionScope::None, "{path}");
        }
    }

    #[test]
    fn each_resource_has_exactly_one_landing_page() {
        let id: ResourceId = ID.parse().unwrap();
        let each = Some("/addons/{resource}");
        for (paths, landing) in [
            (at("/", None), "/".to_owned()),
            (at("/home", None), "/home".to_owned()),
            (at("/", each), format!("/addons/{ID}")),
            (at("/home", each), format!("/addons/{ID}/home")),
        ] {
            assert_eq!(paths.landing(&id), landing);
            assert!(paths.is_landing(&landing, &id));
            assert!(!paths.is_landing("/elsewhere", &id));
            assert!(!paths.is_landing(&format!("{landing}/x"), &id));
        }
    }

    #[test]
    fn landing_page_of_a_path_is_that_of_its_session() {
        let each = Some("/addons/{resource}");
        for (paths, path, mount, landing) in [
            (at("/", None), "/logout", "", Some("/".to_owned())),
            (at("/", None), "/logout", "/shop", Some("/shop".to_owned())),
            (at("/home", None), "/logout", "", Some("/home".to_owned())),
            (
                at("/home", each),
                "/addons/ID/logout",
                "",
                Some(format!("/addons/{ID}/home")),
            ),
            (at("/home", each), "/logout", "", None),
        ] {
            let scope = paths.scope(&path.replace("ID", ID));
            assert_eq!(paths.landing_in(mount, scope), landing, "{path}");
        }
    }

    #[test]
    fn each_resource_has_its_own_sign_out_path() {
        let route = |path: &str| paths().route(&path.replace("ID", ID)).0;
        assert_eq!(route("/addons/ID/logout"), GateRoute::SignOut);
        assert_eq!(route("/logout"), GateRoute::SignOut);
        assert_eq!(route("/heroku/sso"), GateRoute::SignIn);
        for path in [
            "/addons/ID",
            "/addons/x/logout",
            "/addons/ID/logout/",
            "/addons/ID/heroku/sso",
        ] {
            assert_eq!(route(path), GateRoute::Pass, "{path}");
        }
    }
}
