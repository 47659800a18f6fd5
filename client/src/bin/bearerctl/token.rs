//! `bearerctl token`.

use crate::arguments::TokenArguments;
use crate::exit::CommandError;
use crate::{environment, output};
use bearerd_client::{Client, TokenQuery, TokenType};

pub(crate) fn run(client: &Client, arguments: TokenArguments) -> Result<(), CommandError> {
    let TokenArguments { profile, issuer, json, header, min_ttl, strict, scope, audience } =
        arguments;
    // Whoever names the issuer leaves it open which profile that is, whatever the variable says.
    let profile = if issuer.is_some() { profile } else { environment::profile_or(profile)? };
    let scope = (!scope.is_empty()).then(|| scope.join(" "));
    let query = TokenQuery { profile, issuer, min_ttl, strict, scope, audience };
    let answer = client.token(&query)?;
    if json {
        return output::json(&answer);
    }
    match (answer.token_type, answer.token) {
        (TokenType::None, _) => {
            output::words(&format!(
                "bearerctl: `{}` has auth_type `none`: there is no token to send",
                answer.profile
            ));
            Ok(())
        }
        (TokenType::Bearer, Some(token)) if header => {
            output::data(&format!("Authorization: Bearer {}\n", token.expose()))
        }
        (TokenType::Bearer, Some(token)) => output::data(&format!("{}\n", token.expose())),
        // To send it as something else than it is would be wrong in another way each time.
        _ => Err(CommandError::UnknownTokenType(answer.profile)),
    }
}
