//! The state that all gates of one [`HerokuSso`](crate::HerokuSso) share.

use std::sync::Arc;

use super::cookies::Cookies;
use super::debug_reason::DebugReasons;
use super::observer::Observer;
use super::on_rejection::OnRejection;
use super::origin::Origins;
use super::paths::Paths;
use super::redirect_to_heroku::HerokuRedirects;
use super::signed_link::Links;
use super::verify_sso_form::SsoForms;
use crate::audit::AuditLog;
use crate::clock::LogThrottle;
use crate::config::{Config, Enforcement, HtmlCache, Manifest, ResourceOf, Streams};
use crate::session::SessionManager;
use crate::sync::Directory;

/// The parts that decide which requests pass. What a gate does with them is in the file of each path:
/// [`sso_sign_in`](super::sso_sign_in), [`check_session`](super::check_session),
/// [`sign_out`](super::sign_out) and so on.
#[derive(Debug)]
pub(crate) struct GateState {
    pub(crate) directory: Arc<Directory>,
    pub(crate) sessions: SessionManager,
    pub(super) cookies: Cookies,
    pub(crate) forms: SsoForms,
    pub(crate) paths: Paths,
    pub(super) origins: Origins,
    pub(super) redirects: HerokuRedirects,
    pub(crate) links: Links,
    pub(super) streams: Streams,
    pub(super) html_cache: HtmlCache,
    pub(crate) enforcement: Enforcement,
    pub(super) resource_of: Option<ResourceOf>,
    pub(crate) observer: Observer,
    pub(super) reasons: DebugReasons,
    pub(super) on_rejection: OnRejection,
    pub(super) warnings: Warnings,
}

/// Warnings about the set-up that requests reveal.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    /// A `Secure` cookie over plain http.
    pub(super) plain_http: LogThrottle,
    /// A WebSocket from another site.
    pub(super) foreign_origin: LogThrottle,
    /// The Partner API is behind the gate.
    pub(super) partner_api: LogThrottle,
    /// A [`SessionLayer`](super::SessionLayer) outside of the gate.
    pub(super) session_layer: LogThrottle,
    /// A sign-in is observed, and its body cannot be read.
    pub(super) unreadable_body: LogThrottle,
}

impl GateState {
    pub(crate) fn audit(&self) -> &AuditLog {
        &self.directory.settings().audit
    }

    pub(crate) fn new(
        config: &Config,
        manifest: &Manifest,
        directory: Arc<Directory>,
        sessions: SessionManager,
        on_rejection: OnRejection,
    ) -> Self {
        let reasons = DebugReasons::shown(config.explain_rejections);
        let per_resource = config.resource_in_path.is_some();
        Self {
            cookies: Cookies::new(config.cookies, &manifest.client_secret, per_resource),
            forms: SsoForms::new(config, manifest, &directory, reasons),
            paths: Paths::new(config),
            origins: Origins::new(config),
            redirects: HerokuRedirects::new(config),
            links: Links::new(&manifest.sso_salts),
            streams: config.streams,
            html_cache: config.html_cache,
            enforcement: config.enforcement.clone(),
            resource_of: config.resource_of.clone(),
            observer: Observer::new(
                Arc::clone(directory.clock()),
                directory.settings().audit.clone(),
            ),
            reasons,
            on_rejection,
            warnings: Warnings::default(),
            directory,
            sessions,
        }
    }
}
