//! A person's login on any device (RFC 8628), always with PKCE: a provider that does not ask for it ignores it.

use super::Fetch;
use super::endpoint::Stake;
use super::oauth::{Grant, GrantAsk, OAuth, Subject, not_of_this_grant};
use super::pkce;
use bearerd_proto::Secret;
use bearerd_session::{DeviceAuthorization, Failure, Outcome, Request};

/// The device grant.
#[derive(Debug)]
pub(crate) struct DeviceGrant;

impl Grant for DeviceGrant {
    fn fetch<'a>(&'a self, oauth: &'a OAuth, request: &'a Request) -> Fetch<'a> {
        Box::pin(async move {
            match request {
                Request::DeviceStart => match start(oauth).await {
                    Ok(device) => Outcome::Device(device),
                    Err(failure) => Outcome::Failed(failure),
                },
                Request::DevicePoll { device_code, code_verifier } => {
                    poll(oauth, device_code, code_verifier.as_ref()).await
                }
                _ => not_of_this_grant(),
            }
        })
    }
}

/// RFC 8628 §3.1, RFC 7636 §4.3.
async fn start(oauth: &OAuth) -> Result<DeviceAuthorization, Failure> {
    let verifier = pkce::verifier()?;
    let challenge = pkce::challenge(&verifier);
    let parameters = [("code_challenge", &*challenge), ("code_challenge_method", pkce::METHOD)];
    let device = oauth.device_authorization(&parameters).await?;
    let public = |link: &String| oauth.client().link_for_person(link);
    Ok(DeviceAuthorization {
        verification_uri: public(&device.verification_uri),
        verification_uri_complete: device.verification_uri_complete.as_ref().map(public),
        code_verifier: Some(verifier),
        ..device
    })
}

/// RFC 8628 §3.4, RFC 7636 §4.5.
async fn poll(oauth: &OAuth, device_code: &Secret, code_verifier: Option<&Secret>) -> Outcome {
    let mut ask = GrantAsk {
        grant_type: "urn:ietf:params:oauth:grant-type:device_code",
        parameters: vec![("device_code", device_code.expose())],
        secrets: vec![device_code],
        stake: Stake::Spends,
        origin: "",
        subject: Subject::Person,
    };
    if let Some(verifier) = code_verifier {
        ask.parameters.push(("code_verifier", verifier.expose()));
        ask.secrets.push(verifier);
    }
    oauth.grant_as_started(ask).await
}
