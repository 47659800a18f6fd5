//! Requests to the routes, and their answers.

use super::World;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use serde_json::Value;
use std::future::Future;
use tower_service::Service;

/// An answer, read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn get(&self, path: &str) -> impl Future<Output = Answer> + Send + use<> {
        asked(self.router.clone(), Method::GET, path, Body::empty())
    }

    pub(crate) fn delete(&self, path: &str) -> impl Future<Output = Answer> + Send + use<> {
        asked(self.router.clone(), Method::DELETE, path, Body::empty())
    }

    pub(crate) fn post(
        &self,
        path: &str,
        body: &Value,
    ) -> impl Future<Output = Answer> + Send + use<> {
        asked(self.router.clone(), Method::POST, path, Body::from(body.to_string()))
    }

    pub(crate) fn put(
        &self,
        path: &str,
        body: &Value,
    ) -> impl Future<Output = Answer> + Send + use<> {
        asked(self.router.clone(), Method::PUT, path, Body::from(body.to_string()))
    }

    /// A reader of the profile's token.
    pub(crate) fn read(&self, name: &str) -> impl Future<Output = Answer> + Send + use<> {
        self.get(&format!("/v1/token?profile={name}"))
    }

    /// The profile's part of `GET /v1/status`.
    pub(crate) async fn status(&self, name: &str) -> Value {
        let status = self.get("/v1/status").await.body;
        let profiles = status["profiles"].as_array().unwrap().clone();
        profiles.into_iter().find(|profile| profile["profile"] == name).unwrap()
    }

    /// The body of an answer that goes on.
    pub(crate) async fn stream(&self, path: &str) -> Body {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.router.clone().call(request).await.unwrap().into_body()
    }
}

impl Answer {
    /// The access token of a good answer.
    #[track_caller]
    pub(crate) fn token(&self) -> &str {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body["token"].as_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn is_degraded(&self) -> bool {
        self.body["degraded"].as_bool().unwrap()
    }

    #[track_caller]
    pub(crate) fn number(&self, field: &str) -> i64 {
        self.body[field].as_i64().unwrap_or_else(|| panic!("no `{field}` in {}", self.body))
    }

    /// The code of an error.
    #[track_caller]
    pub(crate) fn code(&self) -> &str {
        assert!(!self.status.is_success(), "{}", self.body);
        self.body["code"].as_str().unwrap()
    }
}

fn asked(
    mut router: Router,
    method: Method,
    path: &str,
    body: Body,
) -> impl Future<Output = Answer> + Send + use<> {
    let request = Request::builder().method(method).uri(path).body(body).unwrap();
    async move {
        let response = router.call(request).await.unwrap();
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .map(|value| value.to_str().unwrap().to_owned());
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&bytes)));
        Answer { status, retry_after, body }
    }
}
