//! What stands before every call: the signature or token, and what the integration was granted.

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::form_urlencoded;

use super::{
    Server,
    oauth::{Signed, TOKEN},
    reply::Refused,
};

/// The codes of the store views, in the order of their ids; `all` is no view.
pub(super) static VIEWS: [&str; 2] = ["default", "spa"];

/// Lets a call through or says why not.
pub(super) async fn guard(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    match check(&server, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

fn check(server: &Server, request: &Request) -> Result<(), Refused> {
    let settings = server.store.settings();
    let uri = request.extensions().get::<OriginalUri>().map_or_else(|| request.uri(), |uri| &uri.0);
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let (before, call) = path.split_once("/V1/").unwrap_or((path, ""));
    if let Some((_, code)) = before.split_once("/rest/")
        && code != "all"
        && !VIEWS.contains(&code)
    {
        return Err(Refused::no_route());
    }
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let resource = resource(call);
    match text(header::AUTHORIZATION).unwrap_or_default().split_once(' ') {
        Some(("OAuth", credentials)) => {
            let spaced =
                || form_urlencoded::parse(query.as_bytes()).any(|(_, it)| it.contains(' '));
            if settings.spaces_break_signatures && spaced() {
                let message = "The signature is invalid. Verify and try again.";
                return Err(Refused::unauthorized(message));
            }
            let signed = Signed {
                method: request.method().as_str(),
                host: text(header::HOST).unwrap_or_default(),
                path,
                query,
                header: credentials,
            };
            server.nonces.verify(signed, server.store.now()).map_err(Refused::unauthorized)?;
        }
        Some(("Bearer", token)) if settings.bearer && token == TOKEN => {}
        _ => return Err(Refused::denied(resource)),
    }
    if settings.denied.iter().any(|denied| denied == resource) {
        return Err(Refused::denied(resource));
    }
    Ok(())
}

/// What it takes to be let through.
fn resource(call: &str) -> &'static str {
    match call.split('/').next().unwrap_or_default() {
        "orders" if call.ends_with("/unhold") => "Magento_Sales::unhold",
        "orders" if call.ends_with("/hold") => "Magento_Sales::hold",
        "creditmemos" | "creditmemo" => "Magento_Sales::sales_creditmemo",
        "invoices" => "Magento_Sales::sales_invoice",
        "transactions" => "Magento_Sales::transactions_fetch",
        "customers" => "Magento_Customer::customer",
        "store" => "Magento_Backend::store",
        _ => "Magento_Sales::actions_view",
    }
}
