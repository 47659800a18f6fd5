// The second identity provider of the tests: npm's oidc-provider, told by a JSON file who its clients are.
//
// node provider.mjs SETTINGS: {"access_token_seconds", "clients": [their metadata by the registered names]}. It listens
// on a free port of loopback, says its issuer on stdout, and ends when its stdin does.

import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Provider, errors } from "oidc-provider";

// What Node 18 lacks, which Debian 12 has.
globalThis.crypto ??= webcrypto;
URL.parse ??= (text, base) => (URL.canParse(text, base) ? new URL(text, base) : null);

// On stdout stands the issuer alone, and nobody reads on.
console.info = console.error;

// The resources that there are tokens for (RFC 8707), and of which form: only an opaque one can be introspected. Any
// other resource is `invalid_target`.
const RESOURCES = { "https://files.example.test": "opaque", "https://mail.example.test": "jwt" };

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration());
  provider.on("server_error", (_, error) => console.error(error));
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.on("end", () => process.exit()).resume();

function configuration() {
  const day = 24 * 60 * 60;
  return {
    clients: settings.clients,
    // Whoever logs in on the development pages is known.
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email: `${sub}@example.test`, email_verified: true }),
    }),
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    scopes: ["openid", "email", "offline_access", "files:read", "mail:read"],
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"],
    enabledJWA: { clientAuthSigningAlgValues: ["HS256", "RS256", "PS256", "ES256", "EdDSA"] },
    cookies: { keys: ["for tests alone"] },
    // Seconds.
    ttl: {
      AccessToken: settings.access_token_seconds,
      ClientCredentials: settings.access_token_seconds,
      DeviceCode: 600,
      Grant: day,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: day,
      Session: day,
    },
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // A refresh that names no resource gets a token for userinfo, not for the resource of the login.
        useGrantedResource: () => false,
        getResourceServerInfo: (_, resource) => {
          const accessTokenFormat = RESOURCES[resource];
          if (!accessTokenFormat) {
            throw new errors.InvalidTarget();
          }
          return { scope: "files:read mail:read", audience: resource, accessTokenFormat };
        },
      },
    },
  };
}
