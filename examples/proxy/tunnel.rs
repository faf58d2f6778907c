//! WebSockets, which outlive the check at their start.

use axum::extract::Request;
use axum::http::header::UPGRADE;
use axum::middleware::Next;
use axum::response::Response;
use axum_reverse_proxy::{TunnelCancellation, TunnelGuard};
use tokio_util::sync::CancellationToken;
use tower_heroku_sso::HerokuUser;

/// Closes a WebSocket when its user's access ends, even in the middle of a message: a browser sees close
/// code 1006. The gate itself ends all other responses.
pub(crate) async fn ends_with_access(mut request: Request, next: Next) -> Response {
    let user = request.extensions().get::<HerokuUser>().cloned();
    if let Some(user) = user
        && request.headers().contains_key(UPGRADE)
    {
        let (ended, closed) = (CancellationToken::new(), CancellationToken::new());
        let extensions = request.extensions_mut();
        extensions.insert(TunnelCancellation(ended.clone()));
        // Dropped with the tunnel, or with the answer if there is no tunnel.
        extensions.insert(TunnelGuard::new(closed.clone().drop_guard()));
        tokio::spawn(async move {
            tokio::select! {
                () = user.ended() => ended.cancel(),
                () = closed.cancelled() => {}
            }
        });
    }
    next.run(request).await
}
