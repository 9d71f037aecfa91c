//! Who may ask, how much, and for how long.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::listen::Peer;
use super::problem::Problem;

/// Path and query together; the longest honest question has a few hundred bytes.
const TARGET_BYTES: usize = 4 * 1024;
/// What may be changed is said in a few words.
pub(super) const BODY_BYTES: usize = 64 * 1024;
/// A list of customers: fifty thousand lines.
pub(super) const LIST_BYTES: usize = 8 * 1024 * 1024;
/// From the head of a request to its answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// What a page may do: load its own script and style and ask this server, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Bounds of every request, and headers of every answer.
pub(super) async fn within_limits(request: Request<Body>, next: Next) -> Response {
    let mut response = match too_large(&request) {
        Some(problem) => problem.into_response(),
        None if !has_one_host(&request) => {
            let detail = "a request names exactly one Host";
            Problem::new(StatusCode::BAD_REQUEST, detail).into_response()
        }
        None => tokio::time::timeout(ANSWER_TIME, next.run(request))
            .await
            .unwrap_or_else(|_| {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Problem::new(status, "the answer took too long").into_response()
            }),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// RFC 9112 section 3.2: a request of HTTP/1.1 without Host, or any with several, is answered
/// 400. Of several, who stands before us may have read another than we.
fn has_one_host<B>(request: &Request<B>) -> bool {
    match request.headers().get_all(header::HOST).iter().count() {
        0 => request.version() < Version::HTTP_11,
        count => count == 1,
    }
}

fn too_large(request: &Request<Body>) -> Option<Problem> {
    let target = request.uri().path_and_query();
    if target.is_some_and(|target| target.as_str().len() > TARGET_BYTES) {
        let detail = "path and query are limited to 4 KiB";
        return Some(Problem::new(StatusCode::URI_TOO_LONG, detail));
    }
    let length = request.headers().get(header::CONTENT_LENGTH)?;
    let length = length.to_str().ok().and_then(|text| text.parse().ok());
    let (most, detail) = if request.uri().path() == super::customers::IMPORT {
        (LIST_BYTES, "a list is limited to 8 MiB; send it in parts")
    } else {
        (BODY_BYTES, "a body is limited to 64 KiB")
    };
    if length.is_none_or(|length: usize| length > most) {
        return Some(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    None
}

/// Lets only this machine pass.
pub(super) async fn local_only(
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request<Body>,
    next: Next,
) -> Response {
    match refusal(peer.ip(), &request) {
        Some(detail) => Problem::new(StatusCode::FORBIDDEN, detail).into_response(),
        None => next.run(request).await,
    }
}

/// Why whoever asks may not, if so: who does not ask from this machine, and a page that is
/// not ours where something would change.
fn refusal<B>(peer: IpAddr, request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    // An IPv4 peer of a dual-stack socket is written ::ffff:127.0.0.1.
    if !peer.to_canonical().is_loopback() {
        return Some("without tokens only this machine is served; ask from loopback");
    }
    if headers.contains_key(header::FORWARDED) || headers.contains_key("x-forwarded-for") {
        return Some("without tokens a forwarded request is not served");
    }
    let host = headers.get(header::HOST).map(HeaderValue::to_str);
    let named = match (request.uri().authority(), host) {
        (Some(authority), _) => Some(authority.as_str()),
        (None, Some(Ok(host))) => Some(host),
        (None, Some(Err(_))) => Some(""),
        // HTTP/1.0, which no browser speaks.
        (None, None) => None,
    };
    if named.is_some_and(|named| !is_local_name(named)) {
        return Some("without tokens only localhost and loopback addresses are served as Host");
    }
    let reads = request.method().is_safe();
    if !reads && !is_own_page(named.unwrap_or_default(), headers) {
        return Some("a page of another site may not change anything here");
    }
    None
}

/// Whether a request comes from no page at all, or from one that was served as `host`.
fn is_own_page(host: &str, headers: &HeaderMap) -> bool {
    let own_origin = headers.get(header::ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().ok();
        let origin = origin.and_then(|origin| origin.strip_prefix("http://"));
        origin.is_some_and(|origin| !origin.is_empty() && origin.eq_ignore_ascii_case(host))
    });
    // Another port of this machine is `same-site`, and another program's.
    let own_site = headers
        .get("sec-fetch-site")
        .is_none_or(|site| site == "same-origin" || site == "none");
    own_origin && own_site
}

/// Whether `host[:port]` names this machine for sure.
fn is_local_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    // RFC 6761 section 6.3: names below localhost never leave the machine.
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(peer: &str, headers: &[(&'static str, &'static str)]) -> bool {
        asks("GET", peer, headers)
    }

    fn asks(method: &str, peer: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refusal(peer.parse().unwrap(), &request.body(()).unwrap()).is_some()
    }

    /// RFC 9112 section 3.2.
    #[test]
    fn a_request_names_one_host() {
        for (version, hosts, good) in [
            (Version::HTTP_11, &["localhost"][..], true),
            (Version::HTTP_11, &[], false),
            (Version::HTTP_11, &["localhost", "localhost"], false),
            (Version::HTTP_10, &[], true),
            (Version::HTTP_10, &["localhost", "evil.example"], false),
        ] {
            let mut request = Request::builder().version(version).uri("/");
            for host in hosts {
                request = request.header("host", *host);
            }
            let request = request.body(()).unwrap();
            assert_eq!(has_one_host(&request), good, "{version:?} {hosts:?}");
        }
    }

    #[test]
    fn a_page_of_another_site_changes_nothing() {
        let own = ("host", "localhost:8080");
        let post = |headers: &[_]| asks("POST", "127.0.0.1", headers);
        assert!(!post(&[own]), "no page at all");
        for origin in ["http://localhost:8080", "http://LOCALHOST:8080"] {
            let page = [own, ("origin", origin), ("sec-fetch-site", "same-origin")];
            assert!(!post(&page), "{origin}");
        }
        for origin in [
            "http://evil.example",
            "https://localhost:8080",
            "http://localhost",
            "http://localhost:3000",
            "http://localhost:8080.evil.example",
            "null",
            "",
        ] {
            assert!(post(&[own, ("origin", origin)]), "{origin}");
            assert!(!refused("127.0.0.1", &[own, ("origin", origin)]), "reading");
        }
        for site in ["cross-site", "same-site", ""] {
            assert!(post(&[own, ("sec-fetch-site", site)]), "{site}");
        }
        assert!(!post(&[own, ("sec-fetch-site", "none")]));
        assert!(post(&[("origin", "http://")]), "without a Host");
    }

    #[test]
    fn only_this_machine_may_ask() {
        for peer in ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
            assert!(!refused(peer, &[("host", "localhost:8080")]), "{peer}");
        }
        for peer in [
            "10.0.0.1",
            "192.0.2.1",
            "::ffff:192.0.2.1",
            "fe80::1",
            "0.0.0.0",
        ] {
            assert!(refused(peer, &[("host", "localhost:8080")]), "{peer}");
        }
    }

    #[test]
    fn a_strangers_page_in_a_local_browser_may_not() {
        for host in [
            "centrale.localhost",
            "LOCALHOST",
            "127.0.0.1:80",
            "[::1]:8080",
        ] {
            assert!(!refused("127.0.0.1", &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "192.0.2.1",
            "[2001:db8::1]:80",
            "[::1",
            "",
        ] {
            assert!(refused("127.0.0.1", &[("host", host)]), "{host}");
        }
        assert!(!refused("127.0.0.1", &[]));
    }

    #[test]
    fn a_proxy_may_not_lend_its_address() {
        for header in ["forwarded", "x-forwarded-for"] {
            let headers = [("host", "localhost"), (header, "192.0.2.1")];
            assert!(refused("127.0.0.1", &headers), "{header}");
        }
    }
}
